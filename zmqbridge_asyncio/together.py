"""Functions that run at once in tasks of asyncio's, and end together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

__all__ = ["run_together"]

Function = Callable[[], Awaitable[None]]


async def run_together(functions: Iterable[Function]) -> None:
    """Run functions, each in a task; the first that fails, or a cancellation, cancels the rest, and all have ended."""
    try:
        async with asyncio.TaskGroup() as group:
            for function in functions:
                group.create_task(_run(function))
    except BaseExceptionGroup as failures:
        failure = failures.exceptions[0]
    else:
        return
    try:
        raise failure
    finally:
        del failure  # it would be in a cycle with its own traceback


async def _run(function: Function) -> None:
    await function()
