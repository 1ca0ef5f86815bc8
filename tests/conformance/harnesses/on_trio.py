"""Conformance cases on trio."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from tests.conformance.harnesses.base import CASE_SECONDS, Harness, Task


class TrioHarness(Harness):
    name = "trio"

    def run(self, case: Callable[[], Awaitable[None]]) -> None:
        trio.run(self._main, case, strict_exception_groups=True)

    async def _main(self, case: Callable[[], Awaitable[None]]) -> None:
        try:
            with trio.fail_after(CASE_SECONDS):
                async with trio.open_nursery() as self._nursery:
                    await self.checked(case)
        except BaseExceptionGroup as group:
            # The nursery's wrapping says nothing here: the case is the only one in it that can fail.
            if len(group.exceptions) == 1:
                raise group.exceptions[0] from None
            raise
        statistics = trio.lowlevel.current_statistics().io_statistics
        monitored = getattr(statistics, "tasks_waiting_read", 0)
        # One is the loop's own, to wake itself.
        assert monitored <= 1, f"{monitored} descriptors left waited for"

    def start(self, task: Task) -> None:
        scope = trio.CancelScope()
        task.cancel = scope.cancel

        async def run() -> None:
            with scope:
                await task.run()

        self._nursery.start_soon(run)

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)

    def is_cancellation(self, error: BaseException) -> bool:
        return isinstance(error, trio.Cancelled)
