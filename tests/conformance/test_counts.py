"""The counts of a connection add up: each message that libzmq gave to it is in exactly one of them."""

from __future__ import annotations

import pytest
import zmq

from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses

pytestmark = pytest.mark.any_loop


async def test_of_a_requester(loop: Harness, addresses: Addresses) -> None:
    """Of a requester's messages those are received that found their request; all others are counted apart."""
    async with loop.context() as context:
        router = context.router(bind=addresses.new("inproc"))
        requester = context.requester(connect=router.endpoints[0].address)
        asking = loop.spawn(requester.request, b"?")
        peer, (id, delimiter, _) = await router.receive()
        await router.send_many([(peer, [b"nobody", delimiter, b"!"]), (peer, b"junk"), (peer, b"more junk")])
        await router.send(peer, [id, delimiter, b"!"])
        assert await asking.result() == [b"!"]
        stats = requester.stats
        assert (stats.sent, stats.received, stats.unmatched_replies, stats.malformed) == (1, 1, 1, 2)
        assert (stats.buffered, stats.dropped) == (0, 0)


async def test_of_a_subscriber(loop: Harness, addresses: Addresses) -> None:
    """Of a subscriber's messages those are received that were taken; the rest is malformed, buffered or dropped."""
    async with loop.context() as context:
        subscriber = context.subscriber(bind=addresses.new("inproc"), tags=[""])
        publisher = context.connection(zmq.PUB, connect=subscriber.endpoints[0].address)
        receiving = loop.spawn(subscriber.receive)
        while not receiving.done:
            publisher.send_nowait(b"t\0until it has subscribed")
            await loop.turn()
        for frame in (b"t\0good", b"junk", b"t\0good"):
            publisher.send_nowait(frame)
        await loop.until(lambda: subscriber.getsockopt(zmq.EVENTS) & zmq.POLLIN)
        while not (subscriber.stats.malformed and subscriber.stats.buffered):
            await subscriber.receive()
        before = subscriber.stats
        subscriber.close()
        after = subscriber.stats
        assert before.received >= 2
        assert (after.received, after.malformed, after.unmatched_replies) == (before.received, 1, 0)
        assert (after.buffered, after.dropped) == (0, before.buffered)
