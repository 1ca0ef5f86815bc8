"""What was read ahead, and what of it is reserved for whom."""

from __future__ import annotations

from threading import get_ident
from typing import Any

import pytest

from tests.waiting.bells import Bell
from tests.waiting.threads import in_a_thread
from zmqbridge.channel.units import Units
from zmqbridge.waiting.guard import Ownership
from zmqbridge.waiting.inbox import NOTHING, Inbox


@pytest.fixture
def ownership(units: Units) -> Ownership:
    """This thread's."""
    ownership = units.Ownership()
    ownership.owner = get_ident()
    return ownership


@pytest.fixture
def inbox(units: Units, ownership: Ownership) -> Inbox[Any]:
    """An empty inbox that belongs to this thread."""
    return units.Inbox(ownership)


def state(inbox: Inbox[Any]) -> tuple[int, int, bool]:
    """Return how many items there are, how many of them are reserved, and whether one is free."""
    return len(inbox), inbox.reserved, inbox.has_free()


def test_empty(inbox: Inbox[Any]) -> None:
    """Where nothing is, nothing can be taken, and nothing is dropped."""
    assert state(inbox) == (0, 0, False)
    assert inbox.take_free() is NOTHING
    assert inbox.take_many(10) == []
    assert inbox.clear() == 0
    assert repr(NOTHING) == "NOTHING"


def test_in_order(inbox: Inbox[Any]) -> None:
    """Items are taken oldest first, whatever they are, and those that come later go behind."""
    inbox.put([1, None])
    inbox.put(("three",))
    inbox.put(iter([4.0]))
    assert state(inbox) == (4, 0, True)
    assert [inbox.take_free(), inbox.take_free()] == [1, None]
    inbox.put([])
    assert inbox.take_many(10) == ["three", 4.0]
    assert state(inbox) == (0, 0, False)


@pytest.mark.parametrize("limit", [-1, 0, 1, 2, 3, 4])
def test_many(inbox: Inbox[Any], limit: int) -> None:
    """So many are taken at most, and the rest stays."""
    inbox.put(range(3))
    taken = inbox.take_many(limit)
    assert taken == list(range(max(0, min(3, limit))))
    assert inbox.take_many(10) == list(range(len(taken), 3))


def test_another_thread(inbox: Inbox[Any], ownership: Ownership) -> None:
    """Only the socket's own thread may take what is free, and nobody once the socket is closed."""
    inbox.put([1, 2])
    assert in_a_thread(inbox.take_free) is NOTHING
    assert in_a_thread(lambda: inbox.take_many(10)) == []
    assert inbox.take_free() == 1
    ownership.owner = 0
    assert inbox.take_free() is NOTHING
    assert inbox.take_many(10) == []
    assert state(inbox) == (1, 0, True)


def test_claims_are_taken_in_their_order(inbox: Inbox[Any]) -> None:
    """Claimants take the oldest in their order; others take the oldest only where more is there than is reserved."""
    first, second = Bell(), Bell()
    inbox.put([0, "a", "b"])
    inbox.grant(first)
    inbox.grant(second)
    assert state(inbox) == (3, 2, True)
    assert [inbox.is_first(first), inbox.is_first(second), inbox.is_first(Bell())] == [True, False, False]
    assert inbox.take_free() == 0
    assert inbox.take_free() is NOTHING
    assert inbox.take_many(10) == []
    assert inbox.take(first) == "a"
    assert (first.rung, second.rung) == (0, 1)
    assert inbox.is_first(second)
    assert inbox.take_free() is NOTHING
    assert inbox.take(second) == "b"
    assert state(inbox) == (0, 0, False)


class Claimant:
    """Of the least size that can be woken."""

    __slots__ = ()

    def wake(self) -> None:
        """Nothing."""


def test_a_claim_costs_the_same_among_many(inbox: Inbox[Any]) -> None:
    """Half a million claims are taken in their order in a second; each to pass over those before it takes minutes."""
    claimants = [Claimant() for _ in range(500_000)]
    inbox.put(range(500_000))
    for claimant in claimants:
        inbox.grant(claimant)
    for number, claimant in enumerate(claimants):
        assert inbox.is_first(claimant)
        assert inbox.take(claimant) == number


def test_what_comes_meanwhile_goes_behind(inbox: Inbox[Any]) -> None:
    """Items that come while others are claimed are behind them, and free when all claims have ended."""
    first = Bell()
    inbox.put([1])
    inbox.grant(first)
    inbox.put([2, 3])
    assert state(inbox) == (3, 1, True)
    assert inbox.take(first) == 1
    inbox.put([4])
    assert inbox.take_many(10) == [2, 3, 4]


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_claim_that_is_given_up(inbox: Inbox[Any], gone: int) -> None:
    """Who goes without his item leaves it to the next: all behind move up, and the last item becomes free."""
    claimants = [Bell() for _ in range(3)]
    inbox.put(["a", "b", "c"])
    for claimant in claimants:
        inbox.grant(claimant)
    inbox.revoke(claimants.pop(gone))
    assert state(inbox) == (3, 2, True)
    assert [claimant.rung for claimant in claimants] == [1, 0]
    assert inbox.is_first(claimants[0])
    assert [inbox.take(claimant) for claimant in claimants] == ["a", "b"]
    assert inbox.take_free() == "c"


