"""Closing is clean: everything parked ends, nothing stays registered, the loop never stands still."""

from __future__ import annotations

import functools
import threading
import time
from contextlib import suppress

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness, Task, TaskCancelled
from tests.conftest import Addresses
from zmqbridge import SocketOptions

pytestmark = pytest.mark.looks_at("waiting")


@pytest.mark.looks_at("waiting", "cancelling")
async def test_wakes_every_parked_operation(loop: Harness, addresses: Addresses) -> None:
    """Closing ends every parked operation with ConnectionClosed, followers and leader alike, and ends iteration."""
    async with loop.context() as context:
        dealer = context.dealer(bind=addresses.new("tcp"))
        requester = context.requester(bind=addresses.new("tcp"))

        async def iterate() -> str:
            async for _ in dealer:
                raise AssertionError("nothing was sent")
            return "ended"

        tasks = [loop.spawn(dealer.receive) for _ in range(3)]
        tasks += [loop.spawn(dealer.send, b"x") for _ in range(3)]
        tasks += [loop.spawn(requester.request, b"x") for _ in range(3)]
        iterating = loop.spawn(iterate)
        await loop.parked(dealer, 7)
        await loop.parked(requester, 3)
        dealer.close()
        requester.close()
        for task in tasks:
            with pytest.raises(zmqbridge.ConnectionClosed):
                await task.result()
        assert await iterating.result() == "ended"


async def test_requests_in_flight(loop: Harness, addresses: Addresses) -> None:
    """Requests that were sent and wait for replies end with ConnectionClosed when their connection closes."""
    async with loop.context() as context:
        replier = context.replier(bind=addresses.new("tcp"))
        requester = context.requester(connect=replier.endpoints[0].address)
        tasks = [loop.spawn(requester.request, b"x") for _ in range(5)]
        for _ in tasks:
            await replier.receive()
        await loop.parked(requester, 5)
        await requester.aclose()
        for task in tasks:
            with pytest.raises(zmqbridge.ConnectionClosed):
                await task.result()


@pytest.mark.each_backend
@pytest.mark.one_task
async def test_after_closing(loop: Harness, addresses: Addresses) -> None:
    """Every operation on a closed connection says so at once; closing again is no error."""
    async with loop.context() as context:
        pair = context.pair(bind=addresses.new("inproc"))
        async with pair:
            opened = not pair.closed
        assert opened
        assert pair.closed
        pair.close()
        await pair.aclose()
        for call in (
            lambda: pair.send_nowait(b"x"),
            pair.receive_nowait,
            pair.fileno,
            lambda: pair.bind("inproc://x"),
            lambda: pair.connect("inproc://x"),
            lambda: pair.getsockopt(zmq.TYPE),
            lambda: pair.setsockopt(zmq.LINGER, 0),
        ):
            with pytest.raises(zmqbridge.ConnectionClosed, match="is closed; open another"):
                call()
        for operation in (pair.send(b"x"), pair.send_many([b"x"]), pair.receive(), pair.receive_many()):
            with pytest.raises(zmqbridge.ConnectionClosed):
                await operation
        async for _ in pair:
            raise AssertionError("a closed connection has nothing")
        assert "closed" in repr(pair)


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_read_ahead_and_closed(loop: Harness, addresses: Addresses) -> None:
    """Messages read ahead that closing drops were never received, and do not count as such."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        await pusher.send_many([b"x"] * 5)
        await puller.receive()
        assert (puller.stats.received, puller.stats.buffered) == (1, 4)
        puller.close()
        assert (puller.stats.received, puller.stats.buffered) == (1, 0)


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_after_the_context_closed(loop: Harness, addresses: Addresses) -> None:
    """A closed context makes no connections, and those it made are closed; closing it again is no error."""
    async with loop.context() as context:
        pair = context.pair(bind=addresses.new("inproc"))
    assert context.closed
    assert pair.closed
    with pytest.raises(zmqbridge.ConnectionClosed, match="the context is closed"):
        context.pair()
    context.close()
    await context.aclose()


async def test_linger(loop: Harness, addresses: Addresses) -> None:
    """Leaving a context with unsent messages waits for the linger period, no longer, and the loop runs meanwhile."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await loop.sleep(0.01)
            ticks += 1

    ticking = loop.spawn(tick)
    context = loop.context(linger=0.3)
    pusher = context.pusher(connect=addresses.new("ipc"))
    await pusher.send(b"nobody will ever take this")
    before = ticks
    began = time.monotonic()
    await context.aclose()
    assert time.monotonic() - began >= 0.29
    # Time is the subject: a loop that was blocked for the linger period would have counted next to none.
    assert ticks - before >= 5
    ticking.cancel()


