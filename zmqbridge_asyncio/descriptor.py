"""A socket's descriptor on the loop that waits for it at the moment.

The facts. A descriptor that stays registered with nobody to read fires again and again; to register one costs more than
the rest of a wait; and the same socket may be used on another loop after the first has ended.

The design. The descriptor is registered when somebody begins to wait, and stays so while somebody waits each time that
it fires. It is taken off the loop that it is on, if that still lives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from zmqbridge_asyncio.proactor import wake_when_readable

__all__ = ["Descriptor"]


class Descriptor:
    """A descriptor that is watched or not; and what a channel asks of its loop's backend, which is to release it.

    Args:
        fd: the descriptor.
        readable: called each time that it is readable while it is watched; returns whether to go on.
    """

    strict_checkpoints = False

    def __init__(self, fd: int, readable: Callable[[], bool]) -> None:
        self._fd = fd
        self._readable = readable
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch it on a loop, from now on."""
        if self._loop is loop:
            return
        self.release(self._fd)
        try:
            loop.add_reader(self._fd, self._fire)
        except NotImplementedError:
            self._task = loop.create_task(wake_when_readable(self._fd, self._fire_and_wait_again))
        self._loop = loop

    def _fire(self) -> None:
        if not self._readable():
            self.release(self._fd)

    def _fire_and_wait_again(self) -> None:
        loop, self._loop, self._task = self._loop, None, None
        if self._readable() and loop is not None:
            self.watch(loop)

    def release(self, fd: int) -> None:
        """Watch it no more."""
        loop, self._loop = self._loop, None
        task, self._task = self._task, None
        if loop is None or loop.is_closed():
            return
        if task is not None:
            task.cancel()
        else:
            loop.remove_reader(fd)

    def current_time(self) -> float:
        """Return the loop's time."""
        return 0.0 if self._loop is None else self._loop.time()
