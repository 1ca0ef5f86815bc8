"""The page of all options: every option of libzmq's has a field, or a reason why not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import pytest
import zmq

from zmqbridge import SocketOptions
from zmqbridge.option_kinds import value_for

PAGE = (Path(__file__).parent.parent / "docs/patterns/all-options.rst").read_text()
TABLE, LIST = PAGE.split("Without a field\n", 1)
ROW = re.compile(r"^``(\w+)`` +(?:``(\w+)``|\\) +(.+?)  +(.+)$", re.MULTILINE)

FIELDS = {spec.name: spec for spec in fields(SocketOptions)}
ROWS = {name: (option or None, unit, default) for name, option, unit, default in ROW.findall(TABLE)}
BY_OPTION = {spec.metadata["option"]: spec for spec in FIELDS.values() if spec.metadata["option"]}

FLAGS = {"on": True, "off": False}


def without_field() -> Iterator[str]:
    """Yield the options that stand on the page without a field."""
    for line in LIST.splitlines():
        if line.startswith("``"):
            yield from re.findall(r"``(\w+)``", line)


@pytest.mark.parametrize("option", list(zmq.SocketOption), ids=lambda option: option.name)
def test_every_option_has_its_place(option: zmq.SocketOption) -> None:
    """An option that pyzmq knows is that of a field, or stands on the page with the reason why not; never both."""
    assert (option.name in BY_OPTION) + list(without_field()).count(option.name) == 1


def test_nothing_else_stands_there() -> None:
    """The page names no option that does not exist, and gives a reason for each that has no field."""
    assert {name for name in without_field() if name not in zmq.SocketOption.__members__} == set()
    for line, reason in zip(LIST.splitlines(), LIST.splitlines()[1:], strict=False):
        assert not line.startswith("``") or reason.startswith("   "), line


def test_every_field_has_its_row() -> None:
    """The table has each field once, in order, with its option."""
    assert [(name, row[0]) for name, row in ROWS.items()] == [
        (name, spec.metadata["option"]) for name, spec in FIELDS.items()
    ]


def expected(spec: Field[Any], default: str) -> Any:
    """Return what the table's default is in libzmq's unit; ``None`` where it is in words."""
    value = FLAGS[default] if default in FLAGS else float(default) if re.fullmatch(r"[\d.]+", default) else None
    return None if value is None else value_for(value, spec.metadata)


@pytest.mark.parametrize(
    "name", [name for name, row in ROWS.items() if row[0] and expected(FIELDS[name], row[2]) is not None]
)
def test_defaults(name: str) -> None:
    """The table's defaults are libzmq's, for each that it tells."""
    option, _, default = ROWS[name]
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        try:
            value = socket.get(getattr(zmq, option or ""))
        except zmq.ZMQError:
            pytest.skip("libzmq does not tell")
        assert value == expected(FIELDS[name], default)


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row[1] == "seconds"])
def test_seconds_are_seconds(name: str) -> None:
    """What the table calls seconds is seconds in the field, be they whole or not."""
    assert FIELDS[name].metadata["kind"] == "seconds" or name.startswith("tcp_keepalive")
