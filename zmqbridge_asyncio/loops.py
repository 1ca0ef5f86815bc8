"""The loop that a call is made on, and what stands for one where there was none so far."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

__all__ = ["NO_LOOP", "loop_of_the_caller"]


class _NoLoop:
    """No loop so far."""

    def is_running(self) -> bool:
        return False

    def is_closed(self) -> bool:
        return True


NO_LOOP: Any = _NoLoop()


def loop_of_the_caller() -> asyncio.AbstractEventLoop:
    """Return the loop that runs, or the one that is to run."""
    running = asyncio._get_running_loop()
    if running is not None:
        return running
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return asyncio.get_event_loop()
