"""Waiting for a descriptor where the loop has no ``add_reader``: the Proactor loop of Windows.

anyio keeps a thread with a selector for such loops; the extra ``asyncio`` installs anyio there.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["wake_when_readable"]


async def wake_when_readable(fd: int, wake: Callable[[], None]) -> None:
    """Call ``wake`` once the descriptor is readable; cancel the task to give up."""
    import anyio  # noqa: PLC0415 (nobody else needs it)

    await anyio.wait_readable(fd)
    wake()
