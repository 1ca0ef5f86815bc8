"""The inbox and its twin in C, driven by the same calls in any order: every answer is the same."""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.size import of_whole
from zmqbridge.channel.units import PYTHON, native_units
from zmqbridge.waiting.inbox import NOTHING, Inbox

WAYS_TO_GIVE: list[Callable[[list[Any]], Any]] = [list, tuple, iter]


class Claimant:
    """Tells that it was woken, and may fail to be."""

    def __init__(self, name: str, woken: list[str], fails: bool) -> None:
        self._name = name
        self._woken = woken
        self._fails = fails

    def wake(self) -> Any:
        self._woken.append(self._name)
        if self._fails:
            raise OSError(self._name)
        return "an answer that nobody asked for"


class Twins(RuleBasedStateMachine):
    """Whatever is called on the one is called on the other, and both do, wake and answer the same."""

    def __init__(self) -> None:
        super().__init__()
        units = native_units()
        assert units is not None
        self.owners = [kind.Ownership() for kind in (PYTHON, units)]
        self.inboxes: list[Inbox[Any]] = [
            kind.Inbox(owner) for kind, owner in zip((PYTHON, units), self.owners, strict=True)
        ]
        self.woken: list[str] = []
        self.claimants = [Claimant(name, self.woken, name == "broken") for name in ("a", "b", "c", "d", "broken")]
        self.items = 0
        self.owned_by(get_ident())

    def both(self, call: Callable[[Inbox[Any]], Any]) -> Any:
        """Return what the call returns on both."""
        outcomes = []
        for inbox in self.inboxes:
            self.woken.clear()
            outcome: Any
            try:
                outcome = call(inbox)
            except (OSError, IndexError) as error:
                outcome = type(error)
            outcomes.append((outcome, list(self.woken)))
        assert outcomes[0] == outcomes[1]
        return outcomes[0][0]

    def owned_by(self, ident: int) -> None:
        for owner in self.owners:
            owner.owner = ident

    @rule(count=st.integers(0, 4), way=st.sampled_from(WAYS_TO_GIVE))
    def put(self, count: int, way: Callable[[list[Any]], Any]) -> None:
        items: list[Any] = [*range(self.items, self.items + count)]
        if count == 4:
            items[1] = None
        self.items += count
        self.both(lambda inbox: inbox.put(way(items)))

    @rule()
    def take_free(self) -> None:
        self.both(lambda inbox: inbox.take_free())

    @rule(limit=st.integers(-1, 5))
    def take_many(self, limit: int) -> None:
        self.both(lambda inbox: inbox.take_many(limit))

    @rule(number=st.integers(0, 4))
    def grant(self, number: int) -> None:
        self.both(lambda inbox: inbox.grant(self.claimants[number]))

    @rule(number=st.integers(0, 4))
    def take(self, number: int) -> None:
        self.both(lambda inbox: inbox.take(self.claimants[number]))

    @rule()
    def first_takes(self) -> None:
        for claimant in self.claimants:
            if self.both(lambda inbox, claimant=claimant: inbox.is_first(claimant)):  # type: ignore[misc]
                self.both(lambda inbox, claimant=claimant: inbox.take(claimant))  # type: ignore[misc]
                break

    @rule(number=st.integers(0, 4))
    def revoke(self, number: int) -> None:
        self.both(lambda inbox: inbox.revoke(self.claimants[number]))

    @rule()
    def wake_all(self) -> None:
        self.both(lambda inbox: inbox.wake_all())

    @rule()
    def clear(self) -> None:
        self.both(lambda inbox: inbox.clear())

    @rule(whose=st.sampled_from(["mine", "mine", "another's", "nobody's"]))
    def belongs_to(self, whose: str) -> None:
        ident = {"mine": get_ident(), "another's": get_ident() + 1, "nobody's": 0}[whose]
        self.owned_by(ident)

    @invariant()
    def both_tell_the_same(self) -> None:
        self.both(lambda inbox: (len(inbox), inbox.reserved, inbox.has_free()))
        self.both(lambda inbox: [inbox.is_first(claimant) for claimant in self.claimants])

    def teardown(self) -> None:
        self.owned_by(get_ident())
        for claimant in self.claimants:
            self.both(lambda inbox, claimant=claimant: inbox.revoke(claimant))  # type: ignore[misc]
        rest = self.both(lambda inbox: inbox.take_many(1_000_000))
        assert self.both(lambda inbox: inbox.take_free()) is NOTHING
        numbers = [item for item in rest if item is not None]
        assert numbers == sorted(numbers)


def test_twins(extension: Any) -> None:
    """Any calls in any order, claims given up, failing wakes and the wrong thread among them, have the same answers."""
    run_state_machine_as_test(
        Twins, settings=settings(max_examples=of_whole(100), stateful_step_count=30, deadline=None)
    )


def test_they_would_be_told_apart(extension: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A twin that forgets to wake the next is found out."""
    monkeypatch.setattr(PYTHON.Inbox, "revoke", lambda inbox, claimant: inbox._claims.pop(claimant, None) and None)
    found = settings(max_examples=150, stateful_step_count=40, deadline=None, database=None, phases=[Phase.generate])
    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(Twins, settings=found)
