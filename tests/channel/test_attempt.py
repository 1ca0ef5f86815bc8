"""The one attempt of a send: whatever comes of it, it is charged once, counted rightly, and the edge touched.

In Python on each kind of socket, and in C.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest
import zmq

import zmqbridge
from tests.channel.conftest import OpenDesk
from tests.channel.desk import LIMIT, Desk
from tests.forcing import before_sends
from zmqbridge.waiting.parking import Parked, ParkingLot

MESSAGE = (b"a", b"b")


def test_sent(desk: Desk) -> None:
    """A message that is sent is charged and counted, and may have eaten the edge."""
    assert desk.attempt.send(MESSAGE) is True
    assert desk.outcome() == {"charged": 1, "counted": 1, "looks": 1}
    assert desk.received() == [list(MESSAGE)]


def test_sent_again_and_again(desk: Desk) -> None:
    """Many sends in one turn wake the leader once, and each is charged, below zero as well."""
    for _ in range(LIMIT - 1):
        assert desk.attempt.send(MESSAGE)
    assert desk.outcome() == {"charged": LIMIT - 1, "counted": LIMIT - 1, "looks": 1}
    desk.turn.sends = 0
    assert desk.attempt.send(MESSAGE)
    assert (desk.turn.sends, desk.attempt.sent, desk.leader.rung) == (-1, LIMIT, 1)


def test_refused(open_desk: OpenDesk) -> None:
    """A message that is refused is charged and not counted; it has read EVENTS itself, so nobody need look."""
    desk = open_desk(joined=False)
    desk.lot.park_reader()
    assert desk.attempt.send(MESSAGE) is False
    assert desk.outcome() == {"charged": 1, "counted": 0, "looks": 0}


def wants_a_message(lot: ParkingLot) -> None:
    lot.park_reader()


def wants_an_answer(lot: ParkingLot) -> None:
    lot.park_watcher(Parked())


def wants_all(lot: ParkingLot) -> None:
    lot.reads_always = True


def wants_room(lot: ParkingLot) -> None:
    lot.park_writer()


@pytest.mark.parametrize(
    ("somebody", "looks"),
    [(wants_a_message, 1), (wants_an_answer, 1), (wants_all, 1), (wants_room, 0), (lambda _: None, 0)],
    ids=["a reader", "a watcher", "whoever late replies are read for", "a writer", "nobody"],
)
def test_refused_with_something_to_receive(desk: Desk, somebody: Callable[[ParkingLot], None], looks: int) -> None:
    """Where a refused send saw something to receive, its edge is gone: the leader looks, if somebody wants it."""
    assert desk.peer.send([b"something"])
    desk.fill()
    somebody(desk.lot)
    assert desk.attempt.send(MESSAGE) is False
    assert desk.outcome() == {"charged": 1, "counted": 0, "looks": looks}


def test_refused_by_one_peer(open_desk: OpenDesk) -> None:
    """A router's full peer makes nobody look: he would be tried again, and fail, without end."""
    desk = open_desk(zmq.ROUTER, zmq.DEALER)
    assert desk.peer.send([b"hello"])
    assert desk.socket.receive(10)[0] == [[b"peer", b"hello"]]
    desk.lot.park_writer(b"peer")
    while desk.socket.send([b"peer", b"x"]):
        pass
    assert desk.attempt.send([b"peer", b"x"]) is False
    assert desk.outcome() == {"charged": 1, "counted": 0, "looks": 0}


@pytest.mark.parametrize(
    ("number", "error", "ends"),
    [
        (int(zmq.ETERM), zmqbridge.ContextTerminated, True),
        (int(zmq.ENOTSOCK), zmqbridge.ConnectionClosed, True),
        (errno.EHOSTUNREACH, zmqbridge.PeerUnreachable, False),
        (int(zmq.EFSM), zmqbridge.LocalProtocolError, False),
        (int(zmq.ENOTSUP), zmqbridge.LocalProtocolError, False),
        (errno.EFAULT, zmqbridge.ZmqBridgeError, False),
    ],
    ids=["ETERM", "ENOTSOCK", "EHOSTUNREACH", "EFSM", "ENOTSUP", "EFAULT"],
)
def test_failed(desk: Desk, number: int, error: type[zmqbridge.ZmqBridgeError], ends: bool) -> None:
    """A send that fails is charged and not counted, and the leader looks; that the socket ended is told."""
    with before_sends(desk.socket, lambda _: number), pytest.raises(error) as raised:
        desk.attempt.send(MESSAGE)
    assert type(raised.value) is error
    assert desk.ends == ([raised.value] if ends else [])
    assert desk.outcome() == {"charged": 1, "counted": 0, "looks": 1}
    assert desk.attempt.send(MESSAGE)
    assert desk.received() == [list(MESSAGE)]


