"""A flood from another process: the loop goes on ticking, and two flooded connections share it."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.task import LoopingCall

from tests.conformance.harnesses import HARNESSES, LOOPS
from tests.conformance.harnesses.base import Harness
from tests.conformance.harnesses.on_twisted import TwistedHarness
from tests.conftest import Addresses
from tests.soak.measuring import Ticker, flooded
from zmqbridge_twisted import ZmqEndpoint, ZmqFactory, ZmqPullConnection, ZmqREPConnection, ZmqSubConnection

PERIODS = 6
SECONDS = 0.25
LONGEST_GAP = 0.020
REACTORS = [name for name in LOOPS if name.startswith("twisted")]


@pytest.fixture(autouse=True)
def what_the_tests_hold_is_not_collected() -> Iterator[None]:
    """A full collection of all that pytest has loaded takes 30 milliseconds, which are none of the loop's."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


async def measure(name: str, loop: Harness, ticker: Ticker, counts: Callable[[], list[int]]) -> None:
    """Watch the ticker and the counts for some short periods: no gap in any is long, and the shares are even."""
    await loop.until(lambda: min(counts()) > 1000)
    ticker.read()
    before = counts()
    gaps, shares = [], []
    for _ in range(PERIODS):
        await loop.sleep(SECONDS)
        gaps.append(ticker.read())
        now = counts()
        got = [after - earlier for earlier, after in zip(before, now, strict=True)]
        before = now
        shares.append(max(got) / max(1, min(got)))
    print(  # noqa: T201
        f"{name}: {sum(now) / PERIODS / SECONDS:,.0f} messages a second; longest gap"
        f" {max(gap.passed for gap in gaps) * 1000:.1f} ms, in the middle one of {PERIODS} periods"
        f" {statistics.median(gap.passed for gap in gaps) * 1000:.1f} ms, of them"
        f" {statistics.median(gap.used for gap in gaps) * 1000:.1f} ms of work; shares 1 to"
        f" {statistics.median(shares):.2f}"
    )
    # The machine is shared: what others had of the processor is no fault of the loop. But it must not sleep either.
    assert max(gap.used for gap in gaps) < LONGEST_GAP
    assert min(gap.passed for gap in gaps) < LONGEST_GAP
    assert statistics.median(shares) < 2


@pytest.mark.parametrize("how", ["receive", "iterate", "receive_many", "subscriber", "replier"])
@pytest.mark.parametrize("name", LOOPS)
def test_flooded(name: str, how: str, addresses: Addresses) -> None:
    """While tasks receive a flood on two connections, timers of a millisecond fire, and both get their share."""
    loop = HARNESSES[name]()

    async def case() -> None:
        async with loop.context(linger=0) as context:
            flooders = {"subscriber": "PUB", "replier": "DEALER"}
            pullers: list[Any] = []
            for _ in range(2):
                if how == "subscriber":
                    pullers.append(context.subscriber(bind=addresses.new("tcp"), tags=[""]))
                elif how == "replier":
                    pullers.append(context.replier(bind=addresses.new("tcp")))
                else:
                    pullers.append(context.puller(bind=addresses.new("tcp")))
            counts = [0, 0]

            async def receive(index: int, puller: Any) -> None:
                if how == "replier":
                    async for request in puller:
                        await request.reply(b"")
                        counts[index] += 1
                elif how == "receive":
                    while True:
                        await puller.receive()
                        counts[index] += 1
                elif how in ("iterate", "subscriber"):
                    async for _ in puller:
                        counts[index] += 1
                else:
                    while True:
                        counts[index] += len(await puller.receive_many())

            ticker = Ticker()

            async def tick() -> None:
                while True:
                    await loop.sleep(0.001)
                    ticker.tick()

            tasks = [loop.spawn(receive, index, puller) for index, puller in enumerate(pullers)]
            tasks.append(loop.spawn(tick))
            with flooded(*(puller.endpoints[0].address for puller in pullers), kind=flooders.get(how, "PUSH")):
                await measure(f"{name}, {how}", loop, ticker, lambda: list(counts))
            for task in tasks:
                task.cancel()

    loop.run(case)


@pytest.mark.parametrize("kind", ["PUSH", "PUB", "DEALER"])
@pytest.mark.parametrize("name", REACTORS)
def test_flooded_handlers(name: str, kind: str, addresses: Addresses) -> None:
    """While handlers are flooded on two connections, a LoopingCall of a millisecond runs, and both get their share."""
    loop = HARNESSES[name]()
    assert isinstance(loop, TwistedHarness)
    counts = [0, 0]

    class Pull(ZmqPullConnection):
        index: int

        def onPull(self, message: list[bytes]) -> None:
            counts[self.index] += 1

    class Sub(ZmqSubConnection):
        index: int

        def gotMessage(self, *message: bytes) -> None:
            counts[self.index] += 1

    class Rep(ZmqREPConnection):
        index: int

        def gotMessage(self, id: bytes, *parts: bytes) -> None:
            counts[self.index] += 1
            self.reply(id, b"")

    async def case() -> None:
        factory = ZmqFactory(loop.reactor)
        classes: dict[str, Any] = {"PUSH": Pull, "PUB": Sub, "DEALER": Rep}
        bound = [addresses.new("ipc") for _ in counts]
        for index, address in enumerate(bound):
            connection = classes[kind](factory, ZmqEndpoint("bind", address))
            connection.index = index
            if kind == "PUB":
                connection.subscribe(b"")
        ticker = Ticker()
        ticking = LoopingCall(ticker.tick)
        ticking.clock = loop.reactor
        ticking.start(0.001, now=False)
        try:
            with flooded(*bound, kind=kind):
                await measure(f"{name}, handlers, {kind}", loop, ticker, lambda: list(counts))
        finally:
            ticking.stop()
            await factory.shutdown()

    loop.run(case)
