"""Storms for a minute, each with a fresh seed."""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.conformance.harnesses import HARNESSES, LOOPS
from tests.conformance.test_storms import storm_of_messages, storm_of_requests, storm_of_routes
from tests.conftest import Addresses

SECONDS = 60


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", LOOPS)
def test_storms(name: str, addresses: Addresses) -> None:
    """Whatever the dice say, nothing is lost, doubled or mixed up."""
    ends = time.monotonic() + SECONDS / len(LOOPS)
    storms = 0
    while time.monotonic() < ends:
        for storm in (storm_of_messages, storm_of_routes, storm_of_requests):
            for transport in ("inproc", "tcp"):
                seed = int.from_bytes(os.urandom(4), "big")
                print(f"{name}: {storm.__name__} over {transport}, seed {seed}")  # noqa: T201
                loop = HARNESSES[name]()

                async def case(
                    storm: object = storm, transport: str = transport, seed: int = seed, loop: object = loop
                ) -> None:
                    await storm(loop, random.Random(seed), lambda: addresses.new(transport), turns=2000)  # type: ignore[operator]

                loop.run(case)
                storms += 1
    assert storms
