"""The cases of txZMQ's handlers, and of zmqbridge's with the same interface. Each is one program, run against both."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from importlib import import_module
from itertools import count
from typing import Any

import zmq

from benchmarks.guarantees_peers.loops import OnTwisted, Task
from benchmarks.guarantees_peers.observing import (
    ADDRESS,
    ARRIVED,
    NOBODY,
    TRIES,
    FailsAtTheFirst,
    Flood,
    Observation,
    Ticker,
    after_the_fork,
    count_of,
    echo,
    free_address,
    in_a_child,
    judge_forged,
    judge_same_id,
    judge_second,
)

__all__ = ["CASES", "Handlers", "collecting"]


class Handlers:
    """A library with txZMQ's interface, its factory, and the other ends in its context."""

    def __init__(self, module: str) -> None:
        self.tx: Any = import_module(module)
        self.loop = OnTwisted()
        self.stack = AsyncExitStack()
        self.factory: Any = None
        self._kept: list[object] = []

    async def begin(self) -> None:
        """Called on the loop before the case."""
        self.factory = self.tx.ZmqFactory()
        self.factory.registerForShutdown()

    def open(self, cls: Any, *, bind: str | None = None, connect: str | None = None, mark: int = 0) -> Any:
        """Return a connection of a class that got its handlers."""
        endpoint = self.tx.ZmqEndpoint("bind", bind) if bind else self.tx.ZmqEndpoint("connect", connect)
        return type(cls.__name__, (cls,), {"highWaterMark": mark})(self.factory, endpoint)

    def plain(
        self, type: int, *, bind: str | None = None, connect: str | None = None, mark: int | None = None
    ) -> zmq.Socket[bytes]:
        """Open a plain socket of pyzmq in the same context, for the other end."""
        socket: zmq.Socket[bytes] = self.factory.context.socket(type)
        socket.linger = 0
        if mark is not None:
            socket.sndhwm = socket.rcvhwm = mark
        if bind is not None:
            socket.bind(bind)
        if connect is not None:
            socket.connect(connect)
        self._kept.append(socket)
        return socket

    def asking(self, request: Any, part: bytes, timeout: float | None = None) -> Task:
        """Ask, and note what comes of it."""

        async def ask() -> Any:
            return await request.sendMsg(part, **({} if timeout is None else {"timeout": timeout}))

        return self.loop.spawn(ask)

    async def leave(self, address: str, linger: float) -> None:
        """Send a message to nobody, and shut down."""
        factory = self.tx.ZmqFactory()
        factory.lingerPeriod = int(linger * 1000)
        self.tx.ZmqPushConnection(factory, self.tx.ZmqEndpoint("connect", address)).push(b"unsent")
        ended = factory.shutdown()
        if ended is not None:
            await ended

    async def forget(self, address: str, linger: float, kept: list[Any]) -> None:
        """Send 100 messages, and leave the connection open; the reactor shuts the factory down."""
        self.factory.lingerPeriod = int(linger * 1000)
        kept.append(self.open(self.tx.ZmqPushConnection, connect=address))
        for _ in range(100):
            kept[0].push(b"unsent")


def collecting(base: Any, handler: str) -> tuple[Any, list[list[bytes]]]:
    """Return a class whose handler notes each message, and the list of these."""
    got: list[list[bytes]] = []

    def handle(self: Any, *message: Any) -> None:
        got.append(list(message[0]) if handler == "onPull" else list(message))

    return type("Collecting", (base,), {handler: handle}), got


async def _eaten(
    library: Handlers,
    eat: Callable[[Any], object],
    mark: int = 0,
    name: str = "ZmqDealerConnection",
    peer_type: int = zmq.DEALER,
) -> Observation:
    """Count the messages that no handler gets when something else was called between their coming and the
    reactor's turn."""
    handled = []
    for number in range(TRIES):
        cls, got = collecting(getattr(library.tx, name), "gotMessage")
        connection = library.open(cls, bind=f"{ADDRESS}-{number}", mark=mark)
        peer = library.plain(peer_type, connect=f"{ADDRESS}-{number}", mark=mark or None)
        if peer_type == zmq.PUB:
            connection.subscribe(b"tag")
        if mark:
            with suppress(zmq.Again):
                for _ in range(3 * mark):
                    connection.sendMsg(b"out")
        await library.loop.sleep(0.01)
        peer.getsockopt(zmq.EVENTS)  # a publisher hears of the subscription
        peer.send(b"tag\0in")
        time.sleep(ARRIVED)  # noqa: ASYNC251
        eat(connection)
        handled.append(got)
        await library.loop.sleep(0.01)
    await library.loop.until(lambda: all(handled), 2)
    return count_of("hangs", sum(not got for got in handled))


