"""The cases of the libraries with an awaitable receive. Each is one program, run against each of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any

import zmq

from benchmarks.guarantees_peers.libraries import Aiozmq, Bridge, Library, Socket
from benchmarks.guarantees_peers.observing import (
    ADDRESS,
    ARRIVED,
    NOBODY,
    TRIES,
    FailsAtTheFirst,
    Flood,
    Interrupted,
    Observation,
    Ticker,
    after_the_fork,
    count_of,
    echo,
    free_address,
    in_a_child,
    in_the_middle,
    judge_forged,
    judge_pieces,
    judge_same_id,
    judge_second,
    read_pieces,
)

__all__ = ["CASES"]


async def timeout_in_the_same_turn(library: Library) -> Observation:
    """A message and the receive's time limit come in the same turn of the loop: the next receive is to get it."""
    loop = library.loop
    socket = await library.open(zmq.PULL, bind=ADDRESS)
    peer = library.plain(zmq.PUSH, connect=ADDRESS)
    lost = 0
    for number in range(TRIES):
        receiving = loop.spawn(lambda: loop.within(0.05, socket.receive))
        await loop.sleep(0.01)
        peer.send(b"%d" % number)
        time.sleep(0.1)  # noqa: ASYNC251 (the loop is busy with other work, until past the time limit)
        await loop.until(lambda: receiving.done, 2)  # noqa: B023
        got = receiving.result
        if got is None:
            try:
                got = await loop.within(0.2, socket.receive)
            except TimeoutError:
                lost += 1
                continue
        if got != [b"%d" % number]:
            return Observation("another message comes")
    return count_of("lost", lost)


async def cancelled_while_idle(library: Library) -> Observation:
    """A receive is cancelled, and then a message comes: the next receive is to get it."""
    loop = library.loop
    socket = await library.open(zmq.PULL, bind=ADDRESS)
    peer = library.plain(zmq.PUSH, connect=ADDRESS)
    lost = 0
    for number in range(TRIES):
        receiving = loop.spawn(socket.receive)
        await loop.sleep(0.01)
        receiving.cancel()
        await loop.until(lambda: receiving.done, 2)  # noqa: B023
        peer.send(b"%d" % number)
        try:
            await loop.within(0.2, socket.receive)
        except TimeoutError:
            lost += 1
    return count_of("lost", lost)


async def _eaten(
    library: Library,
    eat: Callable[[Socket], object],
    mark: int | None = None,
    types: tuple[int, int] = (zmq.DEALER, zmq.DEALER),
) -> Observation:
    """Count the receives that hang when something else was called between the message's coming and the loop's turn."""
    tasks = []
    for number in range(TRIES):
        socket = await library.open(types[0], bind=f"{ADDRESS}-{number}", mark=mark)
        peer = library.plain(types[1], connect=f"{ADDRESS}-{number}", mark=mark)
        if types[0] == zmq.SUB:
            socket.subscribe(b"tag")
        if mark:
            with suppress(*library.full):
                for _ in range(3 * mark):
                    socket.send_now([b"out"])
        receiving = library.loop.spawn(socket.receive)
        await library.loop.sleep(0.01)
        peer.getsockopt(zmq.EVENTS)  # a publisher hears of the subscription
        peer.send(b"tag\0in")
        time.sleep(ARRIVED)  # noqa: ASYNC251
        eat(socket)
        tasks.append(receiving)
        await library.loop.sleep(0.01)
    await library.loop.until(lambda: all(task.done for task in tasks), 2)
    return count_of("hangs", sum(not task.done for task in tasks))


async def send_eats_the_edge(library: Library) -> Observation:
    """A message has come, and before the loop looks the program sends: the parked receive is to get it."""
    return await _eaten(library, lambda socket: socket.send_now([b"out"]))


async def failed_send_eats_the_edge(library: Library) -> Observation:
    """The same with a send that finds no room."""

    def send(socket: Socket) -> None:
        with suppress(*library.full):
            socket.send_now([b"out"])

    return await _eaten(library, send, 1)


async def connect_eats_the_edge(library: Library) -> Observation:
    """The same with a connect to one more address of inproc."""
    return await _eaten(library, lambda socket: socket.connect("inproc://elsewhere"))


async def bind_eats_the_edge(library: Library) -> Observation:
    """The same with a bind to one more address of inproc."""
    numbers = count()
    return await _eaten(library, lambda socket: socket.bind(f"inproc://more-{next(numbers)}"))


async def subscribe_eats_the_edge(library: Library) -> Observation:
    """The same with a subscription to one more tag."""
    return await _eaten(library, lambda socket: socket.subscribe(b"another"), types=(zmq.SUB, zmq.PUB))