@pytest.mark.each_backend
@pytest.mark.one_task
async def test_sends_what_is_queued(loop: Harness, addresses: Addresses) -> None:
    """What was sent before the context closed still reaches its peer, without anybody waiting longer than need be."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("tcp"))
        async with loop.context(linger=20) as other:
            pusher = other.pusher(connect=puller.endpoints[0].address)
            for number in range(100):
                await pusher.send([b"%d" % number, b"x" * 100_000])
        for number in range(100):
            assert (await puller.receive())[0] == b"%d" % number


@pytest.mark.each_backend
@pytest.mark.one_task
async def test_no_linger(loop: Harness, addresses: Addresses) -> None:
    """With a linger of zero unsent messages are dropped; a connection's own linger goes before the context's."""
    async with loop.context(linger=1000) as context:
        pusher = context.pusher(connect=addresses.new("ipc"), options=SocketOptions(linger=0))
        await pusher.send(b"dropped")


@pytest.mark.looks_at("waiting", "cancelling")
async def test_cancelled_while_leaving(loop: Harness, addresses: Addresses) -> None:
    """Cancelling the wait for a long linger ends it at once; all is closed, and the sending goes on."""
    address = addresses.new("ipc")
    context = loop.context(linger=1000)
    pusher = context.pusher(connect=address)
    await pusher.send(b"nobody takes this before the context is closed")
    leaving = loop.spawn(context.aclose)
    await loop.until(lambda: pusher.closed)
    for _ in range(3):
        await loop.turn()
    leaving.cancel()
    with pytest.raises(TaskCancelled):
        await leaving.result()
    assert context.closed
    async with loop.context() as other:
        assert await other.puller(bind=address).receive() == [b"nobody takes this before the context is closed"]


async def test_closed_twice_at_once(loop: Harness, addresses: Addresses) -> None:
    """Several tasks may wait for the end of one context."""
    context = loop.context(linger=0.1)
    pusher = context.pusher(connect=addresses.new("ipc"))
    await pusher.send(b"nobody will ever take this")
    for task in [loop.spawn(context.aclose) for _ in range(3)]:
        await task.result()


async def test_context_terminated(loop: Harness, addresses: Addresses) -> None:
    """When another thread terminates a shared ZeroMQ context, all that is parked ends with ContextTerminated."""
    shared: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context = loop.context(zmq_context=shared)
    dealer = context.dealer(bind=addresses.new("tcp"))
    tasks = [loop.spawn(dealer.receive) for _ in range(3)] + [loop.spawn(dealer.send, b"x") for _ in range(3)]
    await loop.parked(dealer, 6)
    terminating = threading.Thread(target=shared.term, daemon=True)
    terminating.start()
    for task in tasks:
        with pytest.raises(zmqbridge.ContextTerminated):
            await task.result()
    with pytest.raises(zmqbridge.ContextTerminated):
        dealer.send_nowait(b"x")
    await context.aclose()
    terminating.join()
    assert dealer.closed


class Parked:
    """Every kind of operation, parked on connections of one context."""

    def __init__(self, context: zmqbridge.Context, addresses: Addresses) -> None:
        small = SocketOptions(send_high_water_mark=1, receive_high_water_mark=1)
        self.nobody = context.dealer(bind=addresses.new("tcp"))
        self.requester = context.requester(bind=addresses.new("tcp"))
        self.router = context.router(bind=addresses.new("inproc"), options=small)
        self.replier = context.replier(bind=addresses.new("inproc"), options=small, reply_timeout=30)
        self.full = [
            context.dealer(connect=connection.endpoints[0].address, options=small)
            for connection in (self.router, self.replier)
        ]

    async def park(self, loop: Harness) -> list[Task]:
        """Park them; the tasks end with what the operations end with."""
        nobody = self.nobody
        for peer in self.full:
            peer.send_nowait([b"id", b"", b"?"])
        peer_of_router = (await self.router.receive()).peer
        with suppress(zmqbridge.WouldBlock):
            while True:
                self.router.send_nowait(peer_of_router, b"x")
        request = await self.replier.receive()
        with suppress(zmqbridge.WouldBlock):
            while True:
                self.replier._outbox.send_nowait((request.peer, b"x"), request.peer)

        async def iterate() -> None:
            async for _ in nobody:
                raise AssertionError("nothing was sent")

        tasks = [
            loop.spawn(nobody.receive),
            loop.spawn(nobody.receive_many),
            loop.spawn(iterate),
            loop.spawn(nobody.send, b"x"),
            loop.spawn(nobody.send_many, [b"x", [b"x", b"y"]]),
            loop.spawn(functools.partial(self.requester.request, b"?")),
            loop.spawn(functools.partial(self.requester.request, b"?", timeout=30)),
            loop.spawn(self.router.send, peer_of_router, b"x"),
            loop.spawn(request.reply, b"!"),
        ]
        await loop.parked(nobody, 5)
        await loop.parked(self.requester, 2)
        await loop.parked(self.router)
        await loop.parked(self.replier)
        return tasks


async def test_all_that_is_parked_when_the_context_is_terminated(loop: Harness, addresses: Addresses) -> None:
    """When another thread terminates the ZeroMQ context each kind of operation ends with ContextTerminated, and so does
    each call from then on."""
    shared: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context = loop.context(zmq_context=shared)
    parked = Parked(context, addresses)
    subscriber = context.subscriber(bind=addresses.new("inproc"), tags=["t"])
    connected = context.pair(connect=addresses.new("tcp").replace("*", "1"))
    # libzmq tells a socket of the end only where somebody waits, or in a call that looks at its commands.
    tasks = [loop.spawn(subscriber.receive), loop.spawn(connected.receive), *await parked.park(loop)]
    terminating = threading.Thread(target=shared.term, daemon=True)
    terminating.start()
    for task in tasks:
        with pytest.raises(zmqbridge.ContextTerminated):
            await task.result()
    nobody = parked.nobody
    for call in (
        lambda: nobody.bind(addresses.new("inproc")),
        lambda: nobody.connect(addresses.new("inproc")),
        lambda: nobody.unbind(nobody.endpoints[0].address),
        lambda: connected.disconnect(connected.endpoints[0].address),
        lambda: nobody.getsockopt(zmq.EVENTS),
        lambda: nobody.setsockopt(zmq.LINGER, 0),
        lambda: subscriber.subscribe("u"),
        lambda: subscriber.unsubscribe("t"),
        nobody.receive_nowait,
        lambda: nobody.send_nowait(b"x"),
        lambda: nobody.send_nowait([b"x", b"y"]),
        lambda: parked.router.send_nowait(b"peer", b"x"),
        context.dealer,
    ):
        with pytest.raises(zmqbridge.ContextTerminated):
            call()
    await context.aclose()
    terminating.join()


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_shared_zmq_context(loop: Harness) -> None:
    """A context that is shared talks inproc with plain sockets of the same, and is left to its owner."""
    shared: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with shared, shared.socket(zmq.PUSH) as push:
        push.bind("inproc://shared")
        async with loop.context(zmq_context=shared) as context:
            puller = context.puller(connect="inproc://shared")
            push.send_multipart([b"a", b"b"])
            assert await puller.receive() == [b"a", b"b"]
        assert not shared.closed


@pytest.mark.one_task
async def test_opened_and_closed_again_and_again(loop: Harness, addresses: Addresses) -> None:
    """Descriptor numbers come round again, and a new connection wakes on its own messages under an old number."""
    numbers = set()
    async with loop.context() as context:
        pusher = context.pusher(bind=addresses.new("tcp"))
        for number in range(50):
            puller = context.puller(connect=pusher.endpoints[0].address)
            numbers.add(puller.fileno())
            await pusher.send(b"%d" % number)
            assert await puller.receive() == [b"%d" % number]
            puller.close()
            while pusher.getsockopt(zmq.EVENTS) & zmq.POLLOUT:
                # libzmq has not noticed yet that this puller is gone.
                await loop.turn()
    assert len(numbers) < 50