async def send_eats_the_edge(library: Handlers) -> Observation:
    """A message has come, and before the reactor looks the program sends: the handler is to get it."""
    return await _eaten(library, lambda connection: connection.sendMsg(b"out"))


async def failed_send_eats_the_edge(library: Handlers) -> Observation:
    """The same with a send that finds no room."""

    def send(connection: Any) -> None:
        with suppress(zmq.Again):
            connection.sendMsg(b"out")

    return await _eaten(library, send, 1)


async def connect_eats_the_edge(library: Handlers) -> Observation:
    """The same with a connect to one more address of inproc."""
    return await _eaten(
        library, lambda each: each.addEndpoints([library.tx.ZmqEndpoint("connect", "inproc://elsewhere")])
    )


async def bind_eats_the_edge(library: Handlers) -> Observation:
    """The same with a bind to one more address of inproc."""
    numbers = count()
    return await _eaten(
        library, lambda each: each.addEndpoints([library.tx.ZmqEndpoint("bind", f"inproc://more-{next(numbers)}")])
    )


async def subscribe_eats_the_edge(library: Handlers) -> Observation:
    """The same with a subscription to one more tag."""
    return await _eaten(library, lambda each: each.subscribe(b"another"), 0, "ZmqSubConnection", zmq.PUB)


async def reading_events_eats_the_edge(library: Handlers) -> Observation:
    """The same with a read of the option EVENTS."""
    return await _eaten(library, lambda each: each.socket.getsockopt(zmq.EVENTS))


async def queued_before_the_first_wait(library: Handlers) -> Observation:
    """Ten messages wait before the connection exists, and nothing comes after them."""
    peer = library.plain(zmq.PUSH, connect=ADDRESS)
    for number in range(10):
        peer.send(b"%d" % number)
    cls, got = collecting(library.tx.ZmqPullConnection, "onPull")
    library.open(cls, bind=ADDRESS)
    await library.loop.until(lambda: len(got) == 10, 2)
    return Observation("ok" if len(got) == 10 else "hangs after {} of 10", None if len(got) == 10 else len(got))


async def both_directions(library: Handlers) -> Observation:
    """A send waits for room while the handler waits for a message."""
    cls, got = collecting(library.tx.ZmqDealerConnection, "gotMessage")
    connection = library.open(cls, bind=ADDRESS, mark=1)
    peer = library.plain(zmq.DEALER, connect=ADDRESS, mark=1)
    sending = connection.sendDeferred(b"out")
    while sending.called:
        sending = connection.sendDeferred(b"out")
    peer.send(b"in")
    if not await library.loop.until(lambda: got, 2):
        return Observation("the receive hangs")

    def room() -> Any:
        while peer.poll(0):
            peer.recv()
        return sending.called

    return Observation("ok" if await library.loop.until(room, 2) else "the send hangs")


async def flooded(library: Handlers) -> Observation:
    """Another process sends as fast as it can: how long is the rest of the reactor held up?"""
    ticker = Ticker(library.loop)
    began: list[float] = []
    gaps: list[float] = []

    def handle(self: Any, message: Any) -> None:
        # This notes the gap from within, for the reactor may not come to anything else.
        now = time.perf_counter()
        if not began:
            began.append(now)
            ticker.start_again()
        elif now > began[0] + 2 and not gaps:
            gaps.append(ticker.gap())
            sender.stop()
            self.shutdown()  # what is queued by now would take many seconds more

    address = free_address()
    library.open(type("Pull", (library.tx.ZmqPullConnection,), {"onPull": handle}), bind=address)
    sender = Flood(address)
    await library.loop.until(lambda: gaps, 30)
    return Observation("gap {} ms", gaps[0] * 1000)


