"""Whether the edge may have been eaten, and who must look then."""

from __future__ import annotations

import pytest

from tests.waiting.bells import Bell
from zmqbridge.channel.units import Units
from zmqbridge.waiting.parking import Parked


def test_touched_again_and_again(units: Units) -> None:
    """A touch makes the edge stale and wakes the leader; it is woken once, until it has looked."""
    edge, bell = units.Edge(), Bell()
    edge.leader = bell
    assert edge.stale is True
    edge.touch()
    assert bell.rung == 0
    for looks in range(3):
        edge.stale = False
        assert bell.rung == looks
        for _ in range(3):
            edge.touch()
            assert (edge.stale, bell.rung) == (True, looks + 1)


def test_nobody_leads(units: Units) -> None:
    """Where nobody leads, a touch is noted for whoever will."""
    edge = units.Edge()
    assert edge.leader is None
    for leader in (Bell(), None):
        edge.leader = leader
    edge.stale = False
    edge.touch()
    assert edge.stale is True


def test_the_leader_of_this_moment(units: Units) -> None:
    """Whoever leads at the touch is woken, and nobody who led before."""
    edge, before, now = units.Edge(), Bell(), Bell()
    edge.leader = before
    edge.stale = False
    edge.leader = now
    edge.touch()
    assert (before.rung, now.rung) == (0, 1)


def test_a_leader_that_does_not_wait_yet(units: Units) -> None:
    """A leader that has nothing to wait on yet finds the edge stale, when it does."""
    edge, parked = units.Edge(), Parked()
    edge.leader = parked
    edge.stale = False
    edge.touch()
    assert edge.stale is True


def test_a_leader_that_cannot_be_woken(units: Units) -> None:
    """What waking raises is raised, and the edge is stale: whoever leads next will look."""

    class Broken:
        def wake(self) -> None:
            raise OSError("broken")

    edge, bell = units.Edge(), Bell()
    edge.leader = Broken()
    edge.stale = False
    with pytest.raises(OSError, match="broken"):
        edge.touch()
    assert edge.stale is True
    edge.leader = bell
    edge.touch()
    assert bell.rung == 0


def test_a_leader_that_touches(units: Units) -> None:
    """A leader that touches the edge as it is woken is not woken for ever."""

    class Restless(Bell):
        def wake(self) -> None:
            super().wake()
            edge.touch()

    edge, restless = units.Edge(), Restless()
    edge.leader = restless
    edge.stale = False
    edge.touch()
    assert restless.rung == 1


def test_a_leader_that_goes_as_it_is_woken(units: Units) -> None:
    """A leader that is no more as it is woken is let go of afterwards."""

    class Leaving(Bell):
        def wake(self) -> None:
            edge.leader = None
            super().wake()
            rung.append(self.rung)

    edge, rung = units.Edge(), list[int]()
    edge.leader = Leaving()
    edge.stale = False
    edge.touch()
    assert rung == [1]
