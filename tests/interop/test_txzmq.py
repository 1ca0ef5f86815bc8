"""Our connections with those of txZMQ's interface, its own and ours, on Twisted's global reactor in another process."""

from __future__ import annotations

import pytest

from tests.conformance.harnesses.base import Harness
from tests.interop.joining import join, join_peer
from tests.interop.processes import TCP, Peer

pytestmark = pytest.mark.any_loop


@pytest.mark.one_task
async def test_pub(loop: Harness, with_txzmq: Peer) -> None:
    """A subscriber gets a ZmqPubConnection's tags and messages, of its own tags alone."""
    async with loop.context() as context:
        with with_txzmq.open(loop, "PUB") as pub:
            subscriber = context.subscriber(connect=await pub.address(), tags=["weather."])
            await join(loop, subscriber, lambda message: pub.do("send", b"weather.", message))
            pub.do("send", b"weather.london", b"12 C")
            pub.do("send", b"sports", b"2:1")
            pub.do("send", b"weather.", b"\0zero\0")
            pub.do("send", b"", b"no tag")
            pub.do("send", b"weather.paris", b"")
            assert await subscriber.receive() == (b"weather.london", b"12 C")
            assert await subscriber.receive() == (b"weather.", b"\0zero\0")
            assert await subscriber.receive() == (b"weather.paris", b"")
            assert subscriber.stats.malformed == 0


@pytest.mark.one_task
async def test_sub(loop: Harness, with_txzmq: Peer) -> None:
    """A ZmqSubConnection gets a publisher's tags and messages, of its own tags alone."""
    async with loop.context() as context:
        publisher = context.publisher(bind=TCP)
        with with_txzmq.open(loop, "SUB", connect=publisher.endpoints[0].address) as sub:
            sub.do("subscribe", b"weather.")
            await join_peer(sub, lambda message: publisher.publish(message, "weather."))
            publisher.publish(b"12 C", tag="weather.london")
            publisher.publish(b"2:1", tag="sports")
            publisher.publish(b"\0zero\0", tag=b"weather.")
            publisher.publish(b"no tag")
            publisher.publish(b"", tag="weather.paris")
            assert await sub.receive() == [b"weather.london", b"12 C"]
            assert await sub.receive() == [b"weather.", b"\0zero\0"]
            assert await sub.receive() == [b"weather.paris", b""]


@pytest.mark.one_task
async def test_req(loop: Harness, with_txzmq: Peer) -> None:
    """A replier answers a ZmqREQConnection's requests in any order, and each reply finds its Deferred."""
    async with loop.context() as context:
        replier = context.replier(bind=TCP)
        with with_txzmq.open(loop, "REQ", connect=replier.endpoints[0].address) as req:
            questions = [[b"one"], [b"two", b"parts"], [b"", b"between", b""]]
            for parts in questions:
                req.do("send", *parts)
            requests = [await replier.receive() for _ in questions]
            assert [request.parts for request in requests] == questions
            assert all(len(request.id) == 16 for request in requests)
            for request in reversed(requests):
                await request.reply([b"re:", *request.parts])
            assert [await req.receive() for _ in questions] == [[b"re:", *parts] for parts in reversed(questions)]


@pytest.mark.one_task
async def test_rep(loop: Harness, with_txzmq: Peer) -> None:
    """A ZmqREPConnection gets the parts of a request, and its reply's parts are what the request returns."""
    async with loop.context() as context:
        with with_txzmq.open(loop, "REP") as rep:
            requester = context.requester(connect=await rep.address())
            for parts in [[b"one"], [b"two", b"parts"], [b"", b"between", b""], [b""]]:
                assert await requester.request(parts) == [b"re:", *parts]
                assert await rep.receive() == parts


async def test_rep_with_many_requests_at_once(loop: Harness, with_txzmq: Peer) -> None:
    """Requests of many tasks to one ZmqREPConnection each have their own reply."""
    async with loop.context() as context:
        with with_txzmq.open(loop, "REP") as rep:
            requester = context.requester(connect=await rep.address())
            tasks = [loop.spawn(requester.request, b"%d" % number) for number in range(60)]
            assert [await task.result() for task in tasks] == [[b"re:", b"%d" % number] for number in range(60)]
            assert requester.stats.unmatched_replies == 0


@pytest.mark.one_task
async def test_push(loop: Harness, with_txzmq: Peer) -> None:
    """A puller gets what a ZmqPushConnection pushes, in order, frames as they are."""
    async with loop.context() as context:
        puller = context.puller(bind=TCP)
        with with_txzmq.open(loop, "PUSH", connect=puller.endpoints[0].address) as push:
            messages = [[b"one"], [b""], [b"two", b"", b"frames", b""]]
            for message in messages:
                push.do("send", *message)
            assert [await puller.receive() for _ in messages] == messages


@pytest.mark.one_task
async def test_pull(loop: Harness, with_txzmq: Peer) -> None:
    """A ZmqPullConnection gets what a pusher pushes, in order, frames as they are."""
    async with loop.context() as context:
        with with_txzmq.open(loop, "PULL") as pull:
            pusher = context.pusher(connect=await pull.address())
            messages = [[b"one"], [b""], [b"two", b"", b"frames", b""]]
            await pusher.send_many(messages)
            assert [await pull.receive() for _ in messages] == messages
