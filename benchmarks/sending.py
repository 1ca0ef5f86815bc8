"""Sending with PUSH to a PULL in C, whose clock counts: from its first message to its last."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from importlib import import_module
from typing import Any

import zmq

from benchmarks.contender import Contender
from benchmarks.handlers import OURS, THEIRS, Handlers, with_handlers
from benchmarks.replacing import IN_PLACE, THE_PEER, interface
from benchmarks.run import Run, read_line

BATCH = 100


@contextmanager
def to_helper(run: Run) -> Iterator[str]:
    """Give the receiver's address; when all has been sent, wait until it has come, and take the receiver's time."""
    receiver = run.ends.start_helper("receive", run.count)
    yield read_line(receiver)
    finish(run, receiver)


def finish(run: Run, receiver: subprocess.Popen[str]) -> None:
    run.take_line(receiver, whole=False)


@asynccontextmanager
async def pusher(run: Run, address: str) -> AsyncIterator[Any]:
    import zmqbridge

    async with zmqbridge.Context(linger=float("inf")) as context:
        yield context.pusher(connect=address)


async def bridge_each(run: Run, address: str) -> None:
    """zmqbridge, a call for a message."""
    message = run.message
    async with pusher(run, address) as connection:
        run.begin()
        for _ in range(run.count):
            await connection.send(message)
    run.end(run.count)


async def bridge_many(run: Run, address: str) -> None:
    """zmqbridge, a call for a hundred messages."""
    message = run.message
    async with pusher(run, address) as connection:
        run.begin()
        for number in range(0, run.count, BATCH):
            await connection.send_many([message] * min(BATCH, run.count - number))
    run.end(run.count)


async def pyzmq(library: str, run: Run, address: str) -> None:
    """pyzmq's own sockets for asyncio, or those of the library that has their interface."""
    message = run.message
    with interface(library).Context() as context, context.socket(zmq.PUSH) as socket:
        socket.connect(address)
        run.begin()
        for _ in range(run.count):
            await socket.send(message)
    run.end(run.count)


def on_asyncio(main: Callable[[Run, str], Coroutine[Any, Any, None]], run: Run) -> None:
    with to_helper(run) as address:
        asyncio.run(main(run, address))


def zmq_anyio(run: Run) -> None:
    import anyio

    library: Any = import_module("zmq_anyio")

    async def main(address: str) -> None:
        message = run.message
        with zmq.Context() as context:
            async with library.Socket(context, zmq.PUSH) as socket:
                socket.connect(address)
                run.begin()
                for _ in range(run.count):
                    await socket.asend(message)
        run.end(run.count)

    with to_helper(run) as address:
        anyio.run(main, address)


def handlers(library: str, run: Run) -> None:
    """The ``push`` of txZMQ, or of the library that has its interface: neither has a limit to what it queues."""
    from twisted.internet import threads

    handlers = Handlers(library)
    loop = handlers.loop
    receiver = run.ends.start_helper("receive", run.count)
    push = handlers.connect(handlers.tx.ZmqPushConnection, read_line(receiver))
    message = run.message
    left = run.count

    def push_some() -> None:
        nonlocal left
        for _ in range(min(BATCH, left)):
            push.push(message)
        left -= min(BATCH, left)
        if left:
            loop.callLater(0, push_some)
        else:
            threads.deferToThread(receiver.wait).addCallback(came)

    def came(_: object) -> None:
        run.end(run.count)
        loop.stop()

    def begin() -> None:
        run.begin()
        push_some()

    loop.callWhenRunning(begin)
    loop.run()
    finish(run, receiver)


def blocking(run: Run) -> None:
    """A plain loop of ``send``."""
    message = run.message
    with to_helper(run) as address:
        with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
            socket.connect(address)
            run.begin()
            for _ in range(run.count):
                socket.send(message)
        run.end(run.count)


def in_c(run: Run) -> None:
    """The helper's sender."""
    with to_helper(run) as address:
        sender = run.ends.start_helper("send", address, run.count, run.frames, run.size)
        run.take_line(sender, whole=True)


CONTENDERS = (
    Contender("zmqbridge on asyncio", partial(on_asyncio, bridge_each), 300_000, ours=True),
    Contender("zmqbridge on asyncio, send_many", partial(on_asyncio, bridge_many), 500_000, ours=True),
    with_handlers(OURS, handlers, 200_000),
    Contender(IN_PLACE, partial(on_asyncio, partial(pyzmq, IN_PLACE)), 300_000, ours=True),
    Contender(THE_PEER, partial(on_asyncio, partial(pyzmq, THE_PEER)), 60_000),
    Contender("zmq-anyio on asyncio", zmq_anyio, 20_000, ("zmq_anyio",)),
    with_handlers(THEIRS, handlers, 200_000),
    Contender("blocking send", blocking, 600_000),
    Contender("libzmq in C", in_c, 3_000_000, in_c=True),
)
