"""The C extension and its twins in Python: the same cases, the same answers; and doing without the extension."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import subprocess
import sys
import tracemalloc
from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
import zmq
from zmqbridge._fast import ALL, VARIABLE, load, load_option
from zmqbridge._items import LeanItems
from zmqbridge._socket import POLLIN, POLLOUT, FastSocket, LeanSocket, Socket

import zmqbridge
from zmqbridge import _socket
from zmqbridge.framing import Publication
from zmqbridge.protocols import Faults, SubscriberProtocol

extension: Any = pytest.importorskip("zmqbridge._speedups", reason="the extension was not built")

TWINS = [Socket, LeanSocket, FastSocket]
ITEMS = [LeanItems, extension.Items]
FRAME_LAYOUTS: list[list[bytes]] = [
    [b""],
    [b"x"],
    [b"", b""],
    [b"a", b"", b"c"],
    [b"x" * 255, b"x" * 256, b"x" * 1_000_000],
    [b"%d" % number for number in range(5000)],
]


@pytest.fixture(autouse=True)
def with_speedups(monkeypatch: pytest.MonkeyPatch) -> None:
    """These cases are about the extension, whatever the environment says of the rest."""
    if _socket._speedups is None:
        monkeypatch.delenv(VARIABLE, raising=False)
        monkeypatch.setattr(_socket, "_speedups", load())


@pytest.fixture
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    """A context that is gone when the case is over, with its sockets."""
    opened: list[Socket] = []
    begin = Socket.__init__

    def noted(socket: Socket, *arguments: Any) -> None:
        begin(socket, *arguments)
        opened.append(socket)

    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Socket, "__init__", noted)
        yield context
    for socket in opened:
        socket.close(0)
    context.term()


@pytest.fixture(params=TWINS)
def pair(request: pytest.FixtureRequest, context: Any) -> tuple[Socket, Socket]:
    """Two sockets of one of the twins that are connected with each other."""
    one, other = request.param(context, zmq.PAIR), request.param(context, zmq.PAIR)
    other.connect(one.bind("inproc://pair").address)
    return one, other


def blocks_left(exchange: Callable[[int], None], rounds: int) -> int:
    """Return how many blocks of memory that lines of this file or of _socket.py asked for are left by so many rounds.

    Other threads' and other modules' are not counted: a message of pytest-xdist's that comes meanwhile has thousands.
    """

    filters = [tracemalloc.Filter(True, file) for file in (__file__, _socket.__file__)]

    def blocks() -> int:
        gc.collect()
        ours = tracemalloc.take_snapshot().filter_traces(filters)
        return len(ours.traces)

    tracemalloc.start()
    try:
        exchange(rounds)
        before = blocks()
        exchange(rounds)
        return blocks() - before
    finally:
        tracemalloc.stop()


def test_messages(pair: tuple[Socket, Socket]) -> None:
    """Messages of any number of frames of any size arrive as they were sent, lists and tuples of frames alike."""
    one, other = pair
    for layout in FRAME_LAYOUTS:
        assert one.send(layout)
        assert one.send(tuple(layout))
    received: list[list[bytes]] = []
    while len(received) < 2 * len(FRAME_LAYOUTS):
        received += other.drain(256)[0]
    assert received == [layout for layout in FRAME_LAYOUTS for _ in range(2)]


def test_batches(pair: tuple[Socket, Socket]) -> None:
    """A batch ends at its limit, at what it may cost, or with the last message, and says which."""
    one, other = pair
    for number in range(10):
        assert one.send([b"%d" % number])
    assert other.drain(4) == ([[b"%d" % number] for number in range(4)], False)
    assert other.drain(100) == ([[b"%d" % number] for number in range(4, 10)], True)
    assert other.drain(100) == ([], True)
    for _ in range(10):
        assert one.send([b"x" * 300_000, b"y" * 300_000])
    assert len(other.drain(256)[0]) == 2
    while not other.drain(256)[1]:
        pass
    for _ in range(20):
        assert one.send([b""] * 1000)
    assert len(other.drain(256)[0]) == 5


def test_many_messages(pair: tuple[Socket, Socket]) -> None:
    """A batch of messages is sent in order, from an index on, up to a limit or to one that needs conversion."""
    one, other = pair
    messages: list[Any] = [b"%d" % number for number in range(10)]
    assert one.send_batch(messages, 2, 4) == 4
    assert one.send_batch(messages, 6, 100) == 4
    assert one.send_batch(messages, 10, 100) == 0
    assert one.send_batch([b"10", bytearray(b"converted"), b"no more"], 0, 100) == 1
    messages = ["text", 5, None, []]
    for start in range(4):
        assert one.send_batch(messages, start, 100) == 0
    assert other.drain(256) == ([[b"%d" % number] for number in range(2, 11)], True)


def test_many_messages_and_no_room(pair: tuple[Socket, Socket]) -> None:
    """A batch ends where there is no more room, and says how much of it was sent."""
    one, other = pair
    messages: list[Any] = [b"%d" % number for number in range(10_000)]
    sent = 0
    received: list[list[bytes]] = []
    while sent < len(messages):
        sent += one.send_batch(messages, sent, 256)
        if one.events() & POLLOUT == 0:
            assert one.send_batch(messages, sent, 256) == 0
            while other.events() & POLLIN:
                received += other.drain(256)[0]
    while other.events() & POLLIN:
        received += other.drain(256)[0]
    assert received == [[message] for message in messages]


@pytest.mark.parametrize("size", [1000, 65_536, 1_000_000])
def test_views(pair: tuple[Socket, Socket], size: int) -> None:
    """Frames of the size that was asked for are read-only memoryviews, which outlive their sockets."""
    one, other = pair
    other.views_from = 1000
    payloads = [bytes([number]) * size for number in range(5)]
    for payload in payloads:
        assert one.send([b"head", payload, b"tail"])
    received: list[Any] = []
    while len(received) < 5:
        received += other.drain(256)[0]
    del payload
    payloads.clear()
    gc.collect()
    one.close(0)
    other.close(0)
    for number, (head, view, tail) in enumerate(received):
        assert (head, tail) == (b"head", b"tail")
        assert isinstance(view, memoryview)
        assert view.readonly
        assert view == bytes([number]) * size


def test_lent_memory_comes_back(context: Any) -> None:
    """A large frame that was sent is Python's again once libzmq has let go of it, whoever read it."""
    one, other = FastSocket(context, zmq.PAIR), FastSocket(context, zmq.PAIR)
    other.connect(one.bind("tcp://127.0.0.1:*").address)
    other.views_from = 1000
    payload = bytes(1_000_000)
    before = sys.getrefcount(payload)
    for _ in range(20):
        while not one.send([payload]):
            pass
        while not other.drain(256)[0]:
            pass
    while sys.getrefcount(payload) > before:
        one.drain(1)
    assert sys.getrefcount(payload) == before
    full = FastSocket(context, zmq.PAIR)
    assert not full.send([payload])
    full.drain(1)
    assert sys.getrefcount(payload) == before


