"""Whether the types of each package are complete: ``python -m tests.typed.complete``, a part of ``make lint``.

A user's type checker infers a type that is not written down, and another checker infers another. So pyright counts
each public name of which no type is known, or only an inferred one, and here there is none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["PACKAGES", "incomplete"]

ROOT = Path(__file__).parents[2]
UNKNOWN = "unknown"
PACKAGES = ("zmqbridge", "zmqbridge_asyncio", "zmqbridge_trio", "zmqbridge_twisted")


def incomplete(package: str) -> list[str]:
    """Return what pyright says of each public name of a package whose type is not complete.

    A name of which another makes no sense is not told, as long as that other one is.
    """
    environment = os.environ | {
        "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1",
        # It asks the first Python on the path where packages are; what is installed to be edited it does not find.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "pyright", "--verifytypes", package, "--ignoreexternal", "--outputjson"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    report: dict[str, Any] = json.loads(done.stdout)["typeCompleteness"]
    symbols: list[dict[str, Any]] = report["symbols"]
    if not symbols:
        raise ValueError(f"pyright found nothing of {package}: {done.stdout}{done.stderr}")
    faults = [
        f"{symbol['name']}: {diagnostic['message']}"
        for symbol in symbols
        if symbol["isExported"] and not (symbol["isTypeKnown"] and not symbol["isTypeAmbiguous"])
        for diagnostic in symbol["diagnostics"] or [{"message": UNKNOWN}]
    ]
    return [fault for fault in faults if UNKNOWN not in fault] or faults


def main() -> None:
    faults = [fault for package in PACKAGES for fault in incomplete(package)]
    print(*faults, sep="\n", end="\n" if faults else "")
    sys.exit(f"{len(faults)} public names without a complete type" if faults else 0)


if __name__ == "__main__":
    main()
