"""Our connections through pyzmq's proxies in another process: one proxy, and two in a row."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.interop.joining import join, join_peer
from tests.interop.processes import Peer

pytestmark = [
    pytest.mark.any_loop,
    pytest.mark.parametrize("length", [1, 2], ids=["one proxy", "two proxies"]),
]


@asynccontextmanager
async def chain(loop: Harness, proxies: Peer, kind: str, length: int) -> AsyncIterator[tuple[str, str]]:
    """Give the addresses of the two ends of some proxies in a row: the front and the back."""
    with ExitStack() as stack:
        front, back = await stack.enter_context(proxies.open(loop, kind)).addresses()
        for _ in range(length - 1):
            front = await stack.enter_context(proxies.open(loop, kind, connect=front)).address()
        yield front, back


async def test_requests(loop: Harness, proxies: Peer, length: int) -> None:
    """Several requesters and several repliers behind proxies: every request has its own reply."""
    async with loop.context() as context, chain(loop, proxies, "queue", length) as (front, back):

        async def answer(name: bytes) -> None:
            async for request in context.replier(connect=back):
                await request.reply([name, *request.parts])

        for name in (b"one", b"other"):
            loop.spawn(answer, name)
        requesters = [context.requester(connect=front) for _ in range(3)]
        answered: set[bytes] = set()
        while answered != {b"one", b"other"}:
            answered.add((await requesters[0].request(b"who?"))[0])
        tasks = [loop.spawn(requesters[number % 3].request, b"%d" % number) for number in range(60)]
        replies = [await task.result() for task in tasks]
        assert [reply[1:] for reply in replies] == [[b"%d" % number] for number in range(60)]
        assert {reply[0] for reply in replies} == {b"one", b"other"}
        assert [requester.stats.unmatched_replies for requester in requesters] == [0, 0, 0]


async def test_envelope(loop: Harness, proxies: Peer, length: int) -> None:
    """Behind proxies a request's frames are a peer for each proxy, the client's peer, the id, the delimiter, parts."""
    async with loop.context() as context, chain(loop, proxies, "queue", length) as (front, back):
        options = zmqbridge.SocketOptions(identity=b"the client")
        requester = context.requester(connect=front, options=options)
        router = context.router(connect=back)
        asking = loop.spawn(requester.request, [b"a", b"", b"b"])
        peer, frames = await router.receive()
        # The peer that the router itself adds is the nearest proxy; each proxy behind it adds one more.
        hops, (client, id, *rest) = frames[: length - 1], frames[length - 1 :]
        assert len(hops) == length - 1
        assert all(len(hop) == 5 and hop[:1] == b"\0" for hop in [peer, *hops])
        assert client == b"the client"
        assert len(id) == 16
        assert rest == [b"", b"a", b"", b"b"]
        await router.send(peer, [*hops, client, id, b"", b"reply"])
        assert await asking.result() == [b"reply"]


@pytest.mark.one_task
async def test_plain_req(loop: Harness, proxies: Peer, plain: Peer, length: int) -> None:
    """Plain REQ sockets in front of proxies are answered by a replier behind them."""
    async with loop.context() as context, chain(loop, proxies, "queue", length) as (front, back):
        replier = context.replier(connect=back)
        with plain.open(loop, "REQ", connect=front) as one, plain.open(loop, "REQ", connect=front) as other:
            one.do("ask", *[b"one %d" % number for number in range(20)])
            other.do("ask", *[b"other %d" % number for number in range(20)])
            for _ in range(40):
                request = await replier.receive()
                await request.reply([b"re:", *request.parts])
            for req, name in ((one, b"one"), (other, b"other")):
                replies = [await req.receive() for _ in range(20)]
                assert replies == [[b"re:", name + b" %d" % number] for number in range(20)]
            assert replier.stats.malformed == replier.stats.dropped_replies == 0


async def test_plain_rep(loop: Harness, proxies: Peer, plain: Peer, length: int) -> None:
    """Plain REP sockets behind proxies answer a requester's many requests, each its own."""
    async with loop.context() as context, chain(loop, proxies, "queue", length) as (front, back):
        with plain.open(loop, "REP", connect=back) as one, plain.open(loop, "REP", connect=back) as other:
            one.do("echo", b"one")
            other.do("echo", b"other")
            requester = context.requester(connect=front)
            answered: set[bytes] = set()
            while answered != {b"one", b"other"}:
                answered.add((await requester.request(b"who?"))[0])
            tasks = [loop.spawn(requester.request, [b"", b"%d" % number]) for number in range(40)]
            replies = [await task.result() for task in tasks]
            assert [reply[1:] for reply in replies] == [[b"", b"%d" % number] for number in range(40)]


