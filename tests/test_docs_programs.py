"""The programs that the documentation keeps as files: each runs in the processes that its page says, on every loop."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.test_docs import DOCS, PROGRAMS

sys.path.insert(0, str(DOCS / "_ext"))
from each_loop import LOOPS, on_loop

TUTORIAL = DOCS / "tutorial" / "programs"
FILES = sorted(DOCS.glob("*/programs/*.py"))

each_loop = pytest.mark.parametrize("loop_name", LOOPS)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for an address of ipc."""
    with TemporaryDirectory(prefix="docs-") as path:
        yield Path(path)


class Terminals:
    """Programs of the tutorial in processes of their own, on one loop, at one address."""

    def __init__(self, loop: str, folder: Path, stack: ExitStack) -> None:
        self.loop = loop
        self.folder = folder
        self.stack = stack

    def start(self, name: str) -> subprocess.Popen[str]:
        """Start a program, as its own file, in the next terminal."""
        path = self.folder / f"{name}.py"
        path.write_text(on_loop((TUTORIAL / f"{name}.py").read_text(encoding="utf-8"), self.loop), encoding="utf-8")
        command = [sys.executable, "-W", "error", str(path), f"ipc://{self.folder}/s"]
        process = subprocess.Popen(
            command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
        )
        self.stack.enter_context(process)
        self.stack.callback(process.kill)  # before it is waited for
        return process

    def end(self, process: subprocess.Popen[str], name: str) -> None:
        """Let a program end, and compare what it printed with its page."""
        printed = process.communicate(timeout=50)
        expected = (TUTORIAL / f"{name}.txt").read_text(encoding="utf-8")
        assert (process.returncode, *printed) == (0, expected, "")


@pytest.fixture
def terminals(loop_name: str, folder: Path) -> Iterator[Terminals]:
    with ExitStack() as stack:
        yield Terminals(loop_name, folder, stack)


@each_loop
def test_one_process(terminals: Terminals) -> None:
    """The first step is one program, and prints what the page says."""
    terminals.end(terminals.start("one_process"), "one_process")


@each_loop
@pytest.mark.parametrize("first", ["collector", "sensor"])
def test_two_terminals(terminals: Terminals, first: str) -> None:
    """The two programs of the second step find each other, whichever is started first."""
    names = ["collector", "sensor"] if first == "collector" else ["sensor", "collector"]
    processes = [terminals.start(name) for name in names]
    for process, name in zip(processes, names, strict=True):
        terminals.end(process, name)


@each_loop
def test_two_machines(terminals: Terminals) -> None:
    """The thermometer answers one program after the other."""
    terminals.start("thermometer")
    for _ in range(2):
        terminals.end(terminals.start("ask_thermometer"), "ask_thermometer")


@each_loop
def test_many_workers(terminals: Terminals) -> None:
    """The foreman and his three workers do every job once, and all of them end."""
    processes = {terminals.start(name): name for name in ("worker", "foreman", "worker", "worker")}
    for process, name in processes.items():
        terminals.end(process, name)


@each_loop
def test_many_readers(terminals: Terminals) -> None:
    """Each reader gets all the news that it asked for, from the first on."""
    processes = {terminals.start(name): name for name in ("newsroom", "reader", "reader")}
    for process, name in processes.items():
        terminals.end(process, name)


# Modules that users have, though these tests have not.
OTHERS = {"attr", "fastapi", "flask", "jupyter", "numpy", "pandas", "requests", "starlette", "torch", "uvicorn", "yaml"}
NAMES = {str(program.caption) for program in PROGRAMS} | {path.name for path in FILES}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_program_shadows_no_module(name: str) -> None:
    """A program that is saved under its caption, where Python looks first, hides no module that another one imports."""
    module = Path(name).stem
    taken = set(sys.stdlib_module_names) | set(importlib.metadata.packages_distributions()) | OTHERS
    assert module not in taken
    assert module.isidentifier()


def test_every_program_is_on_a_page() -> None:
    """No file of a program is forgotten by the pages, and no page names one that is not there."""
    shown = {
        page.parent / name
        for page in DOCS.glob("*/*.rst")
        for name in re.findall(r"^\.\. program(?:-on-each-loop)?:: (\S+)$", page.read_text(encoding="utf-8"), re.M)
    }
    assert shown == set(FILES)


@pytest.mark.parametrize(
    "program",
    ["asyncio.run(main())\n", "import asyncio\n\nimport zmqbridge\n\nasyncio.sleep(1)\n\nasyncio.run(main())\n"],
)
def test_program_that_is_of_asyncio_alone(program: str) -> None:
    """A program that could not run on the other loops is refused when its page is built."""
    with pytest.raises(ValueError, match="nowhere else"):
        on_loop(program, "trio")
