"""Our publisher and subscriber with plain SUB and PUB sockets in another process."""

from __future__ import annotations

import time

import psutil
import pytest

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.interop.joining import join, join_peer
from tests.interop.processes import TCP, Peer

pytestmark = pytest.mark.any_loop

TAG = b"weather."


@pytest.mark.one_task
async def test_tag_and_message_in_one_frame(loop: Harness, plain: Peer) -> None:
    """The first zero byte of a one-frame message parts its tag from the rest, which may hold more of them."""
    async with loop.context() as context:
        with plain.open(loop, "PUB") as pub:
            subscriber = context.subscriber(connect=await pub.address(), tags=[TAG])
            await join(loop, subscriber, lambda message: pub.do("send", TAG + b"\0" + message))
            pub.do("send", b"weather.london\x0012 C")
            pub.do("send", b"weather.\0\0a\0b\0")
            pub.do("send", b"weather.\0")
            assert await subscriber.receive() == (b"weather.london", b"12 C")
            assert await subscriber.receive() == (b"weather.", b"\0a\0b\0")
            assert await subscriber.receive() == (b"weather.", b"")


@pytest.mark.one_task
async def test_tag_and_message_in_two_frames(loop: Harness, plain: Peer) -> None:
    """A two-frame message is a tag and a message, as other programs publish them."""
    async with loop.context() as context:
        with plain.open(loop, "PUB") as pub:
            subscriber = context.subscriber(connect=await pub.address(), tags=["weather."])
            await join(loop, subscriber, lambda message: pub.do("send", TAG, message))
            pub.do("send", b"weather.london", b"12 C")
            pub.do("send", b"weather.", b"")
            pub.do("send", b"weather.\0x", b"\0y")
            assert await subscriber.receive() == (b"weather.london", b"12 C")
            assert await subscriber.receive() == (b"weather.", b"")
            assert await subscriber.receive() == (b"weather.\0x", b"\0y")
            assert subscriber.stats.malformed == 0


@pytest.mark.one_task
async def test_other_tags_stay_away(loop: Harness, plain: Peer) -> None:
    """A subscriber gets what its prefixes select of a plain publisher's messages, and nothing else."""
    async with loop.context() as context:
        with plain.open(loop, "PUB") as pub:
            subscriber = context.subscriber(connect=await pub.address(), tags=["a", b"b\0"])
            await join(loop, subscriber, lambda message: pub.do("send", b"a\0" + message))
            await join(loop, subscriber, lambda message: pub.do("send", b"b\0" + message))
            for tag in (b"a", b"ab", b"b", b"ba", b"c", b"", b"a"):
                pub.do("send", tag + b"\0message")
            received = [(await subscriber.receive()).tag for _ in range(4)]
            assert received == [b"a", b"ab", b"b", b"a"]


@pytest.mark.one_task
async def test_malformed_messages_are_dropped(loop: Harness, plain: Peer) -> None:
    """Messages of three frames and more are counted and left out, and the next good one arrives."""
    async with loop.context() as context:
        with plain.open(loop, "PUB") as pub:
            subscriber = context.subscriber(connect=await pub.address(), tags=[TAG])
            await join(loop, subscriber, lambda message: pub.do("send", TAG + b"\0" + message))
            pub.do("send", b"weather.", b"of", b"four", b"frames")
            pub.do("send", b"weather.", b"three", b"frames")
            pub.do("send", b"weather.\0good")
            assert await subscriber.receive() == (b"weather.", b"good")
            assert subscriber.stats.malformed == 2


@pytest.mark.one_task
async def test_plain_publisher_without_tags(loop: Harness, plain: Peer) -> None:
    """One frame without a zero byte, as ``send_string()`` sends it, is a message whose tag is empty."""
    async with loop.context() as context:
        with plain.open(loop, "PUB") as pub:
            subscriber = context.subscriber(connect=await pub.address(), tags=["10001"])
            await join(loop, subscriber, lambda message: pub.do("send", b"10001\0" + message))
            pub.do("send", b"10002 21 40")
            pub.do("send", b"10001 20 30")
            pub.do("send", b"10001" + b" 20" * 50_000)
            assert await subscriber.receive() == (b"", b"10001 20 30")
            assert await subscriber.receive() == (b"", b"10001" + b" 20" * 50_000)
            assert subscriber.stats.malformed == 0


