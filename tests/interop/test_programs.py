"""Programs of txZMQ, as they are and with their imports changed to ours: they print the same.

Each program has its output beside it, in a file with the same name. The programs were written for txZMQ, and
know nothing of zmqbridge.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interop.processes import ROOT

SECONDS = 50
PROGRAMS = sorted(path for path in (Path(__file__).parent / "programs").glob("*.py") if path.stem != "__init__")
# By the harnesses' names; the other reactors of Linux are epoll's likes.
REACTORS = {"twisted-epoll": "epoll" if sys.platform == "linux" else "default", "twisted-asyncio": "asyncio"}

# What `python program.py` does, after the choice of a reactor.
RUN = """
import runpy, sys
from twisted.application.reactors import installReactor
installReactor(sys.argv.pop(1))
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def imports_changed(source: str) -> str:
    """Return a program of txZMQ with its imports changed, and nothing else."""
    source = re.sub(r"(?m)^import txzmq$", "import zmqbridge_twisted as txzmq", source)
    return re.sub(r"(?m)^from txzmq(\.\w+)? import ", r"from zmqbridge_twisted\1 import ", source)


def check(program: Path, reactor: str, expected: str) -> None:
    """Run a program and see that it ends well, says nothing on stderr, and prints what it should."""
    command = [sys.executable, "-W", "default", "-c", RUN, REACTORS[reactor], str(program)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (done.stdout, done.stderr, done.returncode) == (expected, "", 0)


@pytest.mark.parametrize("reactor", REACTORS)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_with_txzmq(program: Path, reactor: str) -> None:
    """A program of txZMQ prints its output with txZMQ."""
    check(program, reactor, program.with_suffix(".txt").read_text())


@pytest.mark.parametrize("reactor", REACTORS)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_with_ours(program: Path, reactor: str, tmp_path: Path) -> None:
    """The same program with nothing changed but its imports prints the same with zmqbridge_twisted."""
    source = program.read_text()
    changed = imports_changed(source)
    assert "txzmq" in source
    assert not re.search(r"(import|from) txzmq", changed)
    ours = tmp_path / program.name
    ours.write_text(changed)
    check(ours, reactor, program.with_suffix(".txt").read_text())
