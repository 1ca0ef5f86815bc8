"""Each change on a small function: what comes of it, and that it fails where it finds nothing, or two places."""

from __future__ import annotations

import ast
from textwrap import dedent, indent

import pytest

from tests.mutants.changes import (
    Change,
    argument,
    assigned,
    branch,
    condition,
    drop_assignment,
    drop_branch,
    drop_call,
    drop_decrement,
    drop_increment,
    handler,
    ignore_result,
    imports,
    insert_before_return,
    never,
    once,
    only_if,
    rename,
    replace_call,
    replace_use,
    returns,
    uncaught,
    unguarded,
    value,
    whole_test,
)
from tests.mutants.source import ChangeError

CASES: list[tuple[Change, str, str]] = [
    (drop_call("wake"), "self.leader.wake()", "pass"),
    (drop_call("wake"), "await wake(1)", "pass"),
    (drop_call("wake"), "if a:\n    b.wake(\n        1,\n    )\nwaking = wake", "if a:\n    pass\nwaking = wake"),
    (
        drop_call("wake").within(branch("sent")),
        "if sent:\n    wake()\nelse:\n    wake()",
        "if sent:\n    pass\nelse:\n    wake()",
    ),
    (
        drop_call("wake").within(branch("b")),
        "if a:\n    wake()\nelif self.b(c):\n    wake()",
        "if a:\n    wake()\nelif self.b(c):\n    pass",
    ),
    (
        drop_call("wake").within(handler("OSError")),
        "try:\n    wake()\nexcept (OSError, KeyError):\n    wake()\nexcept TypeError:\n    wake()",
        "try:\n    wake()\nexcept (OSError, KeyError):\n    pass\nexcept TypeError:\n    wake()",
    ),
    (
        unguarded("b").within(whole_test("a", "b")),
        "if a or not b:\n    c(b and d)\nwhile b and d:\n    pass",
        "if a:\n    c(b and d)\nwhile b and d:\n    pass",
    ),
    (drop_assignment("stale"), "self.stale = True\nstale += 1", "pass\nstale += 1"),
    (drop_assignment("stale"), "stale: bool = True", "pass"),
    (drop_assignment("stale"), "stale[1] = True", "pass"),
    (drop_assignment("stale"), "x = self.stale = y = (1 + 2) * 3", "x = y = (1 + 2) * 3"),
    (drop_assignment("stale", of="True"), "stale = False\nself.stale = True", "stale = False\npass"),
    (drop_increment("sends"), "self.sends += 1\nsends -= 1\nsends = 1", "pass\nsends -= 1\nsends = 1"),
    (drop_decrement("sends"), "sends += 1\nself.sends -= 1", "sends += 1\npass"),
    (only_if("sends", "a"), "self.sends -= 1", "if a: self.sends -= 1"),
    (only_if("sends", "a"), "self.sends = sends(1)", "if a: self.sends = sends(1)"),
    (only_if("touch", "not a"), "x = touch()\nawait touch(1)", "x = touch()\nif not a: await touch(1)"),
    (insert_before_return("await x()"), "if a:\n    return b", "if a:\n    await x()\n    return b"),
    (returns("c"), "if a:\n    return b", "if a:\n    return c"),
    (returns("not {}"), "return a or b", "return not (a or b)"),
    (returns("False"), "return", "return False"),
    (once("served"), "while not parked.served:\n    a()", "if not parked.served:\n    a()"),
    (
        uncaught("OSError"),
        "try:\n    a()\nexcept OSError as error:\n    b()",
        "try:\n    a()\nexcept () as error:\n    b()",
    ),
    (
        uncaught("OSError"),
        "try:\n    a()\nexcept (x.OSError, KeyError):\n    b()",
        "try:\n    a()\nexcept (KeyError,):\n    b()",
    ),
    (never("served"), "if a and not b.served:\n    c()", "if a and not (b.served and False):\n    c()"),
    (never("served"), "while served:\n    c()", "while served and False:\n    c()"),
    (never("served"), "c = 1 if x(served) else 2", "c = 1 if x(served) and False else 2"),
    (never("a", "b"), "if a or b:\n    c()\nassert a in b", "if a or b:\n    c()\nassert a in b and False"),
    (never("é"), "if ü or é or ö:\n    c()", "if ü or (é and False) or ö:\n    c()"),
    (never("kind"), "c = [x for x in y if x['kind'] == 1]", "c = [x for x in y if x['kind'] == 1 and False]"),
    (never("b"), "c = a or not b", "c = a or not (b and False)"),
    (condition("b", becomes="b(c)"), "if a or not (b):\n    c()", "if a or not b(c):\n    c()"),
    (condition("b", becomes="{} or d"), "if a and b < 1:\n    c()", "if a and ((b < 1) or d):\n    c()"),
    (unguarded("b"), "if a or not self.b or c:\n    d()", "if a or c:\n    d()"),
    (unguarded("b"), "d = a and (b > 1 or c)", "d = a and c"),
    (unguarded("b"), "return (\n    a  # it is\n    and b\n)", "return a"),
    (drop_branch("a"), "if a or b:\n    c()\nelse:\n    d()", "if (a or b) and False:\n    c()\nelse:\n    d()"),
    (assigned("room", "1"), "self.room = a - b\nroom2 = 3", "self.room = 1\nroom2 = 3"),
    (assigned("room", "2 * {}"), "room: int = a - b", "room: int = 2 * (a - b)"),
    (ignore_result("read"), "a = not self.read(1)\nb = read", "not self.read(1)\nb = read"),
    (argument("wait", 1, "None"), "self.wait(a, b, c=d)\nwaits(e, f)", "self.wait(a, None, c=d)\nwaits(e, f)"),
    (argument("wait", "c", "{} + 1"), "self.wait(a, c=d or e)", "self.wait(a, c=(d or e) + 1)"),
    (replace_call("start", "run()"), "a = Thread(x).start()", "a = run()"),
    (replace_call("pop", "[{}, 1]"), "a = x.pop(y, None)", "a = [x.pop(y, None), 1]"),
    (replace_use("route", "{}[:1]"), "a.route = [*b.route, 1]", "a.route = [*b.route[:1], 1]"),
    (rename("pop", "get"), "a = (self\n    .pop)(1)\npopped(2)", "a = (self\n    .get)(1)\npopped(2)"),
    (rename("reads", "sends"), "self.reads -= 1", "self.sends -= 1"),
]


