"""Iteration over what is read ahead: of the ways to receive one message at a time, the one that costs least.

Where the C extension is, its iterator makes no coroutine for a message that is there already.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Generic, Self, TypeVar

from zmqbridge._socket import fast_items
from zmqbridge.readiness import Readiness

__all__ = ["Items", "LeanItems"]

Item = TypeVar("Item")


class LeanItems(Generic[Item]):
    """Takes what is in a buffer and reserved for nobody, or awaits.

    Args:
        buffer: what has been read ahead.
        readiness: says how much of it is reserved.
        wait: what is awaited for an item where none is free.
    """

    __slots__ = ("_buffer", "_readiness", "_wait")

    def __init__(
        self, buffer: deque[Item], readiness: Readiness, wait: Callable[[], Coroutine[Any, Any, Item]]
    ) -> None:
        self._buffer = buffer
        self._readiness = readiness
        self._wait = wait

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        buffer = self._buffer
        if len(buffer) > self._readiness.reserved:
            return buffer.popleft()
        return await self._wait()


Items: Callable[..., AsyncIterator[Any]] = fast_items() or LeanItems
