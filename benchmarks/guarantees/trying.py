"""One case with one library: in this process, and in a fresh one."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from functools import partial
from typing import Any, NoReturn

from benchmarks.fresh import run_fresh
from benchmarks.guarantees.case import Case, Setting
from benchmarks.guarantees.columns import COLUMNS
from benchmarks.guarantees.libraries.library import Library
from benchmarks.guarantees.observing import Observation

__all__ = ["leave_here", "observe", "observe_here"]

LIMIT = 20.0
LINGER = 2.0
KEPT: list[Any] = []
"""What a program that ends without closing leaves behind."""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", "benchmarks.guarantees", *arguments]


def leaving(name: str, address: str) -> list[str]:
    """Return the command of a program that sends to an address with a library, and ends."""
    return command("--leave", name, "--address", address)


def leave_here(name: str, address: str) -> None:
    """Send, so that this program can end without closing."""
    library = COLUMNS[name].make()
    KEPT.append(library)

    async def main() -> None:
        await library.begin()
        await library.forget(address, LINGER)
        print("sent", flush=True)

    library.loop.run(main)


def observe_here(name: str, case: Case) -> NoReturn:
    """Run a case in this process, print what was observed, and end without closing anything."""
    if case.setting is Setting.PROGRAM:
        tell(case.run(partial(leaving, name)))
    if case.setting is Setting.LIFE:
        tell(case.run(COLUMNS[name].make))
    observe_on_its_loop(COLUMNS[name].make(), case)


def observe_on_its_loop(library: Library, case: Case) -> NoReturn:
    async def main() -> None:
        async with library.stack:
            await library.begin()
            try:
                observation = await case.run(library)
            except Exception as error:
                observation = ended_with(error)
            tell(observation)

    try:
        library.loop.run(main)
    except BaseException as error:
        tell(ended_with(error))
    tell(Observation("the program ends early"))


def ended_with(error: BaseException) -> Observation:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return Observation(f"the program ends with {type(error).__name__}")


def tell(observation: Observation) -> NoReturn:
    print(json.dumps(asdict(observation)), flush=True)
    os._exit(0)


def observe(name: str, case: Case) -> Observation:
    """Run a case in a fresh process, with a time limit."""
    environment = os.environ | ({"ZMQBRIDGE_NO_SPEEDUPS": "1"} if case.between_frames else {})
    ended = run_fresh(command("--one", name, "--case", case.name), environment, LIMIT)
    if ended.status is None:
        return Observation(f"stands still for {LIMIT:.0f} s")
    if ended.status == 0 and ended.line:
        return Observation(**json.loads(ended.line))
    sys.stderr.write(ended.errors[-2000:])
    return Observation(f"crashes with status {ended.status}")