async def reading_events_eats_the_edge(library: Library) -> Observation:
    """The same with a read of the option EVENTS."""
    return await _eaten(library, lambda socket: socket.events())


async def false_edges(library: Library) -> Observation:
    """Fifty peers come and go and send nothing while a receive is parked; then one message comes."""
    loop = library.loop
    socket = await library.open(zmq.PULL, bind=ADDRESS)
    receiving = loop.spawn(socket.receive)
    for _ in range(50):
        library.plain(zmq.PUSH, connect=ADDRESS).close()
        await loop.sleep(0.002)
    began = time.process_time()
    await loop.sleep(0.5)
    busy = time.process_time() - began
    if receiving.done:
        return Observation(f"the receive {receiving.outcome}")
    library.plain(zmq.PUSH, connect=ADDRESS).send(b"in")
    await loop.until(lambda: receiving.done, 2)
    outcome = "ok" if receiving.outcome == "returns" else f"the receive {receiving.outcome}"
    return Observation(outcome + (", and the loop spins" if busy > 0.25 else ""))


async def nested_limits(library: Library) -> Observation:
    """A time limit within another: each ends the receive that it is around, and the caller goes on in between."""
    loop = library.loop
    socket = await library.open(zmq.PULL, bind=ADDRESS)
    said = []

    async def limited() -> None:
        try:
            await loop.within(0.05, socket.receive)
        except TimeoutError:
            said.append("inner")
        await socket.receive()

    running = loop.spawn(lambda: loop.within(0.3, limited))
    await loop.until(lambda: running.done, 2)
    ended = running.outcome == "ends with TimeoutError" and said == ["inner"]
    return Observation("ok" if ended else f"the outer {running.outcome}, the inner one {said or 'never'}")


async def death_in_the_middle(library: Library) -> Observation:
    """A peer closes between two frames of a message, and another one comes, at once or later: what reaches it?"""
    # Each look lets libzmq hear of the next step of the dying pipe's end.
    return in_the_middle([await _dies(library, attempt) for attempt in range(40)])


async def _dies(library: Library, attempt: int) -> str:
    looks, later = attempt % 5, attempt % 2 == 1
    address = f"{ADDRESS}-{attempt}"
    socket = await library.open(zmq.PUSH, bind=address)
    dying = library.plain(zmq.PULL, connect=address)
    await socket.send([b"hello"])
    await library.loop.until(lambda: dying.poll(0), 2)
    living: list[zmq.Socket[bytes]] = []

    def die() -> None:
        if not dying.closed:
            dying.close()
            if not later:
                living.append(library.plain(zmq.PULL, connect=address))
            for _ in range(looks):
                time.sleep(0.002)
                socket.events()

    interrupted = Interrupted(die)
    core = socket.connection._socket if isinstance(library, Bridge) else None  # type: ignore[attr-defined]
    with interrupted.in_class() if core is None else interrupted.in_core(core):
        sending = library.loop.spawn(lambda: socket.send([b"a", b"b", b"c", b"d"]))
        await library.loop.until(lambda: sending.done, 0.1)
    if later:
        living.append(library.plain(zmq.PULL, connect=address))
        await library.loop.until(lambda: sending.done, 2)
    # Until it has heard of its end, libzmq may give the dying peer messages as well.
    for _ in range(10):
        socket.events()
        await library.loop.sleep(0.005)
    following = library.loop.spawn(partial(_send_numbers, socket, 10))
    got = await read_pieces(library.loop, living[0], 10)
    return judge_pieces(got, 10) if following.done else f"the next send {following.outcome}"


async def _send_numbers(socket: Socket, end: int) -> None:
    for number in range(end):
        await socket.send([b"next", b"%d" % number])


async def ping_pong(library: Library) -> Observation:
    """Two sockets with marks of 1, each of which sends and receives 1,000 messages at the same time."""
    loop = library.loop
    here = await library.open(zmq.DEALER, bind=ADDRESS, mark=1)
    there = await library.open(zmq.DEALER, connect=ADDRESS, mark=1)
    await there.send([b"hello"])
    await here.receive()
    got: list[list[bytes]] = []

    async def ping() -> None:
        for number in range(1000):
            await here.send([b"%d" % number])

    async def pong() -> None:
        for _ in range(1000):
            await there.send(await there.receive())

    async def collect() -> None:
        for _ in range(1000):
            got.append(await here.receive())

    tasks = [loop.spawn(call) for call in (ping, pong, collect)]
    await loop.until(lambda: tasks[2].done, 10)
    if not tasks[2].done or tasks[2].error:
        return Observation("hangs after {} of 1000", len(got))
    return Observation("ok" if got == [[b"%d" % number] for number in range(1000)] else "out of order")


