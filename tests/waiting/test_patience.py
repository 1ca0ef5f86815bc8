"""How long replies may wait for clients that make no room."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqbridge.waiting.patience import Patience


def wait(patience: Patience, now: float, wants: float, *, alone: bool = False) -> float:
    """Wait for a client that makes room after so many seconds; return how many were waited."""
    left = patience.left(now)
    waited = min(left, wants)
    patience.spend(waited, in_vain=wants > left, alone=alone)
    return waited


def test_first_wait() -> None:
    """The first wait may last as long as is allowed."""
    assert Patience(2.0).left(100.0) == 2.0


def test_no_wait() -> None:
    """Where no wait is allowed there is none, and time brings none."""
    patience = Patience(0.0)
    assert patience.left(0.0) == patience.left(1000.0) == 0.0


def test_endless() -> None:
    """Where a wait may last for ever, each may."""
    patience = Patience(math.inf)
    for now in (0.0, 10.0):
        assert patience.left(now) == math.inf
        patience.spend(1e6, in_vain=True, alone=False)


@given(st.lists(st.floats(0, 0.5), max_size=100), st.sampled_from([0.5, 1.0, 7.0]))
def test_many_names(pauses: list[float], longest: float) -> None:
    """Clients that never make room hold up the others for the longest wait and a tenth of the time, all together."""
    patience = Patience(longest)
    now = waited = 0.0
    for pause in pauses:
        now += pause
        took = wait(patience, now, math.inf)
        now += took
        waited += took
        assert waited <= longest + 0.1 * now + 1e-9


def test_just_in_time() -> None:
    """So do clients that make room just in time, again and again, but for a tenth of the longest wait each."""
    patience = Patience(1.0)
    now = waited = 0.0
    for _ in range(100):
        now += 0.01
        took = wait(patience, now, 0.99)
        now += took
        waited += took
    assert waited < 1.0 + 0.1 * now + 100 * 0.1


@pytest.mark.parametrize(("wants", "alone"), [(0.99, True), (0.1, False)])
def test_slow_client(wants: float, alone: bool) -> None:
    """A slow client that holds up nobody is waited for each time, and so is one that needs a tenth of the longest."""
    patience = Patience(1.0)
    now = 0.0
    for _ in range(1000):
        assert wait(patience, now, wants, alone=alone) == wants
        now += wants


def test_comes_back() -> None:
    """What was spent comes back, a tenth of the time that passes, and no more than there was."""
    patience = Patience(1.0)
    assert wait(patience, 0.0, math.inf) == 1.0
    assert patience.left(1.0) == pytest.approx(0.1)
    assert patience.left(6.0) == pytest.approx(0.6)
    assert patience.left(1000.0) == 1.0


def test_waits_at_the_same_time() -> None:
    """Waits at the same time may spend more than there is; what is owed is the longest wait at most."""
    patience = Patience(1.0)
    for _ in range(50):
        assert patience.left(0.0) == 1.0
    for _ in range(50):
        patience.spend(1.0, in_vain=True, alone=False)
    assert patience.left(10.0) == 0.0
    assert patience.left(20.0) == pytest.approx(1.0)