async def closed_while_parked(library: Handlers) -> Observation:
    """The connection is shut down while a request waits for its reply."""
    request = library.open(library.tx.ZmqREQConnection, connect=ADDRESS)
    library.plain(zmq.ROUTER, bind=ADDRESS)
    asking = library.asking(request, b"x")
    await library.loop.sleep(0.05)
    request.shutdown()
    await library.loop.until(lambda: asking.done, 2)
    return Observation(f"(a request) {asking.outcome}")


async def terminated_while_parked(library: Handlers) -> Observation:
    """Another thread terminates the context while a request waits for its reply."""
    request = library.open(library.tx.ZmqREQConnection, connect=ADDRESS)
    asking = library.asking(request, b"x")
    await library.loop.sleep(0.05)
    threading.Thread(target=library.factory.context.term, daemon=True).start()
    await library.loop.sleep(0.2)
    began = time.process_time()
    await library.loop.sleep(1)
    busy = time.process_time() - began
    return Observation(f"(a request) {asking.outcome}" + (", and the loop spins" if busy > 0.5 else ""))


async def _answer(library: Handlers, client: zmq.Socket[bytes]) -> list[bytes]:
    if await library.loop.until(lambda: client.poll(0), 2):
        return client.recv_multipart()
    return []


async def malformed_request(library: Handlers) -> Observation:
    """A client sends what is no request, and then a request."""

    def handle(self: Any, id: bytes, *parts: bytes) -> None:
        self.reply(id, *parts)

    library.open(type("Reply", (library.tx.ZmqREPConnection,), {"gotMessage": handle}), bind=ADDRESS)
    client = library.plain(zmq.DEALER, connect=ADDRESS)
    for message in ([b"no envelope"], [b"no", b"envelope"]):
        client.send_multipart(message)
    client.send_multipart([b"id", b"", b"good"])
    answer = await _answer(library, client)
    return Observation("ok" if answer == [b"id", b"", b"good"] else "the good one has no answer")


async def same_id(library: Handlers) -> Observation:
    """Two clients choose the same request id; both requests are there before either is answered."""
    cls, requests = collecting(library.tx.ZmqREPConnection, "gotMessage")
    reply = library.open(cls, bind=ADDRESS)
    clients = {name: library.plain(zmq.DEALER, connect=ADDRESS) for name in (b"first", b"second")}
    for name, client in clients.items():
        client.send_multipart([b"id", b"", name])
    await library.loop.until(lambda: len(requests) == 2, 2)
    for request in requests:
        with suppress(KeyError):
            reply.reply(*request)
    return judge_same_id({name: (await _answer(library, client))[2:] for name, client in clients.items()})


async def repeated_reply(library: Handlers) -> Observation:
    """The reply to a request that timed out comes late, and once more while the next request waits for its own."""
    server = library.plain(zmq.ROUTER, bind=ADDRESS)
    request = library.open(library.tx.ZmqREQConnection, connect=ADDRESS)
    first = library.asking(request, b"first", 0.2)
    await library.loop.until(lambda: first.done, 2)
    route = server.recv_multipart()[:2]
    server.send_multipart([*route, b"", b"reply to first"])
    await library.loop.sleep(0.1)
    second = library.asking(request, b"second", 1)
    await library.loop.until(lambda: server.poll(0), 2)
    server.send_multipart([*route, b"", b"reply to first"])
    server.send_multipart([*server.recv_multipart()[:2], b"", b"reply to second"])
    await library.loop.until(lambda: second.done, 2)
    return judge_second(second.result)


async def forged_reply(library: Handlers) -> Observation:
    """A server sends replies that nobody asked for, all with the same id, and then answers two requests."""
    server = library.plain(zmq.ROUTER, bind=ADDRESS)
    request = library.open(library.tx.ZmqREQConnection, connect=ADDRESS)
    first = library.asking(request, b"first", 1)
    await library.loop.until(lambda: server.poll(0), 2)
    peer, id = server.recv_multipart()[:2]
    server.send_multipart([peer, id, b"", b"reply to first"])
    for _ in range(2):
        server.send_multipart([peer, b"forged id", b"", b"forged"])
    await library.loop.until(lambda: first.done, 2)
    await library.loop.sleep(0.05)
    tasks = [library.asking(request, part, 1) for part in (b"a", b"b")]
    await echo(library.loop, server, 2)
    await library.loop.until(lambda: all(task.done for task in tasks), 2)
    return judge_forged([task.result for task in tasks])


