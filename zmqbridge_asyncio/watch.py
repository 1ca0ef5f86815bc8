"""A descriptor registered with a loop, on behalf of whoever waits for it at the moment.

The facts. Registering a descriptor and taking it off again costs more than the rest of
a wait. A registered descriptor is level-triggered: it fires again, once, between its firing
and the moment when the task that it woke has run and read.

The design. The registration stays while somebody keeps waiting, and goes when the descriptor
fires and nobody waits. The firing right after one that woke a task is passed over; if it was a
real one, the next turn of the loop brings it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

__all__ = ["Watch"]


class Wakeable(Protocol):
    """The half of a waiter that a watch needs."""

    def wake(self) -> None: ...


class Watch:
    """Wakes its waiter when the descriptor is readable, and is released when nobody waits.

    Args:
        fd: the descriptor.
        release: takes it off the loop.

    Attributes:
        waiter: who waits for it; ``None`` for nobody.
    """

    __slots__ = ("_echo", "_fd", "_release", "waiter")

    def __init__(self, fd: int, release: Callable[[int], None]) -> None:
        self._fd = fd
        self._release = release
        self._echo = False
        self.waiter: Wakeable | None = None

    def readable(self) -> None:
        """The loop's callback."""
        if self._echo:
            self._echo = False
        elif self.waiter is None:
            self._release(self._fd)
        else:
            self._echo = True
            self.waiter.wake()
