"""How values stand in the text of an error or of a log: shortly, whatever their size. Pure.

A program may subscribe to a hundred thousand tags and connect to as many addresses, and a message may hold a gigabyte.
An error names what is wrong; where it printed all that there is, it would be of no use, and one log line could be as
long as a file.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

__all__ = ["MOST", "cut", "listed", "shown", "shown_id"]

LONGEST = 240
MOST = 3
LONGEST_HEX = 32


def shown(value: object) -> str:
    """Return how a value is written in Python, cut where it is long, with how long it is."""
    if isinstance(value, (bytes, bytearray, str)):
        if len(value) <= LONGEST:
            return repr(value)
        unit = "characters" if isinstance(value, str) else "bytes"
        return f"{value[:LONGEST]!r}... of {len(value)} {unit}"
    if isinstance(value, (list, tuple, set, frozenset, dict)) and len(value) > MOST:
        return f"a {type(value).__name__} of {len(value)}: {listed(value)}"
    try:
        words = repr(value)
    except Exception:  # a number of ten thousand digits has none, and a class may have a faulty one
        words = f"<{type(value).__name__}>"
    return cut(words)


def cut(words: str) -> str:
    """Return a text of others, such as an error's, which may repeat what it was given."""
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}..."


def shown_id(id: bytes) -> str:
    """Return how a request's id is written: most are the 16 bytes of a uuid4, but a peer may choose any."""
    return id.hex() if len(id) <= LONGEST_HEX else shown(id)


def listed(values: Collection[object]) -> str:
    """Return the first few of many values, and how many more there are."""
    words = ", ".join(map(shown, islice(values, MOST)))
    more = len(values) - MOST
    return f"{words} and {more} more" if more > 0 else words or "none"