def test_what_is_more_than_bytes_is_not_lent(context: Any) -> None:
    """A frame whose end runs code is copied: that code might close the socket that is about to be used."""
    gone: list[bool] = []

    class Loud(bytes):
        def __del__(self) -> None:
            gone.append(True)

    one, other = FastSocket(context, zmq.PAIR), FastSocket(context, zmq.PAIR)
    other.connect(one.bind("inproc://loud").address)
    assert one.send([Loud(1_000_000)])
    assert gone == [True]
    assert other.drain(1) == ([[bytes(1_000_000)]], False)


def test_full(pair: tuple[Socket, Socket]) -> None:
    """Where there is no room nothing of a message is sent, and what follows is whole."""
    one, other = pair
    sent = 0
    while one.send([b"a", b"b", b"c"]):
        sent += 1
    assert one.events() & POLLOUT == 0
    received: list[list[bytes]] = []
    while len(received) < sent:
        received += other.drain(256)[0]
    assert received == [[b"a", b"b", b"c"]] * sent
    assert one.events() & POLLOUT
    assert one.send([b"d", b"e"])
    assert other.events() & POLLIN
    assert other.drain(1)[0] == [[b"d", b"e"]]


@pytest.mark.parametrize("kind", TWINS)
def test_unreachable(context: Any, kind: type[Socket]) -> None:
    """A router without the peer says so, for a message of several frames as for any."""
    router = kind(context, zmq.ROUTER)
    router.set_option(zmq.ROUTER_MANDATORY, 1)
    with pytest.raises(zmqbridge.PeerUnreachable, match="b'nobody'"):
        router.send([b"nobody", b"x"])


