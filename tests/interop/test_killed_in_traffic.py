"""A peer that is killed in the middle of traffic: what was parked goes on, and what is lost is one run, and bounded."""

from __future__ import annotations

import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from tests.interop.lasting import lasting_address
from tests.interop.processes import Spares

# Larger than all that the system and the two ends hold of a connection's bytes, with small buffers.
BLOCK = b"x" * 50_000
SMALL_BUFFER = 4096

SMALL = zmqbridge.SocketOptions(reconnect_interval=0.01, send_high_water_mark=1, receive_high_water_mark=1)

# One at each of the two high-water marks, and one on its way into, through and out of the transport.
LOST = 5


def numbers(messages: list[list[bytes]]) -> list[int]:
    """Return the numbers of messages, each of which is whole."""
    assert all(frames[-1:] == [BLOCK] for frames in messages)
    return [int(frames[-2]) for frames in messages]


def without_gaps(found: list[int]) -> bool:
    return found == list(range(found[0], found[0] + len(found)))


async def test_pusher_goes_on(loop: Harness, addresses: Addresses, spares: Spares) -> None:
    """A send parked when a plain PULL socket is killed goes to the next, and only what was on its way is lost."""
    async with loop.context(linger=0) as context:
        with lasting_address(addresses, "tcp") as address, spares.two() as (victim, heir):
            pusher = context.pusher(options=SMALL)
            pusher.setsockopt(zmq.SNDBUF, SMALL_BUFFER)
            pusher.connect(address)
            count = 0

            async def fill() -> None:
                nonlocal count
                while True:
                    await pusher.send([b"%d" % count, BLOCK])
                    count += 1

            loop.spawn(fill)
            with victim.open(loop, "PULL", bind=address, RCVHWM=1, RCVBUF=SMALL_BUFFER) as pull:
                pull.do("listen")
                await pull.until(lambda: len(pull.messages) >= 10 and pusher.stats.parked)
                parked = count
                victim.kill()
                before = numbers(pull.messages)
            with heir.open(loop, "PULL", bind=address, RCVHWM=1, RCVBUF=SMALL_BUFFER) as pull:
                pull.do("listen")
                await pull.until(lambda: len(pull.messages) >= 10)
                after = numbers(pull.messages[:10])
            assert count > parked
            assert before == list(range(len(before)))
            assert without_gaps(after)
            assert 0 <= after[0] - len(before) <= LOST
