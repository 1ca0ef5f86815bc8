"""What users write with types: both type checkers pass it strictly, and it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.harnesses.base import Harness
from tests.typed.programs import calls, loops, pipeline, views, without_views
from zmqbridge.options import OtherOptions, SocketOptions

ROOT = Path(__file__).parents[2]
PROGRAMS = "tests/typed/programs"

# A user's checker tells of no fault in a library. pyright is not installed where node has no wheel.
CHECKERS = {
    "mypy": ["mypy", "--strict", "--follow-imports=silent", PROGRAMS],
    "pyright": ["pyright", "--pythonpath", sys.executable],
}


@pytest.mark.repeats  # make lint runs both
@pytest.mark.long
@pytest.mark.parametrize("checker", CHECKERS)
def test_checked_strictly(checker: str) -> None:
    """A type checker finds each mistake that the programs make on purpose, and no other."""
    if find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed on this kind of Python")
    # pyright asks a registry for its newest version where it may.
    environment = os.environ | {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *CHECKERS[checker]],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.any_loop
@pytest.mark.parametrize(
    "program", [calls, loops, pipeline, views, without_views], ids=lambda program: program.__name__.rpartition(".")[2]
)
async def test_runs(loop: Harness, program: Any) -> None:
    """What the type checkers pass does at run time what its types say."""
    await program.main()


def test_handlers_run() -> None:
    """So does what has handlers, in a process of its own, for a reactor runs once."""
    program = """
from twisted.internet import defer, task
from tests.typed.programs import handlers
task.react(lambda reactor: defer.Deferred.fromCoroutine(handlers.main()))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_option_is_known_to_type_checkers() -> None:
    """The options that type checkers are told of are those that there are, with their types."""
    options = {name: str(spec.type) for name, spec in SocketOptions.__dataclass_fields__.items()}
    assert options.pop("memoryview_from") == "int | None"
    told = {name: reference.__forward_arg__ for name, reference in OtherOptions.__annotations__.items()}
    assert told == options