def test_failed_in_the_middle(open_desk: OpenDesk) -> None:
    """A failure at a later frame is a failure of the whole."""
    desk = open_desk(zmq.PUSH, zmq.PULL)
    numbers = [int(zmq.ETERM), 0]
    with before_sends(desk.socket, lambda _: numbers.pop()), pytest.raises(zmqbridge.ContextTerminated):
        desk.attempt.send(MESSAGE)
    assert len(desk.ends) == 1
    assert desk.outcome() == {"charged": 1, "counted": 0, "looks": 1}


def test_closed_by_other_code(desk: Desk) -> None:
    """A socket that other code closed is not touched, and its end is told each time."""
    desk.socket.raw.close()
    for attempts in (1, 2):
        with pytest.raises(zmqbridge.ConnectionClosed):
            desk.attempt.send(MESSAGE)
        assert desk.outcome() == {"charged": attempts, "counted": 0, "looks": 1}
        assert len(desk.ends) == attempts


def test_ended_raises(open_desk: OpenDesk) -> None:
    """What is raised by whoever is told of the end is raised instead, and the send is accounted for all the same."""

    def ended(error: zmqbridge.ZmqBridgeError) -> None:
        raise OSError("told")

    desk = open_desk(ended=ended)
    desk.socket.raw.close()
    with pytest.raises(OSError, match="told"):
        desk.attempt.send(MESSAGE)
    assert desk.outcome() == {"charged": 1, "counted": 0, "looks": 1}


class Broken:
    """A leader that cannot be woken."""

    def wake(self) -> None:
        raise OSError("broken")


def test_wake_raises(desk: Desk) -> None:
    """What waking the leader raises is raised; the message was sent and is counted, and the next leader will look."""
    desk.edge.leader = Broken()
    with pytest.raises(OSError, match="broken"):
        desk.attempt.send(MESSAGE)
    assert (desk.turn.sends, desk.attempt.sent, desk.edge.stale) == (LIMIT - 1, 1, True)
    assert desk.received() == [list(MESSAGE)]
    assert desk.attempt.send(MESSAGE)


def test_wake_raises_as_the_send_fails(desk: Desk) -> None:
    """Where the send fails as well, the end of the socket is told first."""
    desk.edge.leader = Broken()
    desk.socket.raw.close()
    with pytest.raises(OSError, match="broken"):
        desk.attempt.send(MESSAGE)
    assert [type(error) for error in desk.ends] == [zmqbridge.ConnectionClosed]
    assert (desk.turn.sends, desk.attempt.sent, desk.edge.stale) == (LIMIT - 1, 0, True)


class BrokenLot:
    """A lot that cannot say whether messages are wanted."""

    def __init__(self) -> None:
        self.lanes: dict[Any, Any] = {}

    @property
    def wants_input(self) -> bool:
        raise OSError("asked")


def test_wants_input_raises(open_desk: OpenDesk) -> None:
    """Where it cannot be told whether somebody wants what is there, the leader looks."""
    desk = open_desk(lot=BrokenLot())
    assert desk.peer.send([b"something"])
    desk.fill()
    with pytest.raises(OSError, match="asked"):
        desk.attempt.send(MESSAGE)
    assert desk.outcome() == {"charged": 1, "counted": 0, "looks": 1}


def test_nothing_to_send(desk: Desk) -> None:
    """A message of no frames is not said to be sent."""
    with pytest.raises(IndexError):
        desk.attempt.send([])
    assert desk.outcome() == {"charged": 1, "counted": 0, "looks": 1}
