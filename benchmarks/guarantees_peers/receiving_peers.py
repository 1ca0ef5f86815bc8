"""The cases of an awaitable receive in which peers come, go and misbehave, values are wrong, and loops end."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import zmq

from benchmarks.guarantees_peers.libraries import Aiozmq, Bridge, Library
from benchmarks.guarantees_peers.loops import Task
from benchmarks.guarantees_peers.observing import (
    ADDRESS,
    NOBODY,
    DeafClient,
    EchoServer,
    Observation,
    Pickled,
    Strangers,
    described,
    descriptors,
    free_address,
    megabytes,
)
from zmqbridge import SocketOptions

__all__ = ["CASES", "LIVES"]

NARROW = SocketOptions(send_high_water_mark=100, receive_high_water_mark=100)


async def full_peer(library: Library) -> Observation:
    """One peer of a router reads nothing, another does; then the first goes away."""
    loop = library.loop
    router = await library.open(zmq.ROUTER, bind=ADDRESS, mark=2)
    full, flowing = (
        library.plain(zmq.DEALER, connect=ADDRESS, mark=2, identity=name) for name in (b"full", b"flowing")
    )
    for peer in (full, flowing):
        peer.send(b"hello")
        await router.receive()

    async def fill() -> None:
        for _ in range(20):
            await router.send([b"full", b"x" * 10_000])

    async def flow() -> None:
        for _ in range(10):
            await router.send([b"flowing", b"y"])

    filling = loop.spawn(fill)
    await loop.sleep(0.1)
    if filling.done:
        return Observation(f"the send {filling.outcome}")
    began = time.process_time()
    await loop.sleep(0.5)
    spins = time.process_time() - began > 0.25
    loop.spawn(flow)
    got = []

    def read() -> bool:
        while flowing.poll(0):
            got.append(flowing.recv())
        return len(got) == 10

    flows = await loop.until(read, 1)
    full.close()
    await loop.until(lambda: filling.done, 2)
    return Observation(
        f"waits{' and spins' if spins else ''}; others {'go past' if flows else 'wait'}; then it {filling.outcome}"
    )


async def left_over(library: Library) -> Observation:
    """A hundred sockets are opened and closed: how many descriptors stay?"""
    await library.open_and_close(ADDRESS)
    await library.loop.sleep(0.1)
    before = descriptors()
    for number in range(100):
        await library.open_and_close(f"{ADDRESS}-{number}")
    await library.loop.until(lambda: descriptors() <= before, 2)
    return Observation("{} left", max(descriptors() - before, 0))


async def strangers(library: Library) -> Observation:
    """Garbage, an HTTP request, half a greeting and silence come to the port; and a good peer."""
    address = free_address()
    socket = await library.open(zmq.PULL, bind=address)
    receiving = library.loop.spawn(socket.receive)
    kept = Strangers(address)
    await library.loop.sleep(0.1)
    library.plain(zmq.PUSH, connect=address).send(b"good")
    await library.loop.until(lambda: receiving.done, 2)
    began = time.process_time()
    await library.loop.sleep(0.5)
    busy = time.process_time() - began
    assert kept
    if receiving.result is None:
        return Observation(f"the receive {receiving.outcome}")
    return Observation("ok" + (", and the loop spins" if busy > 0.25 else ""))


async def killed(library: Library) -> Observation:
    """A server is killed and comes back, and the same socket asks it again."""
    loop = library.loop
    address = free_address()
    server = EchoServer(address)
    socket = await library.open(zmq.DEALER, connect=address)
    for number in range(3):
        if number:
            server.kill()
            await loop.sleep(0.2)
            server.start()
        answers: list[Any] = []

        async def ask(number: int = number, answers: list[Any] = answers) -> None:
            await socket.send([b"%d" % number])
            while not answers or list(answers[-1]) != [b"%d" % number]:
                answers.append(await socket.receive())

        asking = loop.spawn(ask)
        await loop.until(lambda: asking.done, 5)  # noqa: B023
        if asking.outcome != "returns":
            return Observation(f"after {number} restarts it {asking.outcome}")
    server.kill()
    return Observation("ok")


async def dead_requests(library: Library) -> Observation:
    """Three requests time out while the server is down: how many of them does it get when it comes?"""
    assert isinstance(library, Bridge)
    address = free_address()
    requester = library.bridge.requester(connect=address)
    for _ in range(3):
        asking = library.loop.spawn(partial(requester.request, b"dead", timeout=0.1))
        await library.loop.until(lambda: asking.done, 2)  # noqa: B023
    server = library.plain(zmq.ROUTER, bind=address)
    return await count_dead(library.loop, server)


async def count_dead(loop: Any, server: zmq.Socket[bytes]) -> Observation:
    got = 0
    end = time.perf_counter() + 1
    while time.perf_counter() < end:
        while server.poll(0):
            server.recv_multipart()
            got += 1
        await loop.sleep(0.01)
    return Observation("{} of 3", got)


async def deaf_client(library: Library) -> Observation:
    """A client sends 50,000 requests and reads no reply; then another one asks."""
    assert isinstance(library, Bridge)
    replier = library.bridge.replier(bind=(address := free_address()), options=NARROW)

    async def serve() -> None:
        async for request in replier:
            await request.reply(request.parts)

    library.loop.spawn(serve)
    return await beside_a_client(library, address)


async def unanswered(library: Library) -> Observation:
    """The same, and its requests are never answered."""
    assert isinstance(library, Bridge)
    replier = library.bridge.replier(bind=(address := free_address()), options=NARROW)

    async def serve() -> None:
        async for request in replier:
            if request.parts == [b"good"]:
                await request.reply(request.parts)

    library.loop.spawn(serve)
    return await beside_a_client(library, address)


async def beside_a_client(library: Any, address: str) -> Observation:
    """Say how much memory a client's 50,000 requests of a kilobyte take, and whether another is answered."""
    loop = library.loop
    before = megabytes()
    deaf = DeafClient(address, 50_000)
    client = library.plain(zmq.DEALER, connect=address)
    if not await loop.until(lambda: deaf.has_sent, 20):
        return Observation("its requests are not read")
    client.send_multipart([b"id", b"", b"good"])
    answered = await loop.until(lambda: client.poll(0), 5)
    grown = megabytes() - before
    deaf.stop()
    return Observation("{} MB" + ("" if answered else "; another client has no answer within 5 s"), max(grown, 0))


