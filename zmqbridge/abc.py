"""The port: what an event loop's backend provides, and all that the core asks of it.

A backend teaches the core how one event loop waits. It knows nothing of
messages: no rule of ZeroMQ and no behaviour of a pattern belongs in it. The
shared conformance suite proves one; ``docs/writing-a-backend`` walks through it.

The contract, beyond the signatures:

- Everything here is called on the loop's own thread, but for :meth:`Backend.call_from_thread`.
- :meth:`Waiter.wait` is awaited at most once for each waiter, and :meth:`Waiter.wake` may
  come before it, during it, after it, and any number of times.
- At most one waiter waits for a given descriptor at a time, only to read. A descriptor
  that stays readable makes *every* wait for it return: level-triggered, as ``select`` is.
  A wait may also return for no reason: the core looks again.
- A cancellation of the awaiting task, in the loop's own way, passes through
  :meth:`Waiter.wait` unchanged, and leaves nothing behind that would wake or read later.
- :meth:`Backend.release` comes before the descriptor is closed, and nothing is
  registered for it afterwards: descriptor numbers are reused at once.

A backend may also have a class method ``runs_here()``: whether its loop runs in the calling thread, in a task or not,
and ``None`` if none has begun to run in this process and one may be to run here. A connection that is made there
belongs to that thread. Without it, a loop counts as running where :meth:`Backend.running` finds it.

Where a loop tells a task that it was cancelled by an error that is an :exc:`Exception`, as Twisted does, its backend
has the tuple ``cancellations`` of these errors' classes. Without it, no :exc:`Exception` is one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol, runtime_checkable

__all__ = ["Backend", "CallingBackend", "Timer", "Waiter"]


class Waiter(Protocol):
    """One wait of one task. Made by :meth:`Backend.create_waiter`, used once."""

    def wake(self) -> None:
        """Make :meth:`wait` return soon, or at once when it comes later.

        Idempotent, and never re-entrant: the woken task does not run inside this call.
        """

    def wait(self, fd: int | None, deadline: float | None) -> Awaitable[None]:
        """Wait until woken, or the descriptor is readable, or the deadline has passed.

        Args:
            fd: a descriptor to wait for as well, until it is readable; ``None`` for none.
            deadline: when to return at the latest, in seconds of
                :meth:`Backend.current_time`; ``None`` for never.
        """
        ...


@runtime_checkable
class Backend(Protocol):
    """One event loop, as the core sees it.

    A backend is found through the entry-point group ``zmqbridge.backends``. The entry
    point's name is the import name of the loop's own package (``trio``), so that no
    backend is imported into a program that has not imported its loop.
    """

    strict_checkpoints: bool
    """Whether each awaited operation lets the loop run, as trio's rule is; otherwise one in
    each batch of messages does."""

    @classmethod
    def running(cls) -> Backend | None:
        """Return a backend for the loop that runs the caller, or ``None`` if this kind does not."""

    def create_waiter(self) -> Waiter:
        """Return a new waiter for the calling task.

        Raises:
            zmqbridge.BackendError: if the caller does not run on this backend's loop.
        """
        ...

    async def checkpoint(self) -> None:
        """Let the loop run others once, and see a cancellation."""

    def current_time(self) -> float:
        """Return the loop's own clock, in seconds from any origin."""
        ...

    def release(self, fd: int) -> None:
        """Forget a descriptor that is about to be closed; one never seen is no error."""

    def call_from_thread(self, function: Callable[[], object]) -> None:
        """Have the loop call a function soon, outside all tasks. Any thread may call this, the loop's own included.

        Raises:
            zmqbridge.BackendError: if the loop has ended: the function will never be called.
        """

    def start_task(self, function: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], object]:
        """Run a function in a task of its own, soon or at once, and return what cancels that task.

        The core keeps the book of the tasks that it starts: it cancels them, and waits until they have ended. The
        function raises nothing but its cancellation. Cancelling a task that has ended is no error.

        Raises:
            zmqbridge.BackendError: if this loop has no tasks but the caller's.
        """
        ...

    async def run_together(self, functions: Sequence[Callable[[], Awaitable[None]]]) -> None:
        """Run functions at the same time, each in a task of its own.

        The first that fails cancels the rest, and is what this raises; so does a cancellation. All have ended when it
        returns.
        """


class Timer(Protocol):
    """A call that is to come."""

    def cancel(self) -> None:
        """Have it not come. Twice is no error."""


@runtime_checkable
class CallingBackend(Backend, Protocol):
    """A loop that calls functions outside all tasks: what :meth:`Receiver.on_message
    <zmqbridge.Receiver.on_message>` needs of it. A backend may do without."""

    def call_soon(self, function: Callable[[], object]) -> object:
        """Have the loop call a function in its next turn."""

    def call_later(self, seconds: float, function: Callable[[], object]) -> Timer:
        """Have the loop call a function after some seconds."""
        ...

    def call_when_readable(self, fd: int, function: Callable[[], object]) -> Callable[[], object]:
        """Have the loop call a function whenever a descriptor is readable; return what ends that.

        Raises:
            zmqbridge.BackendError: if this loop cannot.
        """
        ...