async def served_in_turn(library: Library) -> Observation:
    """Five receives are parked, and five messages come; then five sends are parked, and room comes."""
    loop = library.loop
    socket = await library.open(zmq.PAIR, bind=ADDRESS, mark=1)
    peer = library.plain(zmq.PAIR, connect=ADDRESS, mark=1)
    tasks = []
    for _ in range(5):
        tasks.append(loop.spawn(socket.receive))
        await loop.sleep(0.01)
    if tasks[1].error:
        return Observation(f"the second receive {tasks[1].outcome}")
    for number in range(5):
        peer.send(b"%d" % number)
        await loop.sleep(0.01)
    await loop.until(lambda: all(task.done for task in tasks), 2)
    if [task.result for task in tasks] != [[b"%d" % number] for number in range(5)]:
        return Observation("receives are served in another order")
    sends = []
    for number in range(10):
        sends.append(loop.spawn(partial(socket.send, [b"%d" % number])))
        await loop.sleep(0.01)
    got = []

    def read() -> bool:
        while peer.poll(0):
            got.append(peer.recv())
        return len(got) == 10

    await loop.until(read, 2)
    return Observation("ok" if got == [b"%d" % number for number in range(10)] else "sends are served in another order")


async def queued_before_the_first_wait(library: Library) -> Observation:
    """Ten messages wait before anything is awaited, and nothing comes after them."""
    peer = library.plain(zmq.PUSH, connect=ADDRESS)
    for number in range(10):
        peer.send(b"%d" % number)
    socket = await library.open(zmq.PULL, bind=ADDRESS)
    await library.loop.sleep(0.1)
    for number in range(10):
        try:
            await library.loop.within(2, socket.receive)
        except TimeoutError:
            return Observation("hangs after {} of 10", number)
    return Observation("ok")


async def two_receives(library: Library) -> Observation:
    """Two receives are parked on one socket, and two messages come."""
    loop = library.loop
    socket = await library.open(zmq.PULL, bind=ADDRESS)
    peer = library.plain(zmq.PUSH, connect=ADDRESS)
    tasks = [loop.spawn(socket.receive), loop.spawn(socket.receive)]
    await loop.sleep(0.05)
    peer.send(b"first")
    peer.send(b"second")
    await loop.until(lambda: all(task.done for task in tasks), 2)
    outcomes = [task.outcome for task in tasks]
    return Observation("ok" if outcomes == ["returns"] * 2 else f"one {outcomes[0]}, the other {outcomes[1]}")


async def both_directions(library: Library) -> Observation:
    """A send waits for room and a receive for a message on one socket; each is to wake on its own event."""
    loop = library.loop
    socket = await library.open(zmq.PAIR, bind=ADDRESS, mark=1)
    peer = library.plain(zmq.PAIR, connect=ADDRESS, mark=1)
    for _ in range(200):
        sending = loop.spawn(lambda: socket.send([b"x" * 1024]))
        if not await loop.until(lambda: sending.done, 0.05):  # noqa: B023
            break
    else:
        return Observation("n/a: its send never waits")
    receiving = loop.spawn(socket.receive)
    await loop.sleep(0.05)
    peer.send(b"in")
    if not await loop.until(lambda: receiving.done, 2):
        return Observation("the receive hangs")

    def room() -> bool:
        while peer.poll(0):
            peer.recv()
        return sending.done

    await loop.until(room, 2)
    return Observation("ok" if sending.outcome == "returns" else f"the send {sending.outcome}")


async def flooded(library: Library) -> Observation:
    """Another process sends as fast as it can, and this one receives: how long is the rest of the loop held up?"""
    address = free_address()
    socket = await library.open(zmq.PULL, bind=address)
    sender = Flood(address)
    await socket.receive()
    ticker = Ticker(library.loop)
    await library.loop.sleep(0.05)
    ticker.start_again()
    end = time.perf_counter() + 2
    while time.perf_counter() < end:
        await socket.receive()
    gap = ticker.gap()
    sender.stop()
    return Observation("gap {} ms", gap * 1000)


async def closed_while_parked(library: Library) -> Observation:
    """The socket is closed while a receive is parked."""
    socket = await library.open(zmq.PULL, bind=ADDRESS)
    receiving = library.loop.spawn(socket.receive)
    await library.loop.sleep(0.05)
    socket.close()
    await library.loop.until(lambda: receiving.done, 2)
    return Observation(receiving.outcome)


