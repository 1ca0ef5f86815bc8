"""The loops that the conformance suite runs on, by the backend that they share, and what each has of its own.

The first harness of a backend stands for it. The others run the same backend: what a case shows on the first, it
shows on them again, except where they have a way of their own to do what the case looks at.
"""

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

# Registering descriptors and timers, and the order of what a turn of the loop does with those that are due.
WAITING = "waiting"
# How a task is told to give up, how often, and what becomes of those around it.
CANCELLING = "cancelling"

ASPECTS = frozenset({WAITING, CANCELLING})

# Of each backend the harnesses, and what each has of its own: uvloop cancels asyncio's tasks, and anyio waits with
# asyncio's loop or trio's; a Deferred is cancelled in one way on every reactor.
BACKENDS: dict[str, dict[type[Harness], frozenset[str]]] = {
    "asyncio": {
        AsyncioHarness: ASPECTS,
        UvloopHarness: frozenset({WAITING}),
        AnyioAsyncioHarness: frozenset({CANCELLING}),
    },
    "trio": {
        TrioHarness: ASPECTS,
        AnyioTrioHarness: frozenset({CANCELLING}),
    },
    "twisted": {
        TwistedEpollHarness: ASPECTS,
        TwistedPollHarness: frozenset({WAITING}),
        TwistedSelectHarness: frozenset({WAITING}),
        TwistedAsyncioHarness: frozenset({WAITING}),
    },
    "none": {
        BlockingHarness: ASPECTS,
    },
}

HARNESSES: dict[str, type[Harness]] = {
    harness.name: harness for harnesses in BACKENDS.values() for harness in harnesses
}

# What each harness has of its own.
OWN: dict[str, frozenset[str]] = {
    harness.name: own for harnesses in BACKENDS.values() for harness, own in harnesses.items()
}

# Those that stand for their backends, and the one of them that stands for all.
STAND_INS = [next(iter(harnesses)).name for harnesses in BACKENDS.values()]
ANY = STAND_INS[0]

# Those that can run several tasks.
LOOPS = [name for name, harness in HARNESSES.items() if harness.concurrent]
