"""A ticker of a millisecond in a program that another process floods: how long the loop leaves it waiting."""

from __future__ import annotations

import time
from functools import partial
from importlib import import_module
from itertools import pairwise
from typing import Any

import zmq

from benchmarks.contender import Contender
from benchmarks.loops import LOOPS
from benchmarks.run import ANY, ANYWHERE, Run

PERIOD = 0.001


class Gaps:
    """Notes the ticks from the first message to the last; a ticker that has not run at all has one long gap."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._times: list[float] = []

    def begin(self) -> None:
        self._run.begin()
        self._times.append(time.perf_counter())

    def tick(self) -> None:
        if self._times:
            self._times.append(time.perf_counter())

    def end(self) -> None:
        self._run.end(self._run.count - 1)
        self.tick()
        gaps = sorted(after - before for before, after in pairwise(self._times))
        self._run.figures |= {
            "gap_longest_seconds": gaps[-1],
            "gap_p999_seconds": gaps[int(len(gaps) * 0.999)],
            "ticks": len(gaps),
        }


def bridge(name: str, run: Run) -> None:
    """zmqbridge on a loop."""
    import zmqbridge

    loop = LOOPS[name]
    gaps = Gaps(run)

    async def main() -> None:
        async with zmqbridge.Context() as context:
            puller = context.puller(bind=ANY)
            async with loop.beside(tick):
                run.send_to(puller.endpoints[0].address)
                await puller.receive()
                gaps.begin()
                left = run.count - 1
                async for _ in puller:
                    left -= 1
                    if not left:
                        break
                gaps.end()

    async def tick() -> None:
        while True:
            await loop.sleep(PERIOD)
            gaps.tick()

    loop.run(main)


def pyzmq(run: Run) -> None:
    """pyzmq's own sockets for asyncio."""
    import zmq.asyncio

    loop = LOOPS["asyncio"]
    gaps = Gaps(run)

    async def main() -> None:
        with zmq.asyncio.Context() as context, context.socket(zmq.PULL) as socket:
            async with loop.beside(tick):
                run.send_to(f"{ANYWHERE}:{socket.bind_to_random_port(ANYWHERE)}")
                await socket.recv_multipart()
                gaps.begin()
                for _ in range(run.count - 1):
                    await socket.recv_multipart()
                gaps.end()

    async def tick() -> None:
        while True:
            await loop.sleep(PERIOD)
            gaps.tick()

    loop.run(main)


def handlers(library: str, run: Run) -> None:
    """The handlers of txZMQ, or of the library that has its interface."""
    from twisted.internet import reactor

    tx: Any = import_module(library)
    loop: Any = reactor
    gaps = Gaps(run)

    class Pull(tx.ZmqPullConnection):  # type: ignore[misc]
        left = run.count

        def onPull(self, message: list[bytes]) -> None:
            if self.left == run.count:
                gaps.begin()
            self.left -= 1
            if not self.left:
                gaps.end()
                loop.stop()

    def tick() -> None:
        gaps.tick()
        loop.callLater(PERIOD, tick)

    factory = tx.ZmqFactory()
    factory.registerForShutdown()
    pull = Pull(factory, tx.ZmqEndpoint("bind", ANY))
    run.send_to(pull.socket.get_string(zmq.LAST_ENDPOINT))
    loop.callWhenRunning(tick)
    loop.run()


CONTENDERS = (
    *(
        Contender(f"zmqbridge on {name}", partial(bridge, name), 800_000, loop.modules, ours=True)
        for name, loop in LOOPS.items()
    ),
    Contender("zmqbridge_twisted, handlers", partial(handlers, "zmqbridge_twisted"), 800_000, ("twisted",), ours=True),
    Contender("zmq.asyncio", pyzmq, 50_000),
    Contender("txZMQ, handlers", partial(handlers, "txzmq"), 120_000, ("txzmq",)),
)
