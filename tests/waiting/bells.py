"""What can be woken, and tells of it."""

from __future__ import annotations

from zmqbridge.waiting.parking import Parked

__all__ = ["Bell", "waiting"]


class Bell:
    """A waiter that counts how often it is woken."""

    def __init__(self) -> None:
        self.rung = 0

    def wake(self) -> None:
        self.rung += 1


def waiting(parked: Parked) -> Bell:
    """Give a parked operation something to wait on."""
    bell = Bell()
    parked.waiter = bell
    return bell