def function(body: str) -> str:
    return "async def f():\n" + indent(body, "    ")


def same(text: str, expected: str) -> bool:
    return ast.dump(ast.parse(text)) == ast.dump(ast.parse(expected))


@pytest.mark.parametrize(("change", "before", "after"), CASES, ids=[f"{case[0].words}: {case[1]}" for case in CASES])
def test_a_change_is_made(change: Change, before: str, after: str) -> None:
    """A change makes of a function what it says, and leaves the rest of the module as it stands."""
    rest = "x  =  1  # so\n\n"
    changed = change.applied(rest + function(before) + "\n" + rest, "f")
    assert changed.startswith(rest)
    assert changed.endswith(rest)
    assert same(changed, rest + function(after) + "\n" + rest)


@pytest.mark.parametrize(("change", "before", "after"), CASES, ids=[f"{case[0].words}: {case[1]}" for case in CASES])
def test_two_places_are_too_many(change: Change, before: str, after: str) -> None:
    """Where a function holds twice what is to be changed, the change fails, or is made at both where all are meant."""
    with pytest.raises(ChangeError, match=r"f, .*: it (has 2 places for that|holds .* 2 times)"):
        change.applied(function(f"{before}\n{before}"), "f")
    if not change.wheres:
        assert same(change.everywhere().applied(function(f"{before}\n{before}"), "f"), function(f"{after}\n{after}"))


