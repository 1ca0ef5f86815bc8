"""Publish and subscribe: by tag, in one frame, to whoever is subscribed."""

from __future__ import annotations

from typing import Any

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from zmqbridge import Publication

TRANSPORTS = ("tcp", "ipc", "inproc")

# How many probes it takes until a subscription has arrived, nobody knows: a queue that they filled would
# drop what the test publishes next.
UNLIMITED = zmqbridge.SocketOptions(send_high_water_mark=0)


async def publish_until_heard(
    loop: Harness, publisher: zmqbridge.Publisher, subscriber: zmqbridge.Subscriber[Any], tag: str = "probe"
) -> None:
    """Return once a publication has come through, and nothing of the probing is left behind.

    A subscription reaches its publisher over the network, and until then the publisher drops what
    it publishes; the last probe is told from the others by its content. The publisher is UNLIMITED.
    """
    probes = 0
    while True:
        publisher.publish(b"%d" % probes, tag)
        probes += 1
        await loop.turn()
        try:
            publication = subscriber.receive_nowait()
        except zmqbridge.WouldBlock:
            continue
        while publication.message != b"%d" % (probes - 1):
            publication = await subscriber.receive()
        return


@pytest.mark.one_task
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("binder", ["publisher", "subscriber"])
async def test_by_tag(loop: Harness, addresses: Addresses, transport: str, binder: str) -> None:
    """Whichever end binds, a subscriber receives what is published under its tags and nothing else."""
    async with loop.context() as context:
        if binder == "publisher":
            publisher = context.publisher(bind=addresses.new(transport), options=UNLIMITED)
            subscriber = context.subscriber(connect=publisher.endpoints[0].address, tags=["probe", "weather."])
        else:
            subscriber = context.subscriber(bind=addresses.new(transport), tags=["probe", "weather."])
            publisher = context.publisher(connect=subscriber.endpoints[0].address, options=UNLIMITED)
        await publish_until_heard(loop, publisher, subscriber)
        publisher.publish(b"12 C", tag="weather.london")
        publisher.publish(b"nobody's", tag="sports")
        publisher.publish(b"with \0 zero", tag=b"weather.paris")
        publisher.publish(b"", tag="weather.")
        publisher.publish(bytearray(b"last"), tag="probe")
        assert [await subscriber.receive() for _ in range(4)] == [
            Publication(b"weather.london", b"12 C"),
            Publication(b"weather.paris", b"with \0 zero"),
            Publication(b"weather.", b""),
            Publication(b"probe", b"last"),
        ]


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_subscribe_later(loop: Harness, addresses: Addresses) -> None:
    """Tags may come and go while the connection lives; equal subscriptions count."""
    async with loop.context() as context:
        publisher = context.publisher(bind=addresses.new("tcp"), options=UNLIMITED)
        subscriber = context.subscriber(connect=publisher.endpoints[0].address)
        subscriber.subscribe("a")
        subscriber.subscribe(b"a")
        subscriber.subscribe("probe")
        assert set(subscriber.tags) == {b"a", b"probe"}
        await publish_until_heard(loop, publisher, subscriber)
        subscriber.unsubscribe("a")
        publisher.publish(b"1", "a")
        assert await subscriber.receive() == (b"a", b"1")
        subscriber.unsubscribe("a")
        subscriber.subscribe("b")
        assert set(subscriber.tags) == {b"b", b"probe"}
        await publish_until_heard(loop, publisher, subscriber, tag="b")
        publisher.publish(b"2", "a")
        publisher.publish(b"3", "b")
        assert await subscriber.receive() == (b"b", b"3")
        with pytest.raises(zmqbridge.LocalProtocolError, match="not subscribed to b'a'"):
            subscriber.unsubscribe("a")


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_whole_tag(loop: Harness, addresses: Addresses) -> None:
    """The zero byte that ends a tag selects that tag and none that it begins."""
    async with loop.context() as context:
        publisher = context.publisher(bind=addresses.new("tcp"), options=UNLIMITED)
        subscriber = context.subscriber(connect=publisher.endpoints[0].address, tags=[b"cpu\0", "probe"])
        await publish_until_heard(loop, publisher, subscriber)
        publisher.publish(b"1", "cpu.0")
        publisher.publish(b"2", "cpu")
        assert await subscriber.receive() == (b"cpu", b"2")


