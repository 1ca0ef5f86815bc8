"""Conformance cases on asyncio's own loop, and on uvloop's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.conformance.harnesses.base import CASE_SECONDS, Harness, Task


class AsyncioHarness(Harness):
    name = "asyncio"

    def new_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.SelectorEventLoop()

    def run(self, case: Callable[[], Awaitable[None]]) -> None:
        with asyncio.Runner(loop_factory=self.new_loop) as runner:
            runner.run(self._main(case))
            if self.checks_clean:
                self.check_clean(runner.get_loop())

    async def _main(self, case: Callable[[], Awaitable[None]]) -> None:
        async with asyncio.timeout(CASE_SECONDS):
            await self.checked(case)

    def check_clean(self, loop: asyncio.AbstractEventLoop) -> None:
        # One descriptor is the loop's own, to wake itself.
        registered = loop._selector.get_map()  # type: ignore[attr-defined]
        assert len(registered) <= 1, f"left registered: {list(registered)}"

    def start(self, task: Task) -> None:
        running = asyncio.get_running_loop().create_task(task.run())
        # A task that is cancelled before its first step never runs, and is done all the same.
        running.add_done_callback(lambda ended: self._ended(task, ended.cancelled()))

        def cancel() -> None:
            running.cancel()

        task.cancel = cancel

    @staticmethod
    def _ended(task: Task, cancelled: bool) -> None:
        task.cancelled = task.cancelled or cancelled
        task.done = True

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def is_cancellation(self, error: BaseException) -> bool:
        return isinstance(error, asyncio.CancelledError)


class UvloopHarness(AsyncioHarness):
    name = "uvloop"

    def new_loop(self) -> asyncio.AbstractEventLoop:
        uvloop = pytest.importorskip("uvloop", reason="uvloop is not made for this Python")
        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        return loop

    def check_clean(self, loop: asyncio.AbstractEventLoop) -> None:
        """uvloop does not tell what is registered."""
