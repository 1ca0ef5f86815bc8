"""Backends are named, given or found; a backend of one's own is what the port says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, assert_type

import zmqbridge
from zmqbridge.abc import Backend, Waiter
from zmqbridge_asyncio import AsyncioBackend
from zmqbridge_trio import TrioBackend
from zmqbridge_twisted import TwistedBackend


class OwnWaiter:
    """Waits as another waiter does."""

    def __init__(self, waiter: Waiter) -> None:
        self._waiter = waiter

    def wake(self) -> None:
        """Wake it."""
        self._waiter.wake()

    def wait(self, fd: int | None, deadline: float | None) -> Awaitable[None]:
        """Wait with it."""
        return self._waiter.wait(fd, deadline)


class OwnBackend:
    """Does as another backend does."""

    strict_checkpoints = False

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @classmethod
    def running(cls) -> Backend | None:
        """Find the one that runs."""
        for kind in (AsyncioBackend, TrioBackend, TwistedBackend):
            found = kind.running()
            if found is not None:
                return cls(found)
        return None

    def create_waiter(self) -> Waiter:
        """Wrap a waiter."""
        return OwnWaiter(self._backend.create_waiter())

    async def checkpoint(self) -> None:
        """Let the loop run."""
        await self._backend.checkpoint()

    def current_time(self) -> float:
        """Ask its clock."""
        return self._backend.current_time()

    def release(self, fd: int) -> None:
        """Forget a descriptor."""
        self._backend.release(fd)

    def call_from_thread(self, function: Callable[[], object]) -> None:
        """Have the loop call it."""
        self._backend.call_from_thread(function)

    def start_task(self, function: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], object]:
        """Start a task there."""
        return self._backend.start_task(function)

    async def run_together(self, functions: Sequence[Callable[[], Awaitable[None]]]) -> None:
        """Run them at the same time."""
        await self._backend.run_together(functions)


async def main() -> None:
    """Send a message on a loop that is given."""
    backend = OwnBackend.running()
    assert backend is not None
    async with zmqbridge.Context(backend) as context:
        pair = context.pair(bind="inproc://here")
        other = context.pair(connect="inproc://here")
        await pair.send(b"hello")
        assert_type(await other.receive(), list[bytes])
    named = zmqbridge.Context("asyncio")
    named.close()
