"""Framings: the publish and subscribe that the rest of the world speaks."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, assert_type

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from zmqbridge import MultipartPublication, Publication, Publisher, Subscriber
from zmqbridge.framings import Multipart, Raw, Tagged

UNLIMITED = zmqbridge.SocketOptions(send_high_water_mark=0)
END = b"~end"


async def subscribed(loop: Harness, publisher: Any, subscriber: Any, tag: bytes) -> None:
    """Return once the subscriber has what is published under a tag, and nothing of the probing is left behind.

    A subscription reaches its publisher over the network; the last probe is told from the others by its content.
    """
    probes = 0
    while True:
        await publisher.send([tag, b"%d" % probes])
        probes += 1
        await loop.turn()
        try:
            item = subscriber.receive_nowait()
        except zmqbridge.WouldBlock:
            continue
        while list_of(item) != [tag, b"%d" % (probes - 1)]:
            item = await subscriber.receive()
        return


def list_of(item: Any) -> list[bytes]:
    """Return the frames of whatever a subscriber receives."""
    if isinstance(item, MultipartPublication):
        return [item.tag, *item.frames]
    return list(item)


LAYOUTS = [[b"topic"], [b"topic", b"a"], [b"topic", b"a", b""], [b"topic", b"", b"\0", b"c"], [b"topic\0", b"x"]]


@pytest.mark.one_task
@pytest.mark.each_backend
@pytest.mark.parametrize("transport", ["tcp", "inproc"])
@pytest.mark.parametrize("framing", ["multipart", "raw"])
async def test_from_a_plain_publisher(loop: Harness, addresses: Addresses, framing: Any, transport: str) -> None:
    """What a plain publisher sends arrives whole, however many frames it has; of other tags nothing comes."""
    async with loop.context() as context:
        plain = context.connection(zmq.PUB, bind=addresses.new(transport), options=UNLIMITED)
        subscriber = context.subscriber(connect=plain.endpoints[0].address, tags=["topic"], framing=framing)
        await subscribed(loop, plain, subscriber, b"topic")
        for layout in LAYOUTS:
            await plain.send([b"another", *layout])
            await plain.send(layout)
        assert [list_of(await subscriber.receive()) for _ in LAYOUTS] == LAYOUTS
        assert subscriber.stats.malformed == 0


@pytest.mark.one_task
@pytest.mark.each_backend
@pytest.mark.parametrize("framing", ["multipart", "raw"])
async def test_to_a_plain_subscriber(loop: Harness, addresses: Addresses, framing: Any) -> None:
    """A plain subscriber reads the frames that were published, the tag in front of them."""
    async with loop.context() as context:
        publisher: Any = context.publisher(bind=addresses.new("tcp"), framing=framing, options=UNLIMITED)
        plain = context.connection(zmq.SUB, connect=publisher.endpoints[0].address, tags=["topic"])

        def publish(frames: list[bytes]) -> None:
            if framing == "raw":
                publisher.publish(frames)
            else:
                publisher.publish(frames[1:], frames[0])

        while plain.stats.buffered + plain.stats.received == 0:
            publish([b"topic", b"probe"])
            await loop.turn()
            with suppress(zmqbridge.WouldBlock):
                assert plain.receive_nowait() == [b"topic", b"probe"]
        for layout in LAYOUTS:
            publish(layout)
        publisher.publish_many([b"nobody's"] if framing == "raw" else [("nobody's", b"x")])
        publisher.publish_many([[b"topic", END]] if framing == "raw" else [("topic", END)])
        received: list[list[bytes]] = []
        while not received or received[-1] != [b"topic", END]:
            received.append(await plain.receive())
        assert [frames for frames in received if frames != [b"topic", b"probe"]] == [*LAYOUTS, [b"topic", END]]


@pytest.mark.one_task
@pytest.mark.each_backend
async def test_both_ends(loop: Harness, addresses: Addresses) -> None:
    """Both ends of a framing give and take the same, exactly typed; iteration unpacks a publication."""
    async with loop.context() as context:
        publisher = context.publisher(bind=addresses.new("tcp"), framing="multipart", options=UNLIMITED)
        assert_type(publisher, Publisher[Multipart])
        address = publisher.endpoints[0].address
        subscriber = context.subscriber(connect=address, tags=["a"], framing="multipart")
        assert_type(subscriber, Subscriber[MultipartPublication])
        while subscriber.stats.received == 0:
            publisher.publish([], "a probe")
            await loop.turn()
            try:
                assert_type(subscriber.receive_nowait(), MultipartPublication)
            except zmqbridge.WouldBlock:
                continue
        published = [(b"a", [b"%d" % number] * (number % 4)) for number in range(500)]
        publisher.publish_many(published)
        received = []
        async for tag, frames in subscriber:
            assert_type(frames, list[bytes])
            if tag == b"a":
                received.append((tag, frames))
            if len(received) == len(published):
                break
        assert received == published
        publisher.publish(b"one frame", tag="a")
        publisher.publish_many(received[:1])
        assert await subscriber.receive() == (b"a", [b"one frame"])
        assert await subscriber.receive() == published[0]


@pytest.mark.one_task
@pytest.mark.any_loop
async def test_types(loop: Harness, addresses: Addresses) -> None:
    """The default is tagged, with types as exact as those of the others."""
    async with loop.context() as context:
        assert_type(context.publisher(), Publisher[Tagged])
        assert_type(context.publisher(framing="tagged"), Publisher[Tagged])
        assert_type(context.publisher(framing="raw"), Publisher[Raw])
        plain: Publisher = context.publisher()
        plain.publish(b"m", "t")
        assert_type(context.subscriber(), Subscriber[Publication])
        assert_type(context.subscriber(framing="raw"), Subscriber[list[bytes]])
        either: Subscriber = context.subscriber(framing="tagged")
        assert either.tags == ()


@pytest.mark.each_backend
@pytest.mark.parametrize("framing", ["tagged", "multipart", "raw"])
async def test_presence(loop: Harness, addresses: Addresses, framing: Any) -> None:
    """In each framing a publisher knows its subscribers and a subscriber its publishers; what they say is not seen."""
    async with loop.context() as context:
        publisher = context.publisher(bind=addresses.new("tcp"), framing=framing, presence=True)
        subscriber = context.subscriber(connect=publisher.endpoints[0].address, tags=["a"], framing=framing)
        waiting = loop.spawn(lambda: publisher.wait_for_subscribers(1, tag="a", timeout=20))
        assert await subscriber.wait_subscribed(timeout=20) == 1
        assert await waiting.result() == 1
        if framing == "raw":
            publisher.publish([b"a", b"x"])
        else:
            publisher.publish(b"x", "a")
        assert list_of(await subscriber.receive()) == [b"a", b"x"]
        assert (subscriber.stats.received, subscriber.stats.malformed) == (1, 0)
        with pytest.raises(zmqbridge.LocalProtocolError, match="this library's own"):
            subscriber.subscribe("~zmqbridge.x")
        with pytest.raises(zmqbridge.LocalProtocolError, match="this library's own"):
            publisher.publish_many([[b"~zmqbridge.x"]] if framing == "raw" else [("~zmqbridge.x", b"")])


@pytest.mark.one_task
@pytest.mark.any_loop
@pytest.mark.parametrize("limit", [1, 2, 3, 256])
@pytest.mark.parametrize("framing", ["multipart", "raw"])
async def test_small_turns(loop: Harness, addresses: Addresses, framing: Any, limit: int) -> None:
    """However little a turn of the loop reads, all arrives in order."""
    async with loop.context(turn_limit=limit) as context:
        plain = context.connection(zmq.PUB, bind=addresses.new("inproc"), options=UNLIMITED)
        subscriber = context.subscriber(connect=plain.endpoints[0].address, tags=[""], framing=framing)
        await subscribed(loop, plain, subscriber, b"probe")
        messages = [[b"%d" % number] * (1 + number % 3) for number in range(10)]
        await plain.send_many(messages)
        assert [list_of(await subscriber.receive()) for _ in messages] == messages


@pytest.mark.one_task
@pytest.mark.any_loop
@pytest.mark.parametrize("most", [1, 2, 3])
async def test_frames_at_most(loop: Harness, addresses: Addresses, most: int, caplog: pytest.LogCaptureFixture) -> None:
    """A message with more frames than ``max_frames`` is dropped and counted; one with so many is not."""
    async with loop.context() as context:
        plain = context.connection(zmq.XPUB, bind=addresses.new("inproc"), options=UNLIMITED)
        framings: tuple[Any, ...] = ("multipart", "raw")
        for framing in framings:
            options = zmqbridge.SocketOptions(max_frames=most)
            subscriber: Any = context.subscriber(
                connect=plain.endpoints[0].address, tags=[""], framing=framing, options=options
            )
            await plain.receive()
            await plain.send_many([[b"x"] * count for count in (most + 1, most, most + 2)])
            assert list_of(await subscriber.receive()) == [b"x"] * most
            await plain.send(b"last")
            assert list_of(await subscriber.receive()) == [b"last"]
            assert subscriber.stats.malformed == 2
            subscriber.close()
            assert await plain.receive() == [b"\0"]


@pytest.mark.one_task
@pytest.mark.any_loop
async def test_which_framing_takes_it(loop: Harness, addresses: Addresses, caplog: pytest.LogCaptureFixture) -> None:
    """What a subscriber drops is told once, with the framing that would have taken it."""
    async with loop.context() as context:
        plain = context.connection(zmq.XPUB, bind=addresses.new("inproc"), options=UNLIMITED)
        subscriber = context.subscriber(connect=plain.endpoints[0].address, tags=[""])
        await plain.receive()
        await plain.send_many([[b"topic", b"a", b"b"]] * 100)
        await plain.send(b"t\0end")
        assert await subscriber.receive() == (b"t", b"end")
        (told,) = [record.getMessage() for record in caplog.records if "malformed" in record.getMessage()]
        assert "framing='multipart'" in told


@pytest.mark.one_task
@pytest.mark.any_loop
async def test_wrong_framings(loop: Harness) -> None:
    """A framing that is none is refused by its name, and a tag that a framing cannot carry too."""
    async with loop.context() as context:
        for make in (context.publisher, context.subscriber):
            with pytest.raises(ValueError, match="framing='topic' is none; it is one of"):
                make(framing="topic")  # type: ignore[call-overload]
        publisher = context.publisher(framing="raw")
        with pytest.raises(zmqbridge.LocalProtocolError, match="has no place in framing='raw'"):
            publisher.publish(b"x", tag="t")  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="encode it first"):
            publisher.publish_many([b"good", "text"])  # type: ignore[list-item]
        assert publisher.stats.sent == 0


@pytest.mark.one_task
@pytest.mark.any_loop
async def test_views(loop: Harness, addresses: Addresses) -> None:
    """Large frames come as views where that is asked for; a tag is bytes all the same."""
    async with loop.context() as context:
        plain = context.connection(zmq.XPUB, bind=addresses.new("tcp"), options=UNLIMITED)
        options = zmqbridge.SocketOptions(memoryview_from=1024)
        subscriber = context.subscriber(
            connect=plain.endpoints[0].address, tags=[""], framing="multipart", options=options
        )
        await plain.receive()
        await plain.send([b"t" * 5000, b"m" * 5000, b"small"])
        publication: Any = await subscriber.receive()
        tag, (message, small) = publication
        assert (type(tag), type(message), type(small)) == (bytes, memoryview, bytes)
        assert (tag, message, small) == (b"t" * 5000, b"m" * 5000, b"small")


# --- plain sockets that subscribe ---


@pytest.mark.one_task
@pytest.mark.each_backend
@pytest.mark.parametrize("socket_type", [zmq.SUB, zmq.XSUB], ids=["SUB", "XSUB"])
async def test_plain_subscriptions(loop: Harness, addresses: Addresses, socket_type: int) -> None:
    """A plain SUB or XSUB socket subscribes from the start and later; equal subscriptions count."""
    async with loop.context() as context:
        publisher = context.connection(zmq.XPUB, bind=addresses.new("tcp"), options=UNLIMITED)
        plain = context.connection(socket_type, connect=publisher.endpoints[0].address, tags=["a", b"b"])
        assert {(await publisher.receive())[0] for _ in range(2)} == {b"\1a", b"\1b"}
        assert set(plain.tags) == {b"a", b"b"}
        plain.subscribe("c")
        plain.subscribe("c")
        assert await publisher.receive() == [b"\1c"]
        plain.unsubscribe("c")
        plain.unsubscribe("a")
        while await publisher.receive() != [b"\0a"]:
            pass
        assert set(plain.tags) == {b"b", b"c"}
        with pytest.raises(zmqbridge.LocalProtocolError, match="not subscribed to b'a'; subscribed are"):
            plain.unsubscribe("a")
        await publisher.send_many([[b"a", b"1"], [b"b", b"2"], [b"c"]])
        assert await plain.receive() == [b"b", b"2"]


@pytest.mark.one_task
@pytest.mark.any_loop
@pytest.mark.parametrize("socket_type", [zmq.SUB, zmq.XSUB], ids=["SUB", "XSUB"])
async def test_more_tags_than_any_high_water_mark(loop: Harness, addresses: Addresses, socket_type: int) -> None:
    """Every subscription of a plain socket reaches the publisher, though there are thousands from the start."""
    tags = [f"{number}." for number in range(3000)]
    async with loop.context() as context:
        publisher = context.connection(zmq.XPUB, bind=addresses.new("tcp"), options=UNLIMITED)
        context.connection(socket_type, connect=publisher.endpoints[0].address, tags=tags)
        assert {(await publisher.receive())[0] for _ in tags} == {b"\1" + tag.encode() for tag in tags}


@pytest.mark.one_task
@pytest.mark.any_loop
async def test_granted_by_hand(loop: Harness, addresses: Addresses) -> None:
    """A plain XPUB socket that grants by hand grants what it likes to whom it heard last, and takes it back."""
    async with loop.context() as context:
        options = zmqbridge.SocketOptions(xpub_manual=True, send_high_water_mark=0)
        publisher = context.connection(zmq.XPUB, bind=addresses.new("tcp"), options=options)
        plain = context.connection(zmq.XSUB, connect=publisher.endpoints[0].address, tags=["wish"])
        assert await publisher.receive() == [b"\1wish"]
        publisher.subscribe("grant")
        await publisher.send_many([[b"wish"], [b"granted"]])
        assert await plain.receive() == [b"granted"]
        publisher.unsubscribe("grant")
        publisher.subscribe("other")
        await publisher.send_many([[b"granted"], [b"other"]])
        assert await plain.receive() == [b"other"]
        assert publisher.tags == ()


@pytest.mark.one_task
@pytest.mark.any_loop
async def test_no_subscriptions(loop: Harness) -> None:
    """A socket that subscribes to nothing says so, and is not left open."""
    async with loop.context(linger=0) as context:
        with pytest.raises(zmqbridge.LocalProtocolError, match="a PUSH socket subscribes to nothing; SUB and XSUB do"):
            context.connection(zmq.PUSH, tags=["a"])
        pair = context.connection(zmq.PAIR)
        for call in (pair.subscribe, pair.unsubscribe):
            with pytest.raises(zmqbridge.LocalProtocolError, match="a PAIR socket subscribes to nothing"):
                call("a")
        assert pair.tags == ()
        for call in (context.connection(zmq.XPUB).subscribe, context.connection(zmq.XPUB).unsubscribe):
            with pytest.raises(zmqbridge.LocalProtocolError, match=r"but with SocketOptions\(xpub_manual=True\)"):
                call("a")
        with pytest.raises(TypeError, match="pass a list of tags"):
            context.connection(zmq.SUB, tags="a")
        plain = context.connection(zmq.SUB)
        plain.close()
        with pytest.raises(zmqbridge.ConnectionClosed):
            plain.subscribe("a")
        assert plain.tags == ()
