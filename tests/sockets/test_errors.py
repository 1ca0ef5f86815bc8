"""Whatever call of libzmq's fails, the error is one of this library's; and what is closed is touched no more."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import zmq

import zmqbridge
from tests.forcing import before_calls
from tests.opened import OpenedSockets
from zmqbridge.socket import FastSocket, LeanSocket, Socket


@contextmanager
def failing(push: Socket, pull: Socket, code: int) -> Iterator[None]:
    """All calls of both sockets fail."""
    if isinstance(push, FastSocket):
        fails = {name: lambda *_: code for name in ("zmq_send", "zmq_msg_send", "zmq_msg_recv", "zmq_getsockopt")}
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
def test_errors(opened: OpenedSockets, kind: type[Socket], code: int, expected: type[Exception]) -> None:
    """Whatever call fails, and whoever makes it, the error is one of this library's."""
    push, pull = opened.joined(kind, zmq.PUSH, zmq.PULL)
    calls: list[Callable[[], object]] = [
        lambda: push.send([b"x"]),
        lambda: push.send([b"x", b"y"]),
        push.events,
        lambda: pull.receive(1),
    ]
    with failing(push, pull, code):
        for call in calls:
            with pytest.raises(expected) as raised:
                call()
            assert type(raised.value) is expected
    assert push.send([b"x", b"y"])
    assert pull.receive(10) == ([[b"x", b"y"]], True)


@contextmanager
def failing_at(pull: Socket, failures: dict[int, int]) -> Iterator[None]:
    """Some of the calls that receive a frame fail, by their number, with an errno."""
    calls = iter(range(1_000_000))
    if isinstance(pull, FastSocket):
        with before_calls(zmq_msg_recv=lambda *_: failures.get(next(calls), 0)):
            yield
        return
    name = "_read" if isinstance(pull, LeanSocket) else "_recv"
    real = getattr(pull, name)

    def receive(*arguments: Any) -> Any:
        number = failures.get(next(calls), 0)
        if number:
            raise zmq.ZMQError(number)
        return real(*arguments)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pull, name, receive)
        yield


def test_failure_behind_messages(opened: OpenedSockets, kind: type[Socket]) -> None:
    """A failure in the middle of a batch loses nothing of it, and is reported by the next."""
    push, pull = opened.joined(kind, zmq.PUSH, zmq.PULL)
    for number in range(3):
        assert push.send([b"%d" % number])
    with failing_at(pull, {2: int(zmq.ETERM), 3: int(zmq.ETERM)}):
        assert pull.receive(10) == ([[b"0"], [b"1"]], False)
        with pytest.raises(zmqbridge.ContextTerminated):
            pull.receive(10)
    assert pull.receive(10) == ([[b"2"]], True)


def test_closed_by_other_code(opened: OpenedSockets, kind: type[Socket]) -> None:
    """A socket that other code closed says so, whatever is asked of it, and is never touched again."""
    socket, _ = opened.pair(kind)
    socket.raw.close()
    calls: list[Callable[[], object]] = [
        lambda: socket.send([b"x"]),
        lambda: socket.send([b"x", b"y"]),
        lambda: socket.receive(1),
        socket.events,
        lambda: socket.get_option(zmq.TYPE),
        lambda: socket.set_option(zmq.LINGER, 0),
        lambda: socket.bind("inproc://x"),
    ]
    for call in calls:
        with pytest.raises(zmqbridge.ConnectionClosed):
            call()


def test_option_for_another_type(opened: OpenedSockets, kind: type[Socket], monkeypatch: pytest.MonkeyPatch) -> None:
    """An option that the socket refuses is named, with its type."""
    socket = opened.open(kind, zmq.PAIR)

    def refuse(*_: object) -> None:
        raise zmq.ZMQError(errno.EINVAL)

    monkeypatch.setattr(socket.raw, "set", refuse)
    with pytest.raises(zmqbridge.OptionError, match=r"refuses ipv6 for a PAIR socket: Invalid argument"):
        socket.apply(zmqbridge.SocketOptions(ipv6=True))


def test_types_that_have_turns(opened: OpenedSockets, kind: type[Socket]) -> None:
    """A REQ and a REP have their own errors for what is not their turn, and no look ahead hides them."""
    req, rep = opened.joined(kind, zmq.REQ, zmq.REP)
    with pytest.raises(zmqbridge.LocalProtocolError, match="by turns"):
        req.receive(1)
    assert req.send([b"?"])
    with pytest.raises(zmqbridge.LocalProtocolError, match="by turns"):
        req.send([b"?"])
    assert rep.receive(1) == ([[b"?"]], False)
    with pytest.raises(zmqbridge.LocalProtocolError, match="by turns"):
        rep.receive(1)
