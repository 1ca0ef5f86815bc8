"""How values stand in the text of an error or of a log: shortly, whatever their size. Pure.

A program may subscribe to a hundred thousand tags and connect to as many addresses, and a message may hold a gigabyte.
An error names what is wrong; where it printed all that there is, it would be of no use, and one log line could be as
long as a file.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

__all__ = ["listed", "shown"]

LONGEST = 60
MOST = 3


def shown(value: object) -> str:
    """Return how a value is written in Python, cut where it is long, with how long it is."""
    if isinstance(value, (bytes, bytearray, str)):
        if len(value) <= LONGEST:
            return repr(value)
        unit = "characters" if isinstance(value, str) else "bytes"
        return f"{value[:LONGEST]!r}... of {len(value)} {unit}"
    if isinstance(value, (list, tuple, set, frozenset, dict)) and len(value) > MOST:
        return f"a {type(value).__name__} of {len(value)}: {listed(value)}"
    words = repr(value)
    return words if len(words) <= 4 * LONGEST else f"{words[: 4 * LONGEST]}..."


def listed(values: Collection[object]) -> str:
    """Return the first few of many values, and how many more there are."""
    words = ", ".join(map(shown, islice(values, MOST)))
    more = len(values) - MOST
    return f"{words} and {more} more" if more > 0 else words or "none"
