"""Where what is done about one message changes the next one, or only the newest counts, nothing is read ahead."""

from __future__ import annotations

from contextlib import suppress

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness, TaskCancelled
from tests.conftest import Addresses

NEWEST = zmqbridge.SocketOptions(conflate=True)


async def test_the_latest_subscription(loop: Harness, addresses: Addresses) -> None:
    """With XPUB_MANUAL, set at any time, each subscription is granted to the peer that asked for it."""
    async with loop.context(linger=0) as context:
        publisher = context.connection(zmq.XPUB)
        publisher.setsockopt(zmq.XPUB_MANUAL, 1)
        address = publisher.bind(addresses.new("inproc")).address
        subscribers = {tag: context.subscriber(connect=address, tags=[tag]) for tag in (b"a", b"b", b"c")}
        for _ in subscribers:
            (subscription,) = await publisher.receive()
            assert publisher.stats.buffered == 0
            publisher.setsockopt(zmq.SUBSCRIBE, subscription[1:])
        for tag in subscribers:
            await publisher.send(tag + b"\0news")
        for tag, subscriber in subscribers.items():
            assert await subscriber.receive() == (tag, b"news")
            with pytest.raises(zmqbridge.WouldBlock):
                subscriber.receive_nowait()


async def test_a_request_that_was_given_up(loop: Harness, addresses: Addresses) -> None:
    """A reply that comes as its receive is cancelled is never taken for that to a later request."""
    async with loop.context(linger=0) as context:
        replier = context.router(bind=addresses.new("inproc"))
        asker = context.connection(zmq.REQ)
        asker.setsockopt(zmq.REQ_RELAXED, 1)
        asker.setsockopt(zmq.REQ_CORRELATE, 1)
        asker.connect(replier.endpoints[0].address)
        for turns in range(6):
            await asker.send(b"question %d" % turns)
            peer, envelope = await replier.receive()
            receiving = [loop.spawn(asker.receive), loop.spawn(asker.receive)]
            await loop.parked(asker, 2)
            await replier.send(peer, [*envelope[:-1], b"answer %d" % turns])
            for _ in range(turns):
                await loop.turn()
            for task in receiving:
                task.cancel()
            for task in receiving:
                with suppress(TaskCancelled):
                    assert await task.result() == [b"answer %d" % turns]
            assert asker.stats.buffered == 0
        await asker.send(b"question")
        peer, envelope = await replier.receive()
        await replier.send(peer, [*envelope[:-1], b"answer"])
        assert await asker.receive() == [b"answer"]


async def test_many_receive_by_turns(loop: Harness, addresses: Addresses) -> None:
    """Where nothing is read ahead, receives that wait are served in the order of their calls, but the cancelled."""
    async with loop.context(linger=0) as context:
        publisher = context.connection(zmq.XPUB, bind=addresses.new("inproc"))
        receiving = []
        for count in range(1, 7):
            receiving.append(loop.spawn(publisher.receive))
            await loop.parked(publisher, count)
        subscriber = context.subscriber(connect=publisher.endpoints[0].address)
        for number in range(4):
            subscriber.subscribe(b"%d" % number)
        for cancelled in (0, 3):
            receiving[cancelled].cancel()
        for cancelled in (0, 3):
            with pytest.raises(TaskCancelled):
                await receiving[cancelled].result()
        served = [await receiving[number].result() for number in (1, 2, 4, 5)]
        assert served == [[b"\x01%d" % number] for number in range(4)]


async def test_the_newest(loop: Harness, addresses: Addresses) -> None:
    """A conflated connection gives the newest message, not one that was read for a receive that was cancelled."""
    async with loop.context(linger=0) as context:
        puller = context.puller(bind=addresses.new("inproc"), options=NEWEST)
        pusher = context.pusher(connect=puller.endpoints[0].address, options=NEWEST)
        for turns in range(6):
            receiving = [loop.spawn(puller.receive), loop.spawn(puller.receive)]
            await loop.parked(puller, 2)
            await pusher.send(b"old %d" % turns)
            for _ in range(turns):
                await loop.turn()
            for task in receiving:
                task.cancel()
            for task in receiving:
                with suppress(TaskCancelled):
                    assert await task.result() == [b"old %d" % turns]
            await pusher.send(b"new %d" % turns)
            assert await puller.receive() == [b"new %d" % turns]


async def test_told_and_cancelled(loop: Harness, addresses: Addresses) -> None:
    """A receive that is cancelled as it is told that there may be a message leaves it to the next."""
    async with loop.context(linger=0) as context:
        puller = context.puller(bind=addresses.new("inproc"), options=NEWEST)
        pusher = context.pusher(connect=puller.endpoints[0].address, options=NEWEST)
        for turns in range(8):
            receiving = []
            for count in range(1, 4):
                receiving.append(loop.spawn(puller.receive))
                await loop.parked(puller, count)
            leader, told, behind = receiving
            leader.cancel()
            with pytest.raises(TaskCancelled):
                await leader.result()
            await pusher.send(b"one")
            for _ in range(turns):
                await loop.turn()
            told.cancel()
            with suppress(TaskCancelled):
                assert await told.result() == [b"one"]
                await pusher.send(b"one")
            assert await behind.result() == [b"one"]
