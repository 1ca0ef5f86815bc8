"""``python -m benchmarks.guarantees``: tries every case with every library, and prints what was observed."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from importlib import util
from pathlib import Path
from typing import Any

import zmq

from benchmarks.guarantees.cases import CASES
from benchmarks.guarantees.columns import COLUMNS
from benchmarks.guarantees.observing import Observation
from benchmarks.guarantees.summing import Results, summary, table
from benchmarks.guarantees.trying import leave_here, observe, observe_here
from benchmarks.machine import installed


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.guarantees", description="What becomes of the awkward cases, here and elsewhere."
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was observed here as well")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), metavar="CASE", help=str([*CASES]))
    parser.add_argument("--libraries", nargs="+", choices=COLUMNS, metavar="LIBRARY", help=str([*COLUMNS]))
    parser.add_argument("--one", choices=COLUMNS, help=argparse.SUPPRESS)
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--leave", choices=COLUMNS, help=argparse.SUPPRESS)
    parser.add_argument("--address", help=argparse.SUPPRESS)
    return parser.parse_args()


def observe_all(cases: Sequence[str], names: Sequence[str], rounds: int) -> Results:
    """Observe each case with each library, once a round."""
    results: Results = {case: {name: [] for name in names} for case in cases}
    for case, row in results.items():
        for name, observations in row.items():
            if words := COLUMNS[name].why_not(CASES[case]):
                observations.extend([Observation(words)] * rounds)
    for _ in range(rounds):
        # Most of them sleep for most of their time; what is measured against the clock has the machine to itself.
        for at_once, timed in ((4, False), (1, True)):
            running: list[tuple[list[Observation], Future[Observation]]] = []
            with ThreadPoolExecutor(at_once) as pool:
                for case, row in results.items():
                    for name, observations in row.items():
                        if case in COLUMNS[name].cases and CASES[case].timed == timed:
                            running.append((observations, pool.submit(observe, name, CASES[case])))
            for observations, future in running:
                observations.append(future.result())
    return results


def document(results: Results, versions: dict[str, str], rounds: int) -> dict[str, Any]:
    """Return all that there is to say, as it goes to the JSON file."""
    observed = {
        case: {
            name: {"observed": summary(observations), "runs": [asdict(each) for each in observations]}
            for name, observations in row.items()
        }
        for case, row in results.items()
    }
    titles = {case: CASES[case].title for case in results}
    return {"versions": versions, "rounds": rounds, "cases": titles, "observed": observed}


def main() -> None:
    arguments = parse()
    if arguments.one:
        observe_here(arguments.one, CASES[arguments.case])
    if arguments.leave:
        leave_here(arguments.leave, arguments.address)
        return
    names = [name for name in arguments.libraries or COLUMNS if util.find_spec(COLUMNS[name].module)]
    results = observe_all(arguments.cases, names, arguments.rounds)
    distributions = ("pyzmq", "anyio", "trio", "Twisted", *(COLUMNS[name].distribution for name in names))
    versions = {"Python": platform.python_version(), "libzmq": zmq.zmq_version(), **installed(distributions)}
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    print(f"{said}; {arguments.rounds} rounds")
    print(*table(results, names), sep="\n")
    if arguments.json:
        written = json.dumps(document(results, versions, arguments.rounds), indent=2)
        arguments.json.write_text(written + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
