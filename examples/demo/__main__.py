"""Run the demo: ``python -m examples.demo [--seconds N]``.

The exit status is 0 if every message is accounted for, 1 if one is missing or a process
failed, and 130 if the run was interrupted.
"""

from __future__ import annotations

import os
import signal

INTERRUPTED = 130

# Before anything else: there is nothing to clean up yet, so Ctrl-C need not be a traceback out of an import.
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: os._exit(INTERRUPTED))

import argparse  # noqa: E402
import asyncio  # noqa: E402
import math  # noqa: E402
import sys  # noqa: E402

try:
    from rich.console import Console

    from examples.demo.display import open_display, print_account
    from examples.demo.supervisor import Supervisor
except ImportError as error:
    sys.exit(f"{error}; 'make demo' installs what the demo needs, and so does 'pip install -e . --group demo'")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds


async def _run(seconds: float) -> int:
    console = Console()
    supervisor = Supervisor(seconds, open_display(console))
    await supervisor.run()
    account = supervisor.account()
    faults = [*supervisor.faults]
    if account.messages_published or not supervisor.interrupted:
        faults += account.faults()
    print_account(console, account, faults, interrupted=supervisor.interrupted)
    return INTERRUPTED if supervisor.interrupted else 1 if faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m examples.demo",
        description="Measurements of this machine, published, received, requested and answered between processes "
        "that each run on a loop of their own.",
    )
    parser.add_argument("--seconds", type=_seconds, default=10.0, metavar="N", help="how long to measure (default: 10)")
    arguments = parser.parse_args()
    try:
        return asyncio.run(_run(arguments.seconds))
    except* BrokenPipeError:
        # Whoever read the output went away. All processes have ended; Python would only complain on top.
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
