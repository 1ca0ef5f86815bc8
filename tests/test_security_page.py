"""The page on security: its program prints what the page says on each loop that the page names."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_docs import DOCS, PROGRAMS

PROGRAM = next(program for program in PROGRAMS if program.caption == "lab.py")
LAST_LINES = re.findall(
    r"^([\w ]+?)  +``(.*main.*)``$", (DOCS / "security" / "index.rst").read_text(encoding="utf-8"), re.M
)


def test_every_loop_has_a_line() -> None:
    """The page names each loop that zmqbridge serves."""
    assert [loop for loop, _ in LAST_LINES] == ["uvloop", "trio", "anyio", "anyio on trio", "Twisted"]


@pytest.mark.parametrize("last_line", [line for _, line in LAST_LINES], ids=[loop for loop, _ in LAST_LINES])
def test_on_each_loop(last_line: str, tmp_path: Path) -> None:
    """With the last line of another loop the program prints the same, and nothing else."""
    path = tmp_path / "lab.py"
    path.write_text(PROGRAM.body.replace("asyncio.run(main())", last_line), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", path.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, PROGRAM.printed, "")
