"""What a case needs of an event loop, each in the loop's own words."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["Loop", "OnAnyio", "OnAsyncio", "OnTrio", "OnTwisted", "Task"]

Call = Callable[[], Awaitable[Any]]


class Task:
    """A call that runs beside the case, and what became of it."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.cancel: Callable[[], object] = lambda: None
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None

    async def run(self) -> None:
        try:
            self.result = await self.call()
        except Exception as error:
            self.error = error
        except BaseException as error:
            self.error = error
            raise
        finally:
            self.done = True

    @property
    def outcome(self) -> str:
        """In words, how it ended."""
        if not self.done:
            return "hangs"
        return "returns" if self.error is None else f"ends with {type(self.error).__name__}"


class Loop(ABC):
    """An event loop."""

    @abstractmethod
    def run(self, main: Call) -> None:
        """Run a coroutine to its end."""

    @abstractmethod
    def spawn(self, call: Call) -> Task:
        """Run a call beside the caller."""

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Let the loop run."""

    @abstractmethod
    async def within(self, seconds: float, call: Call) -> Any:
        """Return what the call returns, or raise TimeoutError: the way of the loop to give something a time limit."""

    async def until(self, condition: Callable[[], object], seconds: float) -> bool:
        """Let the loop run until the condition holds; return whether it came to hold in time."""
        end = time.perf_counter() + seconds
        while not condition() and time.perf_counter() < end:
            await self.sleep(0.005)
        return bool(condition())


class OnAsyncio(Loop):
    """asyncio; time limits are those of ``asyncio.timeout``, or of ``asyncio.wait_for``."""

    def __init__(self, *, wait_for: bool = False) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._wait_for = wait_for

    def run(self, main: Call) -> None:
        async def begin() -> None:
            await main()

        asyncio.run(begin())

    def spawn(self, call: Call) -> Task:
        task = Task(call)
        running = asyncio.create_task(task.run())
        self._tasks.add(running)
        running.add_done_callback(self._tasks.discard)
        task.cancel = running.cancel
        return task

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def within(self, seconds: float, call: Call) -> Any:
        if self._wait_for:
            return await asyncio.wait_for(call(), seconds)
        async with asyncio.timeout(seconds):
            return await call()


class OnTrio(Loop):
    """trio."""

    def run(self, main: Call) -> None:
        import trio

        async def begin() -> None:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                await main()
                nursery.cancel_scope.cancel()

        trio.run(begin)

    def spawn(self, call: Call) -> Task:
        import trio

        task = Task(call)
        scope = trio.CancelScope()

        async def run() -> None:
            with scope:
                await task.run()

        self._nursery.start_soon(run)
        task.cancel = scope.cancel
        return task

    async def sleep(self, seconds: float) -> None:
        import trio

        await trio.sleep(seconds)

    async def within(self, seconds: float, call: Call) -> Any:
        import trio

        try:
            with trio.fail_after(seconds):
                return await call()
        except trio.TooSlowError:
            raise TimeoutError from None


class OnAnyio(Loop):
    """anyio, on one of its two backends."""

    def __init__(self, backend: str) -> None:
        self._backend = backend

    def run(self, main: Call) -> None:
        import anyio

        async def begin() -> None:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                await main()
                tasks.cancel_scope.cancel()

        anyio.run(begin, backend=self._backend)

    def spawn(self, call: Call) -> Task:
        import anyio

        task = Task(call)
        scope = anyio.CancelScope()

        async def run() -> None:
            with scope:
                await task.run()

        self._tasks.start_soon(run)
        task.cancel = scope.cancel
        return task

    async def sleep(self, seconds: float) -> None:
        import anyio

        await anyio.sleep(seconds)

    async def within(self, seconds: float, call: Call) -> Any:
        import anyio

        with anyio.fail_after(seconds):
            return await call()


class OnTwisted(Loop):
    """Twisted's global reactor, and coroutines on it."""

    def run(self, main: Call) -> None:
        from twisted.internet import defer, reactor

        started: Any = reactor
        failures: list[Any] = []

        async def begin() -> None:
            await main()

        def start() -> None:
            ended = defer.Deferred.fromCoroutine(begin())
            ended.addErrback(failures.append)
            ended.addBoth(lambda _: started.stop())

        started.callWhenRunning(start)
        started.run()
        for failure in failures:
            failure.raiseException()

    def spawn(self, call: Call) -> Task:
        from twisted.internet import defer

        task = Task(call)
        task.cancel = defer.Deferred.fromCoroutine(task.run()).cancel
        return task

    async def sleep(self, seconds: float) -> None:
        from twisted.internet import reactor, task

        clock: Any = reactor
        await task.deferLater(clock, seconds)

    async def within(self, seconds: float, call: Call) -> Any:
        from twisted.internet import defer, reactor

        clock: Any = reactor

        async def begin() -> Any:
            return await call()

        waiting = defer.Deferred.fromCoroutine(begin())
        waiting.addTimeout(seconds, clock)
        try:
            return await waiting
        except defer.TimeoutError:
            raise TimeoutError from None
