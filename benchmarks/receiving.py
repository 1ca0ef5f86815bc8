"""Receiving with PULL what a PUSH in C sends. The clock starts with the first message."""

from __future__ import annotations

import asyncio
from functools import partial
from importlib import import_module
from typing import Any

import zmq

from benchmarks.contender import Contender
from benchmarks.loops import LOOPS
from benchmarks.run import ANY, ANYWHERE, Run, read_line


async def bridge(run: Run) -> None:
    """zmqbridge, with ``async for``."""
    import zmqbridge

    async with zmqbridge.Context() as context:
        puller = context.puller(bind=ANY)
        run.send_to(puller.endpoints[0].address)
        await puller.receive()
        run.begin()
        left = run.count - 1
        async for _ in puller:
            left -= 1
            if not left:
                break
        run.end(run.count - 1)


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
        run.end(run.count - 1)


def bridge_on(loop: str, run: Run) -> None:
    LOOPS[loop].run(partial(bridge, run))


def bridge_many_on_asyncio(run: Run) -> None:
    LOOPS["asyncio"].run(partial(bridge_many, run))


def handlers(library: str, run: Run) -> None:
    """The handlers of txZMQ, or of the library that has its interface."""
    from twisted.internet import reactor

    tx: Any = import_module(library)
    loop: Any = reactor

    class Pull(tx.ZmqPullConnection):  # type: ignore[misc]
        left = run.count

        def onPull(self, message: list[bytes]) -> None:
            if self.left == run.count:
                run.begin()
            self.left -= 1
            if not self.left:
                run.end(run.count - 1)
                loop.stop()

    factory = tx.ZmqFactory()
    factory.registerForShutdown()
    pull = Pull(factory, tx.ZmqEndpoint("bind", ANY))
    run.send_to(pull.socket.get_string(zmq.LAST_ENDPOINT))
    loop.run()


async def pyzmq(run: Run) -> None:
    """pyzmq's own sockets for asyncio."""
    import zmq.asyncio

    with zmq.asyncio.Context() as context, context.socket(zmq.PULL) as socket:
        run.send_to(f"{ANYWHERE}:{socket.bind_to_random_port(ANYWHERE)}")
        await socket.recv_multipart()
        run.begin()
        for _ in range(run.count - 1):
            await socket.recv_multipart()
        run.end(run.count - 1)


def pyzmq_on(loop: str, run: Run) -> None:
    LOOPS[loop].run(partial(pyzmq, run))


async def zmq_anyio(run: Run) -> None:
    library: Any = import_module("zmq_anyio")
    with zmq.Context() as context:
        async with library.Socket(context, zmq.PULL) as socket:
            run.send_to(f"{ANYWHERE}:{socket.bind_to_random_port(ANYWHERE)}")
            await socket.arecv_multipart()
            run.begin()
            for _ in range(run.count - 1):
                await socket.arecv_multipart()
            run.end(run.count - 1)


def zmq_anyio_on(loop: str, run: Run) -> None:
    LOOPS[loop].run(partial(zmq_anyio, run))


def aiozmq(run: Run) -> None:
    """aiozmq's streams."""
    library: Any = import_module("aiozmq")

    async def main() -> None:
        stream = await library.create_zmq_stream(zmq.PULL)
        run.send_to(await stream.transport.bind(ANY))
        await stream.read()
        run.begin()
        for _ in range(run.count - 1):
            await stream.read()
        run.end(run.count - 1)
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
                run.end(run.count - 1)
                done.set()

        with zmq.Context() as context, context.socket(zmq.PULL) as socket:
            run.send_to(f"{ANYWHERE}:{socket.bind_to_random_port(ANYWHERE)}")
            stream = zmqstream.ZMQStream(socket, ioloop.IOLoop.current())
            stream.on_recv(received)
            await done.wait()
            stream.close()

    asyncio.run(main())


def blocking(method: str, run: Run) -> None:
    """A plain loop, with no event loop."""
    with zmq.Context() as context, context.socket(zmq.PULL) as socket:
        run.send_to(f"{ANYWHERE}:{socket.bind_to_random_port(ANYWHERE)}")
        receive = getattr(socket, method)
        receive()
        run.begin()
        for _ in range(run.count - 1):
            receive()
        run.end(run.count - 1)


def in_c(run: Run) -> None:
    """The helper's receiver, which stands for libzmq's own ``local_thr``."""
    receiver = run.ends.start_helper("receive", run.count)
    run.send_to(read_line(receiver))
    run.take_line(receiver, whole=True)


def on(loop: str, rate: float) -> Contender:
    return Contender(f"zmqbridge on {loop}", partial(bridge_on, loop), rate, LOOPS[loop].modules, ours=True)


def handling(library: str, name: str, rate: float) -> Contender:
    modules = ("twisted",) if library == "zmqbridge_twisted" else (library,)
    return Contender(name, partial(handlers, library), rate, modules, ours=library == "zmqbridge_twisted")


def by_main(name: str, run_on: Any, loop: str, rate: float, *modules: str) -> Contender:
    return Contender(name, partial(run_on, loop), rate, modules + LOOPS[loop].modules)


CONTENDERS = (
    on("asyncio", 1_000_000),
    Contender("zmqbridge on asyncio, receive_many", bridge_many_on_asyncio, 1_500_000, ours=True),
    on("uvloop", 1_000_000),
    on("trio", 1_000_000),
    on("anyio", 1_000_000),
    on("anyio+trio", 1_000_000),
    on("Twisted", 1_000_000),
    handling("zmqbridge_twisted", "zmqbridge_twisted, handlers", 1_000_000),
    by_main("zmq.asyncio", pyzmq_on, "asyncio", 50_000),
    by_main("zmq.asyncio on uvloop", pyzmq_on, "uvloop", 60_000),
    by_main("zmq-anyio on asyncio", zmq_anyio_on, "anyio", 20_000, "zmq_anyio"),
    by_main("zmq-anyio on trio", zmq_anyio_on, "anyio+trio", 15_000, "zmq_anyio"),
    Contender("aiozmq", aiozmq, 80_000, ("aiozmq",)),
    handling("txzmq", "txZMQ, handlers", 120_000),
    Contender("pyzmq's ZMQStream", zmq_stream, 100_000, ("tornado",)),
    Contender("blocking recv_multipart", partial(blocking, "recv_multipart"), 450_000),
    Contender("blocking recv", partial(blocking, "recv"), 1_500_000),
    Contender("libzmq in C", in_c, 3_000_000, in_c=True),
)