@pytest.mark.parametrize("kind", TWINS)
def test_wrong_direction(context: Any, kind: type[Socket]) -> None:
    """Receiving where a socket only sends, and sending where it only receives, is the caller's mistake."""
    with pytest.raises(zmqbridge.LocalProtocolError):
        kind(context, zmq.PUSH).drain(1)
    with pytest.raises(zmqbridge.LocalProtocolError):
        kind(context, zmq.PULL).send([b"x", b"y"])


def test_closed_by_other_code(pair: tuple[Socket, Socket]) -> None:
    """A socket that other code closed is never touched again."""
    one, _ = pair
    one.raw.close()
    for call in (lambda: one.drain(1), lambda: one.send([b"x", b"y"]), lambda: one.send([b"x"]), one.events):
        with pytest.raises(zmqbridge.ConnectionClosed):
            call()


def test_closed_by_the_garbage_collector(context: Any) -> None:
    """What the collector runs cannot close the socket in the middle of a batch."""
    one, other = FastSocket(context, zmq.PAIR), FastSocket(context, zmq.PAIR)
    other.connect(one.bind("inproc://garbage").address)
    for _ in range(200):
        assert one.send([b"a", b"b"])

    class Garbage:
        def __init__(self) -> None:
            self.cycle = self

        def __del__(self) -> None:
            other.close(0)

    threshold = gc.get_threshold()
    gc.collect()
    Garbage()
    gc.set_threshold(100)
    try:
        messages, _ = other.drain(200)
    finally:
        gc.set_threshold(*threshold)
    gc.collect()
    assert messages == [[b"a", b"b"]] * 200
    with pytest.raises(zmqbridge.ConnectionClosed):
        other.drain(1)


@pytest.mark.parametrize("kind", [zmq.DEALER, zmq.PAIR])
def test_a_pipe_that_dies_in_the_middle(context: Any, kind: int) -> None:
    """If libzmq takes the first frames of a message and then no more, it is made to forget them; a pair has by then."""
    one = FastSocket(context, kind)
    answers = iter([(2, errno.EAGAIN), None])
    forgotten: list[tuple[bytes, int]] = []
    one._send_message = lambda handle, frames: next(answers)
    one.send_frame = lambda frame, flags: forgotten.append((frame, flags))
    one._read_events = lambda handle: POLLOUT
    assert one.send([b"a", b"b", b"c", b"d"])
    assert forgotten == ([(b"", int(zmq.NOBLOCK))] if kind == zmq.DEALER else [])


