"""What a case needs of an event loop, each in the loop's own words."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module
from typing import Any

from benchmarks.loops import LOOPS

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
    """An event loop.

    Args:
        name: what it is called in :data:`benchmarks.loops.LOOPS`.
    """

    def __init__(self, name: str) -> None:
        self._loop = LOOPS[name]

    def run(self, main: Call) -> None:
        """Run a coroutine to its end."""
        self._loop.run(partial(self._enclose, main))

    async def _enclose(self, main: Call) -> None:
        await main()

    async def sleep(self, seconds: float) -> None:
        """Let the loop run."""
        await self._loop.sleep(seconds)

    @abstractmethod
    def spawn(self, call: Call) -> Task:
        """Run a call beside the caller."""

    @abstractmethod
    async def within(self, seconds: float, call: Call) -> Any:
        """Return what the call returns, or raise TimeoutError: the way of the loop to give something a time limit."""

    async def until(self, condition: Callable[[], object], seconds: float) -> bool:
        """Let the loop run until the condition holds; return whether it came to hold in time."""
        end = time.perf_counter() + seconds
        while not condition() and time.perf_counter() < end:
            await self.sleep(0.005)
        return bool(condition())

    async def ended(self, *tasks: Task, seconds: float = 2) -> bool:
        """Let the loop run until the tasks have ended; return whether they did in time."""
        return await self.until(lambda: all(task.done for task in tasks), seconds)


class OnAsyncio(Loop):
    """asyncio."""

    def __init__(self) -> None:
        super().__init__("asyncio")
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, call: Call) -> Task:
        task = Task(call)
        running = asyncio.create_task(task.run())
        self._tasks.add(running)
        running.add_done_callback(self._tasks.discard)
        task.cancel = running.cancel
        return task

    async def within(self, seconds: float, call: Call) -> Any:
        async with asyncio.timeout(seconds):
            return await call()


class Structured(Loop):
    """A loop whose tasks are in a nursery, and whose time limits are scopes.

    Args:
        name: what it is called in :data:`benchmarks.loops.LOOPS`.
        module: trio or anyio.
        nursery: what opens a nursery there.
        too_slow: what a time limit raises there.
    """

    def __init__(self, name: str, module: Any, nursery: Callable[[], Any], too_slow: type[Exception]) -> None:
        super().__init__(name)
        self._module = module
        self._open = nursery
        self._too_slow = too_slow

    async def _enclose(self, main: Call) -> None:
        async with self._open() as nursery:
            self._nursery = nursery
            await main()
            nursery.cancel_scope.cancel()

    def spawn(self, call: Call) -> Task:
        task = Task(call)
        scope = self._module.CancelScope()

        async def run() -> None:
            with scope:
                await task.run()

        self._nursery.start_soon(run)
        task.cancel = scope.cancel
        return task

    async def within(self, seconds: float, call: Call) -> Any:
        try:
            with self._module.fail_after(seconds):
                return await call()
        except self._too_slow:
            raise TimeoutError from None


class OnTrio(Structured):
    """trio."""

    def __init__(self) -> None:
        trio: Any = import_module("trio")
        super().__init__("trio", trio, trio.open_nursery, trio.TooSlowError)


class OnAnyio(Structured):
    """anyio, on one of its two backends."""

    def __init__(self, name: str) -> None:
        anyio: Any = import_module("anyio")
        super().__init__(name, anyio, anyio.create_task_group, TimeoutError)


class OnTwisted(Loop):
    """Twisted's global reactor, and coroutines on it."""

    def __init__(self) -> None:
        super().__init__("Twisted")

    def spawn(self, call: Call) -> Task:
        from twisted.internet import defer

        task = Task(call)
        task.cancel = defer.Deferred.fromCoroutine(task.run()).cancel
        return task

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
