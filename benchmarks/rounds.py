"""Which rows there are on this machine, and all of them measured, round after round.

The next measurement of a row is made of as many messages as the last one's rate gives in the time
wanted, so that it is long enough on any machine. A row that fails is tried once more, and then no longer.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import util
from typing import Any

from benchmarks.contender import PURE, Contender, Workload, at_least_two
from benchmarks.figures import derive, medians, ratio
from benchmarks.helper import Helper
from benchmarks.measuring import environment, measure

ATTEMPTS = 2

Rounds = dict[tuple[str, str], list[dict[str, Any]]]


@dataclass
class Row:
    """A contender of a workload, and its rounds.

    Attributes:
        workload: what is done.
        contender: who does it.
        extension: whether zmqbridge's extension serves; ``None`` for others.
        count: messages of the next measurement.
        rounds: what each round measured, or ``failed``.
    """

    workload: Workload
    contender: Contender
    extension: bool | None
    count: int
    rounds: list[dict[str, Any]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return row_name(self.contender.name, pure=self.extension is False)

    @property
    def failures(self) -> list[str]:
        return [each["failed"] for each in self.rounds if "failed" in each]


def row_name(contender: str, *, pure: bool) -> str:
    """Return what a contender's row is called."""
    return f"{contender}, {PURE}" if pure else contender


def plan(
    workloads: Iterable[Workload], helper: Helper, *, extension: bool, quick: bool, seconds: float
) -> tuple[list[Row], list[str]]:
    """Return the rows that this machine can measure, and a sentence for each reason why others are left out."""
    rows = []
    missing: dict[str, list[str]] = {}
    for workload in workloads:
        for contender in workload.contenders:
            if quick and contender.name not in workload.quick:
                continue
            absent = [module for module in contender.modules if not util.find_spec(module)]
            if absent:
                missing.setdefault(f"{', '.join(absent)} is not installed", []).append(contender.name)
            elif contender.in_c and helper.missing:
                missing.setdefault(helper.missing, []).append(contender.name)
            else:
                count = workload.first_count(contender, seconds)
                rows += [Row(workload, contender, variant, count) for variant in variants(contender, extension)]
    notes = [f"left out, for {reason}: {', '.join(dict.fromkeys(names))}" for reason, names in missing.items()]
    if helper.missing:
        notes.append(f"the other ends are in Python and may be what is measured, for {helper.missing}")
    if not extension:
        notes.append("left out, for the extension is not built: all rows of zmqbridge with it")
    return rows, notes


def variants(contender: Contender, extension: bool) -> tuple[bool | None, ...]:
    if not contender.ours:
        return (None,)
    return (True, False) if extension else (False,)


def extension_serves() -> bool:
    """Return whether zmqbridge has its extension where nothing turns it off."""
    program = "import zmqbridge; print(zmqbridge.speedups_enabled)"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(pure=False), capture_output=True, text=True, check=True
    )
    return done.stdout.strip() == "True"


def measure_all(
    rows: Sequence[Row], rounds: int, seconds: float, helper: Helper, *, limit: float, tell: Callable[[str], None]
) -> None:
    """Measure each row once a round."""
    for number in range(rounds):
        for row in rows:
            if len(row.failures) >= ATTEMPTS:
                row.rounds.append({"failed": "not tried again"})
                continue
            tell(f"round {number + 1} of {rounds}: {row.workload.title}: {row.name}")
            pure = row.extension is False
            measured = measure(row.workload, row.contender, row.count, pure=pure, helper=helper.command, limit=limit)
            if "failed" not in measured:
                row.count = at_least_two(measured["messages"] / measured["seconds"] * seconds * row.workload.share)
            row.rounds.append(measured)


def summarise(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the medians and ratios of each workload, as they go to the JSON file."""
    workloads = dict.fromkeys(row.workload for row in rows)
    return [
        {
            "name": workload.name,
            "setting": workload.setting,
            "title": workload.title,
            "frames": workload.frames,
            "size": workload.size,
            "figure": workload.figure,
            "yardstick": workload.yardstick,
            "rows": list(summarise_rows([row for row in rows if row.workload is workload])),
        }
        for workload in workloads
    ]


def summarise_rows(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yardstick = next((each for each in rows if is_yardstick(each, row)), None)
        rounds = figures_of(row)
        yield {
            "name": row.name,
            "extension": row.extension,
            "medians": medians([each for each in rounds if "failed" not in each]),
            "ratio": ratio(rounds, figures_of(yardstick), row.workload.figure) if yardstick else None,
            "failures": row.failures,
        }


def is_yardstick(candidate: Row, row: Row) -> bool:
    """Tell whether a row is measured against this one; where the yardstick is ours, against its own variant."""
    same = candidate.extension is None or candidate.extension == row.extension
    return candidate.contender.name == row.workload.yardstick and same


def figures_of(row: Row) -> list[dict[str, Any]]:
    """Return what is derived from what each round measured; one that failed has but the reason."""
    return [each if "failed" in each else derive(each) for each in row.rounds]


def figures_by_row(rows: Iterable[Row]) -> Rounds:
    """Return the rounds of each row, by the title of its workload and its name."""
    return {(row.workload.title, row.name): figures_of(row) for row in rows}