async def terminated_while_parked(library: Library) -> Observation:
    """Another thread terminates the context while a receive is parked."""
    socket = await library.open(zmq.PULL, bind=ADDRESS)
    receiving = library.loop.spawn(socket.receive)
    await library.loop.sleep(0.05)
    threading.Thread(target=library.context.term, daemon=True).start()
    await library.loop.sleep(0.2)
    began = time.process_time()
    await library.loop.sleep(1)
    busy = time.process_time() - began
    return Observation(receiving.outcome + (", and the loop spins" if busy > 0.5 else ""))


async def high_water_mark(library: Library) -> Observation:
    """10,000 sends of 100 bytes with a mark of 100 and nobody who reads: how many are through after a second?"""
    socket = await library.open(zmq.PUSH, connect=NOBODY, mark=100)
    sent = 0

    async def send() -> None:
        nonlocal sent
        for _ in range(10_000):
            await socket.send([b"x" * 100])
            sent += 1

    sending = library.loop.spawn(send)
    await library.loop.sleep(1)
    return Observation("takes all 10,000" if sending.done else "waits after {}", None if sending.done else sent)


async def read_ahead(library: Library) -> Observation:
    """One message is received and then no more: how many of 10,000 does the other end get rid of?"""
    socket = await library.open(zmq.PULL, bind=ADDRESS, mark=100)
    peer = library.plain(zmq.PUSH, connect=ADDRESS, mark=100)
    peer.send(b"x" * 100)
    await socket.receive()
    sent = 0
    idle = 0
    while sent < 10_000 and idle < 20:
        try:
            for _ in range(50):
                peer.send(b"x" * 100, zmq.NOBLOCK)
                sent += 1
            idle = 0
        except zmq.Again:
            idle += 1
        await library.loop.sleep(0.005)
    return Observation("{} of 10,000", sent)


async def shut_down(library: Library) -> Observation:
    """Socket and context are closed with a message unsent and a linger of 2 s: how long does the loop stand still?"""
    ticker = Ticker(library.loop)
    await library.loop.sleep(0.1)
    ticker.start_again()
    await library.leave(NOBODY, 2)
    return Observation("blocked {} s", ticker.gap())


async def parked_uses_no_processor(library: Library) -> Observation:
    """A receive is parked for a second on a connected socket: how much of a processor does the process use?"""
    socket = await library.open(zmq.PULL, bind=ADDRESS)
    library.plain(zmq.PUSH, connect=ADDRESS).send(b"first")
    await socket.receive()
    library.loop.spawn(socket.receive)
    await library.loop.sleep(0.2)
    began = time.process_time()
    await library.loop.sleep(1)
    return Observation("{} %", (time.process_time() - began) * 100)


async def another_thread(library: Library) -> Observation:
    """Another thread sends on a socket that the loop's thread uses."""
    socket = await library.open(zmq.PAIR, bind=ADDRESS)
    library.plain(zmq.PAIR, connect=ADDRESS)
    await socket.send([b"x"])
    errors: list[Exception] = []

    def misuse() -> None:
        try:
            socket.send_now([b"from another thread"])
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=misuse)
    thread.start()
    thread.join()
    return Observation(f"error: {type(errors[0]).__name__}" if errors else "no error")


async def forked_child(library: Library) -> Observation:
    """A forked child sends on its parent's socket, and then the parent does."""
    address = free_address()
    socket = await library.open(zmq.PAIR, bind=address)
    peer = library.plain(zmq.PAIR, connect=address)
    await socket.send([b"x"])
    await library.loop.until(lambda: peer.poll(0), 2)
    peer.recv()
    error = in_a_child(lambda: socket.send_now([b"from the child"]))
    await library.loop.sleep(0.1)
    library.loop.spawn(lambda: socket.send([b"from the parent"]))
    return await after_the_fork(library.loop, error, peer)


# --- of requests: zmqbridge alone has them with an awaitable interface ---


async def _replier(library: Bridge) -> None:
    replier = library.bridge.replier(bind=ADDRESS)

    async def serve() -> None:
        async for request in replier:
            await request.reply(request.parts)

    library.loop.spawn(serve)


async def _answer(library: Library, client: zmq.Socket[bytes]) -> list[bytes]:
    if await library.loop.until(lambda: client.poll(0), 2):
        return client.recv_multipart()
    return []


async def malformed_request(library: Library) -> Observation:
    """A client sends what is no request, and then a request."""
    assert isinstance(library, Bridge)
    await _replier(library)
    client = library.plain(zmq.DEALER, connect=ADDRESS)
    for message in ([b"no envelope"], [b"no", b"envelope"]):
        client.send_multipart(message)
    client.send_multipart([b"id", b"", b"good"])
    answer = await _answer(library, client)
    return Observation("ok" if answer == [b"id", b"", b"good"] else "the good one has no answer")


