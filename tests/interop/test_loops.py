"""Every loop with every other: our connections here, and a zmqbridge program on each loop in another process."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.interop.peers.on_loop import LOOPS
from tests.interop.processes import TCP, Peer

_tags = itertools.count()


class Server:
    """Where a program on some loop listens."""

    def __init__(self, addresses: list[str]) -> None:
        self.replier, self.publisher, self.puller = addresses


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Peer]]:
    """A process for each loop, all started together."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(Peer("on_loop", name)) for name in LOOPS}


@pytest.fixture(params=LOOPS)
def server(servers: dict[str, Peer], request: pytest.FixtureRequest) -> Server:
    """The program on one of the loops."""
    return Server(servers[request.param].itself.wait_for_addresses())


def _heard(subscriber: zmqbridge.Subscriber) -> bool:
    try:
        subscriber.receive_nowait()
    except zmqbridge.WouldBlock:
        return False
    return True


@pytest.mark.one_task
async def test_requests(loop: Harness, server: Server) -> None:
    """A requester on one loop is answered by a replier on the other, multipart requests and empty frames too."""
    async with loop.context() as context:
        requester = context.requester(connect=server.replier)
        for parts in [[b"one"], [b""], [b"two", b"parts"], [b"", b"between", b""], [b"long" * 50_000]]:
            assert await requester.request([b"echo", *parts]) == parts


async def test_requests_at_once(loop: Harness, server: Server) -> None:
    """Many tasks on one loop ask a replier on the other at once, and each has its own reply."""
    async with loop.context() as context:
        requester = context.requester(connect=server.replier)
        tasks = [loop.spawn(requester.request, [b"echo", b"%d" % number]) for number in range(50)]
        assert [await task.result() for task in tasks] == [[b"%d" % number] for number in range(50)]
        assert requester.stats.unmatched_replies == 0


@pytest.mark.one_task
async def test_publications(loop: Harness, server: Server) -> None:
    """A subscriber on one loop gets its tags' messages from a publisher on the other, in order."""
    async with loop.context() as context:
        tag = b"tag %d." % next(_tags)
        subscriber = context.subscriber(connect=server.publisher, tags=[tag])
        requester = context.requester(connect=server.replier)
        while not _heard(subscriber):
            await requester.request([b"publish", tag, b"trial"])
        for number in range(10):
            await requester.request([b"publish", b"another tag", b"%d" % number])
            await requester.request([b"publish", tag, b"%d" % number])
        received = [await subscriber.receive()]
        while received[-1].message != b"9":
            received.append(await subscriber.receive())
        assert received[-10:] == [(tag, b"%d" % number) for number in range(10)]


@pytest.mark.one_task
async def test_pipeline(loop: Harness, server: Server) -> None:
    """What a pusher on one loop sends comes back from a pusher on the other to a puller here, whole and in order."""
    async with loop.context() as context:
        puller = context.puller(bind=TCP)
        pusher = context.pusher(connect=server.puller)
        address = puller.endpoints[0].address.encode()
        messages = [[b"%d" % number, b"", b"x" * number] for number in range(100)]
        for message in messages:
            await pusher.send([address, b"last" if message is messages[-1] else b"more", *message])
        assert [await puller.receive() for _ in messages] == messages


async def test_answers(loop: Harness, server: Server) -> None:
    """A replier on one loop answers a requester on the other."""
    async with loop.context() as context:
        replier = context.replier(bind=TCP)
        control = context.requester(connect=server.replier)
        address = replier.endpoints[0].address.encode()
        asking = [loop.spawn(control.request, [b"ask", address, b"%d" % number, b""]) for number in range(3)]
        for request in [await replier.receive() for _ in asking]:
            await request.reply([b"re:", *request.parts])
        assert [await task.result() for task in asking] == [[b"re:", b"%d" % number, b""] for number in range(3)]


async def test_publishes(loop: Harness, server: Server) -> None:
    """A subscriber on the other loop gets what a publisher on this one publishes, of its own tag alone."""
    async with loop.context() as context:
        publisher = context.publisher(bind=TCP)
        control = context.requester(connect=server.replier)
        address = publisher.endpoints[0].address.encode()
        hearing = loop.spawn(control.request, [b"hear", address, b"weather."])

        def heard() -> bool:
            publisher.publish(b"2:1", tag="sports")
            publisher.publish(b"12 C", tag="weather.london")
            return hearing.done

        await loop.until(heard)
        assert await hearing.result() == [b"weather.london", b"12 C"]