@pytest.mark.one_task
async def test_iteration(loop: Harness, addresses: Addresses) -> None:
    """``async for`` unpacks a publication into its tag and its message."""
    async with loop.context() as context:
        publisher = context.publisher(bind=addresses.new("tcp"), options=UNLIMITED)
        subscriber = context.subscriber(connect=publisher.endpoints[0].address, tags=[""])
        await publish_until_heard(loop, publisher, subscriber)
        for number in range(500):
            publisher.publish(b"%d" % number, "n")
        expected = 0
        async for tag, message in subscriber:
            assert (tag, message) == (b"n", b"%d" % expected)
            expected += 1
            if expected == 500:
                break
        assert subscriber.stats.malformed == 0


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_many_subscribers(loop: Harness, addresses: Addresses) -> None:
    """Every subscriber gets every message under its tags."""
    async with loop.context() as context:
        publisher = context.publisher(bind=addresses.new("tcp"), options=UNLIMITED)
        address = publisher.endpoints[0].address
        subscribers = [context.subscriber(connect=address, tags=["probe", f"{number}"]) for number in range(10)]
        for subscriber in subscribers:
            await publish_until_heard(loop, publisher, subscriber)
        for number in range(10):
            publisher.publish(b"yours", f"{number}")
        for number, subscriber in enumerate(subscribers):
            publication = await subscriber.receive()
            while publication.tag == b"probe":
                publication = await subscriber.receive()
            assert publication == (b"%d" % number, b"yours")


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_malformed_publications(loop: Harness, addresses: Addresses, caplog: pytest.LogCaptureFixture) -> None:
    """A message that is no publication is dropped, counted and logged once a burst, and the next arrives."""
    async with loop.context() as context:
        publisher = context.connection(zmq.PUB, bind=addresses.new("tcp"))
        subscriber = context.subscriber(connect=publisher.endpoints[0].address, tags=[""])
        while subscriber.stats.received == 0:
            await publisher.send([b"probe", b"two frames"])
            await loop.turn()
            try:
                assert subscriber.receive_nowait() == (b"probe", b"two frames")
            except zmqbridge.WouldBlock:
                continue
        for _ in range(100):
            await publisher.send([b"four", b"frames", b"are", b"here"])
            await publisher.send([b"three", b"frames", b"here"])
        await publisher.send(b"tag\0message")
        publication = await subscriber.receive()
        while publication.tag == b"probe":
            publication = await subscriber.receive()
        assert publication == (b"tag", b"message")
        assert subscriber.stats.malformed == 200
        assert len([record for record in caplog.records if "malformed" in record.message]) == 1


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_bad_publications(loop: Harness, addresses: Addresses) -> None:
    """A tag with a zero byte, or a str where bytes belong, is the caller's mistake and says so."""
    async with loop.context() as context:
        publisher = context.publisher(bind=addresses.new("inproc"))
        with pytest.raises(zmqbridge.LocalProtocolError, match="which ends a tag"):
            publisher.publish(b"x", tag="a\0b")
        with pytest.raises(TypeError, match="encode it first"):
            publisher.publish("text")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="a tag is str or bytes, not int"):
            publisher.publish(b"x", tag=5)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="pass a list of tags"):
            context.subscriber(connect=publisher.endpoints[0].address, tags="weather.")
        assert publisher.stats.sent == 0


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_publisher_gone(loop: Harness, addresses: Addresses) -> None:
    """A subscriber whose publisher is gone holds nothing that leaving its context would wait for."""
    async with loop.context() as context:
        publisher = context.publisher(bind=addresses.new("ipc"), options=UNLIMITED)
        async with loop.context(linger=1000) as other:
            subscriber = other.subscriber(connect=publisher.endpoints[0].address, tags=["probe"])
            await publish_until_heard(loop, publisher, subscriber)
            publisher.close()


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_publish_many(loop: Harness, addresses: Addresses) -> None:
    """Many publications at once arrive in order, each under its tag; what was received can be published again."""
    async with loop.context() as context:
        publisher = context.publisher(bind=addresses.new("tcp"), options=UNLIMITED)
        subscriber = context.subscriber(connect=publisher.endpoints[0].address, tags=[""])
        await publish_until_heard(loop, publisher, subscriber)
        sent = publisher.stats.sent
        publisher.publish_many((f"tag {number}", b"%d" % number) for number in range(500))
        received = [await subscriber.receive() for _ in range(500)]
        assert received == [(b"tag %d" % number, b"%d" % number) for number in range(500)]
        publisher.publish_many(received)
        assert [await subscriber.receive() for _ in range(500)] == received
        assert publisher.stats.sent - sent == 1000
        publisher.publish_many([])
        with pytest.raises(zmqbridge.LocalProtocolError, match="leave it out"):
            publisher.publish_many([("good", b"x"), ("b\0d", b"x")])
        publisher.publish(b"next", "tag")
        assert await subscriber.receive() == (b"tag", b"next")
        publisher.close()
        with pytest.raises(zmqbridge.ConnectionClosed):
            publisher.publish_many([("late", b"x")])


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_in_views(loop: Harness, addresses: Addresses) -> None:
    """A large publication's message comes as a memoryview where that is asked for, and its tag as bytes."""
    async with loop.context() as context:
        publisher = context.publisher(bind=addresses.new("tcp"), options=UNLIMITED)
        options = zmqbridge.SocketOptions(memoryview_from=1024)
        subscriber = context.subscriber(connect=publisher.endpoints[0].address, tags=[""], options=options)
        await publish_until_heard(loop, publisher, subscriber)
        publisher.publish(b"x" * 100_000, "tag")
        publication: Any = await subscriber.receive()
        tag, message = publication
        assert (type(tag), type(message)) == (bytes, memoryview)
        assert (tag, message) == (b"tag", b"x" * 100_000)


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_more_tags_than_any_high_water_mark(loop: Harness, addresses: Addresses) -> None:
    """Every subscription reaches the publisher, though there are thousands at once."""
    tags = [f"{number}." for number in range(3000)]
    async with loop.context() as context:
        publisher = context.connection(zmq.XPUB, bind=addresses.new("tcp"))
        subscriber = context.subscriber(connect=publisher.endpoints[0].address, tags=tags)
        subscribed = {(await publisher.receive())[0] for _ in tags}
        assert subscribed == {b"\1" + tag.encode() for tag in tags}
        assert subscriber.getsockopt(zmq.SNDHWM) == 0


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_longest_tags(loop: Harness, addresses: Addresses) -> None:
    """A tag of 4,096 bytes can be subscribed to; a longer one, over which libzmq crashes, is an error that says so."""
    async with loop.context() as context:
        subscriber = context.subscriber(bind=addresses.new("inproc"), tags=["x" * 4096])
        subscriber.unsubscribe("x" * 4096)
        for tag in ("x" * 4097, b"x" * 1_000_000):
            with pytest.raises(zmqbridge.LocalProtocolError, match=rf"'x+.* {len(tag)} bytes.* first 4096 bytes"):
                subscriber.subscribe(tag)
            with pytest.raises(zmqbridge.LocalProtocolError, match="4096"):
                context.subscriber(bind=addresses.new("inproc"), tags=[tag])
        assert subscriber.tags == ()