@pytest.mark.parametrize(
    ("message", "views_from", "publication"),
    [
        ([b"a" * 100, b"b" * 100, b"c" * 100], 0, None),
        ([b"a" * 100, b"b" * 100, b"c" * 100], 1, None),
        ([b"a" * 100, b"b" * 100, b"c" * 100], sys.maxsize, None),
        ([b"tag\0" + b"a" * 100], sys.maxsize, Publication),
    ],
)
def test_no_memory(context: Any, message: list[bytes], views_from: int, publication: Any) -> None:
    """Where memory runs out while a message is read, that message is lost, and the next one is whole."""
    memory: Any = pytest.importorskip("_testcapi", reason="this Python has no tests of its own")
    one, other = FastSocket(context, zmq.PAIR), FastSocket(context, zmq.PAIR)
    other.connect(one.bind("inproc://memory").address)
    outcomes = set()
    for allowed in range(30):
        assert one.send(message)
        assert one.send([b"whole", b"message"])
        arguments = other._handle, 1, 1 << 20, views_from, publication
        memory.set_nomemory(allowed, allowed + 1)
        try:
            extension.receive(*arguments)
            outcomes.add("read")
        except MemoryError:
            outcomes.add("lost")
        finally:
            memory.remove_mem_hooks()
        assert other.drain(2) == ([[b"whole", b"message"]], True)
    assert outcomes == {"read", "lost"}


def test_bad_frames(context: Any) -> None:
    """What is no bytes is a TypeError of the extension too; it never reads what is not there."""
    one = FastSocket(context, zmq.PAIR)
    for frames in (["x", b"y"], [None], 5, None):
        with pytest.raises(TypeError):
            extension.send(one._handle, frames)


def test_bad_addresses(context: Any) -> None:
    """Addresses that are missing or zero are refused before anything is called, and those in use stay in use."""
    with pytest.raises(KeyError):
        extension.use({})
    with pytest.raises(ValueError, match="the address of zmq_msg_init is zero"):
        extension.use({"zmq_msg_init": 0})
    assert FastSocket(context, zmq.PAIR).drain(1) == ([], True)


def test_nothing_leaks(context: Any) -> None:
    """Ten thousand frames later as many blocks of memory are in use as before."""
    one, other = FastSocket(context, zmq.PAIR), FastSocket(context, zmq.PAIR)
    other.connect(one.bind("inproc://leak").address)

    def exchange(rounds: int) -> None:
        for number in range(rounds):
            other.views_from = 2000 if number % 2 else sys.maxsize
            assert one.send([b"%d" % number, b"x" * 100, b"", b"y" * 2000, b"z"])
            (message,), drained = other.drain(256)
            assert (len(message), drained) == (5, True)
            with pytest.raises(TypeError):
                extension.send(one._handle, [b"x", 5])
            one._forget_the_rest()
            other.drain(256)

    assert blocks_left(exchange, 2000) < 20


def test_without_the_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extension is missing, or libzmq's functions are not found, or the variable is set, there is none."""
    with monkeypatch.context() as patched:
        patched.setenv(VARIABLE, "1")
        assert load() is None
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "zmqbridge._speedups", None)
        assert load() is None
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "zmq.backend.cython._zmq", os)
        assert load() is None
    monkeypatch.setattr(_socket, "_speedups", None)
    with zmq.Context() as context:
        socket = _socket.open_socket(context, zmq.PAIR)
        assert type(socket) is LeanSocket
        socket.close(0)


