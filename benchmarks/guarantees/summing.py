"""What several rounds came to, in a few words, and the table of it."""

from __future__ import annotations

import statistics
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial

from benchmarks.guarantees.cases import CASES
from benchmarks.guarantees.observing import Observation

__all__ = ["Results", "summary", "table"]

Results = dict[str, dict[str, list[Observation]]]
"""For each case, and for each library in it, an observation a round."""


def summary(observations: Sequence[Observation]) -> str:
    """Return several rounds' observations in a few words: figures as their median, differing outcomes with counts."""
    counts = Counter(observation.words for observation in observations)
    said = []
    for words, count in counts.most_common():
        figures = [each.figure for each in observations if each.words == words and each.figure is not None]
        text = words.format(in_figures(statistics.median(figures))) if figures else words
        said.append(text if len(counts) == 1 else f"{text} ({count} of {len(observations)} runs)")
    return "; ".join(said)


def in_figures(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 10 or figure == int(figure) else f"{figure:.2g}"


def table(results: Results, names: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the result."""
    wrap = partial(textwrap.wrap, width=15)
    rows = [["", *names]]
    rows += [[CASES[case].title, *(summary(row[name]) for name in names)] for case, row in results.items()]
    for row in rows:
        cells = [textwrap.wrap(row[0], width=34), *map(wrap, row[1:])]
        for line in range(max(map(len, cells))):
            parts = [cell[line] if line < len(cell) else "" for cell in cells]
            yield f"{parts[0]:34} | " + " | ".join(f"{part:15}" for part in parts[1:])
        yield "-" * (36 + 18 * len(names))
