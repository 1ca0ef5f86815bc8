"""One request at a time, answered by a ROUTER in C that sends back what comes: how long the reply takes."""

from __future__ import annotations

import asyncio
import statistics
import time
from functools import partial
from itertools import pairwise

import zmq

from benchmarks.contender import Contender
from benchmarks.handlers import OURS, THEIRS, Handlers, with_handlers
from benchmarks.replacing import IN_PLACE, THE_PEER, interface
from benchmarks.run import Run, read_line

WARM_UP = 50


class Latencies:
    """Notes when each round trip begins and ends; the first few, with the connecting, are not counted."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._times: list[float] = []
        self.total = WARM_UP + run.count

    def note(self) -> None:
        """A reply has come, or the first request is about to be sent."""
        self._times.append(time.perf_counter())
        if len(self._times) == WARM_UP + 1:
            self._run.begin()

    def end(self) -> None:
        self._run.end(self._run.count)
        counted = self._times[WARM_UP:]
        latencies = sorted(after - before for before, after in pairwise(counted))
        self._run.figures |= {
            "latency_median_seconds": statistics.median(latencies),
            "latency_p99_seconds": latencies[int(len(latencies) * 0.99)],
        }


def echo_address(run: Run) -> str:
    return read_line(run.ends.start_helper("echo"))


def bridge(run: Run) -> None:
    """zmqbridge's requester."""
    import zmqbridge

    async def main() -> None:
        message = run.message
        latencies = Latencies(run)
        async with zmqbridge.Context() as context:
            requester = context.requester(connect=echo_address(run))
            latencies.note()
            for _ in range(latencies.total):
                await requester.request(message)
                latencies.note()
            latencies.end()

    asyncio.run(main())


def pyzmq(library: str, run: Run) -> None:
    """A REQ of pyzmq's own sockets for asyncio, or of the library that has their interface."""

    async def main() -> None:
        message = run.message
        latencies = Latencies(run)
        with interface(library).Context() as context, context.socket(zmq.REQ) as socket:
            socket.connect(echo_address(run))
            latencies.note()
            for _ in range(latencies.total):
                await socket.send(message)
                await socket.recv_multipart()
                latencies.note()
            latencies.end()

    asyncio.run(main())


def handlers(library: str, run: Run) -> None:
    """The requests of txZMQ, or of the library that has its interface."""
    handlers = Handlers(library)
    loop = handlers.loop
    connection = handlers.connect(handlers.tx.ZmqREQConnection, echo_address(run))
    message = run.message
    latencies = Latencies(run)
    left = latencies.total

    def ask(_: object = None) -> None:
        nonlocal left
        latencies.note()
        left -= 1
        if left < 0:
            latencies.end()
            loop.stop()
        else:
            connection.sendMsg(message).addCallback(ask)

    loop.callWhenRunning(ask)
    loop.run()


def blocking(run: Run) -> None:
    """A REQ of pyzmq, with no event loop."""
    message = run.message
    latencies = Latencies(run)
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.connect(echo_address(run))
        latencies.note()
        for _ in range(latencies.total):
            socket.send(message)
            socket.recv_multipart()
            latencies.note()
        latencies.end()


CONTENDERS = (
    Contender("zmqbridge on asyncio", bridge, 8_000, ours=True),
    with_handlers(OURS, handlers, 8_000),
    Contender(f"{IN_PLACE} REQ", partial(pyzmq, IN_PLACE), 8_000, ours=True),
    Contender(f"{THE_PEER} REQ", partial(pyzmq, THE_PEER), 6_000),
    with_handlers(THEIRS, handlers, 6_000),
    Contender("blocking REQ", blocking, 10_000),
)