async def same_id(library: Library) -> Observation:
    """Two clients choose the same request id; both requests are there before either is answered."""
    assert isinstance(library, Bridge)
    replier = library.bridge.replier(bind=ADDRESS)
    clients = {name: library.plain(zmq.DEALER, connect=ADDRESS) for name in (b"first", b"second")}
    for name, client in clients.items():
        client.send_multipart([b"id", b"", name])
    requests = [await replier.receive(), await replier.receive()]
    for request in requests:
        await request.reply(request.parts)
    answers = {name: (await _answer(library, client))[2:] for name, client in clients.items()}
    return judge_same_id(answers)


async def repeated_reply(library: Library) -> Observation:
    """The reply to a request that timed out comes late, and once more while the next request waits for its own."""
    assert isinstance(library, Bridge)
    requester = library.bridge.requester(connect=ADDRESS)
    server = library.plain(zmq.ROUTER, bind=ADDRESS)
    first = library.loop.spawn(lambda: requester.request(b"first", timeout=0.2))
    await library.loop.until(lambda: first.done, 2)
    route = server.recv_multipart()[:2]
    server.send_multipart([*route, b"", b"reply to first"])
    await library.loop.sleep(0.1)
    second = library.loop.spawn(lambda: requester.request(b"second", timeout=1))
    await library.loop.until(lambda: server.poll(0), 2)
    server.send_multipart([*route, b"", b"reply to first"])
    server.send_multipart([*server.recv_multipart()[:2], b"", b"reply to second"])
    await library.loop.until(lambda: second.done, 2)
    return judge_second(second.result)


async def forged_reply(library: Library) -> Observation:
    """A server sends replies that nobody asked for, all with the same id, and then answers two requests."""
    assert isinstance(library, Bridge)
    requester = library.bridge.requester(connect=ADDRESS)
    server = library.plain(zmq.ROUTER, bind=ADDRESS)
    first = library.loop.spawn(lambda: requester.request(b"first", timeout=1))
    await library.loop.until(lambda: server.poll(0), 2)
    peer, id = server.recv_multipart()[:2]
    server.send_multipart([peer, id, b"", b"reply to first"])
    for _ in range(2):
        server.send_multipart([peer, b"forged id", b"", b"forged"])
    await library.loop.until(lambda: first.done, 2)
    await library.loop.sleep(0.05)
    tasks = [library.loop.spawn(partial(requester.request, part, timeout=1)) for part in (b"a", b"b")]
    await echo(library.loop, server, 2)
    await library.loop.until(lambda: all(task.done for task in tasks), 2)
    return judge_forged([task.result for task in tasks])


async def failing_handler(library: Library) -> Observation:
    """Three messages are queued, and the handler fails for the first; nothing comes after them."""
    assert isinstance(library, Aiozmq)
    core = library.library
    handler = FailsAtTheFirst()

    class Protocol(core.ZmqProtocol):  # type: ignore[misc, name-defined]
        def msg_received(self, message: list[bytes]) -> None:
            handler.got(message)

    address = free_address()
    await core.create_zmq_connection(Protocol, zmq.PULL, bind=address)
    return await handler.observe(library.loop, library.plain(zmq.PUSH, connect=address))


CASES: dict[str, Callable[[Any], Awaitable[Observation]]] = {
    "timeout": timeout_in_the_same_turn,
    "wait_for": timeout_in_the_same_turn,
    "cancel": cancelled_while_idle,
    "send": send_eats_the_edge,
    "failed-send": failed_send_eats_the_edge,
    "connect": connect_eats_the_edge,
    "bind": bind_eats_the_edge,
    "subscribe": subscribe_eats_the_edge,
    "events": reading_events_eats_the_edge,
    "nested": nested_limits,
    "middle": death_in_the_middle,
    "false-edge": false_edges,
    "ping-pong": ping_pong,
    "turns": served_in_turn,
    "queued": queued_before_the_first_wait,
    "two": two_receives,
    "duplex": both_directions,
    "flood": flooded,
    "close": closed_while_parked,
    "term": terminated_while_parked,
    "malformed": malformed_request,
    "same-id": same_id,
    "repeated": repeated_reply,
    "forged": forged_reply,
    "mark": high_water_mark,
    "ahead": read_ahead,
    "handler": failing_handler,
    "shutdown": shut_down,
    "idle": parked_uses_no_processor,
    "thread": another_thread,
    "fork": forked_child,
}
