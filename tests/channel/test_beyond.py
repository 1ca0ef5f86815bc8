"""What is read beyond a batch while sends wait: when, and how much of it."""

from __future__ import annotations

from typing import Any

import pytest
import zmq

from tests.channel.placed import FD, Place
from tests.opened import OpenedSockets
from zmqbridge.channel.beyond import LOOK_AGAIN, Beyond
from zmqbridge.socket import Socket

ENDLESS = 1_000_000


class Kind:
    """What is asked of a socket."""

    def __init__(self, type_name: str) -> None:
        self.type_name = type_name
        self.hides_ends = True


def beyond(type_name: str = "ROUTER", mark: int = 0) -> Beyond:
    """Return what is to be tested, for a type of socket with this high-water mark."""
    socket: Any = Kind(type_name)
    made = Beyond(socket)
    made.mark = mark
    return made


def hides_ends(place: Place) -> None:
    """Have a place's socket be of a type that needs it."""
    place.socket.hides_ends = place.channel.intake.beyond.serves = True


# --- how much ---


@pytest.mark.parametrize("mark", [1, 2, 3])
@pytest.mark.parametrize("batch", [1, 2, 3])
def test_room_of_one_peer(batch: int, mark: int) -> None:
    """Of a peer no more is read than a batch and two marks, a batch at a time."""
    reading, rooms = beyond("PAIR", mark), [0]
    for _ in range(10):
        rooms.append(reading.room(batch + sum(rooms), batch))
    assert sum(rooms) == 2 * mark
    assert max(rooms) <= batch
    assert reading.room(ENDLESS, batch) == 0


def test_no_mark() -> None:
    """Where libzmq's own queue has no limit, none is set here: a batch is read each time."""
    assert beyond().room(ENDLESS, 3) == 3


@pytest.mark.parametrize("type_name", ["ROUTER", "STREAM"])
def test_room_of_several_peers(type_name: str) -> None:
    """Each peer whose messages were read may have two marks of them; one that is met again is no other."""
    reading = beyond(type_name, mark=2)
    buffered = 10
    for peer, most in [(b"a", 4), (b"a", 4), (b"b", 8), (memoryview(b"b"), 8), (b"c", 12)]:
        reading.note([[peer, b"x"]])
        assert [buffered + room for room in (reading.room(10 + most, 10), reading.room(10 + most - 1, 10))] == [10, 11]


def test_frames_that_name_no_peer() -> None:
    """The first frame of a pair's message is what its one peer likes, and no name."""
    reading = beyond("PAIR", mark=2)
    reading.note([[b"%d" % number] for number in range(100)])
    assert (reading.room(13, 10), reading.room(14, 10)) == (1, 0)


def test_peers_are_counted_anew() -> None:
    """Once no more than a batch is left of what was read, only peers whose messages come from then on count."""
    reading = beyond(mark=2)
    reading.note([[b"%d" % number, b"x"] for number in range(3)])
    assert reading.room(14, 10) == 8
    assert reading.room(10, 10) == 4
    assert reading.room(14, 10) == 0


# --- when ---


def test_due() -> None:
    """It is time to read once a send has waited so long, and again after as long."""
    reading = beyond()
    reading.begin(100.0)
    times = [100.0, 100.0 + LOOK_AGAIN / 2, 100.0 + LOOK_AGAIN, 100.0 + 1.5 * LOOK_AGAIN, 100.0 + 2 * LOOK_AGAIN]
    assert [reading.is_due(now) for now in times] == [False, False, True, False, True]


@pytest.mark.parametrize(
    ("socket_type", "hides"), [("ROUTER", True), ("STREAM", True), ("PAIR", True), ("DEALER", False), ("PULL", False)]
)
def test_types(opened: OpenedSockets, socket_type: str, hides: bool) -> None:
    """It serves the types of sockets that refuse messages to a peer that is gone while some of its own are unread."""
    assert Beyond(opened.open(Socket, int(getattr(zmq, socket_type)))).serves == hides


def after(place: Place, seconds: float) -> int:
    """Return how many messages are read ahead once some time has passed."""
    place.backend.now += seconds
    place.backend.settle()
    return len(place.channel.inbox)


@pytest.mark.parametrize("turn_limit", [1, 2, 3])
def test_read_while_a_send_waits(turn_limit: int) -> None:
    """While a send waits and nobody wants to receive, a batch more is read ahead each so many seconds, to a limit."""
    place = Place(turn_limit=turn_limit)
    hides_ends(place)
    place.channel.intake.beyond.mark = 2
    sending = place.backend.spawn("send", place.outbox.send((b"x",)))
    place.backend.settle()
    assert sending.waits is not None
    assert sending.waits.fd == FD
    for number in range(20):
        place.wire.arrive([b"%d" % number])
    assert after(place, LOOK_AGAIN / 2) == 0
    read = [after(place, LOOK_AGAIN) for _ in range(8)]
    most = turn_limit + 4
    assert read == [min(most, turn_limit * number) for number in range(1, 9)]
    assert not sending.done


@pytest.mark.parametrize("turn_limit", [1, 2, 3])
def test_read_of_several_peers(turn_limit: int) -> None:
    """What is read while a send waits tells how many peers there are, and so how much may be read."""
    place = Place(turn_limit=turn_limit)
    place.channel.intake.beyond = beyond("ROUTER", mark=2)
    place.backend.spawn("send", place.outbox.send((b"x",)))
    place.backend.settle()
    for number in range(100):
        place.wire.arrive([b"peer %d" % (number % 3), b"x"])
    assert max(after(place, LOOK_AGAIN) for _ in range(50)) == turn_limit + 3 * 4


def test_not_read_where_it_is_no_use() -> None:
    """On a socket that sees its peer's end at once nothing is read ahead while a send waits."""
    place = Place()
    place.backend.spawn("send", place.outbox.send((b"x",)))
    place.backend.settle()
    place.wire.arrive([b"x"])
    assert after(place, 100.0) == 0


def test_not_read_where_no_send_waits() -> None:
    """Nothing is read ahead where no send waits, however long it is since one did."""
    place = Place()
    hides_ends(place)
    place.channel.enter()
    place.wire.arrive([b"x"])
    place.backend.now = 100.0
    place.channel.look()
    assert len(place.channel.inbox) == 0


def test_sends_that_come_later() -> None:
    """The wait counts from the first send that waits: others that come before it is over put nothing off."""
    place = Place(turn_limit=1)
    hides_ends(place)
    place.wire.arrive([b"x"])
    read = []
    for _ in range(4):
        place.backend.spawn("send", place.outbox.send((b"x",)))
        read.append(after(place, LOOK_AGAIN / 2))
    assert read[0] == 0
    assert read[-1] == 1


def test_looks_again_for_an_end() -> None:
    """Where a peer's end would not make the descriptor readable, whoever waits to send looks again after a while."""
    place = Place()
    hides_ends(place)
    sending = place.backend.spawn("send", place.outbox.send((b"x",)))
    place.backend.settle()
    assert sending.waits is not None
    assert sending.waits.deadline == pytest.approx(LOOK_AGAIN)
