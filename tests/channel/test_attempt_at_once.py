"""A send at once: only where nothing is to be asked or waited for first, and of whatever the caller gives."""

from __future__ import annotations

import errno
from collections import UserList
from typing import Any, NamedTuple

import pytest
import zmq

import zmqbridge
from tests.channel.conftest import OpenDesk
from tests.channel.desk import Desk
from tests.forcing import before_sends
from tests.waiting.threads import in_a_thread

NOT_EVEN_TRIED = {"charged": 0, "counted": 0, "looks": 0}
SENT = {"charged": 1, "counted": 1, "looks": 1}


class Bytes(bytes):
    """Bytes of a class of their own."""


class Frames(list[bytes]):
    """A list of a class of its own."""


class Pair(NamedTuple):
    """A tuple of a class of its own."""

    head: bytes
    tail: bytes


@pytest.mark.parametrize(
    ("message", "frames"),
    [
        (b"a", [b"a"]),
        (b"", [b""]),
        ([b"a", b"b"], [b"a", b"b"]),
        ((b"a", b"b"), [b"a", b"b"]),
        ((b"",), [b""]),
        (b"large" * 100_000, [b"large" * 100_000]),
        ([b"head", b"large" * 100_000], [b"head", b"large" * 100_000]),
        (Bytes(b"a"), [b"a"]),
        ([b"a", Bytes(b"b")], [b"a", b"b"]),
        (Bytes(b"large" * 100_000), [b"large" * 100_000]),
        (Frames([b"a", b"b"]), [b"a", b"b"]),
        (Pair(b"a", b"b"), [b"a", b"b"]),
        (bytearray(b"a"), [b"a"]),
        (memoryview(b"abcd")[::2], [b"ac"]),
        ([b"a", bytearray(b"b"), memoryview(b"c")], [b"a", b"b", b"c"]),
        (UserList([b"a", bytearray(b"b")]), [b"a", b"b"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_messages(desk: Desk, message: Any, frames: list[bytes]) -> None:
    """Whatever is a message is sent as its frames."""
    assert desk.attempt.at_once(message) is True
    assert desk.outcome() == SENT
    assert desk.received() == [frames]


@pytest.mark.parametrize("message", ["text", 5, None, {b"a"}, ["text"], [b"a", 5], (None,), [[b"nested"]]], ids=repr)
def test_no_messages(desk: Desk, message: Any) -> None:
    """What is no message is the caller's mistake, before anything is sent, charged or touched."""
    with pytest.raises(TypeError, match="a frame is bytes-like, not"):
        desk.attempt.at_once(message)
    assert desk.outcome() == NOT_EVEN_TRIED
    assert desk.received() == []


@pytest.mark.parametrize("message", [[], (), Frames(), UserList()], ids=lambda message: type(message).__name__)
def test_a_message_of_no_frames(desk: Desk, message: Any) -> None:
    """A message of no frames is refused with the remedy."""
    with pytest.raises(zmqbridge.LocalProtocolError, match="has no frame"):
        desk.attempt.at_once(message)
    assert desk.outcome() == NOT_EVEN_TRIED


def test_a_buffer_that_changes(desk: Desk) -> None:
    """What is sent is what was given, though the caller changes it afterwards."""
    given = bytearray(b"as given" * 20_000)
    assert desk.attempt.at_once([given])
    given[:8] = b"changed!"
    assert desk.received() == [[b"as given" * 20_000]]


def test_strict(desk: Desk) -> None:
    """In a strict turn nothing is sent at once."""
    desk.turn.lenient = False
    assert desk.attempt.at_once(b"a") is False
    assert desk.outcome() == NOT_EVEN_TRIED
    assert desk.received() == []


@pytest.mark.parametrize("left", [0, -1])
def test_no_sends_left(desk: Desk, left: int) -> None:
    """In a turn with no sends left nothing is sent at once."""
    desk.turn.sends = left
    assert desk.attempt.at_once(b"a") is False
    assert (desk.turn.sends, desk.attempt.sent, desk.leader.rung) == (left, 0, 0)
    desk.turn.sends = 1
    assert desk.attempt.at_once(b"a") is True
    assert desk.attempt.at_once(b"a") is False
    assert desk.received() == [[b"a"]]


def test_another_thread(desk: Desk) -> None:
    """From another thread nothing is sent at once, nor where nobody may touch the socket."""
    assert in_a_thread(lambda: desk.attempt.at_once(b"a")) is False
    desk.ownership.owner = 0
    assert desk.attempt.at_once(b"a") is False
    assert desk.outcome() == NOT_EVEN_TRIED
    assert desk.received() == []


def test_lanes(open_desk: OpenDesk) -> None:
    """Nothing overtakes what waits in its lane, and what waits in another holds nothing up."""
    desk = open_desk(zmq.ROUTER, zmq.DEALER)
    assert desk.peer.send([b"hello"])
    assert desk.socket.receive(10)[0] == [[b"peer", b"hello"]]
    waiting = desk.lot.park_writer(b"another")
    assert desk.attempt.at_once([b"peer", b"1"], b"peer") is True
    last = desk.lot.park_writer(b"peer")
    assert desk.attempt.at_once([b"peer", b"2"], b"peer") is False
    assert desk.attempt.at_once([b"peer", b"3"]) is True
    unnamed = desk.lot.park_writer()
    assert desk.attempt.at_once([b"peer", b"4"]) is False
    for writer in (waiting, last, unnamed):
        desk.lot.leave_writer(writer)
    assert desk.attempt.at_once([b"peer", b"5"], b"peer") is True
    assert desk.attempt.at_once([b"peer", b"6"], None) is True
    assert desk.received() == [[b"1"], [b"3"], [b"5"], [b"6"]]
    assert desk.outcome() == {"charged": 4, "counted": 4, "looks": 1}


def test_a_lane_that_is_none(desk: Desk) -> None:
    """A lane that cannot be looked up is the caller's mistake."""
    desk.lot.park_writer()
    lane: Any = []
    with pytest.raises(TypeError):
        desk.attempt.at_once(b"a", lane)
    assert desk.outcome() == NOT_EVEN_TRIED


def test_refused(open_desk: OpenDesk) -> None:
    """Where there is no room it says so, and is charged as any attempt."""
    desk = open_desk(joined=False)
    assert desk.attempt.at_once(b"a") is False
    assert desk.outcome() == {"charged": 1, "counted": 0, "looks": 0}


def test_unreachable(open_desk: OpenDesk) -> None:
    """A router without the peer says so, by the peer's name, for a bare frame as well."""
    desk = open_desk(zmq.ROUTER, zmq.DEALER)
    messages: list[Any] = [[b"nobody", b"x"], (b"nobody", b"x")]
    for message in messages:
        with pytest.raises(zmqbridge.PeerUnreachable, match="b'nobody'"):
            desk.attempt.at_once(message)
    with (
        before_sends(desk.socket, lambda _: errno.EHOSTUNREACH),
        pytest.raises(zmqbridge.PeerUnreachable, match="b'nobody'"),
    ):
        desk.attempt.at_once(b"nobody")
    assert desk.ends == []
    assert desk.outcome() == {"charged": 3, "counted": 0, "looks": 1}
