"""Who is parked, who leads, who is woken next."""

from __future__ import annotations

from threading import get_ident
from typing import Any, NamedTuple

import pytest

from tests.waiting.bells import waiting
from zmqbridge.channel.units import Units
from zmqbridge.waiting.edge import Edge
from zmqbridge.waiting.inbox import Inbox
from zmqbridge.waiting.parking import Parked, ParkingLot


class Place(NamedTuple):
    """A lot, and what it tells."""

    edge: Edge
    inbox: Inbox[Any]
    lot: ParkingLot


@pytest.fixture
def place(units: Units) -> Place:
    """A lot where nobody is parked."""
    ownership = units.Ownership()
    ownership.owner = get_ident()
    edge, inbox = units.Edge(), units.Inbox(ownership)
    return Place(edge, inbox, ParkingLot(edge, inbox))


def test_first_leads_and_newest_follows(place: Place) -> None:
    """The first to park leads; when it leaves, the newest is promoted and woken."""
    edge, _, lot = place
    first, second, third = (lot.park_reader() for _ in range(3))
    bells = [waiting(parked) for parked in (first, second, third)]
    assert (edge.leader, first.leads, lot.parked) == (first, True, 3)
    lot.leave_reader(first)
    assert (edge.leader, third.leads, first.leads) == (third, True, False)
    assert [bell.rung for bell in bells] == [0, 0, 1]
    lot.leave_reader(second)
    lot.leave_reader(third)
    assert edge.leader is None
    assert not lot.wants_input


def test_readers_are_granted_in_turn(place: Place) -> None:
    """Messages are reserved for the readers that came first, one each, and nobody is granted two."""
    _, inbox, lot = place
    readers = [lot.park_reader() for _ in range(3)]
    bells = [waiting(parked) for parked in readers]
    inbox.put(["a", "b"])
    lot.grant()
    lot.grant()
    assert [parked.served for parked in readers] == [True, True, False]
    assert [bell.rung for bell in bells] == [1, 1, 0]
    assert (inbox.reserved, lot.has_readers, lot.parked) == (2, True, 1)


def test_a_claim_passes_on(place: Place) -> None:
    """A granted reader that leaves without its message leaves it to the next."""
    _, inbox, lot = place
    first, second = lot.park_reader(), lot.park_reader()
    inbox.put(["a"])
    lot.grant()
    lot.leave_reader(first)
    assert (second.served, inbox.reserved) == (True, 1)
    assert inbox.is_first(second)
    assert inbox.take(second) == "a"
    lot.leave_reader(second)
    assert (inbox.reserved, len(inbox)) == (0, 0)


def test_a_reader_waits_for_its_turn(place: Place) -> None:
    """A granted reader that runs before those ahead of it is woken when they have gone, and has its own message."""
    _, inbox, lot = place
    first, second, third = (lot.park_reader() for _ in range(3))
    inbox.put(["a", "b", "c"])
    lot.grant()
    bells = [waiting(parked) for parked in (first, second, third)]
    assert [inbox.is_first(parked) for parked in (third, second, first)] == [False, False, True]
    assert inbox.take(first) == "a"
    lot.leave_reader(first)
    assert [bell.rung for bell in bells] == [0, 1, 0]
    lot.leave_reader(second)  # it was cancelled
    assert [bell.rung for bell in bells] == [0, 1, 1]
    assert inbox.take(third) == "b"
    lot.leave_reader(third)
    assert inbox.take_free() == "c"


def test_watchers_are_answered_by_name(place: Place) -> None:
    """A watcher is woken for itself alone; answering one that is gone does nothing."""
    _, _, lot = place
    first, second = Parked(), Parked()
    lot.park_watcher(first)
    lot.park_watcher(second)
    bells = [waiting(first), waiting(second)]
    assert (lot.watchers, lot.wants_input) == (2, True)
    lot.answer(second)
    assert [bell.rung for bell in bells] == [0, 1]
    assert (second.served, lot.watchers) == (True, 1)
    lot.leave_watcher(second)
    lot.leave_watcher(first)
    lot.answer(first)
    assert lot.parked == 0


def test_an_attendant_wants_nothing(place: Place) -> None:
    """An attendant leads, and no message is read for it."""
    edge, _, lot = place
    attendant = Parked()
    lot.park_attendant(attendant)
    assert (edge.leader, lot.parked, lot.watchers, lot.wants_input) == (attendant, 1, 0, False)
    lot.leave_watcher(attendant)
    assert (edge.leader, lot.parked) == (None, 0)


def test_writers_try_one_at_a_time_in_each_lane(place: Place) -> None:
    """The head of each lane may try; when it leaves after that, the next may."""
    _, _, lot = place
    first, second, other = lot.park_writer("a"), lot.park_writer("a"), lot.park_writer("b")
    assert (lot.writers, lot.parked) == (3, 3)
    lot.let_writers_try()
    assert [parked.served for parked in (first, second, other)] == [True, False, True]
    lot.leave_writer(first)
    assert second.served
    assert list(lot.lanes) == ["a", "b"]
    lot.leave_writer(other)
    assert list(lot.lanes) == ["a"]
    assert (lot.writers, lot.wants_input) == (1, False)


def test_a_writer_that_never_tried_passes_nothing_on(place: Place) -> None:
    """A writer that gives up before it was told of room tells nobody of room."""
    _, _, lot = place
    first, second = lot.park_writer(), lot.park_writer()
    lot.leave_writer(first)
    assert not second.served


def test_reads_always(place: Place) -> None:
    """Messages are wanted though only writers are parked, where late replies must be read."""
    _, _, lot = place
    lot.park_writer()
    assert not lot.wants_input
    lot.reads_always = True
    assert lot.wants_input


def test_wake_all(place: Place) -> None:
    """Everybody is woken, those already granted and not yet run as well."""
    _, inbox, lot = place
    granted, reader, watcher = lot.park_reader(), lot.park_reader(), Parked()
    lot.park_watcher(watcher)
    writer = lot.park_writer()
    inbox.put(["a"])
    lot.grant()
    bells = [waiting(parked) for parked in (granted, reader, watcher, writer)]
    lot.wake_all()
    assert all(bell.rung for bell in bells)
    assert granted.served
