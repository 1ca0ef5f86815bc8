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
from zmqbridge.framing import NO_MEMORY
from zmqbridge.socket import POLLOUT, LeanSocket, Socket


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


def happening(socket: Socket, happens: dict[bytes, Callable[[], object]]) -> None:
    """Have something happen, once, before a frame is sent, by the frame."""
    send_frame = socket.send_frame

    def send(frame: Any, flags: int) -> object:
        happens.pop(bytes(frame), lambda: None)()
        return send_frame(frame, flags)

    socket.send_frame = send


@pytest.mark.parametrize("next_call", ["send", "events"])
def test_sends_in_the_middle_of_one_that_is_refused(
    opened: OpenedSockets, interruptible: type[Socket], next_call: str
) -> None:
    """What was sent in the middle of a message that is refused goes out once there is room, in order, before all."""
    push, pull = opened.open(interruptible, zmq.PUSH), opened.open(interruptible, zmq.PULL)
    sent: list[bool] = []

    def handler() -> None:
        sent.extend(push.send(message) for message in ([b"1", b"2"], [b"3"]))

    happening(push, {b"a": handler})
    refused = [push.send(message) for message in ([b"a", b"b"], [b"c"], [b"d", b"e"])]
    assert (sent, refused) == ([True, True], [False, False, False])
    pull.connect(push.bind("inproc://later").address)
    if next_call == "events":
        assert push.events() == POLLOUT
        assert pull.receive(10)[0] == [[b"1", b"2"], [b"3"]]
    assert push.send([b"f"])
    expected = [[b"f"]] if next_call == "events" else [[b"1", b"2"], [b"3"], [b"f"]]
    assert pull.receive(10)[0] == expected


def test_sends_in_the_middle_of_another_to_a_peer_that_is_gone(
    opened: OpenedSockets, interruptible: type[Socket]
) -> None:
    """Where the peer is gone for whom a message was that goes behind another, those behind that one are sent."""
    router, dealer = opened.open(interruptible, zmq.ROUTER), opened.open(interruptible, zmq.DEALER)
    router.set_option(zmq.ROUTER_MANDATORY, 1)
    dealer.set_option(zmq.ROUTING_ID, b"peer")
    dealer.connect(router.bind("inproc://router").address)
    assert dealer.send([b"hello"])
    assert router.receive(1)[0] == [[b"peer", b"hello"]]

    def handler() -> None:
        assert router.send([b"nobody", b"1"])
        assert router.send([b"peer", b"2"])

    happening(router, {b"a": handler})
    assert router.send([b"peer", b"a"])
    assert router.send([b"peer", b"b"])
    assert dealer.receive(10)[0] == [[b"a"], [b"2"], [b"b"]]


def test_sends_in_the_middle_of_one_that_is_refused_by_another_peer(
    opened: OpenedSockets, interruptible: type[Socket]
) -> None:
    """What a handler sent is kept where neither its peer has room nor that of the message in whose middle it came."""
    router = opened.open(interruptible, zmq.ROUTER)
    router.set_option(zmq.ROUTER_MANDATORY, 1)
    router.set_option(zmq.SNDHWM, 1)
    address = router.bind("inproc://router").address
    # While the third one has room, a router says that there is some.
    dealers = {name: opened.open(interruptible, zmq.DEALER) for name in (b"a", b"b", b"c")}
    for name, dealer in dealers.items():
        dealer.set_option(zmq.ROUTING_ID, name)
        dealer.set_option(zmq.RCVHWM, 1)
        dealer.connect(address)
        assert dealer.send([b"hello"])
    assert len(router.receive(10)[0]) == len(dealers)
    for name in (b"a", b"b"):
        while router.send([name, b"fill"]):
            pass
    sent: list[bool] = []
    happening(router, {b"a": lambda: sent.append(router.send([b"b", b"1"]))})
    assert (router.send([b"a", b"2"]), sent) == (False, [True])
    for name in (b"a", b"b"):
        assert {frame for (frame,) in dealers[name].receive(10)[0]} == {b"fill"}
    assert router.send([b"a", b"3"])
    assert [dealer.receive(10)[0] for dealer in dealers.values()] == [[[b"3"]], [[b"1"]], []]


def reading(pull: Socket, happens: Callable[[bytes], object]) -> None:
    """Have something happen after each frame that is received, in the middle of the call."""
    name = "_read" if isinstance(pull, LeanSocket) else "_recv"
    read: Callable[..., Any] = getattr(pull, name)

    def interrupted(*arguments: Any) -> Any:
        frame = read(*arguments)
        happens(frame if isinstance(frame, bytes) else frame.bytes)
        return frame

    setattr(pull, name, interrupted)


def test_a_receive_in_the_middle_of_another(opened: OpenedSockets, interruptible: type[Socket]) -> None:
    """What a signal's handler receives in the middle of a receive is nothing, and it is not told that this is all."""
    push, pull = opened.joined(interruptible, zmq.PUSH, zmq.PULL)
    for message in ([b"1"], [b"a", b"b"], [b"2"]):
        assert push.send(message)
    seen: list[tuple[list[Any], bool]] = []
    reading(pull, lambda _: seen.append(pull.receive(10)))
    assert pull.receive(10) == ([[b"1"], [b"a", b"b"], [b"2"]], True)
    assert seen == [([], False)] * 4
    assert push.send([b"3"])
    assert pull.receive(10) == ([[b"3"]], True)


def test_no_memory_in_the_middle(opened: OpenedSockets, interruptible: type[Socket]) -> None:
    """A message for whose frame there is no memory is left out with all its frames, and noted; the next is not."""
    push, pull = opened.joined(interruptible, zmq.PUSH, zmq.PULL)
    for message in ([b"1"], [b"a", b"b", b"c"], [b"2"]):
        assert push.send(message)

    def no_memory(frame: bytes) -> None:
        if frame == b"b":
            raise MemoryError

    reading(pull, no_memory)
    received = [pull.receive(10) for _ in range(2)]
    assert received == [([[b"1"]], False), ([[b"2"]], True)]
    assert pull.unfit == [NO_MEMORY]


@pytest.mark.parametrize("lost", [b"a", b"b", b"c"])
def test_a_receive_that_breaks_off(opened: OpenedSockets, interruptible: type[Socket], lost: bytes) -> None:
    """If a signal's handler raises, what was read is there for the next call, and of the broken message nothing."""
    push, pull = opened.joined(interruptible, zmq.PUSH, zmq.PULL)
    for message in ([b"1"], [b"a", b"b", b"c"], [b"2"]):
        assert push.send(message)

    def interrupt(frame: bytes) -> None:
        if frame == lost:
            raise Interruption

    reading(pull, interrupt)
    with pytest.raises(Interruption):
        pull.receive(10)
    assert pull.receive(10) == ([[b"1"], [b"2"]], True)
