"""``python -m benchmarks``: measures, and prints what came out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks.document import shorten, write
from benchmarks.helper import find_helper
from benchmarks.machine import machine, versions
from benchmarks.report import report
from benchmarks.rounds import extension_serves, figures_by_row, measure_all, plan, summarise
from benchmarks.targets import judge
from benchmarks.workloads import NAMES, WORKLOADS

SECONDS, QUICK_SECONDS = 0.5, 0.3
ROUNDS, QUICK_ROUNDS = 7, 3
LIMIT, QUICK_LIMIT = 60.0, 20.0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="How fast, beside the peers.")
    parser.add_argument("--quick", action="store_true", help="what is judged, and little else, in two minutes")
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="WORKLOAD", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--rounds", type=int, help=f"{ROUNDS}, or {QUICK_ROUNDS} with --quick, unless said")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results here")
    parser.add_argument("--text", type=Path, metavar="FILE", help="write here what is printed, too")
    return parser.parse_args()


def measure_document(only: list[str] | None, *, quick: bool, rounds: int, seconds: float, limit: float) -> Any:
    """Measure, and return all that there is to say, as it goes to the JSON file."""
    where = machine()
    helper = find_helper()
    workloads = [workload for workload in WORKLOADS if only is None or workload.name in only]
    rows, notes = plan(workloads, helper, extension=extension_serves(), quick=quick, seconds=seconds)
    measure_all(rows, rounds, seconds, helper, limit=limit, tell=tell)
    return {
        "machine": where,
        "versions": versions(),
        "rounds": rounds,
        "seconds": seconds,
        "quick": quick,
        "notes": notes,
        "workloads": summarise(rows),
        "targets": judge(figures_by_row(rows)),
    }


def tell(progress: str) -> None:
    """Show on the terminal, if there is one, what is going on."""
    if sys.stderr.isatty():
        print(f"\r\033[K{progress}", end="", file=sys.stderr, flush=True)


def main() -> None:
    arguments = parse()
    quick = arguments.quick
    measured = measure_document(
        arguments.only,
        quick=quick,
        rounds=arguments.rounds or (QUICK_ROUNDS if quick else ROUNDS),
        seconds=QUICK_SECONDS if quick else SECONDS,
        limit=QUICK_LIMIT if quick else LIMIT,
    )
    tell("")
    document = shorten(measured)
    lines = list(report(document))
    print(*lines, sep="\n")
    if arguments.text:
        arguments.text.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if arguments.json:
        arguments.json.write_text(write(document), encoding="utf-8")


if __name__ == "__main__":
    main()
