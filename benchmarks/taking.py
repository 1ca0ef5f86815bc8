"""Taking in what the other end sends. The clock starts with the first message, and stops with the last."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol


class Watch(Protocol):
    """What notes when messages come.

    Attributes:
        count: how many there are.
    """

    @property
    def count(self) -> int: ...

    def begin(self) -> None:
        """The first has come."""

    def stop(self) -> None:
        """The last has come."""


async def take_each(receive: Callable[[], Awaitable[object]], watch: Watch) -> None:
    """Await each message."""
    await receive()
    watch.begin()
    for _ in range(watch.count - 1):
        await receive()
    watch.stop()


async def iterate(receiver: Any, watch: Watch) -> None:
    """Iterate over the messages of one of zmqbridge's receivers."""
    await receiver.receive()
    watch.begin()
    left = watch.count - 1
    async for _ in receiver:
        left -= 1
        if not left:
            break
    watch.stop()
