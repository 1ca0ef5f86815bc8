"""One measurement: a contender in a fresh process, with a time limit.

``python -m benchmarks.measuring`` is that process; it takes one argument, the request as JSON, and prints the
figures as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from benchmarks.contender import Contender, Workload
from benchmarks.fresh import run_fresh
from benchmarks.run import Ends, Run, Unable, peak_memory
from benchmarks.workloads import find

VARIABLE = "ZMQBRIDGE_NO_SPEEDUPS"


def environment(*, pure: bool) -> dict[str, str]:
    """Return the environment of a process that has zmqbridge's extension, or does without."""
    kept = {name: value for name, value in os.environ.items() if name != VARIABLE}
    return kept | {VARIABLE: "1"} if pure else kept


def measure(
    workload: Workload, contender: Contender, count: int, *, pure: bool, helper: tuple[str, ...], limit: float
) -> dict[str, Any]:
    """Run a contender in a fresh process, and return its figures, or ``failed`` and why."""
    request = {"workload": workload.title, "contender": contender.name, "count": count, "helper": helper}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.measuring", json.dumps(request)]
    ended = run_fresh(command, environment(pure=pure), limit)
    if ended.status is None:
        return {"failed": f"not done after {limit:.0f} s"}
    if ended.status == 0 and ended.line:
        answer: dict[str, Any] = json.loads(ended.line)
        return answer
    return {"failed": f"ends with status {ended.status}: {''.join(ended.errors.strip().splitlines()[-1:])}"}


def measure_here(request: dict[str, Any]) -> dict[str, Any]:
    """Run a contender in this process, and return its figures."""
    workload, contender = find(request["workload"], request["contender"])
    with Ends(request["helper"]) as ends:
        run = Run(request["count"], ends, workload.frames, workload.size)
        try:
            contender.run(run)
        except Unable as reason:
            return {"failed": str(reason)}
    return {"peak_memory_bytes": peak_memory(), **run.figures}


if __name__ == "__main__":
    print(json.dumps(measure_here(json.loads(sys.argv[1]))), flush=True)
