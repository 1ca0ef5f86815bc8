"""What is left of memory when something was done many times."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import zmqbridge

__all__ = ["blocks_left"]

_PACKAGE = str(Path(zmqbridge.__file__).parent / "*")


def blocks_left(file: str, exchange: Callable[[int], None], rounds: int) -> int:
    """Return how many blocks of memory are left by so many rounds.

    Only those count that lines of the file, or of zmqbridge, asked for: a message of pytest-xdist's that comes
    meanwhile has thousands.
    """
    filters = [tracemalloc.Filter(True, pattern) for pattern in (file, _PACKAGE)]

    def blocks() -> int:
        gc.collect()
        ours = tracemalloc.take_snapshot().filter_traces(filters)
        return len(ours.traces)

    tracemalloc.start()
    try:
        exchange(rounds)
        before = blocks()
        exchange(rounds)
        return blocks() - before
    finally:
        tracemalloc.stop()
