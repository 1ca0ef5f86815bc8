"""The loops that the conformance suite runs on."""

from __future__ import annotations

from tests.conformance.harnesses.base import Harness
from tests.conformance.harnesses.on_anyio import AnyioAsyncioHarness, AnyioTrioHarness
from tests.conformance.harnesses.on_asyncio import AsyncioHarness, UvloopHarness
from tests.conformance.harnesses.on_nothing import BlockingHarness
from tests.conformance.harnesses.on_trio import TrioHarness
from tests.conformance.harnesses.on_twisted import (
    TwistedAsyncioHarness,
    TwistedEpollHarness,
    TwistedPollHarness,
    TwistedSelectHarness,
)

HARNESSES: dict[str, type[Harness]] = {
    harness.name: harness
    for harness in (
        AsyncioHarness,
        UvloopHarness,
        TrioHarness,
        AnyioAsyncioHarness,
        AnyioTrioHarness,
        TwistedEpollHarness,
        TwistedPollHarness,
        TwistedSelectHarness,
        TwistedAsyncioHarness,
        BlockingHarness,
    )
}

# Those that can run several tasks.
LOOPS = [name for name, harness in HARNESSES.items() if harness.concurrent]