async def text(library: Library) -> Observation:
    """A str is sent."""
    socket: Any = await library.open(zmq.PUSH, connect=NOBODY)
    task = library.loop.spawn(partial(socket.send, ["text"]))
    await library.loop.until(lambda: task.done, 1)
    return Observation("no error" if task.error is None else described(task.error, "text").words)


async def wrong_endpoint(library: Library) -> Observation:
    """A socket is bound to what is no address."""
    return await _bound(library, "tcp:/127.0.0.1:5555")


async def port_in_use(library: Library) -> Observation:
    """A socket is bound to an address that another socket has."""
    address = free_address()
    library.plain(zmq.PULL, bind=address)
    return await _bound(library, address)


async def _bound(library: Library, address: str) -> Observation:
    task = library.loop.spawn(partial(library.open, zmq.PULL, bind=address))
    await library.loop.until(lambda: task.done, 1)
    return Observation("no error") if task.error is None else described(task.error, address)


async def pickled(library: Library) -> Observation:
    """A peer sends what runs a function when it is unpickled."""
    socket = await library.open(zmq.PULL, bind=ADDRESS)
    library.plain(zmq.PUSH, connect=ADDRESS).send(Pickled.message())
    await socket.receive()
    if Pickled.unpickled:
        return Observation("unpickles it")
    if isinstance(library, Aiozmq) and await _unpickled_by_rpc(library):
        return Observation("stays bytes; aiozmq.rpc unpickles it")
    return Observation("stays bytes")


