"""What a handlers' replier remembers of its requests: never more memory than it is allowed."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable

import pytest

from zmqbridge.framing import MAX_ENVELOPE, Envelope, memory_of
from zmqbridge_twisted.unanswered import Unanswered

FOR_EVER = 1e9
MANY = 10**9

SHAPES: dict[str, Callable[[int], Envelope]] = {
    "an id": lambda _: Envelope([os.urandom(5)], os.urandom(16), []),
    "no route": lambda _: Envelope([], os.urandom(5), []),
    "the same id": lambda _: Envelope([os.urandom(5)], b"same", []),
    "a large id": lambda _: Envelope([os.urandom(5)], os.urandom(6000), []),
    "ids of any size": lambda number: Envelope([os.urandom(5)], os.urandom(number * 7919 % 6000), []),
    "proxies": lambda _: Envelope([os.urandom(5) for _ in range(16)], os.urandom(16), []),
    "many frames": lambda _: Envelope([os.urandom(2) for _ in range(91)], os.urandom(2), []),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_memory(shape: str) -> None:
    """Whatever the requests are like, what is kept of them takes no more memory than was allowed."""
    allowed = 1 << 20
    unanswered = Unanswered()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(5_000):
            envelope = SHAPES[shape](number)
            assert memory_of([*envelope.route, envelope.id]) <= MAX_ENVELOPE
            unanswered.add(envelope, number + 0.5, MANY, FOR_EVER, allowed)
            taken = tracemalloc.get_traced_memory()[0] - before
            assert taken <= max(allowed, 10_000), f"{len(unanswered)} requests take {taken} bytes"
    finally:
        tracemalloc.stop()
    assert unanswered.forgotten > 0
    assert len(unanswered) > 100


def test_newest_is_kept() -> None:
    """The newest request is kept though it alone takes more than is allowed."""
    unanswered = Unanswered()
    for number in range(3):
        id = unanswered.add(Envelope([b"peer"], b"%d" % number, []), 0.0, MANY, FOR_EVER, 0)
        assert len(unanswered) == 1
    assert unanswered.take(id) == Envelope([b"peer"], b"2", [])
    assert (len(unanswered), unanswered.memory, unanswered.forgotten) == (0, 0, 2)
