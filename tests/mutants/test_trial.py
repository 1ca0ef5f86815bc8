"""Trials of mutations of a small project: what is told of each."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.mutants import __main__ as program
from tests.mutants.all_mutations import MUTATIONS
from tests.mutants.changes import Change, drop_call, returns, value
from tests.mutants.mutation import Mutation
from tests.mutants.trial import Verdict, try_one

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git lists what belongs to the project")

PACKAGE = """\
from thing.parts import half
WHOLE = 2

def one():
    return half(WHOLE)

def noted(notes):
    notes.append(1)
"""

TESTS = """\
import thing

def test_one():
    assert thing.one() == 1

def test_fails():
    assert False
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in git of which nothing is committed yet."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    for name, text in {
        "thing/__init__.py": PACKAGE,
        "thing/parts.py": "def half(number):\n    return number / 2\n",
        "tests/test_thing.py": TESTS,
        "ignored.py": "raise SystemExit('copied')",
        ".gitignore": "ignored.py\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def mutation(symbol: str, change: Change, *tests: str) -> Mutation:
    return Mutation("so", "it is", symbol, change, ("tests/test_thing.py", *tests))


ONE = ("-k", "test_one")


@pytest.mark.parametrize("symbol", ["thing:one", "thing.parts:half"])
def test_the_first_test_that_fails_is_told(project: Path, symbol: str) -> None:
    """A mutation of a package, or a module, is noticed by the test that fails for it; the project is as it was."""
    trial = try_one(mutation(symbol, returns("3"), *ONE), root=project)
    assert trial == Verdict(True, "tests/test_thing.py::test_one")
    assert (project / "thing/__init__.py").read_text() == PACKAGE


def test_several_symbols_are_changed(project: Path) -> None:
    """What is changed in several symbols at once is changed in each of them."""
    both = Mutation("so", "it is", "thing:one", returns("3"), ("tests/test_thing.py", *ONE), also=("thing.parts:half",))
    assert {path.name: text.count("(3)") for path, text in both.changed(project).items()} == {
        "__init__.py": 1,
        "parts.py": 1,
    }


def test_what_nobody_notices_is_told(project: Path) -> None:
    """A mutation after which all tests pass was noticed by nobody."""
    assert try_one(mutation("thing:noted", drop_call("append"), *ONE), root=project) == Verdict(False, "by nobody")


def test_a_test_that_fails_anyway_notices_nothing(project: Path) -> None:
    """A test that fails without the mutation as well is no verdict."""
    trial = try_one(mutation("thing:WHOLE", value("4"), "-k", "test_fails"), root=project)
    assert trial == Verdict(False, "no verdict: tests/test_thing.py::test_fails fails without a mutation as well")


def test_tests_that_tell_nothing_are_no_verdict(project: Path) -> None:
    """Where pytest runs no test, it says so."""
    trial = try_one(mutation("thing:WHOLE", value("4"), "-k", "no_such_test"), root=project)
    assert not trial.noticed
    assert trial.told.startswith("no verdict: pytest ended with 5:")


def test_a_trial_ends_in_time(project: Path) -> None:
    """Tests that take longer than a trial may are ended, and are no verdict."""
    trial = try_one(mutation("thing:WHOLE", value("4"), *ONE), seconds=0, root=project)
    assert trial == Verdict(False, "no verdict: no test failed or hung in 0 s; choose fewer tests")


def test_a_mutation_that_cannot_be_made_is_no_verdict(project: Path) -> None:
    """A symbol or a module that is not there is told, and no test runs."""
    assert "defined 0 times" in try_one(mutation("thing:two", value("4")), root=project).told
    assert try_one(mutation("things:WHOLE", value("4")), root=project).told == "no verdict: there is no module things"


def test_mutations_are_chosen_by_words() -> None:
    """All of the words stand in a mutation's rule, words or symbol."""
    chosen = [mutation.title for mutation in program.chosen(["2:", "send"])]
    assert chosen
    assert all(title.startswith("2:") and "send" in title for title in chosen)
    assert program.chosen([]) == MUTATIONS
    assert not program.chosen(["no such words"])


def test_some_are_tried_at_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Of mutations that are tried at once each has its verdict, and those that nobody noticed are returned."""
    noticed, unnoticed = MUTATIONS[:2]
    monkeypatch.setattr(program, "try_one", lambda mutation, seconds: Verdict(mutation is noticed, f"{seconds} s"))
    assert program.try_all([noticed, unnoticed], at_once=2, seconds=5) == [unnoticed]
    assert sorted(capsys.readouterr().out.splitlines()) == sorted(
        [f"noticed      {noticed.title}", "             5 s", f"NOT NOTICED  {unnoticed.title}", "             5 s"]
    )