async def _unpickled_by_rpc(library: Aiozmq) -> bool:
    try:
        import msgpack
        from aiozmq import rpc
    except ImportError:
        return False
    import struct

    address = free_address()
    server = await rpc.serve_rpc(rpc.AttrHandler(), bind=address)
    client = library.plain(zmq.DEALER, connect=address)
    arguments = msgpack.packb([msgpack.ExtType(127, Pickled.message())])
    client.send_multipart([struct.pack("=HHLd", 1, 1, 1, 0.0), b"nothing", arguments, msgpack.packb({})])
    await library.loop.until(lambda: Pickled.unpickled, 2)
    server.close()
    return bool(Pickled.unpickled)


# --- the lives of loops: each case runs its loop itself ---


def two_loops(make: Callable[[], Library]) -> Observation:
    """A loop ends, and a second one in the same thread goes on with the same context."""
    library = make()
    addresses = [f"{ADDRESS}-second", f"{ADDRESS}-first"]

    async def once() -> Any:
        if len(addresses) == 2:
            await library.begin()
        address = addresses.pop()
        socket = await library.open(zmq.PULL, bind=address)
        peer = library.plain(zmq.PUSH, connect=address)
        peer.send(b"x")
        got = await library.loop.within(2, socket.receive)
        socket.close()
        await library.stack.aclose()
        return got

    for number in ("first", "second"):
        outcome = lived(library, once)
        if outcome != "returns":
            return Observation(f"the {number} loop {outcome}")
    return Observation("ok")


def another_loop(make: Callable[[], Library]) -> Observation:
    """A socket of a loop that has ended is used on a second one."""
    library = make()
    sockets: list[Any] = []
    received: list[Any] = []

    async def first() -> None:
        await library.begin()
        sockets.append(await library.open(zmq.PULL, bind=ADDRESS))
        library.plain(zmq.PUSH, connect=ADDRESS).send(b"first")
        await sockets[0].receive()

    async def second() -> None:
        receiving = library.loop.spawn(lambda: library.loop.within(2, sockets[0].receive))
        await library.loop.sleep(0.05)
        library.plain(zmq.PUSH, connect=ADDRESS).send(b"second")
        await library.loop.until(lambda: receiving.done, 3)
        received.append(receiving.outcome)

    outcome = lived(library, first)
    if outcome != "returns":
        return Observation(f"the first loop {outcome}")
    outcome = lived(library, second)
    said = received[0] if received else f"the second loop {outcome}"
    return Observation(said.replace("returns", "ok").replace("ends with TimeoutError", "hangs"))


def closed_after_the_loop(make: Callable[[], Library]) -> Observation:
    """The loop ends with a receive parked, and then the socket is closed."""
    library = make()
    sockets: list[Any] = []

    async def park() -> None:
        await library.begin()
        sockets.append(await library.open(zmq.PULL, bind=ADDRESS))
        library.loop.spawn(sockets[0].receive)
        await library.loop.sleep(0.05)

    outcome = lived(library, park)
    if outcome != "returns":
        return Observation(f"the loop {outcome}")
    try:
        sockets[0].close()
    except Exception as error:
        return described(error, "")
    return Observation("ok")


def lived(library: Library, main: Callable[[], Awaitable[Any]]) -> str:
    """Run a loop to its end, and say in words how it ended."""
    task = Task(main)
    try:
        library.loop.run(task.run)
    except BaseException as error:
        task.error = error
        while isinstance(task.error, BaseExceptionGroup):
            task.error = task.error.exceptions[0]
    return task.outcome


CASES: dict[str, Callable[[Any], Awaitable[Observation]]] = {
    "full-peer": full_peer,
    "left-over": left_over,
    "strangers": strangers,
    "killed": killed,
    "dead-requests": dead_requests,
    "deaf-client": deaf_client,
    "unanswered": unanswered,
    "text": text,
    "endpoint": wrong_endpoint,
    "in-use": port_in_use,
    "pickled": pickled,
}

LIVES: dict[str, Callable[[Callable[[], Any]], Observation]] = {
    "two-loops": two_loops,
    "another-loop": another_loop,
    "after-loop": closed_after_the_loop,
}
