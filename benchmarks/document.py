"""The results as a file of JSON that is read, compared and kept: medians and ratios, an object a line.

The rounds themselves stay out of it: they are a hundred times as much, and the ratios, which need them, are in it.
"""

from __future__ import annotations

import json
from typing import Any

DIGITS = 10
"""Of a figure: far more than a measurement is good for, so that tables made of the file are those of the run."""


def write(document: dict[str, Any]) -> str:
    """Return the text of a run's results; the same results are the same text."""
    return lay_out(document, "") + "\n"


def shorten(value: Any) -> Any:
    """Return results with their figures in so many digits."""
    if isinstance(value, dict):
        return {name: shorten(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [shorten(each) for each in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def lay_out(value: Any, margin: str) -> str:
    """Return JSON in which whatever holds a list of objects has a line for each of its parts."""
    inner = margin + " "
    if isinstance(value, dict) and (not margin or any(map(is_table, value.values()))):
        parts = [f"{json.dumps(name)}: {lay_out(each, inner)}" for name, each in value.items()]
        return "{\n" + ",\n".join(inner + part for part in parts) + "\n" + margin + "}"
    if is_table(value):
        return "[\n" + ",\n".join(inner + lay_out(each, inner) for each in value) + "\n" + margin + "]"
    return json.dumps(value)


def is_table(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(each, dict) for each in value)
