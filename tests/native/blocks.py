"""What is left of memory when something was done many times."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import zmqbridge

__all__ = ["blocks_left"]

REPETITIONS = 4

_PACKAGE = str(Path(zmqbridge.__file__).parent / "*")


def blocks_left(file: str, exchange: Callable[[int], None], rounds: int) -> int:
    """Return how many blocks of memory are left by so many rounds, at least.

    Python keeps some objects to use again, up to a hundred of a kind or so, and takes some thousand rounds to fill up.
    What leaks grows in each repetition, and that no more in a later one: so the least of several counts.

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
        counts = [blocks()]
        for _ in range(REPETITIONS):
            exchange(rounds)
            counts.append(blocks())
            if counts[-1] <= counts[-2]:
                break
        return min(after - before for before, after in pairwise(counts))
    finally:
        tracemalloc.stop()
