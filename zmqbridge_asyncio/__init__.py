"""zmqbridge's backend for asyncio, and for any loop with its interface, uvloop above all.

The facts. Registering a descriptor and taking it off again costs more than the rest of
a wait. A registered descriptor is level-triggered: it fires again, once, between its firing
and the moment when the task that it woke has run and read.

The design. The registration stays while somebody keeps waiting, and goes when the descriptor
fires and nobody waits. The firing right after one that woke a task is passed over; if it was a
real one, the next turn of the loop brings it again.

Where a loop has no ``add_reader`` (the Proactor loop of Windows), anyio waits instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from zmqbridge.errors import BackendError

__all__ = ["AsyncioBackend"]


class _Watch:
    """One registered descriptor."""

    __slots__ = ("echo", "waiter")

    def __init__(self) -> None:
        self.waiter: AsyncioWaiter | None = None
        self.echo = False


class AsyncioBackend:
    """The running asyncio loop, as :class:`zmqbridge.abc.Backend`.

    Args:
        loop: the loop to serve; the running one if it is left out.
    """

    strict_checkpoints = False

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop or asyncio.get_running_loop()
        self._watches: dict[int, _Watch] = {}

    @classmethod
    def running(cls) -> AsyncioBackend | None:
        try:
            in_task = asyncio.current_task() is not None
        except RuntimeError:
            return None
        return cls() if in_task else None

    def create_waiter(self) -> AsyncioWaiter:
        if asyncio.get_running_loop() is not self._loop:
            raise BackendError("the context belongs to another asyncio loop; make a Context for this one")
        return AsyncioWaiter(self, self._loop)

    async def checkpoint(self) -> None:
        await asyncio.sleep(0)

    def current_time(self) -> float:
        return self._loop.time()

    def release(self, fd: int) -> None:
        if self._watches.pop(fd, None) and not self._loop.is_closed():
            self._loop.remove_reader(fd)

    def watch(self, fd: int, waiter: AsyncioWaiter) -> _Watch:
        watch = self._watches.get(fd)
        if watch is None:
            watch = _Watch()
            self._loop.add_reader(fd, self._readable, fd, watch)
            self._watches[fd] = watch
        watch.waiter = waiter
        return watch

    def _readable(self, fd: int, watch: _Watch) -> None:
        if watch.echo:
            watch.echo = False
        elif watch.waiter is None:
            self.release(fd)
        else:
            watch.echo = True
            watch.waiter.wake()


class AsyncioWaiter:
    """One wait: a future, and for the leader the descriptor's watch."""

    __slots__ = ("_backend", "_future", "_loop")

    def __init__(self, backend: AsyncioBackend, loop: asyncio.AbstractEventLoop) -> None:
        self._backend = backend
        self._loop = loop
        self._future: asyncio.Future[None] = loop.create_future()

    def wake(self) -> None:
        if not self._future.done():
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
                    proactor = self._wait_with_anyio(fd)
            await self._future
        finally:
            if watch is not None:
                watch.waiter = None
            if proactor is not None:
                proactor.cancel()
            if timer is not None:
                timer.cancel()

    def _wait_with_anyio(self, fd: int) -> asyncio.Task[None]:
        import anyio  # noqa: PLC0415 (only the Proactor loop needs it)

        async def wait_readable() -> None:
            await anyio.wait_readable(fd)
            self.wake()

        return self._loop.create_task(wait_readable())
