"""Conformance cases in anyio programs, on both of anyio's own backends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from tests.conformance.harnesses.base import CASE_SECONDS, Harness, Task


class AnyioAsyncioHarness(Harness):
    name = "anyio-asyncio"
    anyio_backend = "asyncio"

    def run(self, case: Callable[[], Awaitable[None]]) -> None:
        anyio.run(self._main, case, backend=self.anyio_backend)

    async def _main(self, case: Callable[[], Awaitable[None]]) -> None:
        try:
            with anyio.fail_after(CASE_SECONDS):
                async with anyio.create_task_group() as self._group:
                    await self.checked(case)
        except BaseExceptionGroup as group:
            # The group's wrapping says nothing here: the case is the only one in it that can fail.
            if len(group.exceptions) == 1:
                raise group.exceptions[0] from None
            raise

    def start(self, task: Task) -> None:
        scope = anyio.CancelScope()
        task.cancel = scope.cancel

        async def run() -> None:
            with scope:
                await task.run()

        self._group.start_soon(run)

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    def is_cancellation(self, error: BaseException) -> bool:
        return isinstance(error, anyio.get_cancelled_exc_class())


class AnyioTrioHarness(AnyioAsyncioHarness):
    name = "anyio-trio"
    anyio_backend = "trio"
