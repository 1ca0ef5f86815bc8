"""The rules of libzmq's sockets that only a fault can show: the fault is forced, on a real socket or under it."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import zmq
from zmqbridge._socket import POLLIN, POLLOUT, FastSocket, LeanSocket, Socket

import zmqbridge
from tests.forcing import before_calls
from zmqbridge import _socket

Open = Callable[..., Socket]


@pytest.fixture
def open_socket() -> Iterator[Open]:
    """A function that opens sockets of one context; all are closed in the end."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    opened: list[Socket] = []

    def open_socket(socket_type: int, kind: type[Socket] = Socket) -> Socket:
        opened.append(kind(context, socket_type))
        return opened[-1]

    yield open_socket
    for socket in opened:
        socket.close(0)
    context.term()


@pytest.fixture
def pair(open_socket: Open) -> tuple[Socket, Socket]:
    """A PUSH socket and the PULL socket that is connected to it."""
    push, pull = open_socket(zmq.PUSH), open_socket(zmq.PULL)
    pull.connect(push.bind("inproc://pair").address)
    return push, pull


def fail(real: Callable[..., Any], *failures: tuple[int, int]) -> Callable[..., Any]:
    """Return ``real`` with some of its calls, by number, failing with an errno instead."""
    calls = iter(range(1_000_000))
    errors = dict(failures)

    def call(*args: Any) -> Any:
        number = next(calls)
        if number in errors:
            if errors[number] == errno.EAGAIN:
                raise zmq.Again
            raise zmq.ZMQError(errors[number])
        return real(*args)

    return call


def test_false_eagain(pair: tuple[Socket, Socket]) -> None:
    """A send whose EAGAIN is out of date succeeds at the second try, after EVENTS was read."""
    push, pull = pair
    push.send_frame = fail(push.send_frame, (0, errno.EAGAIN))
    assert push.send([b"a"])
    assert pull.drain(10) == ([[b"a"]], True)


@pytest.mark.parametrize("at", [1, 2])
def test_death_in_the_middle_of_a_message(pair: tuple[Socket, Socket], at: int) -> None:
    """A pipe that dies in the middle of a message: the message is sent whole, and the next is whole too."""
    push, pull = pair
    sent: list[tuple[bytes, int]] = []
    real = push.send_frame

    def recording(frame: bytes, flags: int) -> object:
        # libzmq drops what it has of a message whose pipe died, and swallows the rest up to its last frame.
        sent.append((frame, flags))
        return None if len(sent) <= 2 else real(frame, flags)

    push.send_frame = fail(recording, (at, errno.EAGAIN))
    assert push.send([b"a", b"b", b"c"])
    assert push.send([b"next"])
    assert pull.drain(10) == ([[b"a", b"b", b"c"], [b"next"]], True)
    if at == 1:
        assert sent[1] == (b"", int(zmq.NOBLOCK))  # the end of what was swallowed


def test_full(open_socket: Open) -> None:
    """With no room a send says so, and what EVENTS said of receiving is kept."""
    one, other = open_socket(zmq.PAIR), open_socket(zmq.PAIR)
    one.apply(zmqbridge.SocketOptions(send_high_water_mark=1, receive_high_water_mark=1))
    other.apply(zmqbridge.SocketOptions(send_high_water_mark=1, receive_high_water_mark=1))
    other.connect(one.bind("inproc://full").address)
    assert other.send([b"for one"])
    while one.send([b"x"]):
        pass
    pending = one.input_pending
    assert pending
    assert one.events() == POLLIN
    assert one.drain(1) == ([[b"for one"]], False)
    assert not one.send([b"x"])
    pending = one.input_pending
    assert not pending
    other.drain(10)
    assert one.events() == POLLOUT


def test_router_with_a_full_peer(open_socket: Open) -> None:
    """A router's POLLOUT does not mean room: the send gives up after one more try, and does not spin."""
    router = open_socket(zmq.ROUTER)
    router.apply(zmqbridge.SocketOptions(send_high_water_mark=1, receive_high_water_mark=1))
    router.set_option(zmq.ROUTER_MANDATORY, 1)
    address = router.bind("inproc://router").address
    for name in (b"full", b"empty"):
        dealer = open_socket(zmq.DEALER)
        dealer.apply(zmqbridge.SocketOptions(send_high_water_mark=1, receive_high_water_mark=1, identity=name))
        dealer.connect(address)
        assert dealer.send([b"hello"])
    assert sorted(router.drain(10)[0]) == [[b"empty", b"hello"], [b"full", b"hello"]]
    assert not router.tells_room
    while router.send([b"full", b"x"]):
        pass
    assert router.events() & POLLOUT
    assert not router.send([b"full", b"x"])


def test_batch_of_large_messages(pair: tuple[Socket, Socket]) -> None:
    """A batch ends at a mebibyte, so that large messages are not read ahead by the hundred."""
    push, pull = pair
    for _ in range(10):
        assert push.send([b"x" * 300_000, b"y" * 300_000])
    messages, drained = pull.drain(256)
    assert (len(messages), drained) == (2, False)


def test_failure_behind_messages(pair: tuple[Socket, Socket]) -> None:
    """A failure in the middle of a batch loses nothing of it, and is reported by the next."""
    push, pull = pair
    for number in range(3):
        assert push.send([b"%d" % number])
    pull._recv = fail(pull._recv, (2, int(zmq.ETERM)), (3, int(zmq.ETERM)))
    assert pull.drain(10) == ([[b"0"], [b"1"]], False)
    with pytest.raises(zmqbridge.ContextTerminated):
        pull.drain(10)
    assert pull.drain(10) == ([[b"2"]], True)


