"""The C extension and its twin in Python: the same cases, the same answers; and doing without the extension."""

from __future__ import annotations

import errno
import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import zmq

import zmqbridge
from zmqbridge import _socket
from zmqbridge._fast import VARIABLE, load
from zmqbridge._socket import POLLIN, POLLOUT, FastSocket, Socket

extension: Any = pytest.importorskip("zmqbridge._speedups", reason="the extension was not built")

TWINS = [Socket, FastSocket]
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


def test_a_pipe_that_dies_in_the_middle(context: Any) -> None:
    """If libzmq takes the first frames of a message and then no more, it is made to forget them."""
    one = FastSocket(context, zmq.PAIR)
    answers = iter([(2, errno.EAGAIN), (3, 0)])
    forgotten: list[tuple[bytes, int]] = []
    one._send_message = lambda handle, frames: next(answers)
    one._send = lambda frame, flags: forgotten.append((frame, flags))
    one._get = lambda option: POLLOUT
    assert one.send([b"a", b"b", b"c", b"d"])
    assert forgotten == [(b"", int(zmq.NOBLOCK))]


def test_bad_frames(context: Any) -> None:
    """What is no bytes is a TypeError of the extension too; it never reads what is not there."""
    one = FastSocket(context, zmq.PAIR)
    for frames in (["x", b"y"], [None], 5, None):
        with pytest.raises(TypeError):
            extension.send(one._handle, frames)


def test_bad_addresses() -> None:
    """Addresses that are missing or zero are refused before anything is called."""
    with pytest.raises(KeyError):
        extension.use({})
    with pytest.raises(ValueError, match="the address of zmq_msg_init is zero"):
        extension.use({"zmq_msg_init": 0})
    assert load() is not None


def test_nothing_leaks(context: Any) -> None:
    """A million frames later as many blocks of memory are in use as before."""
    one, other = FastSocket(context, zmq.PAIR), FastSocket(context, zmq.PAIR)
    other.connect(one.bind("inproc://leak").address)

    def exchange(rounds: int) -> int:
        for number in range(rounds):
            assert one.send([b"%d" % number, b"x" * 100, b"", b"y" * 2000, b"z"])
            (message,), drained = other.drain(256)
            assert (len(message), drained) == (5, True)
            with pytest.raises(TypeError):
                extension.send(one._handle, [b"x", 5])
            one._forget_the_rest()
            other.drain(256)
        gc.collect()
        return sys.getallocatedblocks()

    before = exchange(2000)
    assert exchange(20_000) - before < 1000


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
