"""How long replies may wait for clients that make no room: each so long, and all together a small part of the time.

The facts. Where a client's queue is full, libzmq refuses a reply to it; room may come in a moment, or never. Who serves
requests one by one serves nobody while it waits. To wait for each client once, and so long at most, bounds nothing: one
client may come under any number of names, and one that reads now and then, just in time, is waited for each time.

The design. There is one purse of time for all waits. It begins full, with the longest wait; what is waited is spent,
and a tenth of the time that passes comes back. So a client that is slow for once is waited for as long as is
allowed, and whoever comes, under whatever names, holds up the others for no more than a tenth of the time. What was
waited for nothing counts in full. A wait that ended with the reply being sent counts only where it held others up, and
only beyond a tenth of the longest: a slow client that is alone is not hurried.
"""

from __future__ import annotations

__all__ = ["Patience"]

SHARE = 0.1


class Patience:
    """The time that is left to wait for clients that make no room.

    Args:
        longest: seconds that one wait may last.

    Attributes:
        grace: seconds that a wait may last and cost nothing, where it is not in vain.
    """

    __slots__ = ("_at", "_left", "_longest", "grace")

    def __init__(self, longest: float) -> None:
        self.grace: float = SHARE * longest
        self._longest = longest
        self._left = longest
        self._at: float | None = None

    def left(self, now: float) -> float:
        """Return how many seconds a wait that begins now may last.

        Args:
            now: the loop's time.
        """
        if self._at is not None:
            self._left = min(self._longest, self._left + SHARE * (now - self._at))
        self._at = now
        return max(0.0, self._left)

    def spend(self, waited: float, *, in_vain: bool, alone: bool) -> None:
        """A wait is over.

        Args:
            waited: seconds.
            in_vain: the client has made no room.
            alone: nobody else was held up.
        """
        if not in_vain:
            waited = 0.0 if alone else waited - self.grace
        if waited > 0:
            # Waits at the same time may together spend more than there is, but no debt lasts for ever.
            self._left = max(-self._longest, self._left - waited)