def fast_or_skip() -> type[FastSocket]:
    if _socket._speedups is None:
        pytest.skip("the extension is not in use")
    return FastSocket


def lean_or_skip() -> type[LeanSocket]:
    if _socket._read_option is None:
        pytest.skip("pyzmq's libzmq is not called")
    return LeanSocket


KINDS: dict[str, Callable[[], type[Socket]]] = {
    "Socket": lambda: Socket,
    "LeanSocket": lean_or_skip,
    "FastSocket": fast_or_skip,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (int(zmq.ETERM), zmqbridge.ContextTerminated),
        (int(zmq.ENOTSOCK), zmqbridge.ConnectionClosed),
        (int(zmq.ENOTSUP), zmqbridge.LocalProtocolError),
        (int(zmq.EFSM), zmqbridge.LocalProtocolError),
        (errno.EFAULT, zmqbridge.ZmqBridgeError),
    ],
)
def test_errors(open_socket: Open, kind: str, code: int, expected: type[Exception]) -> None:
    """Whatever call fails, and whoever makes it, the error is one of this library's."""
    push, pull = open_socket(zmq.PUSH, KINDS[kind]()), open_socket(zmq.PULL, KINDS[kind]())
    pull.connect(push.bind("inproc://errors").address)
    calls: list[Callable[[], object]] = [
        lambda: push.send([b"x"]),
        lambda: push.send([b"x", b"y"]),
        push.events,
        lambda: pull.drain(1),
    ]
    with failing(push, pull, code):
        for call in calls:
            with pytest.raises(expected) as raised:
                call()
            assert type(raised.value) is expected
    assert push.send([b"x", b"y"])
    assert pull.drain(10) == ([[b"x", b"y"]], True)


@contextmanager
def failing(push: Socket, pull: Socket, code: int) -> Iterator[None]:
    """All calls of both sockets fail."""
    if isinstance(push, FastSocket):
        fails = {name: lambda *_: code for name in ("zmq_send", "zmq_msg_recv", "zmq_getsockopt")}
        with before_calls(**fails):
            yield
        return

    def fail(*_: Any) -> Any:
        raise zmq.ZMQError(code)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(push, "send_frame", fail)
        patched.setattr(push, "_get", fail)
        patched.setattr(pull, "_recv", fail)
        for socket in (push, pull):
            if isinstance(socket, LeanSocket):
                patched.setattr(socket, "_read", fail)
                patched.setattr(socket, "_get", fail)
                patched.setattr(socket._events, "read", lambda *_: -1)
        yield


MESSAGES: list[Any] = [[b"a", b"b", b"c"], [b"d"], b"e", [b"", b""], [b"f" * 100_000, b"g"]]


def test_interrupted_in_the_extension(open_socket: Open) -> None:
    """Calls that signals interrupt, each of them twice and in the middle of a message too, lose and repeat nothing."""
    push, pull = open_socket(zmq.PUSH, fast_or_skip()), open_socket(zmq.PULL, FastSocket)
    pull.connect(push.bind("inproc://interrupted").address)
    calls: Counter[str] = Counter()

    def interrupt(name: str) -> Callable[..., int]:
        def hook(*_: Any) -> int:
            calls[name] += 1
            return errno.EINTR if calls[name] % 3 else 0

        return hook

    names = ["zmq_send", "zmq_msg_send", "zmq_msg_recv", "zmq_getsockopt"]
    with before_calls(**{name: interrupt(name) for name in names}):
        assert push.send_batch(MESSAGES, 0, 100) == len(MESSAGES)
        assert push.send([b"h", b"i"])
        assert push.events() == POLLOUT
        assert pull.events() == POLLIN
        received, drained = pull.drain(100)
    assert drained
    assert received == [[b"a", b"b", b"c"], [b"d"], [b"e"], [b"", b""], [b"f" * 100_000, b"g"], [b"h", b"i"]]
    # One receive finds nothing.
    assert calls == {"zmq_send": 3 * 10, "zmq_msg_send": 3, "zmq_msg_recv": 3 * 12, "zmq_getsockopt": 3 * 2}


def test_interrupted_question(open_socket: Open) -> None:
    """Where libzmq's own RCVMORE fails, pyzmq says whether more frames follow."""
    push, pull = open_socket(zmq.PUSH), open_socket(zmq.PULL, lean_or_skip())
    pull.connect(push.bind("inproc://interrupted").address)
    for message in ([b"a", b"b", b"c"], [b"d"], [b"e", b"f"]):
        assert push.send(message)
    assert isinstance(pull, LeanSocket)
    pull._more.read = lambda *_: -1
    assert pull.drain(100) == ([[b"a", b"b", b"c"], [b"d"], [b"e", b"f"]], True)


def test_closed_under_it(open_socket: Open) -> None:
    """A socket that other code closed says so, whatever is asked of it."""
    socket = open_socket(zmq.PAIR)
    socket.raw.close()
    for call in (
        lambda: socket.send([b"x"]),
        lambda: socket.drain(1),
        socket.events,
        lambda: socket.get_option(zmq.TYPE),
        lambda: socket.set_option(zmq.LINGER, 0),
        lambda: socket.bind("inproc://x"),
    ):
        with pytest.raises(zmqbridge.ConnectionClosed):
            call()


def test_option_for_another_type(open_socket: Open) -> None:
    """An option that the socket refuses is named, with its type."""
    socket = open_socket(zmq.PAIR)
    socket.raw.set = fail(socket.raw.set, (0, errno.EINVAL))  # type: ignore[method-assign]
    with pytest.raises(zmqbridge.OptionError, match=r"refuses ipv6 for a PAIR socket: Invalid argument"):
        socket.apply(zmqbridge.SocketOptions(ipv6=True))