@pytest.mark.one_task
async def test_txzmq_req(loop: Harness, proxies: Peer, with_txzmq: Peer, length: int) -> None:
    """A ZmqREQConnection in front of proxies is answered by a replier behind them, in any order."""
    async with loop.context() as context, chain(loop, proxies, "queue", length) as (front, back):
        replier = context.replier(connect=back)
        with with_txzmq.open(loop, "REQ", connect=front) as req:
            for number in range(10):
                req.do("send", b"%d" % number, b"")
            requests = [await replier.receive() for _ in range(10)]
            for request in reversed(requests):
                await request.reply(request.parts)
            assert [await req.receive() for _ in range(10)] == [[b"%d" % number, b""] for number in reversed(range(10))]


@pytest.mark.one_task
async def test_txzmq_rep(loop: Harness, proxies: Peer, with_txzmq: Peer, length: int) -> None:
    """A ZmqREPConnection behind proxies answers a requester in front of them."""
    async with loop.context() as context, chain(loop, proxies, "queue", length) as (front, back):
        with with_txzmq.open(loop, "REP", connect=back):
            requester = context.requester(connect=front)
            for number in range(10):
                assert await requester.request([b"%d" % number, b""]) == [b"re:", b"%d" % number, b""]


@pytest.mark.one_task
async def test_publications(loop: Harness, proxies: Peer, length: int) -> None:
    """Through XSUB/XPUB proxies each subscriber gets the messages of its own tags, and no others."""
    async with loop.context() as context, chain(loop, proxies, "forwarder", length) as (front, back):
        publisher = context.publisher(connect=front)
        subscribers = {tag: context.subscriber(connect=back, tags=[tag]) for tag in ("a", "b")}
        for tag, subscriber in subscribers.items():
            await join(loop, subscriber, lambda message, tag=tag: publisher.publish(message, tag))  # type: ignore[misc]
        for tag in ("a", "b", "c", "ab", "", "b.1"):
            publisher.publish(b"to " + tag.encode(), tag)
        assert await subscribers["a"].receive() == (b"a", b"to a")
        assert await subscribers["a"].receive() == (b"ab", b"to ab")
        assert await subscribers["b"].receive() == (b"b", b"to b")
        assert await subscribers["b"].receive() == (b"b.1", b"to b.1")


@pytest.mark.one_task
async def test_subscriptions_travel_upstream(loop: Harness, proxies: Peer, length: int) -> None:
    """A publisher in front of XSUB/XPUB proxies sees a tag subscribed to once, and unsubscribed from with its last."""
    async with loop.context() as context, chain(loop, proxies, "forwarder", length) as (front, back):
        upstream = context.connection(zmq.XPUB, connect=front)
        one = context.subscriber(connect=back, tags=["a"])
        assert await upstream.receive() == [b"\x01a"]
        other = context.subscriber(connect=back, tags=["a", "b"])
        assert await upstream.receive() == [b"\x01b"]
        one.unsubscribe("a")
        one.subscribe("c")
        assert await upstream.receive() == [b"\x01c"]
        other.unsubscribe("a")
        assert await upstream.receive() == [b"\x00a"]


@pytest.mark.one_task
async def test_plain_pub(loop: Harness, proxies: Peer, plain: Peer, length: int) -> None:
    """A subscriber behind XSUB/XPUB proxies gets a plain PUB socket's messages, in one frame or in two."""
    async with loop.context() as context, chain(loop, proxies, "forwarder", length) as (front, back):
        with plain.open(loop, "PUB", connect=front) as pub:
            subscriber = context.subscriber(connect=back, tags=["weather."])
            await join(loop, subscriber, lambda message: pub.do("send", b"weather.\0" + message))
            pub.do("send", b"weather.london\x0012 C")
            pub.do("send", b"sports\x002:1")
            pub.do("send", b"weather.paris", b"14 C")
            assert await subscriber.receive() == (b"weather.london", b"12 C")
            assert await subscriber.receive() == (b"weather.paris", b"14 C")


@pytest.mark.one_task
async def test_plain_sub(loop: Harness, proxies: Peer, plain: Peer, length: int) -> None:
    """A plain SUB socket behind XSUB/XPUB proxies gets a publisher's frames as they are."""
    async with loop.context() as context, chain(loop, proxies, "forwarder", length) as (front, back):
        publisher = context.publisher(connect=front)
        with plain.open(loop, "SUB", connect=back, SUBSCRIBE=b"weather.") as sub:
            sub.do("listen")
            await join_peer(sub, lambda message: publisher.publish(message, "weather."))
            publisher.publish(b"12 C", tag="weather.london")
            publisher.publish(b"2:1", tag="sports")
            publisher.publish(b"\0", tag="weather.")
            assert await sub.receive() == [b"weather.london\x0012 C"]
            assert await sub.receive() == [b"weather.\0\0"]
