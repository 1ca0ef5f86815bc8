"""What a connection counts adds up: each message that libzmq gave it is in exactly one of the counts."""

from __future__ import annotations

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses

pytestmark = pytest.mark.any_loop

THREE = [b"of", b"three", b"frames"]
MESSAGES: list[zmqbridge.framing.Message] = [b"tag\0one", THREE, b"tag\0two", THREE, *[b"tag\0more"] * 6]


def counted(stats: zmqbridge.Stats) -> int:
    """How many messages a connection says that it was given."""
    return stats.received + stats.buffered + stats.malformed + stats.unmatched_replies + stats.probes + stats.dropped


async def test_a_subscriber_that_is_closed(loop: Harness, addresses: Addresses) -> None:
    """Of ten messages two make no sense, three are taken, and the others are dropped when the subscriber is closed."""
    async with loop.context() as context:
        publisher = context.connection(zmq.XPUB, bind=addresses.new("inproc"))
        subscriber = context.subscriber(tags=[""], connect=publisher.endpoints[0].address)
        assert await publisher.receive() == [b"\1"]
        await publisher.send_many(MESSAGES)
        taken = [await subscriber.receive() for _ in range(3)]
        assert [publication.message for publication in taken] == [b"one", b"two", b"more"]
        stats = subscriber.stats
        assert (stats.received, stats.buffered, stats.malformed, stats.dropped) == (3, 5, 2, 0)
        assert counted(stats) == len(MESSAGES)
        subscriber.close()
        stats = subscriber.stats
        assert (stats.received, stats.buffered, stats.malformed, stats.dropped) == (3, 0, 2, 5)
        assert counted(stats) == len(MESSAGES)
        assert publisher.stats.sent == len(MESSAGES)


async def test_a_requester(loop: Harness, addresses: Addresses) -> None:
    """Of four replies one finds its request, one comes twice, and two make no sense."""
    async with loop.context() as context:
        router = context.router(bind=addresses.new("inproc"))
        requester = context.requester(connect=router.endpoints[0].address)
        asking = loop.spawn(requester.request, b"?")
        peer, (id, delimiter, question) = await router.receive()
        for reply in ([b"junk"], [id, b"no delimiter"], [id, delimiter, question], [id, delimiter, b"again"]):
            await router.send(peer, reply)
        assert await asking.result() == [b"?"]
        again = loop.spawn(requester.request, b"once more")
        peer, frames = await router.receive()
        await router.send(peer, frames)
        await again.result()
        stats = requester.stats
        assert (stats.received, stats.malformed, stats.unmatched_replies) == (2, 2, 1)
        assert (stats.sent, counted(stats)) == (2, 5)


async def test_a_replier(loop: Harness, addresses: Addresses) -> None:
    """A reply that cannot be delivered is not sent; requests that make no sense are not received."""
    async with loop.context() as context:
        replier = context.replier(bind=addresses.new("inproc"))
        client = context.dealer(connect=replier.endpoints[0].address)
        await client.send_many([[b"junk"], [b"id", b"", b"one"], [b"id", b"", b"two"]])
        first, second = await replier.receive(), await replier.receive()
        await first.reply(b"!")
        assert await client.receive() == [b"id", b"", b"!"]
        client.close()
        await loop.until(lambda: replier.getsockopt(zmq.EVENTS) is not None)
        await second.reply(b"too late")
        stats = replier.stats
        assert (stats.received, stats.malformed) == (2, 1)
        assert counted(stats) == 3
        assert stats.sent + stats.dropped_replies == 2
