"""The page on guarantees: the tests that it names exist, each row says what every peer does, and the script runs."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib import util
from pathlib import Path

import pytest

from benchmarks.guarantees.cases import CASES
from benchmarks.guarantees.columns import COLUMNS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/guarantees.rst").read_text(encoding="utf-8")

LIBRARIES = {
    "zmqbridge": {name for name in COLUMNS if name.startswith("zmqbridge")},
    "zmq.asyncio": {"zmq.asyncio"},
    "zmq-anyio": {"zmq-anyio on asyncio", "zmq-anyio on trio"},
    "aiozmq": {"aiozmq"},
    "txZMQ": {"txZMQ, handlers"},
}

_ROW = re.compile(r"^(?P<title>\S[^\n]*)\n~+\n(?P<body>.*?)(?=^\S[^\n]*\n(?:-+|~+)\n|\Z)", re.M | re.S)
_TABLE = re.compile(r"^=+(?:  =+)+\n(?:(?P<header>\.\..*)\n=+(?:  =+)+\n)?(?P<lines>(?:(?!=).+\n)+)=+(?:  =+)+\n", re.M)
_CASE = re.compile(r"^Case ``([a-z_-]+)``: ", re.M)
_TEST = re.compile(r"``([a-z_/]+(?:::\w+)+)``")


@dataclass
class Row:
    """One guarantee of the page."""

    title: str
    body: str

    @property
    def cases(self) -> list[str]:
        return _CASE.findall(self.body)

    @property
    def tests(self) -> list[str]:
        return _TEST.findall(self.body)

    @property
    def table(self) -> tuple[list[str], dict[str, list[str]]]:
        """The cases at the table's head, if it has a head, and the cells of each library."""
        (table,) = _TABLE.finditer(self.body)
        head = re.findall(r"``([a-z_-]+)``", table["header"] or "")
        lines = [re.split(r" {2,}", line.rstrip()) for line in table["lines"].splitlines()]
        return head, {line[0]: line[1:] for line in lines}


ROWS = [Row(match["title"], match["body"]) for match in _ROW.finditer(PAGE)]
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)


@cache
def _module(name: str) -> ast.Module | None:
    path = ROOT / "tests" / f"{name}.py"
    return ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else None


def _defined(scope: ast.Module | ast.ClassDef) -> dict[str, ast.stmt]:
    """What a module or a class defines, by name; what it assigns to a name as well."""
    found: dict[str, ast.stmt] = {}
    for node in scope.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}
    return found


def _exists(test: str) -> bool:
    """Whether there are the file, the class in it and the function in that; a class may stand alone."""
    file, *names = test.split("::")
    module = _module(file)
    if module is None or len(names) > 2:
        return False
    function = names.pop() if names[-1].startswith("test_") else None
    scope: ast.stmt | ast.Module | None = module
    if names:
        scope = _defined(module).get(names[0])
        if function is None:
            return scope is not None and not isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef))
    if not isinstance(scope, (ast.Module, ast.ClassDef)) or function is None:
        return False
    return isinstance(_defined(scope).get(function), (ast.FunctionDef, ast.AsyncFunctionDef))


def test_every_test_that_the_page_names_exists() -> None:
    """Each guarantee is held by tests that are there, in the class and the file that are named."""
    named = _TEST.findall(PAGE)
    assert len(named) > 100
    assert [test for test in named if not _exists(test)] == []


@pytest.mark.parametrize(
    "test",
    [
        "test_nowhere::test_page",
        "test_guarantees::test_nowhere",
        "test_guarantees::Row::test_nowhere",
        "test_guarantees::Nowhere",
        "test_guarantees::Nowhere::test_every_row_is_seen",
        "test_guarantees::Row::test_every_row_is_seen",
    ],
)
def test_what_is_no_test(test: str) -> None:
    """A file, a class or a function that is not there is noticed, and so is a function of another class."""
    assert not _exists(test)


def test_every_row_is_seen() -> None:
    """No row of the page is written in a way that these tests would not find."""
    assert len(ROWS) == len(re.findall(r"^~+$", PAGE, re.M)) > 25
    assert PAGE.count("\nHeld ") == len(ROWS)


@each_row
def test_every_row_is_complete(row: Row) -> None:
    """A row names its tests and its cases, and has a result of each library in each case, or a reason for none."""
    assert row.tests
    assert row.cases
    head, lines = row.table
    assert head == (row.cases if len(row.cases) > 1 else [])
    assert list(lines) == list(LIBRARIES)
    for cells in lines.values():
        assert len(cells) == len(row.cases)
        assert all(len(cell) > len("n/a: ") for cell in cells if cell.startswith("n/a"))


@each_row
def test_what_cannot_be_expressed(row: Row) -> None:
    """Where the page says n/a the script has no such case for the library, and nowhere else."""
    for library, cells in row.table[1].items():
        for case, cell in zip(row.cases, cells, strict=True):
            expressed = any(case in COLUMNS[name].cases for name in LIBRARIES[library])
            assert cell.startswith("n/a: ") is not expressed, f"{library}, {case}: {cell}"


def test_the_page_and_the_script_have_the_same_cases() -> None:
    """Each case of the script is on the page, once, and each case of the page is in the script."""
    assert sorted(case for row in ROWS for case in row.cases) == sorted(CASES)


def observed(path: Path, case: str, *libraries: str) -> dict[str, str]:
    """What the script observes of a case in one round."""
    options = ["--json", str(path), "--rounds", "1", "--cases", case, "--libraries", *libraries]
    command = [sys.executable, "-m", "benchmarks.guarantees", *options]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, timeout=50, check=True)
    row = json.loads(path.read_text(encoding="utf-8"))["observed"][case]
    return {name: each["observed"] for name, each in row.items()}


def test_the_script_runs(tmp_path: Path) -> None:
    """The script observes a case in a process of its own, and says why a library does not have it."""
    expected = {"zmqbridge on asyncio": "ok", "zmq.asyncio": "ok", "txZMQ, handlers": "n/a: one handler"}
    installed = [name for name in expected if util.find_spec(COLUMNS[name].module)]
    assert observed(tmp_path / "observed.json", "two", *installed) == {name: expected[name] for name in installed}


def test_the_script_comes_between_two_frames(tmp_path: Path) -> None:
    """The case that has a peer go between two frames of a message knows when zmqbridge sends them."""
    name = "zmqbridge on asyncio"
    assert observed(tmp_path / "observed.json", "middle", name) == {name: "the next message is lost 0 of 40"}
