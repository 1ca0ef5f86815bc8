"""What was read ahead, and what of it is reserved for whom.

The facts. A batch is read for all who wait. Each of them takes its message when it runs again. By then
others may have called, or one of those who waited may have been cancelled, and some loops run tasks in any order.

The consequence. Were those who waited served as the loop happens to run them, a later call would have an earlier
message. Were each to wait until all that called before have run, a loop could hand over no more than one message to
each in a turn.

The design. Items are handed over oldest first, always. As many of them are reserved as there are *claimants*, who
parked and were granted one; these take theirs in the order in which they parked: who runs before his turn waits for it.
Where more is there than is reserved, whoever calls takes the oldest at once. A claimant that goes without its item
leaves it to the next. So receives that wait are served in the order of their calls, and no cancellation reorders
messages.
"""

from __future__ import annotations

from collections import OrderedDict, deque
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

    # All items are in `free` while nobody has a claim, and in `_held` while somebody has: so whatever is in `free` may
    # be taken without a question, and the other is empty.
    __slots__ = ("_claims", "_held", "free", "ownership")

    def __init__(self, ownership: Ownership) -> None:
        self.ownership: Ownership = ownership
        self.free: deque[Item] = deque()
        self._held: deque[Item] = deque()
        # Not a dict, which passes over all that left it before it comes to its first.
        self._claims: OrderedDict[Claimant, None] = OrderedDict()

    def __len__(self) -> int:
        """How many items are there, those reserved included."""
        return len(self.free) + len(self._held)

    @property
    def reserved(self) -> int:
        """How many of them are reserved."""
        return len(self._claims)

    def has_free(self) -> bool:
        """Whether an item is there that is reserved for nobody."""
        return len(self) > len(self._claims)

    def put(self, items: Iterable[Item]) -> None:
        """Add items behind all that are there."""
        (self._held if self._claims else self.free).extend(items)

    def take_free(self) -> Item:
        """Return the oldest item if more is there than is reserved, on the socket's thread; else :data:`NOTHING`."""
        if self.ownership.owner == get_ident():
            if self.free:
                return self.free.popleft()
            if self.has_free():
                return self._held.popleft()
        return NOTHING  # type: ignore[no-any-return]

    def take_many(self, limit: int) -> list[Item]:
        """Return the oldest items, so many of them at most, as :meth:`take_free` does."""
        items: list[Item] = []
        while len(items) < limit and (item := self.take_free()) is not NOTHING:
            items.append(item)
        return items

    # --- claims ---

    def grant(self, claimant: Claimant) -> None:
        """Reserve an item more."""
        if not self._claims:
            self._exchange()
        self._claims[claimant] = None

    def is_first(self, claimant: Claimant) -> bool:
        """Whether it is a claimant's turn to take its item."""
        return next(iter(self._claims), None) is claimant

    def take(self, claimant: Claimant) -> Item:
        """Return the oldest item to the first claimant, and end its claim."""
        item = self._held.popleft()
        self.revoke(claimant)
        return item

    def revoke(self, claimant: Claimant) -> None:
        """End a claim, if there is one: it is the next one's turn."""
        if claimant in self._claims:
            del self._claims[claimant]
            if self._claims:
                next(iter(self._claims)).wake()
            else:
                self._exchange()

    def _exchange(self) -> None:
        self.free, self._held = self._held, self.free

    def wake_all(self) -> None:
        """Wake all that have a claim."""
        for claimant in list(self._claims):
            claimant.wake()

    def clear(self) -> int:
        """Drop all that is there, and all claims; return how many items that were."""
        dropped = len(self)
        for items in (self.free, self._held):
            items.clear()
        self._claims.clear()
        return dropped


class Items(Generic[Item]):
    """Iterates over what is free in an inbox, or waits. It has a twin in C, which makes no coroutine for what is there.

    Args:
        inbox: what has been read ahead.
        wait: what is awaited for an item where none is free.
    """

    __slots__ = ("_inbox", "_ownership", "_wait")

    def __init__(self, inbox: Inbox[Item], wait: Callable[[], Awaitable[Item]]) -> None:
        self._inbox = inbox
        self._ownership = inbox.ownership
        self._wait = wait

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        free = self._inbox.free
        if free and self._ownership.owner == get_ident():
            return free.popleft()
        item = self._inbox.take_free()
        if item is NOTHING:
            try:
                item = await self._wait()
            finally:
                del self  # as the methods of connections do: a traceback of this frame keeps nothing alive
        return item
