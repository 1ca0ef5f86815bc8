"""What a conformance case may ask of the loop that runs it: the test-only counterpart of the port.

A harness runs one case from beginning to end on a fresh loop, and gives it what the
production port has no use for: spawning a task, cancelling it, sleeping. A case that
leaves a task with an error nobody looked at, or anything registered with the loop, fails.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

import zmqbridge
from zmqbridge.abc import Backend

CASE_SECONDS = 30.0
POLL_SECONDS = 0.001
QUICK_TURNS = 20


class TaskCancelled(Exception):
    """What awaiting a cancelled task's result raises, whatever the loop's own word for it is."""


class Task:
    """One spawned task."""

    def __init__(self, harness: Harness, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...]) -> None:
        self._harness = harness
        self._function = function
        self._args = args
        self.done = False
        self.cancelled = False
        self.value: Any = None
        self.error: BaseException | None = None
        self.cancel: Callable[[], None] = self._too_early

    def _too_early(self) -> None:
        raise AssertionError("the harness set no way to cancel this task")

    async def run(self) -> None:
        """The body of the task; a cancellation passes through, for the loop to see."""
        try:
            self.value = await self._function(*self._args)
        except BaseException as error:
            self.cancelled = self._harness.is_cancellation(error)
            if self.cancelled:
                raise
            self.error = error
        finally:
            self.done = True

    async def result(self) -> Any:
        """Wait for the task's end and return what it returned, or raise what it raised."""
        await self._harness.until(lambda: self.done)
        if self.cancelled:
            raise TaskCancelled
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return self.value


class Harness(ABC):
    """One kind of loop. An instance runs one case.

    Attributes:
        name: for the test's id.
        concurrent: whether it can run more than one task; a case that spawns needs it.
        checks_clean: whether a case must leave nothing registered with its loop.
    """

    name: str
    concurrent = True
    checks_clean = True

    def __init__(self, backend_class: type[Backend] | None = None) -> None:
        self.backend_class = backend_class
        self.tasks: list[Task] = []

    # --- what a harness provides ---

    @abstractmethod
    def run(self, case: Callable[[], Awaitable[None]]) -> None:
        """Run a case on a fresh loop, for CASE_SECONDS at most, and check that it left nothing behind."""

    @abstractmethod
    def start(self, task: Task) -> None:
        """Start a task, soon or at once, and set its ``cancel``."""

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Let the loop run others for some time."""

    @abstractmethod
    def is_cancellation(self, error: BaseException) -> bool:
        """Whether this is how the loop tells a task that it was cancelled."""

    def backend(self) -> Backend | None:
        """The backend for a context of the case; ``None`` has the context find out."""
        return None if self.backend_class is None else self.backend_class.running()

    # --- what a case uses ---

    def context(self, **arguments: Any) -> zmqbridge.Context:
        """Return a context on this loop."""
        return zmqbridge.Context(self.backend(), **arguments)

    def spawn(self, function: Callable[..., Awaitable[Any]], *args: Any) -> Task:
        """Run a function in a task of its own; cancel() it, or await its result()."""
        task = Task(self, function, args)
        self.tasks.append(task)
        self.start(task)
        return task

    async def turn(self) -> None:
        """Let the loop run once."""
        await self.sleep(0)

    async def until(self, condition: Callable[[], object]) -> None:
        """Return once the condition holds; a case that waits for ever ends with the case's time."""
        turns = 0
        while not condition():
            await self.sleep(0 if turns < QUICK_TURNS else POLL_SECONDS)
            turns += 1

    async def parked(self, connection: zmqbridge.Connection, count: int = 1) -> None:
        """Return once this many operations are parked on a connection, all of them in their wait."""
        await self.until(lambda: connection.stats.parked == count)
        for _ in range(3):
            await self.turn()

    async def checked(self, case: Callable[[], Awaitable[None]]) -> None:
        """Run the case's function, then raise what its tasks left unsaid."""
        await case()
        for task in self.tasks:
            # The end of the case's context ends what the case left parked.
            if task.error is not None and not isinstance(task.error, zmqbridge.ConnectionClosed):
                raise task.error
        for task in self.tasks:
            if not task.done:
                task.cancel()
        await self.until(lambda: all(task.done for task in self.tasks))
