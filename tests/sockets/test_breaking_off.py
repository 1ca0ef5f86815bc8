"""What breaks off in the middle of a message, and what comes in the middle of one."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest
import zmq

from tests.forcing import before_sends
from tests.opened import OpenedSockets
from tests.twins import KINDS
from zmqbridge import ConnectionClosed
from zmqbridge.socket import Socket


class Interruption(BaseException):
    """What a signal's handler raises."""


@pytest.fixture(params=["plain", "lean"])
def interruptible(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[Socket]:
    """The kinds of socket between whose calls of libzmq a signal's handler may run."""
    kind: type[Socket] = KINDS[request.param](monkeypatch)
    return kind


def test_too_many_frames(opened: OpenedSockets, kind: type[Socket]) -> None:
    """A message of more frames than it may have is left out with all of them, and noted; those beside it are whole."""
    push, pull = opened.joined(kind, zmq.PUSH, zmq.PULL)
    pull.max_frames = 2
    for message in ([b"1"], [b"a", b"b", b"c", b"d"], [b"1", b"2"], [b"a", b"b", b"c"], [b"3"]):
        assert push.send(message)
    assert pull.receive(10)[0] == [[b"1"], [b"1", b"2"], [b"3"]]
    assert len(pull.unfit) == 2
    assert "2 frames" in pull.unfit[0]


def test_a_first_frame_that_is_refused(opened: OpenedSockets, interruptible: type[Socket]) -> None:
    """Where libzmq has refused the first frame of a message, nothing is sent to end it."""
    push, _ = opened.joined(interruptible, zmq.PUSH, zmq.PULL)
    sent: list[bytes] = []

    def hook(frame: bytes) -> int:
        sent.append(frame if isinstance(frame, bytes) else bytes(frame))
        return errno.EAGAIN if len(sent) == 1 else 0

    with before_sends(push, hook):
        assert push.send([b"a", b"b"])
    assert sent == [b"a", b"a", b"b"]


def test_a_send_that_breaks_off(opened: OpenedSockets, interruptible: type[Socket]) -> None:
    """A socket that has the beginning of a message whose rest is lost sends no other, which would be taken for it."""
    push, pull = opened.joined(interruptible, zmq.PUSH, zmq.PULL)

    def hook(frame: bytes) -> int:
        if frame == b"b":
            raise Interruption
        return 0

    send_frame = push.send_frame
    push.send_frame = lambda frame, flags: (hook(frame), send_frame(frame, flags))
    with pytest.raises(Interruption):
        push.send([b"a", b"b", b"c"])
    with pytest.raises(ConnectionClosed):
        push.send([b"d"])
    assert pull.receive(10) == ([], True)


def test_a_send_in_the_middle_of_another(opened: OpenedSockets, interruptible: type[Socket]) -> None:
    """What a signal's handler sends in the middle of a message goes behind it, and both are whole."""
    push, pull = opened.joined(interruptible, zmq.PUSH, zmq.PULL)

    def hook(frame: bytes) -> int:
        if frame == b"b":
            assert push.send([b"x", b"y"])
        return 0

    with before_sends(push, hook):
        assert push.send([b"a", b"b", b"c"])
    assert pull.receive(10)[0] == [[b"a", b"b", b"c"], [b"x", b"y"]]


@pytest.mark.parametrize("lost", [b"a", b"b", b"c"])
def test_a_receive_that_breaks_off(opened: OpenedSockets, interruptible: type[Socket], lost: bytes) -> None:
    """If a signal's handler raises, what was read is there for the next call, and of the broken message nothing."""
    push, pull = opened.joined(interruptible, zmq.PUSH, zmq.PULL)
    for message in ([b"1"], [b"a", b"b", b"c"], [b"2"]):
        assert push.send(message)
    name = "_recv" if interruptible is Socket else "_read"
    read: Callable[..., Any] = getattr(pull, name)

    def interrupted(*arguments: Any) -> Any:
        frame = read(*arguments)
        if (frame if isinstance(frame, bytes) else frame.bytes) == lost:
            raise Interruption
        return frame

    setattr(pull, name, interrupted)
    with pytest.raises(Interruption):
        pull.receive(10)
    assert pull.receive(10) == ([[b"1"], [b"2"]], True)
