"""The cases of handlers in which peers come, go and misbehave, values are wrong, and the reactor ends."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import zmq

from benchmarks.guarantees_peers.handling import Handlers, collecting
from benchmarks.guarantees_peers.observing import (
    ADDRESS,
    NOBODY,
    EchoServer,
    Interrupted,
    Observation,
    Pickled,
    Strangers,
    descriptors,
    failure,
    free_address,
    in_the_middle,
    judge_pieces,
    read_pieces,
)
from benchmarks.guarantees_peers.receiving_peers import beside_a_client, count_dead

__all__ = ["CASES", "LIVES"]


async def death_in_the_middle(library: Handlers) -> Observation:
    """A peer closes between two frames of a message, and another one comes, at once or later: what reaches it?"""
    return in_the_middle([await _dies(library, attempt) for attempt in range(40)])


async def _dies(library: Handlers, attempt: int) -> str:
    looks, later = attempt % 5, attempt % 2 == 1
    address = f"{ADDRESS}-{attempt}"
    waits = hasattr(library.tx.ZmqConnection, "sendDeferred")
    connection = library.open(library.tx.ZmqPushConnection, bind=address)
    dying = library.plain(zmq.PULL, connect=address)
    connection.push(b"hello")
    await library.loop.until(lambda: dying.poll(0), 2)
    living: list[Any] = []

    def die() -> None:
        if not dying.closed:
            dying.close()
            if not later:
                living.append(library.plain(zmq.PULL, connect=address))
            for _ in range(looks):
                time.sleep(0.002)
                connection.socket.getsockopt(zmq.EVENTS)

    interrupted = Interrupted(die)
    between = interrupted.in_core(connection._zmqChannel.socket) if waits else interrupted.in_class()
    with between, suppress(zmq.Again):
        connection.send([b"a", b"b", b"c", b"d"])
    if later:
        living.append(library.plain(zmq.PULL, connect=address))
    for _ in range(10):
        connection.socket.getsockopt(zmq.EVENTS)
        await library.loop.sleep(0.005)
    for number in range(10):
        connection.send([b"next", b"%d" % number])
    got = await read_pieces(library.loop, living[0], 10)
    return judge_pieces(got, 10)


async def false_edges(library: Handlers) -> Observation:
    """Fifty peers come and go and send nothing; then one message comes."""
    cls, got = collecting(library.tx.ZmqPullConnection, "onPull")
    library.open(cls, bind=ADDRESS)
    for _ in range(50):
        library.plain(zmq.PUSH, connect=ADDRESS).close()
        await library.loop.sleep(0.002)
    began = time.process_time()
    await library.loop.sleep(0.5)
    busy = time.process_time() - began
    library.plain(zmq.PUSH, connect=ADDRESS).send(b"in")
    came = await library.loop.until(lambda: got, 2)
    return Observation(("ok" if came else "the receive hangs") + (", and the loop spins" if busy > 0.25 else ""))


async def ping_pong(library: Handlers) -> Observation:
    """Two connections with marks of 1, each of which sends and receives 1,000 messages at the same time."""
    got: list[bytes] = []
    tx = library.tx
    here_class = type("Here", (tx.ZmqDealerConnection,), {"gotMessage": lambda _, message: got.append(message)})
    there_class = type(
        "There", (tx.ZmqDealerConnection,), {"gotMessage": lambda self, message: self.sendDeferred(message)}
    )
    here = library.open(here_class, bind=ADDRESS, mark=1)
    library.open(there_class, connect=ADDRESS, mark=1)

    async def ping() -> None:
        for number in range(1000):
            await here.sendDeferred(b"%d" % number)

    library.loop.spawn(ping)
    if not await library.loop.until(lambda: len(got) == 1000, 10):
        return Observation("hangs after {} of 1000", len(got))
    return Observation("ok" if got == [b"%d" % number for number in range(1000)] else "out of order")


async def full_peer(library: Handlers) -> Observation:
    """One peer of a router reads nothing, another does; then the first goes away."""
    loop = library.loop
    waits = hasattr(library.tx.ZmqConnection, "sendDeferred")
    cls, got = collecting(library.tx.ZmqRouterConnection, "gotMessage")
    if waits:
        cls.mandatory = True
    router = library.open(cls, bind=ADDRESS, mark=2)
    peers = {}
    for name in (b"full", b"flowing"):
        peers[name] = library.plain(zmq.DEALER)
        peers[name].identity = name
        peers[name].sndhwm = peers[name].rcvhwm = 2
        peers[name].connect(ADDRESS)
        peers[name].send(b"hello")
    await loop.until(lambda: len(got) == 2, 2)
    sent = 0
    waiting: Any = None
    for _ in range(20):
        if waits:
            waiting = router.sendDeferred([b"full", b"x"])
            if not waiting.called:
                break
        else:
            try:
                router.sendMsg(b"full", b"x")
            except zmq.Again:
                break
        sent += 1
    refused = sent < 20
    read: list[bytes] = []
    for number in range(10):
        if waits:
            router.sendDeferred([b"flowing", b"%d" % number])
        else:
            with suppress(zmq.Again):
                router.sendMsg(b"flowing", b"%d" % number)

        def all_read(number: int = number) -> bool:
            while peers[b"flowing"].poll(0):
                read.append(peers[b"flowing"].recv())
            return len(read) > number

        await loop.until(all_read, 0.5)
        await loop.sleep(0.01)  # for libzmq, which looks once a millisecond for room that was made
    flows = "others go past" if len(read) == 10 else "others wait"
    if not refused:
        return Observation(f"messages for it are dropped without an error; {flows}")
    if waiting is None:
        return Observation(f"its send fails; {flows}")
    ended: list[str] = []
    waiting.addCallbacks(lambda _: ended.append("returns"), lambda f: ended.append(f"ends with {f.type.__name__}"))
    peers[b"full"].close()
    await loop.until(lambda: ended, 2)
    return Observation(f"waits; {flows}; then it {ended[0] if ended else 'hangs'}")


async def left_over(library: Handlers) -> Observation:
    """A hundred connections are opened and shut down: how many descriptors stay?"""

    async def open_and_close(address: str) -> None:
        library.open(library.tx.ZmqPullConnection, bind=address).shutdown()
        await library.loop.sleep(0)

    await open_and_close(ADDRESS)
    await library.loop.sleep(0.1)
    before = descriptors()
    for number in range(100):
        await open_and_close(f"{ADDRESS}-{number}")
    await library.loop.until(lambda: descriptors() <= before, 2)
    return Observation("{} left", max(descriptors() - before, 0))


async def strangers(library: Handlers) -> Observation:
    """Garbage, an HTTP request, half a greeting and silence come to the port; and a good peer."""
    address = free_address()
    cls, got = collecting(library.tx.ZmqPullConnection, "onPull")
    library.open(cls, bind=address)
    kept = Strangers(address)
    await library.loop.sleep(0.1)
    library.plain(zmq.PUSH, connect=address).send(b"good")
    await library.loop.until(lambda: got, 2)
    began = time.process_time()
    await library.loop.sleep(0.5)
    busy = time.process_time() - began
    assert kept
    return Observation(("ok" if got else "the receive hangs") + (", and the loop spins" if busy > 0.25 else ""))


async def killed(library: Handlers) -> Observation:
    """A server is killed and comes back, and the same connection asks it again."""
    address = free_address()
    server = EchoServer(address)
    cls, got = collecting(library.tx.ZmqDealerConnection, "gotMessage")
    connection = library.open(cls, connect=address)
    for number in range(3):
        if number:
            server.kill()
            await library.loop.sleep(0.2)
            server.start()
        answer = [b"%d" % number]
        connection.sendMsg(b"%d" % number)
        if not await library.loop.until(lambda: got and got[-1] == answer, 5):  # noqa: B023
            return Observation(f"after {number} restarts it hangs")
    server.kill()
    return Observation("ok")


async def dead_requests(library: Handlers) -> Observation:
    """Three requests time out while the server is down: how many of them does it get when it comes?"""
    address = free_address()
    request = library.open(library.tx.ZmqREQConnection, connect=address)
    for _ in range(3):
        asking = library.asking(request, b"dead", 0.1)
        await library.loop.until(lambda: asking.done, 2)  # noqa: B023
    return await count_dead(library.loop, library.plain(zmq.ROUTER, bind=address))


async def deaf_client(library: Handlers) -> Observation:
    """A client sends 50,000 requests and reads no reply; then another one asks."""
    return await _beside(library, lambda _: True)


async def unanswered(library: Handlers) -> Observation:
    """The same, and its requests are never answered."""
    return await _beside(library, lambda part: part == b"good")


async def _beside(library: Handlers, answers: Callable[[bytes], bool]) -> Observation:
    def handle(self: Any, id: bytes, part: bytes) -> None:
        if answers(part):
            with suppress(zmq.Again):
                self.reply(id, part)

    address = free_address()
    library.open(type("Reply", (library.tx.ZmqREPConnection,), {"gotMessage": handle}), bind=address, mark=100)
    return await beside_a_client(library, address)


async def text(library: Handlers) -> Observation:
    """A str is sent."""
    push = library.open(library.tx.ZmqPushConnection, connect=NOBODY)
    return failure(lambda: push.send(["text"]), "text")


async def wrong_endpoint(library: Handlers) -> Observation:
    """A connection is bound to what is no address."""
    address = "tcp:/127.0.0.1:5555"
    return failure(lambda: library.open(library.tx.ZmqPullConnection, bind=address), address)


async def port_in_use(library: Handlers) -> Observation:
    """A connection is bound to an address that another socket has."""
    address = free_address()
    library.plain(zmq.PULL, bind=address)
    return failure(lambda: library.open(library.tx.ZmqPullConnection, bind=address), address)


async def pickled(library: Handlers) -> Observation:
    """A peer sends what runs a function when it is unpickled."""
    cls, got = collecting(library.tx.ZmqPullConnection, "onPull")
    library.open(cls, bind=ADDRESS)
    library.plain(zmq.PUSH, connect=ADDRESS).send(Pickled.message())
    await library.loop.until(lambda: got, 2)
    return Observation("unpickles it" if Pickled.unpickled else "stays bytes" if got else "the receive hangs")


def closed_after_the_loop(make: Callable[[], Handlers]) -> Observation:
    """The reactor ends with a connection open, and then the connection is shut down."""
    library = make()
    connections: list[Any] = []

    async def open_one() -> None:
        library.factory = library.tx.ZmqFactory()
        connections.append(library.open(library.tx.ZmqPullConnection, bind=ADDRESS))
        await library.loop.sleep(0.05)

    library.loop.run(open_one)
    outcome = failure(connections[0].shutdown)
    return Observation("ok") if outcome.words == "no error" else outcome


CASES: dict[str, Callable[[Handlers], Awaitable[Observation]]] = {
    "middle": death_in_the_middle,
    "false-edge": false_edges,
    "ping-pong": ping_pong,
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

LIVES: dict[str, Callable[[Callable[[], Any]], Observation]] = {"after-loop": closed_after_the_loop}
