"""What the cases run on: each of asyncio's loops, with eager tasks too, and some ends to talk to."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

import zmqbridge_asyncio
from tests.asyncio_face.ends import Ends
from tests.channel.conftest import open_desk
from tests.opened import opened

__all__ = ["context", "ends", "open_desk", "opened", "run", "turn_limit"]

LIMIT = 30


def _asyncio() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def _uvloop() -> asyncio.AbstractEventLoop:
    uvloop = import_module("uvloop")
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def _eager() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_task_factory(getattr(asyncio, "eager_task_factory", None))
    return loop


LOOPS = {"asyncio": _asyncio}
if find_spec("uvloop"):
    LOOPS["uvloop"] = _uvloop
if sys.version_info >= (3, 12):
    LOOPS["eager"] = _eager

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=LOOPS.values(), ids=list(LOOPS))
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Runs a coroutine to its end; whatever the loop has to complain of fails the case."""
    complaints: list[dict[str, Any]] = []

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.get_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))
            return runner.run(asyncio.wait_for(main, LIMIT))

    yield run
    assert not complaints


@pytest.fixture(params=[1, 2, 3, 256], ids=lambda limit: f"turns of {limit}")
def turn_limit(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How much one turn of the loop may do."""
    limit: int = request.param
    monkeypatch.setattr(zmqbridge_asyncio.Socket, "turn_limit", limit)
    return limit


@pytest.fixture
def context() -> Iterator[zmqbridge_asyncio.Context]:
    context = zmqbridge_asyncio.Context()
    yield context
    context.destroy(0)


@pytest.fixture
def ends(context: zmqbridge_asyncio.Context) -> Iterator[Ends]:
    """Makes sockets that are connected with each other."""
    ends = Ends(context)
    yield ends
    ends.close()
