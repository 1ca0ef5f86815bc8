"""What happens again and again: told once a burst, with a count."""

from __future__ import annotations

from zmqbridge.bursts import KINDS, QUIET_SECONDS, Burst, Bursts


def test_first_is_told_at_once() -> None:
    """The first of a kind is told at once, and so is the first of another kind within its burst."""
    bursts = Bursts()
    assert bursts.count("one", now=5.0) == 1
    assert bursts.count("other", now=5.0) == 1


def test_burst_is_told_together() -> None:
    """Those within a burst are told together with the first that comes after it; others are not mixed in."""
    bursts = Bursts()
    assert [bursts.count("one", now=0.01 * number) for number in range(101)] == [1] + [0] * 100
    assert bursts.count("other", now=1.0) == 1
    assert bursts.fresh == 100
    assert bursts.count("one", now=QUIET_SECONDS) == 101
    assert bursts.fresh == 0
    assert bursts.count("one", now=QUIET_SECONDS + 1) == 0


def test_kinds_without_end() -> None:
    """Kinds beyond a hundred are one kind, so that they are told once and fill no memory."""
    bursts = Bursts()
    told = [bursts.count(number, now=0.0) for number in range(100 * KINDS)]
    assert sum(told) == KINDS + 1
    assert len(bursts._bursts) == KINDS + 1
    assert bursts.count(KINDS - 1, now=QUIET_SECONDS) == 1  # and not how often all those beyond were met


def test_asked_before_anything_happened() -> None:
    """To ask for what there is to tell, where there is nothing, does not delay the first."""
    burst = Burst()
    assert burst.untold(now=0.0) == 0
    burst.total += 1
    assert burst.untold(now=1.0) == 1