def test_a_claim_that_was_none(inbox: Inbox[Any]) -> None:
    """To end a claim twice, or one that was none, changes nothing and wakes nobody."""
    first, second = Bell(), Bell()
    inbox.put([1, 2])
    inbox.revoke(first)
    inbox.grant(first)
    inbox.grant(second)
    inbox.revoke(Bell())
    assert inbox.take(first) == 1
    inbox.revoke(first)
    assert (first.rung, second.rung, inbox.reserved) == (0, 1, 1)
    assert inbox.take(second) == 2
    assert state(inbox) == (0, 0, False)


def test_a_claim_made_twice(inbox: Inbox[Any]) -> None:
    """One claimant has one claim."""
    first = Bell()
    inbox.put([1, 2])
    inbox.grant(first)
    inbox.grant(first)
    assert inbox.reserved == 1
    assert inbox.take(first) == 1
    assert inbox.take_free() == 2


def test_claims_are_no_matter_of_threads(inbox: Inbox[Any], ownership: Ownership) -> None:
    """Whoever has a claim was checked when he ran: the inbox does not ask again."""
    first = Bell()
    inbox.put([1])
    inbox.grant(first)
    ownership.owner = 0
    assert inbox.take(first) == 1


def test_a_claim_without_an_item(inbox: Inbox[Any]) -> None:
    """To take where there is no item, or no claim, is an error and takes nothing."""
    first = Bell()
    with pytest.raises(IndexError):
        inbox.take(first)
    inbox.put([1])
    with pytest.raises(IndexError):
        inbox.take(first)
    assert inbox.take_free() == 1
    inbox.grant(first)
    with pytest.raises(IndexError):
        inbox.take(first)
    assert inbox.reserved == 1


def test_wake_all(inbox: Inbox[Any]) -> None:
    """All that have a claim are woken, though they go as they are."""

    class Going(Bell):
        def wake(self) -> None:
            super().wake()
            inbox.revoke(self)

    claimants = [Going(), Bell(), Going()]
    inbox.wake_all()
    inbox.put([1, 2, 3])
    for claimant in claimants:
        inbox.grant(claimant)
    inbox.wake_all()
    assert [claimant.rung for claimant in claimants] == [1, 3, 1]
    assert inbox.reserved == 1


def test_clear(inbox: Inbox[Any]) -> None:
    """All that is there is dropped and counted, the claims with it; what comes later is free."""
    first = Bell()
    inbox.put([1, 2, 3])
    assert inbox.take_free() == 1
    inbox.grant(first)
    assert inbox.clear() == 2
    assert state(inbox) == (0, 0, False)
    assert not inbox.is_first(first)
    inbox.revoke(first)
    inbox.put([4])
    assert first.rung == 0
    assert inbox.take_free() == 4


def test_a_claimant_that_cannot_be_woken(inbox: Inbox[Any]) -> None:
    """What waking raises is raised; the claim has ended all the same."""

    class Broken(Bell):
        def wake(self) -> None:
            raise OSError("broken")

    first, broken, third = Bell(), Broken(), Bell()
    inbox.put([1, 2, 3])
    for claimant in (first, broken, third):
        inbox.grant(claimant)
    with pytest.raises(OSError, match="broken"):
        inbox.revoke(first)
    with pytest.raises(OSError, match="broken"):
        inbox.wake_all()
    assert inbox.reserved == 2
    inbox.revoke(broken)
    assert inbox.take(third) == 1
    assert inbox.take_many(10) == [2, 3]


def test_an_item_that_uses_the_inbox_as_it_goes(inbox: Inbox[Any]) -> None:
    """Items that are dropped may run any code: what they put in is there afterwards."""

    class Item:
        def __del__(self) -> None:
            inbox.put(["left behind"])

    inbox.put([1, Item(), 2])
    assert inbox.clear() == 3
    assert inbox.take_many(10) == ["left behind"]


def test_items_that_use_the_inbox_as_they_come(inbox: Inbox[Any]) -> None:
    """What is made as it is put in may take what is there already."""
    taken: list[int] = []

    def items() -> Any:
        taken.extend(inbox.take_many(2))
        yield 4
        taken.append(inbox.take_free())
        yield 5

    inbox.put([1, 2, 3])
    inbox.put(list(items()))
    assert taken == [1, 2, 3]
    assert inbox.take_many(10) == [4, 5]


@pytest.mark.parametrize("nonsense", [5, None])
def test_no_items(inbox: Inbox[Any], nonsense: Any) -> None:
    """What is no collection of items is refused, and changes nothing."""
    inbox.put([1])
    with pytest.raises(TypeError):
        inbox.put(nonsense)
    assert inbox.take_many(10) == [1]
