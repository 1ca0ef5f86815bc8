"""Reading what happens, with ``async for``, at one's own pace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from math import inf
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from zmqbridge.abc import Backend
from zmqbridge.options import check_wait
from zmqbridge.presence.ring import Ring
from zmqbridge.showing import shown

if TYPE_CHECKING:
    from zmqbridge.link import Link

__all__ = ["Following", "check_count", "deadline_in"]

Item = TypeVar("Item")


class Following(AsyncIterator[Item], Generic[Item]):
    """What happens to one connection, in order, until the connection is closed.

    The latest thousand are kept for those who have not read them. Whoever comes later, or does not read for a while,
    gets one first that says how many are gone. Each iterator gets all.

    Args:
        link: the connection's.
        ring: what has happened.
        left_out: makes what says how many are gone.
        begin: called with the loop's backend before each wait.
    """

    def __init__(
        self, link: Link[Any], ring: Ring[Item], left_out: Callable[[int], Item], begin: Callable[[Backend], object]
    ) -> None:
        self._link = link
        self._ring = ring
        self._left_out = left_out
        self._begin = begin
        self._place = 0
        self._unread: list[Item] = []

    def __aiter__(self) -> Following[Item]:
        return self

    async def __anext__(self) -> Item:
        backend = self._link.channel.enter_open()
        if backend is not None:
            self._begin(backend)
            await self._link.channel.bell.until(self._is_ready, backend)
        else:
            self._is_ready()  # what happened before it was closed
        if not self._unread:
            raise StopAsyncIteration
        return self._unread.pop()

    def _is_ready(self) -> bool:
        if not self._unread:
            items, left_out, self._place = self._ring.read(self._place)
            self._unread = items[::-1]
            if left_out:
                self._unread.append(self._left_out(left_out))
        return bool(self._unread) or not self._link.channel.guard.open


def check_count(count: object, of: str) -> None:
    """Return if one can wait for so many.

    Raises:
        ValueError: if not.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"{shown(count)} is no number of {of} to wait for; it is 1 or more")


def deadline_in(timeout: float | None, clock: Callable[[], float]) -> float | None:
    """Return the loop's time in so many seconds; ``None`` is never.

    Raises:
        ValueError: if the timeout is no time.
    """
    if timeout is None:
        return None
    seconds = check_wait("timeout", timeout)
    return None if seconds == inf else clock() + seconds
