"""A ticker of a millisecond in a program that another process floods: how long the loop leaves it waiting."""

from __future__ import annotations

import time
from functools import partial
from itertools import pairwise

from benchmarks.contender import Contender
from benchmarks.handlers import OURS, THEIRS, Handlers, address_of, with_handlers
from benchmarks.loops import LOOPS, Loop
from benchmarks.run import ANY, Run, bind_anywhere
from benchmarks.taking import iterate, take_each

PERIOD = 0.001


class Gaps:
    """Notes the ticks from the first message to the last; a ticker that has not run at all has one long gap."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.count = run.count
        self._times: list[float] = []

    def begin(self) -> None:
        self._run.begin()
        self._times.append(time.perf_counter())

    def tick(self) -> None:
        if self._times:
            self._times.append(time.perf_counter())

    async def tick_on(self, loop: Loop) -> None:
        """Tick on a loop, until cancelled."""
        while True:
            await loop.sleep(PERIOD)
            self.tick()

    def stop(self) -> None:
        self._run.stop()
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
            async with loop.beside(partial(gaps.tick_on, loop)):
                run.send_to(puller.endpoints[0].address)
                await iterate(puller, gaps)

    loop.run(main)


def pyzmq(run: Run) -> None:
    """pyzmq's own sockets for asyncio."""
    import zmq.asyncio

    loop = LOOPS["asyncio"]
    gaps = Gaps(run)

    async def main() -> None:
        with zmq.asyncio.Context() as context, context.socket(zmq.PULL) as socket:
            async with loop.beside(partial(gaps.tick_on, loop)):
                run.send_to(bind_anywhere(socket))
                await take_each(socket.recv_multipart, gaps)

    loop.run(main)


def handlers(library: str, run: Run) -> None:
    """The handlers of txZMQ, or of the library that has its interface."""
    handlers = Handlers(library)
    gaps = Gaps(run)

    def tick() -> None:
        gaps.tick()
        handlers.loop.callLater(PERIOD, tick)

    run.send_to(address_of(handlers.take("ZmqPullConnection", "onPull", gaps)))
    handlers.loop.callWhenRunning(tick)
    handlers.loop.run()


CONTENDERS = (
    *(
        Contender(f"zmqbridge on {name}", partial(bridge, name), 800_000, loop.modules, ours=True)
        for name, loop in LOOPS.items()
    ),
    with_handlers(OURS, handlers, 800_000),
    Contender("zmq.asyncio", pyzmq, 50_000),
    with_handlers(THEIRS, handlers, 120_000),
)
