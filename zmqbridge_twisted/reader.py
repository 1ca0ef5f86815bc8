"""A descriptor registered with a reactor, on behalf of whoever waits for it at the moment.

The registration stays while somebody keeps waiting, for making one costs more than the rest of
a wait, and goes when the descriptor fires and nobody waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

__all__ = ["Reader"]


class Fireable(Protocol):
    """The half of a waiter that a reader needs."""

    def fire(self) -> None: ...


@implementer(IReadDescriptor)
class Reader:
    """Fires its waiter when the descriptor is readable, and is released when nobody waits.

    Args:
        fd: the descriptor.
        release: takes it off the reactor.

    Attributes:
        waiter: who waits for it; ``None`` for nobody.
    """

    def __init__(self, fd: int, release: Callable[[int], None]) -> None:
        self._fd = fd
        self._release = release
        self.waiter: Fireable | None = None

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return "zmqbridge"

    def doRead(self) -> None:
        if self.waiter is None:
            self._release(self._fd)
        else:
            self.waiter.fire()

    def connectionLost(self, reason: object) -> None:
        """The reactor gives the descriptor up; whoever waits looks for himself."""
        if self.waiter is not None:
            self.waiter.fire()
