"""The programs that the documentation keeps as files: each runs in the processes that its page says, on every loop."""

from __future__ import annotations

import ast
import asyncio
import importlib.metadata
import inspect
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.test_docs import DOCS, FRAGMENTS, PROGRAMS

sys.path.insert(0, str(DOCS / "_ext"))
from each_loop import LOOPS, on_loop

TUTORIAL = DOCS / "tutorial" / "programs"
RECIPES = DOCS / "recipes" / "programs"
FILES = sorted(path for path in DOCS.glob("*/programs/*") if path.suffix in (".py", ".tac"))

each_loop = pytest.mark.parametrize("loop_name", LOOPS)

# uvloop and anyio ride on the backends of others.
each_backend = pytest.mark.parametrize(
    "loop_name",
    [pytest.param(name, marks=pytest.mark.repeats) if name in ("uvloop", "anyio") else name for name in LOOPS],
)


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
    if loop_name == "uvloop":
        pytest.importorskip("uvloop")  # there is none for PyPy
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


@each_backend
def test_two_machines(terminals: Terminals) -> None:
    """The thermometer answers one program after the other."""
    terminals.start("thermometer")
    for _ in range(2):
        terminals.end(terminals.start("ask_thermometer"), "ask_thermometer")


@each_backend
def test_many_workers(terminals: Terminals) -> None:
    """The foreman and his three workers do every job once, and all of them end."""
    processes = {terminals.start(name): name for name in ("worker", "foreman", "worker", "worker")}
    for process, name in processes.items():
        terminals.end(process, name)


@each_backend
def test_many_readers(terminals: Terminals) -> None:
    """Each reader gets all the news that it asked for, from the first on."""
    processes = {terminals.start(name): name for name in ("newsroom", "reader", "reader")}
    for process, name in processes.items():
        terminals.end(process, name)


# --- the recipes ---

# Those that are one process which ends by itself, and what they need besides.
ALONE = {"send_array": "numpy", "show_metrics": "", "from_blocking": "", "former_streams": ""}


def started(stack: ExitStack, folder: Path, *command: str, **environment: str) -> subprocess.Popen[str]:
    """A recipe's program in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    stack.enter_context(process)
    stack.callback(process.kill)
    return process


@pytest.mark.parametrize("name", ALONE)
def test_recipe_prints_what_the_page_says(name: str, tmp_path: Path) -> None:
    """A recipe of one process prints what its page says, and warns of nothing."""
    if ALONE[name]:
        pytest.importorskip(ALONE[name])
    with ExitStack() as stack:
        process = started(stack, tmp_path, "-W", "error", str(RECIPES / f"{name}.py"))
        printed = process.communicate(timeout=50)
        expected = (RECIPES / f"{name}.txt").read_text(encoding="utf-8")
        assert (process.returncode, *printed) == (0, expected, "")


def test_recipe_of_an_instrument(folder: Path) -> None:
    """The control program learns that its instrument has gone in the middle of a sweep."""
    address = f"ipc://{folder}/s"
    with ExitStack() as stack:
        instrument = started(stack, folder, str(RECIPES / "instrument.py"), address)
        control = started(stack, folder, "-W", "error", str(RECIPES / "control.py"), address)
        assert instrument.stdout is not None
        assert instrument.stdout.readline() == "sweeping\n"
        instrument.kill()
        printed = control.communicate(timeout=50)
        assert (control.returncode, *printed) == (0, (RECIPES / "control.txt").read_text(encoding="utf-8"), "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal handlers of asyncio's")
def test_recipe_of_a_service(folder: Path) -> None:
    """The service says that it is ready, and ends by itself when the system tells it to."""
    with ExitStack() as stack:
        service = started(stack, folder, "-W", "error", str(RECIPES / "job_service.py"), JOBS=f"ipc://{folder}/s")
        assert service.stdout is not None
        assert service.stdout.readline() == "ready\n"
        service.send_signal(signal.SIGTERM)
        assert (*service.communicate(timeout=50), service.returncode) == ("closed\n", "", 0)


ASK_THE_WEB = """
from fastapi.testclient import TestClient
from web_service import app

with TestClient(app) as client:
    for room in ("kitchen", "attic"):
        answer = client.get(f"/rooms/{room}")
        print(answer.status_code, answer.json())
"""


def test_recipe_of_a_web_service(folder: Path) -> None:
    """The web service answers with what the thermometer of the tutorial says."""
    pytest.importorskip("fastapi")
    pytest.importorskip("httpx")
    address = f"ipc://{folder}/s"
    with ExitStack() as stack:
        started(stack, folder, str(TUTORIAL / "thermometer.py"), address)
        client = started(stack, RECIPES, "-B", "-c", ASK_THE_WEB, THERMOMETER=address)
        printed, errors = client.communicate(timeout=50)
        expected = "200 {'degrees': 21.5}\n404 {'detail': 'there is no such room'}\n"
        assert (printed, client.returncode) == (expected, 0), errors


def test_recipe_of_a_test(tmp_path: Path) -> None:
    """The recipe on testing passes under pytest as it stands."""
    with ExitStack() as stack:
        options = ["-q", "-p", "no:cacheprovider", "-W", "error", "--rootdir", str(tmp_path), "-c", os.devnull]
        process = started(stack, tmp_path, "-B", "-m", "pytest", *options, str(RECIPES / "test_shout.py"))
        printed, errors = process.communicate(timeout=50)
        assert process.returncode == 0, printed + errors
        assert "2 passed" in printed


def test_cells_of_the_notebook(capsys: pytest.CaptureFixture[str]) -> None:
    """The cells of the page on notebooks run one after the other in one loop, as a kernel runs them."""
    cells = [fragment for fragment in FRAGMENTS if fragment.page.name == "notebook.rst"]
    names: dict[str, object] = {}

    async def kernel() -> None:
        for cell in cells:
            code = compile(cell.body, str(cell.page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            result = eval(code, names)
            if inspect.isawaitable(result):
                await result

    asyncio.run(kernel())
    assert capsys.readouterr().out == "[b'hello']\n"


# --- all of them ---

# Modules that users have, though these tests have not.
OTHERS = {"attr", "fastapi", "flask", "jupyter", "numpy", "pandas", "requests", "starlette", "torch", "uvicorn", "yaml"}
NAMES = {str(program.caption) for program in PROGRAMS} | {path.name for path in FILES}


@cache
def names_taken() -> set[str]:
    """The modules of Python, of what is installed, and of what users are likely to have."""
    return set(sys.stdlib_module_names) | set(importlib.metadata.packages_distributions()) | OTHERS


@pytest.mark.parametrize("name", sorted(NAMES))
def test_program_shadows_no_module(name: str) -> None:
    """A program that is saved under its caption, where Python looks first, hides no module that another one imports."""
    module = Path(name).stem
    assert module not in names_taken()
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
