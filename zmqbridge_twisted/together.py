"""Coroutines that a reactor runs at once, each behind a Deferred, and that end together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

__all__ = ["run_together"]


async def run_together(functions: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Run functions; the first that fails, or a cancellation, cancels the rest, and all have ended."""
    failures: list[Failure] = []
    running: list[Deferred[None]] = []

    def fail(failure: Failure) -> None:
        failures.append(failure)
        if len(failures) == 1:
            for each in running:
                each.cancel()

    for function in functions:
        if not failures:
            running.append(Deferred.fromCoroutine(_run(function)).addErrback(fail))
    # Who cancels this Deferred cancels all of these, and it fires when they have ended.
    await DeferredList(running)
    if failures:
        first = failures[0]
        failures.clear()
        first.raiseException()


def _run(function: Callable[[], Awaitable[None]]) -> Coroutine[Deferred[Any], Any, None]:
    async def run() -> None:
        await function()

    return run()
