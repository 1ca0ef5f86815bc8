"""The port on trio.

The facts. One task may wait for a descriptor, in ``wait_readable``, which only a cancel
scope can interrupt. Entering a scope and cancelling it costs several times what waking a sleeping
task does.

The design. The leader, who holds the descriptor, waits in a scope, and waking it cancels that
scope. A follower sleeps and is rescheduled; only one with a deadline needs a scope for it.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import copy_context
from typing import Any

import trio

from zmqbridge.errors import BackendError

__all__ = ["TrioBackend"]


class TrioBackend:
    """The running trio loop, as :class:`zmqbridge.abc.Backend`."""

    strict_checkpoints = True

    def __init__(self) -> None:
        self._run = trio.lowlevel.current_root_task()
        self._token = trio.lowlevel.current_trio_token()

    @classmethod
    def running(cls) -> TrioBackend | None:
        return cls() if trio.lowlevel.in_trio_task() else None

    @classmethod
    def runs_here(cls) -> bool:
        return trio.lowlevel.in_trio_run()

    def create_waiter(self) -> TrioWaiter:
        if trio.lowlevel.current_root_task() is not self._run:
            raise BackendError("the context belongs to another trio run; make a Context for this one")
        return TrioWaiter()

    async def checkpoint(self) -> None:
        await trio.lowlevel.checkpoint()

    def current_time(self) -> float:
        return trio.current_time()

    def release(self, fd: int) -> None:
        """Nothing to do: a wait that was woken has taken its descriptor off already."""

    def call_from_thread(self, function: Callable[[], object]) -> None:
        try:
            self._token.run_sync_soon(function)
        except trio.RunFinishedError:
            raise BackendError("the trio run has ended") from None

    def start_task(self, function: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], object]:
        # A task of the system's has no place in the tree of the program's, which begins and ends where it does.
        scope = trio.CancelScope()
        trio.lowlevel.spawn_system_task(_run_within, scope, function, context=copy_context())
        return scope.cancel

    async def run_together(self, functions: Sequence[Callable[[], Awaitable[None]]]) -> None:
        failures: list[BaseException] = []

        async def run(function: Callable[[], Awaitable[None]]) -> None:
            try:
                await function()
            except trio.Cancelled:
                pass  # whoever is cancelled hears of it below, and in no group
            except BaseException as error:
                failures.append(error)
                nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            for function in functions:
                nursery.start_soon(run, function)
        if failures:
            raise failures.pop(0)
        await trio.lowlevel.checkpoint_if_cancelled()


async def _run_within(scope: trio.CancelScope, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with scope:
        await function()


class TrioWaiter:
    """One wait: asleep, or in a scope around the descriptor."""

    __slots__ = ("_scope", "_task", "_woken")

    def __init__(self) -> None:
        self._woken = False
        self._scope: trio.CancelScope | None = None
        self._task: trio.lowlevel.Task | None = None

    def wake(self) -> None:
        if self._woken:
            return
        self._woken = True
        if self._scope is not None:
            self._scope.cancel()
        elif self._task is not None:
            trio.lowlevel.reschedule(self._task)

    async def wait(self, fd: int | None, deadline: float | None) -> None:
        if self._woken:
            await trio.lowlevel.checkpoint()
        elif fd is not None:
            with trio.CancelScope(deadline=math.inf if deadline is None else deadline) as self._scope:
                await trio.lowlevel.wait_readable(fd)
        elif deadline is not None:
            with trio.CancelScope(deadline=deadline):
                await self._sleep()
        else:
            await self._sleep()

    async def _sleep(self) -> None:
        self._task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._abort)

    def _abort(self, raise_cancel: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED
