"""The other end's program: ``libzmq.c``, compiled when it is first needed, or its stand-in in Python."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import zmq

SOURCE = Path(__file__).with_name("libzmq.c")
BUILT = Path(__file__).parents[1] / "build" / "benchmarks" / "libzmq"

UNKNOWN_MODE = 2
"""Its status where it has loaded libzmq, and knows not what to do."""


@dataclass(frozen=True)
class Helper:
    """How the other end is started.

    Attributes:
        command: the program, to which the mode and its arguments are added.
        missing: why it is not the one in C; empty if it is.
    """

    command: tuple[str, ...]
    missing: str = ""


class CannotBuild(Exception):
    """There is no helper in C, and why."""


def find_libzmq() -> str:
    """Return the path of the libzmq that pyzmq has loaded.

    Raises:
        CannotBuild: if it is not a file of its own.
    """
    found: list[str] = []
    maps = Path("/proc/self/maps")
    if maps.exists():
        found = [line.split()[-1] for line in maps.read_text().splitlines() if "/libzmq" in line]
    found += map(str, (Path(zmq.__file__).parent / ".dylibs").glob("libzmq*"))
    if not found:
        raise CannotBuild("libzmq is not a library of its own here")
    return found[0]


def compile_helper(target: Path = BUILT) -> Path:
    """Compile ``libzmq.c``, unless that has been done since it was changed, and return the program's path.

    Raises:
        CannotBuild: without a compiler, or if it fails.
    """
    if target.exists() and target.stat().st_mtime > SOURCE.stat().st_mtime:
        return target
    compiler = shlex.split(os.environ.get("CC", "cc"))
    if not shutil.which(compiler[0]):
        raise CannotBuild(f"there is no C compiler: {compiler[0]} is not found")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as directory:
        program = Path(directory, target.name)
        done = subprocess.run(
            [*compiler, "-O2", "-o", program, SOURCE, "-ldl"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise CannotBuild(f"{compiler[0]} fails: {done.stderr.strip().splitlines()[-1:]}")
        program.replace(target)
    return target


def find_helper() -> Helper:
    """Return the helper in C, or its stand-in with the reason."""
    try:
        program, library = str(compile_helper()), find_libzmq()
        loading = subprocess.run([program, library, "no mode"], capture_output=True, text=True, check=False)
        if loading.returncode != UNKNOWN_MODE:
            raise CannotBuild(f"libzmq cannot be loaded by itself: {loading.stderr.strip()}")
        return Helper((program, library))
    except CannotBuild as reason:
        return Helper((sys.executable, "-m", "benchmarks.standin"), str(reason))
