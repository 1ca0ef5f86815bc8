"""The routing ids that libzmq makes up for peers without one."""

from __future__ import annotations

import subprocess
import sys

import pytest

ON_ASYNCIO = """
import asyncio, zmqbridge

async def main():
    async with zmqbridge.Context(linger=0) as context:
        router = context.router(bind="inproc://router")
        await context.dealer(connect="inproc://router").send(b"hello")
        print((await router.receive()).peer.hex())

asyncio.run(main())
"""

IN_A_CHILD = """
import asyncio, os, zmqbridge

async def main():
    async with zmqbridge.Context(linger=0) as context:
        router = context.router(bind="inproc://router")
        await context.dealer(connect="inproc://router").send(b"hello")
        print((await router.receive()).peer.hex(), flush=True)

asyncio.run(main())
if os.fork() == 0:
    asyncio.run(main())
    os._exit(0)
os.wait()
"""

WITH_HANDLERS = """
from twisted.internet import reactor
import zmqbridge_twisted

class Router(zmqbridge_twisted.ZmqRouterConnection):
    def gotMessage(self, peer, message):
        print(peer.hex())
        reactor.stop()

factory = zmqbridge_twisted.ZmqFactory()
factory.registerForShutdown()
router = Router(factory, zmqbridge_twisted.ZmqEndpoint("bind", "inproc://router"))
zmqbridge_twisted.ZmqDealerConnection(factory, zmqbridge_twisted.ZmqEndpoint("connect", "inproc://router")).send(b"x")
reactor.run()
"""


def ids(program: str) -> list[str]:
    """Run a program in a process of its own; return the routing ids that it prints."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    return done.stdout.split()


@pytest.mark.parametrize("program", [ON_ASYNCIO, WITH_HANDLERS], ids=["asyncio", "handlers"])
def test_cannot_be_guessed(program: str) -> None:
    """They begin somewhere else in each process, and not where libc's unseeded generator has them begin."""
    first, second = ids(program), ids(program)
    assert len(first) == len(second) == 1
    assert first != second
    assert "006b8b4567" not in first + second


def test_cannot_be_guessed_from_the_parents() -> None:
    """In the child of a fork they do not go on where the parent's have come to."""
    parents, childs = (int(id, 16) for id in ids(IN_A_CHILD))
    assert abs(parents - childs) > 1000
