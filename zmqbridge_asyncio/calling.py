"""Functions of a program that a stream calls: what they raise is logged, and coroutines run in tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from zmqbridge.connections.callbacks import HandlerFailures, check_handler

__all__ = ["Callback"]


class Callback:
    """A function that is called again and again.

    Args:
        function: what is called; it may be a coroutine function, whose coroutines run in tasks of their own.
        describe: names what calls it, in the log.
        loop: runs what is to be awaited.

    Raises:
        TypeError: if it cannot be called.
    """

    def __init__(
        self, function: Callable[..., object], describe: Callable[[], str], loop: asyncio.AbstractEventLoop
    ) -> None:
        check_handler(function)
        self._function = function
        self._loop = loop
        self._failures = HandlerFailures(describe, function)
        self._running: set[asyncio.Future[Any]] = set()

    def __call__(self, *arguments: Any) -> None:
        try:
            outcome = self._function(*arguments)
            if outcome is not None and isawaitable(outcome):
                running = asyncio.ensure_future(outcome, loop=self._loop)
                self._running.add(running)  # the loop itself keeps tasks weakly
                running.add_done_callback(self._ended)
        except Exception:
            self._failures.log()

    def _ended(self, running: asyncio.Future[Any]) -> None:
        self._running.discard(running)
        if not running.cancelled():
            try:
                running.result()
            except Exception:
                self._failures.log()
