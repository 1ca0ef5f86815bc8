"""No slow joiner: publisher and subscriber begin in any order, in two processes, with proxies between, again and again;
after either has waited, the first message arrives each time."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conformance.test_presence import Proxy
from tests.conftest import Addresses

TRIALS = 200

pytestmark = pytest.mark.timeout(900)
ROOT = Path(__file__).parents[2]


class Publishing:
    """The other process."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.publishing"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def close_publisher(self) -> None:
        self.tell("close")
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "closed\n"


@pytest.fixture
def publishing() -> Iterator[Publishing]:
    """A process that publishes."""
    publishing = Publishing()
    yield publishing
    publishing.process.kill()
    publishing.process.communicate()


@pytest.mark.parametrize("proxies", [0, 1, 2])
@pytest.mark.parametrize("who", ["publisher", "subscriber"])
async def test_the_first_message(
    loop: Harness, addresses: Addresses, publishing: Publishing, who: str, proxies: int
) -> None:
    """Who waits, whoever comes first, and however many proxies are between: the first message arrives."""
    seed = random.randrange(1 << 32)
    sys.stdout.write(f"\nseed {seed}\n")
    rng = random.Random(seed)
    for _ in range(TRIALS):
        address = addresses.new("ipc")
        opening = f"open {address} {'waits' if who == 'publisher' else 'told'}"
        first = rng.random() < 0.5
        if first:
            publishing.tell(opening)
        between: list[Proxy] = []
        try:
            upstream = address
            for _ in range(proxies):
                between.append(Proxy(upstream))
                upstream = between[-1].address
            async with loop.context() as context:
                options = zmqbridge.SocketOptions(reconnect_interval=0.01)
                subscriber = context.subscriber(connect=upstream, tags=["tag"], options=options)
                if not first:
                    publishing.tell(opening)
                if who == "subscriber":
                    await subscriber.wait_subscribed(timeout=30)
                    publishing.tell("publish")
                assert await subscriber.receive() == (b"tag", b"first")
        finally:
            publishing.close_publisher()
            for proxy in between:
                proxy.close()