@pytest.mark.one_task
async def test_plain_subscriber(loop: Harness, plain: Peer) -> None:
    """A plain SUB socket gets exactly one frame: the tag, a zero byte, the message."""
    async with loop.context() as context:
        publisher = context.publisher(bind=TCP)
        with plain.open(loop, "SUB", connect=publisher.endpoints[0].address, SUBSCRIBE=b"") as sub:
            sub.do("listen")
            await join_peer(sub, publisher.publish)
            publisher.publish(b"12 C", tag="weather.london")
            publisher.publish(b"no tag")
            publisher.publish(b"", tag="empty")
            publisher.publish(b"a\0b", tag=b"zero")
            publisher.publish(bytearray(b"\xff" * 70_000), tag="größe")
            assert await sub.receive() == [b"weather.london\x0012 C"]
            assert await sub.receive() == [b"\0no tag"]
            assert await sub.receive() == [b"empty\0"]
            assert await sub.receive() == [b"zero\0a\0b"]
            assert await sub.receive() == ["größe\0".encode() + b"\xff" * 70_000]


@pytest.mark.one_task
async def test_plain_subscribers_choose(loop: Harness, plain: Peer) -> None:
    """Each of several plain SUB sockets gets the messages whose tags it subscribed to, and those alone."""
    async with loop.context() as context:
        publisher = context.publisher(bind=TCP)
        address = publisher.endpoints[0].address
        with (
            plain.open(loop, "SUB", connect=address, SUBSCRIBE=b"a") as first,
            plain.open(loop, "SUB", connect=address, SUBSCRIBE=b"b") as second,
        ):
            for sub, tag in ((first, "a"), (second, "b")):
                sub.do("listen")
                await join_peer(sub, lambda message, tag=tag: publisher.publish(message, tag))  # type: ignore[misc]
            for tag in ("a", "b", "c", "ab", "bc"):
                publisher.publish(b"message", tag)
            assert [await first.receive(), await first.receive()] == [[b"a\0message"], [b"ab\0message"]]
            assert [await second.receive(), await second.receive()] == [[b"b\0message"], [b"bc\0message"]]


@pytest.mark.one_task
async def test_subscriptions_are_seen_upstream(loop: Harness, plain: Peer) -> None:
    """A plain XPUB socket sees our subscriber's subscriptions come and go, byte for byte."""
    async with loop.context() as context:
        with plain.open(loop, "XPUB") as xpub:
            xpub.do("listen")
            subscriber = context.subscriber(connect=await xpub.address(), tags=["a"])
            assert await xpub.receive() == [b"\x01a"]
            subscriber.subscribe(b"b\0")
            assert await xpub.receive() == [b"\x01b\0"]
            subscriber.unsubscribe("a")
            assert await xpub.receive() == [b"\x00a"]
            subscriber.close()
            assert await xpub.receive() == [b"\x00b\0"]


async def test_many_publications_keep_their_order(loop: Harness, plain: Peer) -> None:
    """Of a plain publisher's many messages a subscriber that waits in several tasks misses and mixes none."""
    async with loop.context() as context:
        with plain.open(loop, "PUB", SNDHWM=0) as pub:
            options = zmqbridge.SocketOptions(receive_high_water_mark=0)
            subscriber = context.subscriber(connect=await pub.address(), tags=[TAG], options=options)
            await join(loop, subscriber, lambda message: pub.do("send", TAG + b"\0" + message))
            received: list[bytes] = []

            async def receive() -> None:
                for _ in range(100):
                    received.append((await subscriber.receive()).message)

            tasks = [loop.spawn(receive) for _ in range(3)]
            for number in range(300):
                pub.do("send", TAG + b"\0%d" % number)
            for task in tasks:
                await task.result()
            assert received == [b"%d" % number for number in range(300)]


@pytest.mark.one_task
async def test_leaving_when_the_publisher_is_gone(loop: Harness, plain: Peer) -> None:
    """A context whose subscriber has lost its publisher is left at once: a subscriber has nothing to linger for."""
    async with loop.context(linger=1.0) as context:
        with plain.open(loop, "PUB") as pub:
            address = await pub.address()
            subscriber = context.subscriber(connect=address, tags=[TAG])
            await join(loop, subscriber, lambda message: pub.do("send", TAG + b"\0" + message))
        port = int(address.rpartition(":")[2])
        process = psutil.Process()
        await loop.until(lambda: all(at.raddr[1:] != (port,) for at in process.net_connections("tcp")))
        leaving = time.monotonic()
    assert time.monotonic() - leaving < 0.5
