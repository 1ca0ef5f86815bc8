"""A context that is dropped, or ended by other code: what it held is free at once, and who waits is told."""

from __future__ import annotations

import gc
import threading
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any
from weakref import ref

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness, TaskCancelled
from tests.conftest import Addresses
from zmqbridge import SocketOptions

SMALL = SocketOptions(send_high_water_mark=1, receive_high_water_mark=1)


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Only counting references frees anything meanwhile."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Waits:
    """A context whose connections have been waited on, each in its ways, with nobody waiting any more."""

    def __init__(self, loop: Harness, addresses: Addresses) -> None:
        self.context = loop.context(linger=0)
        self.dealer = self.context.dealer(bind=addresses.new("tcp"), options=SMALL)
        self.subscriber = self.context.subscriber(bind=addresses.new("inproc"), tags=["t"])
        self.router = self.context.router(bind=addresses.new("inproc"))
        self.requester = self.context.requester(bind=addresses.new("inproc"))
        self.replier = self.context.replier(bind=addresses.new("inproc"))
        self.publisher = self.context.publisher(bind=addresses.new("inproc"))
        self.pusher = self.context.pusher(bind=addresses.new("inproc"), options=SMALL)

    @property
    def connections(self) -> list[zmqbridge.Connection]:
        """All of them."""
        return [value for value in vars(self).values() if isinstance(value, zmqbridge.Connection)]

    async def wait(self, loop: Harness) -> None:
        """Wait in each way on each of them, and be cancelled."""
        waits: list[tuple[zmqbridge.Connection, Callable[[], Awaitable[Any]]]] = [
            (self.dealer, self.dealer.receive),
            (self.dealer, self.dealer.receive_many),
            (self.dealer, partial(self.dealer.send, b"x")),
            (self.dealer, partial(self.dealer.send_many, [b"x", b"y"])),
            (self.subscriber, partial(iterate, [self.subscriber])),
            (self.router, self.router.receive),
            (self.requester, partial(self.requester.request, b"?", timeout=1000)),
            (self.replier, self.replier.receive),
            (self.pusher, partial(self.pusher.send, b"x")),
        ]
        for connection, wait in waits:
            task = loop.spawn(call, [wait])
            await loop.parked(connection)
            task.cancel()
            with pytest.raises(TaskCancelled):
                await task.result()
        loop.tasks.clear()
        waits.clear()
        del self, connection, wait


# The traceback of a cancellation holds the frames that it passed, with their variables; so these have none of interest.


async def call(box: list[Callable[[], Awaitable[Any]]]) -> None:
    """Call what is in the box, which is empty then."""
    await box.pop()()


async def iterate(box: list[zmqbridge.Subscriber]) -> None:
    """Iterate over what is in the box, which is empty then."""
    async for _ in box.pop():
        raise AssertionError("nothing was sent")


@pytest.mark.looks_at("waiting", "cancelling")
async def test_dropped_and_bound_again(loop: Harness, addresses: Addresses, no_collector: None) -> None:
    """A context that is dropped with its connections is gone without the collector of cycles, and its port is free."""
    waits = Waits(loop, addresses)
    await waits.wait(loop)
    address = waits.dealer.endpoints[0].address
    dropped: list[ref[Any]] = [ref(each) for each in (waits.context, *waits.connections)]
    assert len(dropped) == 8
    with pytest.warns(ResourceWarning, match=r"unclosed <Context of .*: 7 connection\(s\)>"):
        del waits
    assert [each() for each in dropped] == [None] * 8
    async with loop.context() as context:
        bound: list[zmqbridge.Puller] = []

        def bind() -> bool:
            try:
                bound.append(context.puller(bind=address))
            except zmqbridge.EndpointError:
                return False  # libzmq closes sockets in the background
            return True

        await loop.until(bind)
        assert bound[0].endpoints[0].address == address


