"""The arithmetic: what is derived from a measurement, medians over the rounds, and ratios. Pure functions.

A round that failed has no figures. It counts for no median, and a ratio needs both contenders' figures of its round.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

Figures = Mapping[str, float]

AS_MEASURED = (
    "peak_memory_bytes",
    "latency_median_seconds",
    "latency_p99_seconds",
    "gap_longest_seconds",
    "gap_p999_seconds",
)


def derive(measured: Figures) -> dict[str, float]:
    """Return what is said of one measurement, from what its process counted."""
    messages = measured["messages"]
    derived = {name: measured[name] for name in AS_MEASURED if name in measured}
    derived["messages_per_second"] = messages / measured["seconds"]
    derived["cpu_seconds_per_message"] = measured["cpu_seconds"] / messages
    if "loop_seconds" in measured:
        derived["loop_seconds_per_message"] = measured["loop_seconds"] / messages
    return derived


def medians(rounds: Sequence[Figures]) -> dict[str, float]:
    """Return the median of each figure over the rounds that have it."""
    names = sorted({name for each in rounds for name in each})
    return {name: statistics.median(each[name] for each in rounds if name in each) for name in names}


def ratio(rounds: Sequence[Figures], yardstick: Sequence[Figures], figure: str) -> float | None:
    """Return the median of the rounds' own ratios of a figure to the yardstick's, or ``None`` if no round has both."""
    ratios = [
        each[figure] / other[figure]
        for each, other in zip(rounds, yardstick, strict=False)
        if figure in each and other.get(figure)
    ]
    return statistics.median(ratios) if ratios else None
