"""The latest of many: each reader gets what is kept, once and in order, and learns how much is gone."""

from __future__ import annotations

import pytest

from zmqbridge.presence.ring import Ring


@pytest.mark.parametrize("kept", [1, 2, 3, 1000])
@pytest.mark.parametrize("added", [0, 1, 2, 3, 4, 7])
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_read(kept: int, added: int, place: int) -> None:
    """From any place on, what is kept is returned, with how many before it are gone."""
    ring: Ring[int] = Ring(kept)
    for number in range(added):
        ring.add(number)
    items, left_out, behind = ring.read(min(place, added))
    oldest = max(0, added - kept)
    first = max(oldest, min(place, added))
    assert items == list(range(first, added))
    assert left_out == first - min(place, added)
    assert behind == ring.total == added
    assert ring.read(behind) == ([], 0, added)


def test_a_few_at_a_time() -> None:
    """A reader that takes a few at a time goes on where it stopped."""
    ring: Ring[int] = Ring(5)
    for number in range(8):
        ring.add(number)
    assert ring.read(1, 2) == ([3, 4], 2, 5)
    ring.add(8)
    assert ring.read(5, 2) == ([5, 6], 0, 7)
    assert ring.read(7, 0) == ([], 0, 7)
    assert ring.read(7) == ([7, 8], 0, 9)
