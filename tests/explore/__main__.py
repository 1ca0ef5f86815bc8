"""``make explore``: search the small worlds, one after another, and tell what was seen."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time

from tests.explore.search import Report, search
from tests.explore.world import WORLDS


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make explore ARGS=...", description=__doc__)
    parser.add_argument("--world", action="append", choices=WORLDS, help="this one alone; may be given several times")
    parser.add_argument("--turn", action="append", type=int, help="messages in a turn of the loop; 1 and 2 unless said")
    parser.add_argument("--depth", type=int, help="how many steps, in place of each world's own number")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="for each world at most")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--any-order", action="store_true", help="receives that wait may overtake each other")
    parser.add_argument("--bounded", action="store_true", help="nothing reads more at once than a turn has, too")
    parser.add_argument("--goes-on", action="store_true", help="look for more when something was found")
    return parser


def tell(report: Report) -> None:
    rate = report.states / report.seconds if report.seconds else 0.0
    print(
        f"  {report.depth + 1:3} steps: {report.states:9,} states, {report.steps:10,} steps taken, "
        f"{report.seconds:6.1f} s, {rate:6,.0f} states/s",
        flush=True,
    )


def main() -> int:
    arguments = parser().parse_args()
    # What is malformed is dropped, and told in the log.
    logging.getLogger("zmqbridge").setLevel(logging.CRITICAL)
    states = steps = found = 0
    began = time.monotonic()
    for world in arguments.world or WORLDS:
        for turn in arguments.turn or (1, 2):
            print(f"{world}, turns of {turn}", flush=True)
            report = search(
                world,
                turn,
                depth=arguments.depth or WORLDS[world].depth,
                seconds=arguments.seconds,
                processes=arguments.processes,
                in_order=not arguments.any_order,
                bounded=arguments.bounded,
                goes_on=arguments.goes_on,
                tell=tell,
            )
            print(f"  all within {report.depth} steps{'; there is no more' if report.finished else ''}")
            for counterexample in report.found.values():
                print(f"  {counterexample}")
            states += report.states
            steps += report.steps
            found += len(report.found)
    seconds = time.monotonic() - began
    print(f"{states:,} states, {steps:,} steps taken, {seconds:.0f} s; {found or 'nothing'} found that does not hold")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
