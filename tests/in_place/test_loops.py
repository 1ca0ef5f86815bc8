"""Loops that other tools run: pytest-asyncio's, nest_asyncio's, uvloop's, and two of asyncio.Runner's in a row."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest
import zmq
import zmq.asyncio

NESTED = """
import asyncio, nest_asyncio, zmq, zmq.asyncio
nest_asyncio.apply()

context = zmq.asyncio.Context()
push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
push.bind("inproc://nested")
pull.connect("inproc://nested")

async def main():
    waits = asyncio.ensure_future(pull.recv())
    for number in range(1000):
        # As a notebook's cell does: run to the end, within a loop that runs.
        asyncio.get_event_loop().run_until_complete(inner(number))
    waits.cancel()

async def inner(number):
    await push.send(b"%d" % number)
    await asyncio.wait_for(pull.poll(), 20) if number else None

async def take():
    return [await pull.recv() for _ in range(999)]

asyncio.run(main())
assert asyncio.run(take()) == [b"%d" % number for number in range(1, 1000)]
context.destroy(0)
print("right")
"""


@pytest.fixture
async def ends() -> Any:
    with zmq.asyncio.Context() as context, context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
        push.bind("inproc://ends")
        pull.connect("inproc://ends")
        yield push, pull


async def test_pytest_asyncio(ends: Any) -> None:
    """A fixture's sockets serve a test."""
    push, pull = ends
    await push.send_json([1, 2])
    assert await pull.recv_json() == [1, 2]


def test_nested_loops() -> None:
    """Sockets are used in a loop that runs within itself."""
    done = subprocess.run([sys.executable, "-c", NESTED], capture_output=True, check=False, text=True, timeout=100)
    assert (done.returncode, done.stdout, done.stderr) == (0, "right\n", "")


@pytest.mark.parametrize("module", ["asyncio", "uvloop"])
def test_two_runners(module: str) -> None:
    """The same sockets serve one runner after another."""
    make = import_module(module).new_event_loop
    with zmq.asyncio.Context() as context, context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
        push.bind("inproc://runners")
        pull.connect("inproc://runners")

        async def main() -> None:
            for number in range(500):
                await push.send(b"%d" % number)
                assert await pull.recv() == b"%d" % number

        for _ in range(2):
            with asyncio.Runner(loop_factory=make) as runner:
                runner.run(asyncio.wait_for(main(), 30))
