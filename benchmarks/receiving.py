"""Receiving with PULL what a PUSH in C sends. The clock starts with the first message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from importlib import import_module
from typing import Any

import zmq

from benchmarks.contender import Contender
from benchmarks.handlers import OURS, THEIRS, Handlers, address_of, with_handlers
from benchmarks.loops import LOOPS
from benchmarks.replacing import IN_PLACE, THE_PEER, interface
from benchmarks.run import ANY, Run, bind_anywhere, read_line
from benchmarks.taking import iterate, take_each

Main = Callable[[Run], Coroutine[Any, Any, None]]


async def bridge(run: Run) -> None:
    """zmqbridge, with ``async for``."""
    import zmqbridge

    async with zmqbridge.Context() as context:
        puller = context.puller(bind=ANY)
        run.send_to(puller.endpoints[0].address)
        await iterate(puller, run)


async def bridge_many(run: Run) -> None:
    """zmqbridge, with ``receive_many``."""
    import zmqbridge

    async with zmqbridge.Context() as context:
        puller = context.puller(bind=ANY)
        run.send_to(puller.endpoints[0].address)
        await puller.receive()
        run.begin()
        left = run.count - 1
        while left > 0:
            left -= len(await puller.receive_many())
        run.stop()


def handlers(library: str, run: Run) -> None:
    """The handlers of txZMQ, or of the library that has its interface."""
    handlers = Handlers(library)
    run.send_to(address_of(handlers.take("ZmqPullConnection", "onPull", run)))
    handlers.loop.run()


async def pyzmq(run: Run, library: str = THE_PEER) -> None:
    """pyzmq's own sockets for asyncio, or those of the library that has their interface."""
    with interface(library).Context() as context, context.socket(zmq.PULL) as socket:
        run.send_to(bind_anywhere(socket))
        await take_each(socket.recv_multipart, run)


async def zmq_anyio(run: Run) -> None:
    library: Any = import_module("zmq_anyio")
    with zmq.Context() as context:
        async with library.Socket(context, zmq.PULL) as socket:
            run.send_to(bind_anywhere(socket))
            await take_each(socket.arecv_multipart, run)


def aiozmq(run: Run) -> None:
    """aiozmq's streams."""
    library: Any = import_module("aiozmq")

    async def main() -> None:
        stream = await library.create_zmq_stream(zmq.PULL)
        run.send_to(await stream.transport.bind(ANY))
        await take_each(stream.read, run)
        stream.close()

    asyncio.run(main())


def zmq_stream(run: Run) -> None:
    """pyzmq's ZMQStream, on tornado."""
    ioloop: Any = import_module("tornado.ioloop")
    zmqstream: Any = import_module("zmq.eventloop.zmqstream")

    async def main() -> None:
        done = asyncio.Event()
        left = run.count

        def received(message: list[bytes]) -> None:
            nonlocal left
            if left == run.count:
                run.begin()
            left -= 1
            if not left:
                run.stop()
                done.set()

        with zmq.Context() as context, context.socket(zmq.PULL) as socket:
            run.send_to(bind_anywhere(socket))
            stream = zmqstream.ZMQStream(socket, ioloop.IOLoop.current())
            stream.on_recv(received)
            await done.wait()
            stream.close()

    asyncio.run(main())


def blocking(method: str, run: Run) -> None:
    """A plain loop, with no event loop."""
    with zmq.Context() as context, context.socket(zmq.PULL) as socket:
        run.send_to(bind_anywhere(socket))
        receive = getattr(socket, method)
        receive()
        run.begin()
        for _ in range(run.count - 1):
            receive()
        run.stop()


def in_c(run: Run) -> None:
    """The helper's receiver, which stands for libzmq's own ``local_thr``."""
    receiver = run.ends.start_helper("receive", run.count)
    run.send_to(read_line(receiver))
    run.take_line(receiver, whole=True)


def run_on(loop: str, main: Main, run: Run) -> None:
    LOOPS[loop].run(partial(main, run))


def ours(loop: str, main: Main, rate: float, how: str = "") -> Contender:
    return Contender(f"zmqbridge on {loop}{how}", partial(run_on, loop, main), rate, LOOPS[loop].modules, ours=True)


def ours_in_place(loop: str, rate: float) -> Contender:
    """The program of zmq.asyncio with one import changed."""
    name = IN_PLACE if loop == "asyncio" else f"{IN_PLACE} on {loop}"
    main = partial(pyzmq, library=IN_PLACE)
    return Contender(name, partial(run_on, loop, main), rate, LOOPS[loop].modules, ours=True)


def theirs(name: str, loop: str, main: Main, rate: float, *modules: str) -> Contender:
    return Contender(name, partial(run_on, loop, main), rate, modules + LOOPS[loop].modules)


CONTENDERS = (
    ours("asyncio", bridge, 1_000_000),
    ours("asyncio", bridge_many, 1_500_000, ", receive_many"),
    ours("uvloop", bridge, 1_000_000),
    ours("trio", bridge, 1_000_000),
    ours("anyio", bridge, 1_000_000),
    ours("anyio+trio", bridge, 1_000_000),
    ours("Twisted", bridge, 1_000_000),
    with_handlers(OURS, handlers, 1_000_000),
    ours_in_place("asyncio", 500_000),
    ours_in_place("uvloop", 500_000),
    theirs("zmq.asyncio", "asyncio", pyzmq, 50_000),
    theirs("zmq.asyncio on uvloop", "uvloop", pyzmq, 60_000),
    theirs("zmq-anyio on asyncio", "anyio", zmq_anyio, 20_000, "zmq_anyio"),
    theirs("zmq-anyio on trio", "anyio+trio", zmq_anyio, 15_000, "zmq_anyio"),
    Contender("aiozmq", aiozmq, 80_000, ("aiozmq",)),
    with_handlers(THEIRS, handlers, 120_000),
    Contender("pyzmq's ZMQStream", zmq_stream, 100_000, ("tornado",)),
    Contender("blocking recv_multipart", partial(blocking, "recv_multipart"), 450_000),
    Contender("blocking recv", partial(blocking, "recv"), 1_500_000),
    Contender("libzmq in C", in_c, 3_000_000, in_c=True),
)
