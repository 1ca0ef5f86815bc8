"""The port on a Twisted reactor, for coroutines that Deferreds drive.

Firing a Deferred runs the coroutine that awaits it inside the call. The core must not be re-entered
from a wake, and a ``callLater`` for each wake would cost more than the rest. So what is to come soon is
put on a list, and one ``callLater(0)`` calls the list. The reactor's own call is outside the core.

The reactor is an argument. The global one is taken only where a program has installed it, on
its thread, running or not: ``task.react`` calls the main function first.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from threading import get_ident
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python import threadable

from zmqbridge.errors import BackendError
from zmqbridge_twisted.reader import Reader
from zmqbridge_twisted.together import run_together

__all__ = ["TwistedBackend"]


class TwistedBackend:
    """A Twisted reactor, as :class:`zmqbridge.abc.Backend`.

    Args:
        reactor: provides ``IReactorFDSet``, ``IReactorTime`` and, for other threads, ``IReactorFromThreads``.
    """

    strict_checkpoints = False
    cancellations: tuple[type[BaseException], ...] = (CancelledError,)

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self._readers: dict[int, Reader] = {}
        self._soon: list[Callable[[], object]] = []

    @classmethod
    def running(cls) -> TwistedBackend | None:
        reactor = sys.modules.get("twisted.internet.reactor")
        return cls(reactor) if reactor is not None and cls.runs_here() is not False else None

    @classmethod
    def runs_here(cls) -> bool | None:
        thread: Any = threadable.ioThread  # None before any reactor runs
        if thread is None:
            return None if "twisted.internet.reactor" in sys.modules else False
        return bool(thread == get_ident())

    def create_waiter(self) -> TwistedWaiter:
        return TwistedWaiter(self)

    async def checkpoint(self) -> None:
        waiter = TwistedWaiter(self)
        waiter.wake()
        await waiter.wait(None, None)

    def current_time(self) -> float:
        return float(self.reactor.seconds())

    def release(self, fd: int) -> None:
        reader = self._readers.pop(fd, None)
        if reader is not None:
            self.reactor.removeReader(reader)

    def call_from_thread(self, function: Callable[[], object]) -> None:
        # It says "stopped" before it first runs as well, and then the call is kept until it runs.
        if getattr(self.reactor, "_stopped", False) and getattr(self.reactor, "_startedBefore", True):
            raise BackendError("the reactor has stopped")
        self.reactor.callFromThread(function)

    def start_task(self, function: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], object]:
        task = Deferred.fromCoroutine(function())
        task.addErrback(lambda failure: failure.trap(CancelledError) and None)
        return task.cancel

    async def run_together(self, functions: Sequence[Callable[[], Awaitable[None]]]) -> None:
        await run_together(functions)

    def call_soon(self, call: Callable[[], object]) -> None:
        if not self._soon:
            self.reactor.callLater(0, self._call_all)
        self._soon.append(call)

    def _call_all(self) -> None:
        calls, self._soon = iter(self._soon), []
        try:
            for call in calls:
                call()
        finally:
            for call in calls:  # behind one that raised
                self.call_soon(call)

    def watch(self, fd: int, waiter: TwistedWaiter) -> Reader:
        reader = self._readers.get(fd)
        if reader is None:
            reader = self._readers[fd] = Reader(fd, self.release)
            self.reactor.addReader(reader)
        reader.waiter = waiter
        return reader


class TwistedWaiter:
    """One wait: a Deferred, and for the leader the descriptor's reader."""

    __slots__ = ("_backend", "_deferred", "_woken")

    def __init__(self, backend: TwistedBackend) -> None:
        self._backend = backend
        self._woken = False
        self._deferred: Deferred[None] = Deferred()

    def wake(self) -> None:
        if not self._woken:
            self._woken = True
            self._backend.call_soon(self.fire)

    def fire(self) -> None:
        self._woken = True
        if not self._deferred.called:
            self._deferred.callback(None)

    def wait(self, fd: int | None, deadline: float | None) -> Awaitable[None]:
        if fd is None and deadline is None:
            return self._deferred
        return self._wait(fd, deadline)

    async def _wait(self, fd: int | None, deadline: float | None) -> None:
        reactor = self._backend.reactor
        timer = None if deadline is None else reactor.callLater(max(0, deadline - reactor.seconds()), self.fire)
        reader = None if fd is None else self._backend.watch(fd, self)
        try:
            await self._deferred
        finally:
            if reader is not None:
                reader.waiter = None
            if timer is not None and timer.active():
                timer.cancel()
