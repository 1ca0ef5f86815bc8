"""The port on asyncio, and on any loop with its interface, uvloop above all.

A descriptor's registration outlives one wait: see :mod:`zmqbridge_asyncio.watch`.
Where a loop cannot register descriptors, :mod:`zmqbridge_asyncio.proactor` waits instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from threading import get_ident
from typing import Any

from zmqbridge.errors import BackendError
from zmqbridge_asyncio.proactor import wake_when_readable
from zmqbridge_asyncio.together import run_together
from zmqbridge_asyncio.watch import Watch

__all__ = ["AsyncioBackend"]


class AsyncioBackend:
    """The running asyncio loop, as :class:`zmqbridge.abc.Backend`.

    Args:
        loop: the loop to serve; the running one if it is left out.
    """

    strict_checkpoints = False

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop or asyncio.get_running_loop()
        self._watches: dict[int, Watch] = {}
        self._thread: int | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    def running(cls) -> AsyncioBackend | None:
        try:
            in_task = asyncio.current_task() is not None
        except RuntimeError:
            return None
        return cls() if in_task else None

    @classmethod
    def runs_here(cls) -> bool:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return False
        return True

    def create_waiter(self) -> AsyncioWaiter:
        # asyncio.get_running_loop() may ask the system for the process each time: up to an eighth of a request's cost.
        if self._thread != get_ident() or not self._loop.is_running():
            self._check_loop()
        return AsyncioWaiter(self, self._loop)

    def _check_loop(self) -> None:
        if asyncio.get_running_loop() is not self._loop:
            raise BackendError("the context belongs to another asyncio loop; make a Context for this one")
        self._thread = get_ident()

    async def checkpoint(self) -> None:
        await asyncio.sleep(0)

    def current_time(self) -> float:
        return self._loop.time()

    def release(self, fd: int) -> None:
        if self._watches.pop(fd, None) and not self._loop.is_closed():
            self._loop.remove_reader(fd)

    def call_from_thread(self, function: Callable[[], object]) -> None:
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError as error:
            raise BackendError(f"the asyncio loop has ended: {error}") from None

    def start_task(self, function: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], object]:
        task = self._loop.create_task(function())
        self._tasks.add(task)  # the loop itself keeps them weakly
        task.add_done_callback(self._tasks.discard)
        return task.cancel

    async def run_together(self, functions: Sequence[Callable[[], Awaitable[None]]]) -> None:
        await run_together(functions)

    def call_soon(self, function: Callable[[], object]) -> asyncio.Handle:
        return self._loop.call_soon(function)

    def call_later(self, seconds: float, function: Callable[[], object]) -> asyncio.TimerHandle:
        return self._loop.call_later(seconds, function)

    def call_when_readable(self, fd: int, function: Callable[[], object]) -> Callable[[], object]:
        try:
            self._loop.add_reader(fd, function)
        except NotImplementedError:
            raise BackendError(
                "this asyncio loop watches no descriptors, as the Proactor loop of Windows; use deliver(), or a "
                "SelectorEventLoop"
            ) from None
        return lambda: self._loop.is_closed() or self._loop.remove_reader(fd)

    def watch(self, fd: int, waiter: AsyncioWaiter) -> Watch:
        watch = self._watches.get(fd)
        if watch is None:
            watch = Watch(fd, self.release)
            # A descriptor of the same number may have been closed without being released: when its
            # context was collected in another thread. The loop would take the new one for it.
            self._loop.remove_reader(fd)
            self._loop.add_reader(fd, watch.readable)
            self._watches[fd] = watch
        watch.waiter = waiter
        return watch


class AsyncioWaiter:
    """One wait: a future, and for the leader the descriptor's watch."""

    __slots__ = ("_backend", "_future", "_loop")

    def __init__(self, backend: AsyncioBackend, loop: asyncio.AbstractEventLoop) -> None:
        self._backend = backend
        self._loop = loop
        self._future: asyncio.Future[None] = loop.create_future()

    def wake(self) -> None:
        if not self._future.done() and not self._loop.is_closed():
            self._future.set_result(None)

    def wait(self, fd: int | None, deadline: float | None) -> Awaitable[None]:
        if fd is None and deadline is None:
            return self._future
        return self._wait(fd, deadline)

    async def _wait(self, fd: int | None, deadline: float | None) -> None:
        timer = None if deadline is None else self._loop.call_at(deadline, self.wake)
        watch = None
        proactor = None
        try:
            if fd is not None:
                try:
                    watch = self._backend.watch(fd, self)
                except NotImplementedError:
                    proactor = self._loop.create_task(wake_when_readable(fd, self.wake))
            await self._future
        finally:
            if watch is not None:
                watch.waiter = None
            if proactor is not None:
                proactor.cancel()
            if timer is not None:
                timer.cancel()
