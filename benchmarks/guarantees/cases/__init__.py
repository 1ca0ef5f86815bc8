"""The cases, in the order in which they are printed. Each is one program, run against every library that can."""

from __future__ import annotations

from benchmarks.guarantees.case import Case
from benchmarks.guarantees.cases import (
    closing,
    holding,
    hostile,
    lives,
    losing,
    marks,
    misuse,
    serving,
    sharing,
    values,
    waking,
    whole,
)

__all__ = ["CASES"]

MODULES = (losing, whole, waking, sharing, closing, hostile, holding, serving, marks, lives, misuse, values)
CASES = {each.name: each for module in MODULES for each in vars(module).values() if isinstance(each, Case)}