@pytest.mark.parametrize("change", [case[0] for case in CASES], ids=[case[0].words for case in CASES])
def test_no_place_is_too_few(change: Change) -> None:
    """Where a function holds nothing to be changed, the change fails, though all places are meant."""
    for nothing in (change, change.everywhere()):
        with pytest.raises(ChangeError, match=r"f, .*: it (has 0 places for that|holds .* 0 times)"):
            nothing.applied(function("other = 1"), "f")


def test_a_constant_has_another_value() -> None:
    """The constant that a symbol names is given another value, in a module or a class, with a type or without."""
    text = "COST = 1\nclass C:\n    cost: int = 1\n    other: int\n"
    assert value("0").applied(text, "COST") == text.replace("COST = 1", "COST = (0)")
    assert value("{} + 1").applied(text, "C.cost") == text.replace("int = 1", "int = ((1) + 1)")


@pytest.mark.parametrize("symbol", ["C", "C.other", "D", "C.cost.x", ""])
def test_what_is_no_constant_has_no_value(symbol: str) -> None:
    """What is no assignment, or is not there, is given no value."""
    with pytest.raises(ChangeError):
        value("0").applied("class C:\n    cost: int = 1\n    other: int\n", symbol)


def test_an_import_comes_after_the_future() -> None:
    """A module imports one more, behind its docstring and what Python wants first."""
    text = '"""So."""\nfrom __future__ import annotations\nimport os\nimport sys\n'
    assert imports("pickle").applied(text, "") == text.replace("import os", "import pickle\nimport os")
    with pytest.raises(ChangeError, match="the module, "):
        imports("pickle").applied("x = 1\n", "")


MODULE = dedent(
    """
    if a:
        def f(): return 1
    class C:
        @overload
        def f(self, x): return 1
        def f(self): return 1
        def g(self):
            def f(): return 1
        @property
        def h(self): return 1
        @h.setter
        def h(self): return 1
    """
)


@pytest.mark.parametrize(("symbol", "line"), [("f", 3), ("C.f", 7), ("C.g.f", 9)])
def test_a_symbol_is_found_by_its_name(symbol: str, line: int) -> None:
    """A function is found under a condition, in a class or in a function; an overload's signature is none."""
    lines = MODULE.splitlines()
    lines[line - 1] = lines[line - 1].replace("1", "(2)")
    assert returns("2").applied(MODULE, symbol).splitlines() == lines


@pytest.mark.parametrize(("symbol", "times"), [("g", 0), ("C.h", 2), ("D.f", 0), ("C.f.f", 0)])
def test_a_symbol_is_defined_once(symbol: str, times: int) -> None:
    """A name that is not defined, or twice, is an error that says so."""
    with pytest.raises(ChangeError, match=f"'{symbol}' is defined {times} times"):
        returns("2").applied(MODULE, symbol)


def test_what_is_no_python_is_an_error() -> None:
    """A change of which no Python comes fails, and names the line."""
    with pytest.raises(ChangeError, match="line 3 is no Python then"):
        once("a").applied(function("while a:\n    break"), "f")


def test_a_change_changes_something() -> None:
    """A change that leaves the same Python fails."""
    with pytest.raises(ChangeError, match="nothing is changed"):
        returns("1").applied(function("return 1"), "f")


def test_a_part_is_looked_for_in_another() -> None:
    """Of several parts of which each is in the one before, the innermost is meant."""
    change = drop_call("c").within(branch("a")).within(branch("b"))
    text = function("if a:\n    c()\n    if b:\n        c()\nif b:\n    c()")
    assert change.applied(text, "f").splitlines()[4].strip() == "pass"
    with pytest.raises(ChangeError, match="holds branch.'b'. 0 times"):
        change.applied(function("if a:\n    c()\nif b:\n    c()"), "f")
