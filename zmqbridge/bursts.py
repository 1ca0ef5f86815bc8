"""What happens again and again is told once a burst, with a count. Pure.

The facts. A peer may send a million messages that make no sense, and a handler may fail on each. A log line for each
fills the disk and hides everything else; none at all hides the trouble.

The design. The first is told at once. Those that come within :data:`QUIET_SECONDS` are counted, and told together with
the first that comes after that. This is the one place for the rule: :class:`~zmqbridge.protocols.Faults` tells so what
peers got wrong, and whoever calls handlers what these raised.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable

__all__ = ["QUIET_SECONDS", "Burst", "Bursts", "raised_here"]

QUIET_SECONDS = 10.0

# Kinds that are told apart: more than a program has places that fail. All others are one kind.
KINDS = 100


class Burst:
    """Something that happens again and again.

    Attributes:
        total: how often it happened.
    """

    __slots__ = ("_quiet_until", "_told", "total")

    def __init__(self) -> None:
        self.total: int = 0
        self._told = 0
        self._quiet_until = float("-inf")

    @property
    def fresh(self) -> int:
        """How often it happened since it was last told."""
        return self.total - self._told

    def untold(self, now: float) -> int:
        """Return how often it happened since the last call that returned any, at most once in ten seconds.

        Args:
            now: any clock, in seconds.
        """
        fresh = self.fresh
        if not fresh or now < self._quiet_until:
            return 0
        self._told = self.total
        self._quiet_until = now + QUIET_SECONDS
        return fresh


class Bursts:
    """Bursts of several kinds, each of which is told for itself."""

    __slots__ = ("_bursts",)

    def __init__(self) -> None:
        self._bursts: dict[Hashable, Burst] = {}

    @property
    def fresh(self) -> int:
        """How often anything happened since it was last told."""
        return sum(burst.fresh for burst in self._bursts.values())

    def count(self, kind: Hashable, now: float) -> int:
        """Count one of a kind, and return how many of it are to be told now: none within its burst."""
        if kind not in self._bursts and len(self._bursts) >= KINDS:
            kind = None
        burst = self._bursts.setdefault(kind, Burst())
        burst.total += 1
        return burst.untold(now)


def raised_here() -> tuple[type[BaseException] | None, object]:
    """Return the class of the exception being handled, and the place at which it was raised."""
    kind, _, traceback = sys.exc_info()
    if traceback is None:
        return kind, None
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return kind, (traceback.tb_frame.f_code, traceback.tb_lineno)
