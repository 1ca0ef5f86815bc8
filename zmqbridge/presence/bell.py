"""Tasks that wait until something holds which another thread, or a callback, may bring about.

The facts. A task can only be woken on its loop's own thread. Between a task's look and its wait the other thread may
have told what it waits for.

The design. A task is on the list of those who wait before it looks. Whoever tells looks at that list after the telling:
so one of the two sees the other.
"""

from __future__ import annotations

from collections.abc import Callable

from zmqbridge.abc import Backend, Waiter

__all__ = ["Bell"]


class Bell:
    """Wakes the tasks that wait for a condition, for each to look at its own."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: dict[Waiter, None] = {}

    @property
    def wanted(self) -> bool:
        """Whether anybody waits. Any thread may ask."""
        return bool(self._waiting)

    async def until(self, condition: Callable[[], object], backend: Backend, deadline: float | None = None) -> bool:
        """Wait until a condition holds; return ``False`` if it does not by the deadline.

        Args:
            condition: is asked on the loop's thread, each time that the bell was rung.
            backend: of the loop that runs the caller.
            deadline: by the loop's clock; ``None`` is never.
        """
        if backend.strict_checkpoints:
            await backend.checkpoint()
        while True:
            waiter = backend.create_waiter()
            self._waiting[waiter] = None
            try:
                if condition():
                    return True
                if deadline is not None and backend.current_time() >= deadline:
                    return False
                await waiter.wait(None, deadline)
            finally:
                del self._waiting[waiter]

    def ring(self) -> None:
        """Have all who wait look, on the loop's own thread."""
        for waiter in list(self._waiting):
            waiter.wake()
