"""Where a case runs, by what it looks at: the rule of :mod:`tests.conftest`."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conformance.harnesses import BACKENDS, HARNESSES, OWN
from tests.conftest import repeats


class Item:
    """As much of a test as the rule looks at.

    Args:
        parameters: what it is run with.
        marks: its marks, the nearest first.
    """

    nodeid = "a case"

    def __init__(self, parameters: dict[str, object], *marks: pytest.MarkDecorator) -> None:
        self.callspec = SimpleNamespace(params=parameters)
        self._marks = marks

    def iter_markers(self) -> Iterator[pytest.Mark]:
        return (decorator.mark for decorator in self._marks)

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return next((mark for mark in self.iter_markers() if mark.name == name), None)


def where(*marks: pytest.MarkDecorator) -> list[str]:
    """Return the harnesses that a case with these marks runs on."""
    run: list[str] = []
    for name, harness in HARNESSES.items():
        item: Any = Item({"loop": harness}, *marks)
        if not repeats(item):
            run.append(name)
    return run


any_loop, each_backend, looks_at = pytest.mark.any_loop, pytest.mark.each_backend, pytest.mark.looks_at
FIRST = ["asyncio", "trio", "twisted-epoll", "no-loop"]


def test_without_a_mark() -> None:
    """A case runs on the first harness of each backend."""
    assert where() == where(each_backend) == FIRST
    assert [next(iter(harnesses)).name for harnesses in BACKENDS.values()] == FIRST


def test_any_loop() -> None:
    """A case that looks at no loop runs on one."""
    assert where(any_loop) == ["asyncio"]


@pytest.mark.parametrize("aspects", [("waiting",), ("cancelling",), ("waiting", "cancelling")])
def test_aspects(aspects: tuple[str, ...]) -> None:
    """A case runs on every harness that has a way of its own to do what the case looks at."""
    run = where(looks_at(*aspects))
    assert run == [name for name in HARNESSES if name in FIRST or OWN[name] & set(aspects)]
    assert len(run) > len(FIRST)


def test_everything_is_seen() -> None:
    """A case that looks at all that a loop does runs on every harness."""
    assert where(looks_at("waiting", "cancelling")) == list(HARNESSES)


def test_nearest_mark() -> None:
    """A mark on a case, or on one of its parameters, goes before that of its module."""
    assert where(any_loop, looks_at("waiting")) == ["asyncio"]
    assert where(each_backend, looks_at("waiting")) == FIRST
    assert "uvloop" in where(looks_at("waiting"), any_loop)


def test_unknown_aspect() -> None:
    """A mark that names nothing that a harness could have of its own is an error."""
    with pytest.raises(pytest.UsageError, match="looks at .*'colour'"):
        where(looks_at("colour"))


def test_without_a_loop() -> None:
    """A test that runs on no harness of ours is left out only where it is marked as a repetition."""
    plain: Any = Item({"name": "asyncio"})
    repeated: Any = Item({"name": "asyncio"}, pytest.mark.repeats)
    assert (repeats(plain), repeats(repeated)) == (False, True)