@pytest.mark.one_task
async def test_dropped_alone(loop: Harness, addresses: Addresses) -> None:
    """A connection that is dropped stays open for as long as its context, which closes it."""
    address = addresses.new("inproc")
    async with loop.context() as context:
        dropped = ref(context.puller(bind=address))
        assert dropped() is None
        await context.pusher(connect=address).send(b"x")
        assert "2 connection(s)" in repr(context)
        with pytest.raises(zmqbridge.EndpointError, match="in use"):
            context.puller(bind=address)
    assert "closed" in repr(context)


# --- destroyed ---


@pytest.mark.each_backend
async def test_destroyed(loop: Harness, addresses: Addresses) -> None:
    """Destroying a shared ZeroMQ context closes the connections in it: it returns, and all who wait are told."""
    shared: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    own = shared.socket(zmq.PULL)
    context = loop.context(zmq_context=shared)
    pair = context.pair(bind=addresses.new("inproc"), options=SMALL)
    requester = context.requester(bind=addresses.new("inproc"))
    idle = context.puller(bind=addresses.new("tcp"))

    async def iterate() -> str:
        async for _ in pair:
            raise AssertionError("nothing was sent")
        return "ended"

    tasks = [loop.spawn(pair.receive), loop.spawn(pair.send, b"x"), loop.spawn(requester.request, b"?")]
    iterating = loop.spawn(iterate)
    await loop.parked(pair, 3)
    await loop.parked(requester)
    shared.destroy(linger=0)
    assert (shared.closed, own.closed) == (True, True)
    for task in tasks:
        with pytest.raises(zmqbridge.ConnectionClosed):
            await task.result()
    assert await iterating.result() == "ended"
    for connection in (pair, requester, idle):
        assert connection.closed
        with pytest.raises(zmqbridge.ConnectionClosed, match="closed by other code"):
            connection.getsockopt(zmq.TYPE)
    with pytest.raises(zmqbridge.ContextTerminated, match="make another context"):
        context.pair()
    assert "0 connection(s)" in repr(context)
    await context.aclose()


@pytest.mark.each_backend
async def test_destroyed_by_another_thread(loop: Harness, addresses: Addresses) -> None:
    """Another thread that destroys a shared ZeroMQ context touches no socket; who waits is told, and may close."""
    shared: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context = loop.context(zmq_context=shared)
    pair = context.pair(bind=addresses.new("inproc"))
    receiving = loop.spawn(pair.receive)
    await loop.parked(pair)
    destroying = threading.Thread(target=shared.destroy, daemon=True)
    destroying.start()
    with pytest.raises(zmqbridge.ContextTerminated):
        await receiving.result()
    assert destroying.is_alive()
    await context.aclose()
    await loop.until(lambda: not destroying.is_alive())


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_what_a_destroyed_connection_had_read(loop: Harness, addresses: Addresses) -> None:
    """What lies read ahead when other code closes the socket is dropped, and counted."""
    shared: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    async with loop.context(zmq_context=shared) as context:
        puller = context.puller(bind=addresses.new("inproc"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        for number in range(5):
            await pusher.send(b"%d" % number)
        assert await puller.receive() == [b"0"]
        shared.destroy()
        assert (puller.stats.received, puller.stats.buffered, puller.stats.dropped) == (1, 0, 4)


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_options_of_a_shared_context(loop: Harness, addresses: Addresses) -> None:
    """What a shared ZeroMQ context gives to its sockets it gives to connections, where their options do not say."""
    with zmq.Context() as shared:
        shared.setsockopt(zmq.SNDHWM, 7)
        shared.setsockopt(zmq.RCVHWM, 8)
        shared.setsockopt(zmq.LINGER, 9)
        async with loop.context(zmq_context=shared, linger=0) as context:
            dealer = context.dealer(options=SocketOptions(receive_high_water_mark=5))
            marks = [dealer.getsockopt(option) for option in (zmq.SNDHWM, zmq.RCVHWM, zmq.LINGER)]
            assert marks == [7, 5, 0]
