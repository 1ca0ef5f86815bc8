"""An event loop without time: each step of it is taken when the test says so.

A task is ready, or it waits: on a waiter that was woken or not, for a descriptor that a poll has found
readable or not, for a deadline that has passed or not. A step runs one ready task until it waits again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from types import coroutine
from typing import Any

__all__ = ["Cancelled", "ModelBackend", "Task"]


class Cancelled(BaseException):
    """This loop's cancellation."""


class Task:
    """One coroutine, driven by hand.

    Attributes:
        name: for the output of a failure.
        ready: whether a step may run it.
        done: whether it has ended.
        value: what it returned.
        error: what it raised; a :exc:`Cancelled` too.
    """

    def __init__(self, name: str, body: Coroutine[Any, Any, Any]) -> None:
        self.name = name
        self.ready = True
        self.done = False
        self.value: Any = None
        self.error: BaseException | None = None
        self.waits: ModelWaiter | None = None
        self.cancelling = False
        self._body = body

    def cancel(self) -> None:
        """Ask it to end: the exception is thrown in at its next step, whatever else it was woken for."""
        if not self.done:
            self.cancelling = True
            self.ready = True

    def step(self) -> None:
        self.ready = False
        self.waits = None
        try:
            if self.cancelling:
                self.cancelling = False
                self._body.throw(Cancelled())
            else:
                self._body.send(None)
        except StopIteration as ended:
            self.done, self.value = True, ended.value
        except BaseException as error:
            self.done, self.error = True, error
            if not isinstance(error, (Cancelled, Exception)):
                raise

    def __repr__(self) -> str:
        return f"<{self.name}>"


class ModelWaiter:
    """The port's waiter."""

    def __init__(self, backend: ModelBackend) -> None:
        self._backend = backend
        self._task: Task | None = None
        self.fd: int | None = None
        self.deadline: float | None = None
        self._woken = False

    def wake(self) -> None:
        self._woken = True
        self.make_ready()

    def make_ready(self) -> None:
        if self._task is not None:
            self._task.ready = True

    async def wait(self, fd: int | None, deadline: float | None) -> None:
        task = self._backend.current
        assert task is not None
        if fd is not None:
            assert self._backend.waiting_for(fd) is None, "two tasks wait for one descriptor"
        self._task, self.fd, self.deadline = task, fd, deadline
        task.waits = self
        task.ready = self._woken
        try:
            await _suspend()
        finally:
            self._task = None


@coroutine
def _suspend() -> Generator[None, None, None]:
    yield


class ModelBackend:
    """The port, over the tasks of one test.

    Args:
        readable: what a poll of a descriptor says.
    """

    strict_checkpoints = False

    def __init__(self, readable: Callable[[int], bool]) -> None:
        self.tasks: list[Task] = []
        self.current: Task | None = None
        self.now = 0.0
        self._readable = readable
        self._watched: tuple[int, Callable[[], None]] | None = None

    @classmethod
    def running(cls) -> None:
        return None

    def create_waiter(self) -> ModelWaiter:
        return ModelWaiter(self)

    async def checkpoint(self) -> None:
        assert self.current is not None
        self.current.ready = True
        await _suspend()

    def current_time(self) -> float:
        return self.now

    def release(self, fd: int) -> None:
        assert self.waiting_for(fd) is None or self.waiting_for(fd).ready, "released under a waiting task"  # type: ignore[union-attr]

    def call_from_thread(self, function: Callable[[], object]) -> None:
        raise AssertionError("there is no other thread")

    def start_task(self, function: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], object]:
        raise AssertionError("the core starts no tasks for messages")

    async def run_together(self, functions: Sequence[Callable[[], Awaitable[None]]]) -> None:
        raise AssertionError("nothing in these tests runs functions together")

    # --- what the test does ---

    def spawn(self, name: str, body: Coroutine[Any, Any, Any]) -> Task:
        task = Task(name, body)
        self.tasks.append(task)
        return task

    def call_soon(self, call: Callable[[], None]) -> None:
        """Have something called in a later step."""

        async def body() -> None:
            call()

        self.spawn("call", body())

    def watch(self, fd: int, call: Callable[[], None]) -> None:
        """From now on, have something called whenever a poll finds a descriptor readable."""
        self._watched = (fd, call)

    def unwatch(self) -> None:
        self._watched = None

    def waiting_for(self, fd: int) -> Task | None:
        """The task that waits for a descriptor and was not told anything yet."""
        for task in self.tasks:
            if task.waits is not None and task.waits.fd == fd and not task.done:
                return task
        return None

    @property
    def ready(self) -> list[Task]:
        return [task for task in self.tasks if task.ready and not task.done]

    def step(self, task: Task) -> None:
        """Run a ready task until it waits or ends."""
        self.current = task
        try:
            task.step()
        finally:
            self.current = None

    def poll(self) -> bool:
        """Look at the descriptors and the clock, as a loop does; return whether anything came of it."""
        found = False
        if self._watched is not None and self._readable(self._watched[0]):
            self.call_soon(self._watched[1])
            found = True
        for task in self.tasks:
            waiter = task.waits
            if waiter is None or task.ready or task.done:
                continue
            late = waiter.deadline is not None and waiter.deadline <= self.now
            if late or (waiter.fd is not None and self._readable(waiter.fd)):
                task.ready = found = True
        return found

    def settle(self, limit: int = 10_000) -> None:
        """Run until nothing more happens by itself; each task that is ready has its step before any has another.

        Raises:
            AssertionError: if that never comes: somebody spins.
        """
        for _ in range(limit):
            ready = self.ready
            for task in ready:
                if task.ready and not task.done:
                    self.step(task)
            if not ready and not self.poll():
                return
        raise AssertionError(f"{self.ready!r} never came to rest")