def test_pyzmq_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not even RCVMORE can be asked of libzmq itself, or the variable says so, pyzmq does everything."""
    with monkeypatch.context() as patched:
        patched.setenv(VARIABLE, ALL)
        assert load() is None
        assert load_option() is None
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "zmq.backend.cython._zmq", os)
        assert load_option() is None
    monkeypatch.setattr(_socket, "_speedups", None)
    monkeypatch.setattr(_socket, "_read_option", None)
    with zmq.Context() as context:
        socket = _socket.open_socket(context, zmq.PAIR)
        assert type(socket) is Socket
        socket.close(0)


@pytest.mark.parametrize("value", ["", "1"])
def test_tells(value: str) -> None:
    """``zmqbridge.speedups_enabled`` tells which of the two serves."""
    program = "import zmqbridge; print(zmqbridge.speedups_enabled)"
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {VARIABLE: value}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(not value)


class Books:
    """The half of a :class:`~zmqbridge.readiness.Readiness` that an iterator looks at."""

    reserved = 0


def drive(awaitable: Any) -> Any:
    """Await what never has to wait, without a loop."""

    async def main() -> Any:
        return await awaitable

    with pytest.raises(StopIteration) as stopped:
        main().send(None)
    return stopped.value.value


@pytest.mark.parametrize("kind", ITEMS)
def test_items(kind: Any) -> None:
    """An iterator takes what is there and is reserved for nobody, and otherwise awaits what the call returns."""
    buffer, books, waits = deque([1, (2,), None, StopIteration(4)]), Books(), 0

    async def wait() -> str:
        nonlocal waits
        waits += 1
        return "waited"

    items = kind(buffer, books, wait)
    assert aiter(items) is items
    assert drive(anext(items)) == 1
    books.reserved = 3
    assert drive(anext(items)) == "waited"
    books.reserved = 0
    assert drive(anext(items)) == (2,)
    assert drive(anext(items)) is None
    assert isinstance(drive(anext(items)), StopIteration)
    assert drive(anext(items)) == "waited"
    assert waits == 2


def test_items_asked_for_before_they_are_awaited() -> None:
    """What is asked for and never awaited stays, and what another took meanwhile is waited for."""
    buffer: deque[int] = deque([1])

    async def wait() -> str:
        return "waited"

    items = extension.Items(buffer, Books(), wait)
    first, second, never = items.__anext__(), items.__anext__(), items.__anext__()
    del never
    assert list(buffer) == [1]
    assert drive(first) == 1
    assert drive(second) == "waited"
    buffer.append(2)
    for value in (StopIteration, ValueError("thrown")):
        asked = items.__anext__()
        with pytest.raises(type(value) if isinstance(value, ValueError) else RuntimeError):
            asked.throw(value)
        asked.close()
    items.__anext__().close()
    assert list(buffer) == [2]
    stepped = items.__anext__()
    with pytest.raises(StopIteration) as stopped:
        next(stepped)
    assert stopped.value.value == 2


@pytest.mark.parametrize("kind", ITEMS)
def test_items_are_tasks(kind: Any) -> None:
    """The next item can be a task, whether it is there or not."""

    async def wait() -> str:
        return "waited"

    async def main() -> list[Any]:
        items = kind(deque([1]), Books(), wait)
        return [await asyncio.create_task(items.__anext__()) for _ in range(2)]

    assert asyncio.run(main()) == [1, "waited"]


def test_items_that_wait_are_cancelled() -> None:
    """An exception thrown into a wait reaches what waits, and so does the end."""
    ends: list[str] = []

    class Pause:
        def __await__(self) -> Generator[None, None, None]:
            yield

    async def wait() -> None:
        try:
            await Pause()
        except ValueError:
            ends.append("thrown")
            raise
        except GeneratorExit:
            ends.append("closed")
            raise

    buffer = deque([1])
    items = extension.Items(buffer, Books(), wait)
    thrown, closed = items.__anext__(), items.__anext__()
    buffer.clear()
    assert next(thrown) is None
    assert next(closed) is None
    with pytest.raises(ValueError, match="stop"):
        thrown.throw(ValueError("stop"))
    closed.close()
    assert ends == ["thrown", "closed"]


def test_items_that_wait_in_a_cycle() -> None:
    """A wait that nobody will end, and has a way back to itself, is collected with all that it holds."""

    gone: list[bool] = []

    class Task:
        asked: Any

        def __del__(self) -> None:
            gone.append(True)

        def __await__(self) -> Generator[None, None, None]:
            yield

    def abandon() -> None:
        task = Task()

        async def wait() -> None:
            await task

        buffer = deque([1])
        task.asked = extension.Items(buffer, Books(), wait).__anext__()
        buffer.clear()
        assert next(task.asked) is None

    abandon()
    gc.collect()
    assert gone == [True]


def test_items_of_nonsense() -> None:
    """What is no buffer, or has no books, is an error and no crash."""

    async def wait() -> None:
        """Nobody gets here."""

    with pytest.raises(AttributeError):
        extension.Items(5, Books(), wait)
    with pytest.raises(AttributeError):
        extension.Items(deque([1]), object(), wait).__anext__()
    with pytest.raises(TypeError):
        extension.Items()
    Books.reserved, before = "many", Books.reserved  # type: ignore[assignment]
    try:
        with pytest.raises(TypeError):
            extension.Items(deque([1]), Books(), wait).__anext__()
    finally:
        Books.reserved = before


def test_items_do_not_leak() -> None:
    """An iterator, what it gave, and a cycle through it are all gone when nobody has them."""

    async def wait() -> None:
        """Nobody gets here."""

    def exchange(rounds: int) -> None:
        for _ in range(rounds):
            buffer: deque[Any] = deque([object()] * 5)
            items = extension.Items(buffer, Books(), wait)
            buffer.append(items)
            drive(anext(items))
            drive(anext(items))
            items.__anext__()

    assert blocks_left(exchange, 2000) < 20


@pytest.fixture
def kind() -> type[Socket]:
    """What reads the publications, unless a case says otherwise."""
    return FastSocket


@pytest.fixture
def exchange(context: Any, kind: type[Socket]) -> Iterator[Callable[..., Any]]:
    """What one end of a pair, which reads publications, makes of the messages that the other sends."""
    one, other = FastSocket(context, zmq.PAIR), kind(context, zmq.PAIR)
    other.connect(one.bind("inproc://publications").address)
    other.publication = Publication

    def exchange(*messages: list[bytes], views_from: int = sys.maxsize) -> Any:
        other.views_from = views_from
        for message in messages:
            assert one.send(message)
        received, drained = other.drain(len(messages) + 1)
        assert drained
        return received

    yield exchange
    one.close()
    other.close()


@pytest.mark.parametrize("kind", [LeanSocket, FastSocket])
def test_publications(exchange: Callable[..., Any]) -> None:
    """A message of one frame with a zero byte in it is a publication at once; any other is left as it is."""
    good = [b"tag\0message"], [b"\0"], [b"a\0b\0c"], [b"a\0"], [b"a\0c"], [b"\0" + b"x" * 1000]
    expected = [(b"tag", b"message"), (b"", b""), (b"a", b"b\0c"), (b"a", b""), (b"a", b"c"), (b"", b"x" * 1000)]
    received = exchange(*good)
    assert received == expected
    assert {type(publication) for publication in received} == {Publication}
    assert received[0].message == b"message"
    bad = [b"none"], [b"two\0", b"frames"], [b""], [b"", b"\0"]
    received = exchange(*good, *bad, *good)
    assert received == [*expected, *bad, *expected]
    faults = Faults()
    read = SubscriberProtocol(faults).receive(received)
    assert read == [*expected, Publication(b"two\0", b"frames"), Publication(b"", b"\0"), *expected]
    assert faults.malformed == 2


def test_large_publications(exchange: Callable[..., Any]) -> None:
    """One of a size to be received as a view is left for the protocol, which copies none of it but the tag."""
    small, (large,) = exchange([b"small\0" + b"x" * 93], [b"large\0" + b"x" * 94], views_from=100)
    assert small == (b"small", b"x" * 93)
    assert isinstance(large, memoryview)


def test_publications_do_not_leak(exchange: Callable[..., Any]) -> None:
    """Neither those that were read nor those of a batch that could not be read stay behind."""
    messages = [*([b"tag %d\0message" % (number // 2)] for number in range(6)), [b"none"]]

    def repeat(rounds: int) -> None:
        for _ in range(rounds):
            exchange(*messages)

    assert blocks_left(repeat, 2000) < 20


def test_publications_of_nonsense(context: Any) -> None:
    """What is no tuple's type is an error and no crash."""
    one = FastSocket(context, zmq.PAIR)
    for publication in (5, int, list, Publication(b"a", b"b")):
        with pytest.raises(TypeError):
            extension.receive(int(one.raw.underlying), 1, 1, 1, publication)
    one.close()
