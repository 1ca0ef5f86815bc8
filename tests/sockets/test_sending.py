"""A message is sent whole or not at all; where there is no room, a send says so and does not spin."""

from __future__ import annotations

import errno

import pytest
import zmq

import zmqbridge
from tests.forcing import before_sends
from tests.opened import OpenedSockets
from zmqbridge.socket import POLLIN, POLLOUT, Socket

SMALL = zmqbridge.SocketOptions(send_high_water_mark=1, receive_high_water_mark=1)


def test_full(opened: OpenedSockets, kind: type[Socket]) -> None:
    """Where there is no room nothing of a message is sent, and what follows is whole."""
    one, other = opened.pair(kind)
    sent = 0
    while one.send([b"a", b"b", b"c"]):
        sent += 1
    assert one.events() & POLLOUT == 0
    received: list[list[bytes]] = []
    while len(received) < sent:
        received += other.receive(256)[0]
    assert received == [[b"a", b"b", b"c"]] * sent
    assert one.events() & POLLOUT
    assert one.send([b"d", b"e"])
    assert other.events() & POLLIN
    assert other.receive(1)[0] == [[b"d", b"e"]]


def test_full_with_something_to_receive(opened: OpenedSockets, kind: type[Socket]) -> None:
    """With no room a send says so, and what EVENTS said of receiving is kept."""
    one, other = opened.open(kind, zmq.PAIR), opened.open(kind, zmq.PAIR)
    one.apply(SMALL)
    other.apply(SMALL)
    other.connect(one.bind("inproc://full").address)
    assert other.send([b"for one"])
    while one.send([b"x"]):
        pass
    pending = one.input_pending
    assert pending
    assert one.events() == POLLIN
    assert one.receive(1)[0] == [[b"for one"]]
    assert not one.send([b"x"])
    pending = one.input_pending
    assert not pending
    other.receive(10)
    assert one.events() == POLLOUT


def test_false_eagain(opened: OpenedSockets, kind: type[Socket]) -> None:
    """A send whose EAGAIN is out of date succeeds at the second try, after EVENTS was read."""
    push, pull = opened.joined(kind, zmq.PUSH, zmq.PULL)
    answers = [0, errno.EAGAIN]
    with before_sends(push, lambda frame: answers.pop()):
        assert push.send([b"a"])
    assert answers == []
    assert pull.receive(10) == ([[b"a"]], True)


def test_router_with_a_full_peer(opened: OpenedSockets, kind: type[Socket]) -> None:
    """A router's POLLOUT does not mean room: the send gives up after one more try, and does not spin."""
    router = opened.open(kind, zmq.ROUTER)
    router.apply(SMALL)
    router.set_option(zmq.ROUTER_MANDATORY, 1)
    address = router.bind("inproc://router").address
    for name in (b"full", b"empty"):
        dealer = opened.open(kind, zmq.DEALER)
        dealer.apply(
            zmqbridge.SocketOptions(send_high_water_mark=1, receive_high_water_mark=1, identity=name),
        )
        dealer.connect(address)
        assert dealer.send([b"hello"])
    assert sorted(router.receive(10)[0]) == [[b"empty", b"hello"], [b"full", b"hello"]]
    assert not router.tells_room
    while router.send([b"full", b"x"]):
        pass
    assert router.events() & POLLOUT
    assert not router.send([b"full", b"x"])
    tries: list[bytes] = []

    def note(frame: bytes) -> int:
        tries.append(frame)
        return 0

    with before_sends(router, note):
        assert not router.send([b"full", b"x"])
    assert tries == [b"full", b"full"]


def test_unreachable(opened: OpenedSockets, kind: type[Socket]) -> None:
    """A router without the peer says so, for a message of several frames as for any."""
    router = opened.open(kind, zmq.ROUTER)
    router.set_option(zmq.ROUTER_MANDATORY, 1)
    with pytest.raises(zmqbridge.PeerUnreachable, match="b'nobody'"):
        router.send([b"nobody", b"x"])


def test_wrong_direction(opened: OpenedSockets, kind: type[Socket]) -> None:
    """Receiving where a socket only sends, and sending where it only receives, is the caller's mistake."""
    with pytest.raises(zmqbridge.LocalProtocolError):
        opened.open(kind, zmq.PUSH).receive(1)
    with pytest.raises(zmqbridge.LocalProtocolError):
        opened.open(kind, zmq.PULL).send([b"x", b"y"])


def test_nothing_is_no_message(opened: OpenedSockets, kind: type[Socket]) -> None:
    """A message of no frames cannot be sent, and is not said to be."""
    one, other = opened.pair(kind)
    nothings: list[list[bytes] | tuple[bytes, ...]] = [[], ()]
    for nothing in nothings:
        with pytest.raises(IndexError):
            one.send(nothing)
    assert other.receive(10) == ([], True)
