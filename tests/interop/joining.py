"""Wait until a subscription has reached the publisher: what is published before that is for nobody."""

from __future__ import annotations

from collections.abc import Callable

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.interop.processes import Job

__all__ = ["join", "join_peer"]

TRIAL = b"trial"
BEGIN = b"begin"
PAUSE = 0.002

Publish = Callable[[bytes], object]


async def join(loop: Harness, subscriber: zmqbridge.Subscriber, publish: Publish) -> None:
    """Publish trials until the subscriber has one, and leave none of them behind."""

    def heard() -> bool:
        try:
            subscriber.receive_nowait()
        except zmqbridge.WouldBlock:
            return False
        return True

    while not heard():
        publish(TRIAL)
        await loop.sleep(PAUSE)
    publish(BEGIN)
    while (await subscriber.receive()).message != BEGIN:
        pass


async def join_peer(subscriber: Job, publish: Publish) -> None:
    """As :func:`join`, for a subscriber in another process, which listens already."""
    before = len(subscriber.messages)

    def heard() -> bool:
        publish(TRIAL)
        return len(subscriber.messages) > before

    await subscriber.until(heard)
    publish(BEGIN)
    while not (await subscriber.receive())[-1].endswith(BEGIN):
        pass