async def high_water_mark(library: Handlers) -> Observation:
    """10,000 sends of 100 bytes with a mark of 100 and nobody who reads."""
    push = library.open(library.tx.ZmqPushConnection, connect=NOBODY, mark=100)
    for number in range(10_000):
        try:
            push.push(b"x" * 100)
        except zmq.Again as error:
            return Observation(f"{type(error).__name__} after {{}}", number)
    return Observation("takes all 10,000")


async def failing_handler(library: Handlers) -> Observation:
    """Three messages are queued, and the handler fails for the first; nothing comes after them."""
    handler = FailsAtTheFirst()
    address = free_address()
    pull = type("Pull", (library.tx.ZmqPullConnection,), {"onPull": lambda _, message: handler.got(message)})
    library.open(pull, bind=address)
    return await handler.observe(library.loop, library.plain(zmq.PUSH, connect=address))


async def shut_down(library: Handlers) -> Observation:
    """The factory is shut down with a message unsent and a linger of 2 s: how long does the reactor stand still?"""
    ticker = Ticker(library.loop)
    await library.loop.sleep(0.1)
    ticker.start_again()
    await library.leave(NOBODY, 2)
    return Observation("blocked {} s", ticker.gap())


async def parked_uses_no_processor(library: Handlers) -> Observation:
    """A connection waits for a second for a message: how much of a processor does the process use?"""
    cls, got = collecting(library.tx.ZmqPullConnection, "onPull")
    library.open(cls, bind=ADDRESS)
    library.plain(zmq.PUSH, connect=ADDRESS).send(b"first")
    await library.loop.until(lambda: got, 2)
    await library.loop.sleep(0.2)
    began = time.process_time()
    await library.loop.sleep(1)
    return Observation("{} %", (time.process_time() - began) * 100)


async def another_thread(library: Handlers) -> Observation:
    """Another thread sends on a connection of the reactor's thread."""
    connection = library.open(library.tx.ZmqDealerConnection, bind=ADDRESS)
    library.plain(zmq.DEALER, connect=ADDRESS)
    connection.sendMsg(b"x")
    errors: list[Exception] = []

    def misuse() -> None:
        try:
            connection.sendMsg(b"from another thread")
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=misuse)
    thread.start()
    thread.join()
    return Observation(f"error: {type(errors[0]).__name__}" if errors else "no error")


async def forked_child(library: Handlers) -> Observation:
    """A forked child sends on its parent's connection, and then the parent does."""
    address = free_address()
    connection = library.open(library.tx.ZmqDealerConnection, bind=address)
    peer = library.plain(zmq.DEALER, connect=address)
    await library.loop.sleep(0.1)
    connection.sendMsg(b"x")
    await library.loop.until(lambda: peer.poll(0), 2)
    peer.recv()
    error = in_a_child(lambda: connection.sendMsg(b"from the child"))
    await library.loop.sleep(0.1)
    connection.sendMsg(b"from the parent")
    return await after_the_fork(library.loop, error, peer)


CASES: dict[str, Callable[[Handlers], Awaitable[Observation]]] = {
    "send": send_eats_the_edge,
    "failed-send": failed_send_eats_the_edge,
    "connect": connect_eats_the_edge,
    "bind": bind_eats_the_edge,
    "subscribe": subscribe_eats_the_edge,
    "events": reading_events_eats_the_edge,
    "queued": queued_before_the_first_wait,
    "duplex": both_directions,
    "flood": flooded,
    "close": closed_while_parked,
    "term": terminated_while_parked,
    "malformed": malformed_request,
    "same-id": same_id,
    "repeated": repeated_reply,
    "forged": forged_reply,
    "mark": high_water_mark,
    "handler": failing_handler,
    "shutdown": shut_down,
    "idle": parked_uses_no_processor,
    "thread": another_thread,
    "fork": forked_child,
}
