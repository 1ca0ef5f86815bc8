"""Many requests outstanding, both ends the same library in two processes. Neither end has a high-water mark."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import zmq

from benchmarks.contender import Contender
from benchmarks.handlers import OURS, THEIRS, Handlers, with_handlers
from benchmarks.replacing import IN_PLACE, THE_PEER, interface
from benchmarks.run import Run, read_line


def replier_address(run: Run, library: str) -> str:
    return read_line(run.ends.start_module("benchmarks.repliers", library))


def bridge(outstanding: int, run: Run, requests_of_each: int = 1) -> None:
    """zmqbridge on asyncio: a task for each request that is outstanding, which makes so many at least."""
    import zmqbridge

    async def main() -> None:
        options = zmqbridge.SocketOptions(send_high_water_mark=0, receive_high_water_mark=0)
        message = run.message
        rounds = max(rounds_of(run, outstanding), requests_of_each)
        async with zmqbridge.Context() as context:
            requester = context.requester(connect=replier_address(run, "zmqbridge"), options=options)

            async def ask() -> None:
                for _ in range(rounds):
                    await requester.request(message)

            await requester.request(message)
            run.begin()
            async with asyncio.TaskGroup() as tasks:
                for _ in range(outstanding):
                    tasks.create_task(ask())
            run.end(rounds * outstanding)

    asyncio.run(main())


def rounds_of(run: Run, outstanding: int) -> int:
    """Return how many requests each task makes."""
    return max(1, run.count // outstanding)


def pyzmq(library: str, outstanding: int, run: Run) -> None:
    """A DEALER of pyzmq's own sockets for asyncio, or of the library that has their interface.

    Its user gives each request an id, and matches the replies.
    """

    async def main() -> None:
        message = run.message
        rounds = rounds_of(run, outstanding)
        with interface(library).Context() as context, context.socket(zmq.DEALER) as socket:
            socket.set_hwm(0)
            socket.connect(replier_address(run, library))
            waiting: dict[bytes, asyncio.Future[bytes]] = {}

            async def read() -> None:
                while True:
                    id, _, payload = await socket.recv_multipart()
                    waiting.pop(id).set_result(payload)

            async def ask(name: int) -> None:
                for number in range(rounds):
                    id = b"%d %d" % (name, number)
                    reply = waiting[id] = asyncio.get_running_loop().create_future()
                    await socket.send_multipart([id, b"", message])
                    await reply

            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(read())
                await ask_once(socket, waiting, message)
                run.begin()
                async with asyncio.TaskGroup() as asking:
                    for name in range(outstanding):
                        asking.create_task(ask(name))
                run.end(rounds * outstanding)
                reading.cancel()

    async def ask_once(socket: Any, waiting: dict[bytes, asyncio.Future[bytes]], message: bytes) -> None:
        reply = waiting[b"first"] = asyncio.get_running_loop().create_future()
        await socket.send_multipart([b"first", b"", message])
        await reply

    asyncio.run(main())


def handlers(outstanding: int, library: str, run: Run) -> None:
    """The requests of txZMQ, or of the library that has its interface."""
    handlers = Handlers(library)
    loop = handlers.loop
    connection = handlers.connect(handlers.tx.ZmqREQConnection, replier_address(run, library))
    message = run.message
    total = rounds_of(run, outstanding) * outstanding
    to_ask = to_come = total

    def ask(_: object = None) -> None:
        nonlocal to_ask
        if to_ask:
            to_ask -= 1
            connection.sendMsg(message).addCallback(came)

    def came(_: object) -> None:
        nonlocal to_come
        to_come -= 1
        if not to_come:
            run.end(total)
            loop.stop()
        ask()

    def begin(_: object) -> None:
        run.begin()
        for _number in range(outstanding):
            ask()

    loop.callWhenRunning(lambda: connection.sendMsg(message).addCallback(begin))
    loop.run()


def contenders(outstanding: int) -> tuple[Contender, ...]:
    """Return who is measured with so many requests outstanding."""
    return (
        Contender("zmqbridge on asyncio", partial(bridge, outstanding), 60_000, ours=True),
        with_handlers(OURS, partial(handlers, outstanding), 60_000),
        Contender(IN_PLACE, partial(pyzmq, IN_PLACE, outstanding), 40_000, ours=True),
        Contender(THE_PEER, partial(pyzmq, THE_PEER, outstanding), 15_000),
        with_handlers(THEIRS, partial(handlers, outstanding), 25_000),
    )
