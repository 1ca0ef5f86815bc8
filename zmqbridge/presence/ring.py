"""The latest of many, for readers of different pace. Pure.

The facts. What happens is told whether anybody reads it or not, and a peer that comes and goes makes it happen as often
as it likes.

The design. The latest are kept, up to a number; each reader has a place of its own, and learns how many it missed.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from threading import Lock
from typing import Generic, TypeVar

__all__ = ["KEPT", "Ring"]

KEPT = 1000

Item = TypeVar("Item")


class Ring(Generic[Item]):
    """The latest items, for any number of readers; one thread may add while another reads.

    Args:
        kept: how many.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._items: deque[Item] = deque(maxlen=kept)
        self._total = 0
        self._lock = Lock()

    @property
    def total(self) -> int:
        """How many were ever added: the place behind the newest."""
        return self._total

    def add(self, item: Item) -> None:
        """Add the newest; the oldest goes where there are too many."""
        with self._lock:
            self._items.append(item)
            self._total += 1

    def read(self, place: int, most: int | None = None) -> tuple[list[Item], int, int]:
        """Return what was added from a place on, how many of it are gone, and the place behind what is returned.

        Args:
            place: 0 for the first that was ever added.
            most: how many to return at most.
        """
        with self._lock:
            oldest = self._total - len(self._items)
            start = max(place, oldest)
            stop = None if most is None else start - oldest + most
            items = list(islice(self._items, start - oldest, stop))
            return items, max(0, oldest - place), start + len(items)
