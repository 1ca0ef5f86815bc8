"""What was read ahead, and what of it is reserved for whom.

The facts. A batch is read for all who wait. Each of them takes its message when it runs again. By then
others may have called, or one of those who waited may have been cancelled, and some loops run tasks in any order.

The consequence. Were whoever runs first to take the oldest message, a later call would have an earlier one.

The design. A reservation is of a message: the first item is the first claimant's, the second item the
second's, in the order in which they parked; what lies behind these is free. They are taken in that order: who runs
before his turn waits until those before him have gone, and nobody takes what is free while there are claims. A claimant
that goes without its item leaves it to the next: all behind it move up by one, and the last item
becomes free. So messages are handed over in their order, and to the receives in the order of their calls.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from threading import get_ident
from typing import Any, Final, Generic, Self, TypeVar

from zmqbridge.waiting.edge import Wakeable as Claimant
from zmqbridge.waiting.guard import Ownership

__all__ = ["NOTHING", "Inbox", "Items"]

Item = TypeVar("Item")


class _Nothing:
    """No item: ``None`` could be one."""

    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Final[Any] = _Nothing()


class Inbox(Generic[Item]):
    """Items for the callers, oldest first, and who has a claim to one. It has a twin in C.

    Args:
        ownership: whose thread may take what is free.
    """

    __slots__ = ("_claims", "_items", "_ownership")

    def __init__(self, ownership: Ownership) -> None:
        self._ownership = ownership
        self._items: deque[Item] = deque()
        self._claims: dict[Claimant, None] = {}

    def __len__(self) -> int:
        """How many items are there, those reserved included."""
        return len(self._items)

    @property
    def reserved(self) -> int:
        """How many of them are reserved: the oldest ones."""
        return len(self._claims)

    def has_free(self) -> bool:
        """Whether an item is there that is reserved for nobody."""
        return len(self._items) > len(self._claims)

    def put(self, items: Iterable[Item]) -> None:
        """Add items behind all that are there."""
        self._items.extend(items)

    def take_free(self) -> Item:
        """Return the oldest item if nobody has a claim and the caller is on the socket's thread, or :data:`NOTHING`."""
        if self._items and not self._claims and self._ownership.owner == get_ident():
            return self._items.popleft()
        return NOTHING  # type: ignore[no-any-return]

    def take_many(self, limit: int) -> list[Item]:
        """Return the oldest items, so many of them at most, as :meth:`take_free` does."""
        if len(self._items) <= limit and not self._claims:
            items = list(self._items)
            self._items.clear()
            return items
        items = []
        while len(items) < limit and (item := self.take_free()) is not NOTHING:
            items.append(item)
        return items

    # --- claims ---

    def grant(self, claimant: Claimant) -> None:
        """Reserve the oldest free item."""
        self._claims[claimant] = None

    def is_first(self, claimant: Claimant) -> bool:
        """Whether it is a claimant's turn to take its item."""
        return next(iter(self._claims), None) is claimant

    def take(self, claimant: Claimant) -> Item:
        """Return the item of the first claimant, and end its claim."""
        del self._claims[claimant]
        return self._items.popleft()

    def revoke(self, claimant: Claimant) -> None:
        """A claimant goes, whether with its item or without: it is the next one's turn."""
        self._claims.pop(claimant, None)
        for first in self._claims:
            first.wake()
            break

    def wake_all(self) -> None:
        """Wake all that have a claim."""
        for claimant in self._claims:
            claimant.wake()

    def clear(self) -> int:
        """Drop all that is there, and all claims; return how many items that were."""
        dropped = len(self._items)
        self._items.clear()
        self._claims.clear()
        return dropped


class Items(Generic[Item]):
    """Iterates over what is free in an inbox, or waits. It has a twin in C, which makes no coroutine for what is there.

    Args:
        inbox: what has been read ahead.
        wait: what is awaited for an item where none is free.
    """

    __slots__ = ("_take", "_wait")

    def __init__(self, inbox: Inbox[Item], wait: Callable[[], Awaitable[Item]]) -> None:
        self._take = inbox.take_free
        self._wait = wait

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        item = self._take()
        return await self._wait() if item is NOTHING else item
