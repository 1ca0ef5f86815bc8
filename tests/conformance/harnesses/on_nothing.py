"""A backend with no event loop at all: the example for those who write one, and the proof
that the core needs none.

The one task there is runs until it would have to wait, and then waits in ``select``. So it can
receive, send and ask, but not do two things at once.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

from tests.conformance.harnesses.base import CASE_SECONDS, Harness, Task
from zmqbridge.errors import BackendError


class Calls:
    """What other threads want called; readable while there is some."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._functions: list[Callable[[], object]] = []

    def fileno(self) -> int:
        return self._ours.fileno()

    def add(self, function: Callable[[], object]) -> None:
        self._functions.append(function)
        self._theirs.send(b"!")

    def run(self) -> None:
        with suppress(BlockingIOError):
            self._ours.recv(4096)
        while self._functions:
            self._functions.pop(0)()

    def __del__(self) -> None:
        self._ours.close()
        self._theirs.close()


class BlockingWaiter:
    def __init__(self, calls: Calls) -> None:
        self._woken = False
        self._calls = calls

    def wake(self) -> None:
        self._woken = True

    async def wait(self, fd: int | None, deadline: float | None) -> None:
        if not self._woken:
            timeout = CASE_SECONDS if deadline is None else max(0.0, deadline - time.monotonic())
            own = self._calls.fileno()
            select.select([own] if fd is None else [own, fd], [], [], timeout)
        self._calls.run()


class BlockingBackend:
    strict_checkpoints = False

    def __init__(self) -> None:
        self._calls = Calls()

    @classmethod
    def running(cls) -> BlockingBackend:
        return cls()

    def create_waiter(self) -> BlockingWaiter:
        return BlockingWaiter(self._calls)

    async def checkpoint(self) -> None:
        """There are no others to let run."""

    def current_time(self) -> float:
        return time.monotonic()

    def release(self, fd: int) -> None:
        """Nothing is ever registered."""

    def call_from_thread(self, function: Callable[[], object]) -> None:
        self._calls.add(function)

    def start_task(self, function: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], object]:
        raise BackendError("there is one task, the caller's")

    async def run_together(self, functions: Sequence[Callable[[], Awaitable[None]]]) -> None:
        """There is one task: one function at most."""
        (function,) = functions
        await function()


class BlockingHarness(Harness):
    name = "no-loop"
    concurrent = False

    def __init__(self, backend_class: type[BlockingBackend] = BlockingBackend) -> None:
        super().__init__(backend_class)

    def run(self, case: Callable[[], Awaitable[None]]) -> None:
        coroutine = self.checked(case)
        try:
            coroutine.send(None)
        except StopIteration:
            return
        raise AssertionError("a coroutine that never waits for a loop was suspended")

    def start(self, task: Task) -> None:
        raise AssertionError("there is only one task; the case needs a concurrent harness")

    async def sleep(self, seconds: float) -> None:
        select.select([], [], [], seconds)

    def is_cancellation(self, error: BaseException) -> bool:
        return False
