"""Who is there: a connection that is watched knows its peers, says what happens, and waits for who is to come."""

from __future__ import annotations

import gc
import socket
import threading
import tracemalloc

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness, TaskCancelled
from tests.conftest import Addresses
from zmqbridge import EventKind, SocketOptions

COMING = [EventKind.CONNECT_DELAYED, EventKind.CONNECTED, EventKind.HANDSHAKE_SUCCEEDED]
RECONNECTS = 2_000
MOST_GROWTH = 1_000_000

watched = SocketOptions(watch=True)


def number_of(connection: zmqbridge.Connection) -> int:
    """The port that a connection listens at."""
    return int(connection.endpoints[0].address.rpartition(":")[2])


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
async def test_wait_connected(loop: Harness, addresses: Addresses, transport: str) -> None:
    """Both ends wait for the handshake, count who is there, and see it when a peer is gone."""
    async with loop.context(watch=True) as context:
        router = context.router(bind=addresses.new(transport))
        waiting = loop.spawn(lambda: router.wait_connected(2, timeout=20))
        dealers = [context.dealer(connect=router.endpoints[0].address) for _ in range(2)]
        for dealer in dealers:
            assert await dealer.wait_connected(timeout=20) == dealer.peers == 1
        assert await waiting.result() == router.connected == 2
        assert await router.wait_connected() == 2
        dealers[0].close()
        await loop.until(lambda: router.connected == 1)
        dealers[1].disconnect(router.endpoints[0].address)
        await loop.until(lambda: dealers[1].peers == 0)


async def test_who_comes_in_vain(loop: Harness, addresses: Addresses) -> None:
    """Where nobody comes in time the error says how many are there, and what failed last."""
    async with loop.context(watch=True, linger=0) as context:
        router = context.router(bind=addresses.new("tcp"))
        context.dealer(connect=router.endpoints[0].address)
        await router.wait_connected(timeout=20)
        with pytest.raises(zmqbridge.WaitTimeout, match=r"1 of 2 peer\(s\) within 0 s at <Router") as raised:
            await router.wait_connected(2, timeout=0)
        assert isinstance(raised.value, TimeoutError)
        lost = context.dealer(connect="tcp://no-such-host.invalid:5555")
        kinds = []
        async for event in lost.events():
            kinds.append(event.kind)
            if event.kind is EventKind.UNRESOLVED:
                break
        with pytest.raises(zmqbridge.WaitTimeout, match=r"unresolved at tcp://no-such.*cannot be resolved"):
            await lost.wait_connected(timeout=0.001)
        assert EventKind.CONNECTED not in kinds


async def test_nobody_listens(loop: Harness) -> None:
    """Where nobody listens it is tried again, which is no failure."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with loop.context(watch=True, linger=0) as context:
            dealer = context.dealer(connect=f"tcp://127.0.0.1:{taken.getsockname()[1]}")
            kinds = []
            async for event in dealer.events():
                kinds.append(event.kind)
                if event.kind is EventKind.CONNECT_RETRIED:
                    assert event.error is not None
                    assert "next attempt" in event.error
                    break
            assert EventKind.UNRESOLVED not in kinds


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
async def test_events(loop: Harness, addresses: Addresses, transport: str) -> None:
    """All that happens is told from the first bind or connect on, in order, to each reader, until the connection is
    closed."""
    async with loop.context() as context:
        router = context.router(bind=addresses.new(transport), options=watched)
        dealer = context.dealer(connect=router.endpoints[0].address, options=watched)
        address = router.endpoints[0].address

        async def read(connection: zmqbridge.Connection) -> list[zmqbridge.Event]:
            return [event async for event in connection.events()]

        early = [loop.spawn(read, connection) for connection in (router, dealer, router)]
        await dealer.wait_connected(timeout=20)
        await router.wait_connected(timeout=20)
        dealer.close()
        of_dealer = await early[1].result()
        await loop.until(lambda: router.connected == 0)
        router.close()
        of_router = await early[0].result()
        assert await early[2].result() == of_router
        assert [event.kind for event in of_router] == [
            EventKind.LISTENING,
            EventKind.ACCEPTED,
            EventKind.HANDSHAKE_SUCCEEDED,
            EventKind.DISCONNECTED,
        ]
        assert {event.address for event in of_router + of_dealer} == {address}
        assert [event.kind for event in of_dealer] == (COMING if transport == "tcp" else COMING[1:])
        assert not any(event.refused for event in of_router + of_dealer)


async def test_readers_that_come_late(loop: Harness, addresses: Addresses) -> None:
    """Who reads late is told what is kept, and first how much is not."""
    async with loop.context() as context:
        router = context.router(bind=addresses.new("tcp"), options=watched)
        number = number_of(router)
        events = router.events()
        assert (await events.__anext__()).kind is EventKind.LISTENING
        flaps = 400
        for _ in range(flaps):
            socket.create_connection(("127.0.0.1", number)).close()
        watch = router._link.watch
        assert watch is not None
        await loop.until(lambda: watch.events.total == 1 + 3 * flaps)
        first = await events.__anext__()
        assert (first.kind, first.left_out) == (EventKind.LEFT_OUT, 3 * flaps - 1000)
        assert [(await events.__anext__()).kind for _ in range(1000)].count(EventKind.DISCONNECTED) >= 333


async def test_flapping(loop: Harness, addresses: Addresses) -> None:
    """After a peer has come and gone a hundred times, beside strangers who never speak, the count is right."""
    async with loop.context(watch=True, linger=0) as context:
        router = context.router(bind=addresses.new("tcp"))
        address, number = router.endpoints[0].address, number_of(router)
        steady = context.dealer(connect=address)
        await steady.wait_connected(timeout=20)
        for turn in range(100):
            flapping = context.dealer(connect=address)
            stranger = socket.create_connection(("127.0.0.1", number))
            if turn % 2:
                stranger.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + bytes(64))
            await flapping.wait_connected(timeout=20)
            stranger.close()
            flapping.close()
        await loop.until(lambda: router.connected == 1)
        again = context.dealer(connect=address)
        assert await again.wait_connected(timeout=20) == 1
        assert await router.wait_connected(2, timeout=20) == 2


async def test_reconnecting(loop: Harness, addresses: Addresses) -> None:
    """A peer that comes back is waited for again, and an address that was left and taken again counts anew."""
    async with loop.context(watch=True, linger=0) as context:
        address = addresses.new("ipc")
        options = SocketOptions(reconnect_interval=0.01)
        dealer = context.dealer(connect=address, options=options)
        for _ in range(3):
            router = context.router(bind=address)
            assert await dealer.wait_connected(timeout=20) == 1
            router.close()
            await loop.until(lambda: dealer.peers == 0)
        router = context.router(bind=address)
        await dealer.wait_connected(timeout=20)
        for _ in range(3):
            dealer.disconnect(address)
            await loop.until(lambda: dealer.peers == 0)
            dealer.connect(address)
            assert await dealer.wait_connected(timeout=20) == 1


async def test_refused(loop: Harness, addresses: Addresses) -> None:
    """A client without security is told that a CURVE server does not take it; the server goes on waiting."""
    public, secret = zmq.curve_keypair()
    server = SocketOptions(curve_server=True, curve_public_key=public, curve_secret_key=secret)
    async with loop.context(watch=True, linger=0) as context:
        router = context.router(bind=addresses.new("tcp"), options=server)
        dealer = context.dealer(connect=router.endpoints[0].address)
        waiting = loop.spawn(lambda: router.wait_connected(timeout=20))
        for _ in range(2):
            with pytest.raises(zmqbridge.AuthenticationFailed, match="another security mechanism"):
                await dealer.wait_connected(timeout=20)
        mine = zmq.curve_keypair()
        friend = SocketOptions(curve_server_key=public, curve_public_key=mine[0], curve_secret_key=mine[1])
        assert await context.dealer(connect=router.endpoints[0].address, options=friend).wait_connected() == 1
        assert await waiting.result() == 1


async def test_cancelled_and_closed(loop: Harness, addresses: Addresses) -> None:
    """A wait that is cancelled leaves nothing behind; closing ends those that are left, and what happened before can
    still be read."""
    async with loop.context(watch=True) as context:
        router = context.router(bind=addresses.new("tcp"))
        waits = [loop.spawn(lambda: router.wait_connected(3)) for _ in range(3)]
        reads = [loop.spawn(router.events().__anext__) for _ in range(1)]
        assert (await reads[0].result()).kind is EventKind.LISTENING
        await loop.until(lambda: len(router._channel.bell._waiting) == 3)
        waits[0].cancel()
        with pytest.raises(TaskCancelled):
            await waits[0].result()
        assert len(router._channel.bell._waiting) == 2
        router.close()
        for waiting in waits[1:]:
            with pytest.raises(zmqbridge.ConnectionClosed):
                await waiting.result()
        assert not router._channel.bell.wanted
        assert [event.kind async for event in router.events()] == [EventKind.LISTENING]


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_bad_arguments(loop: Harness, addresses: Addresses) -> None:
    """What is not watched says how to have it; a count or a timeout that is none is an error."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("tcp"))
        for ask in (lambda: puller.peers, puller.events):
            with pytest.raises(zmqbridge.LocalProtocolError, match=r"options=SocketOptions\(watch=True\)"):
                ask()
        with pytest.raises(zmqbridge.LocalProtocolError, match="is not watched"):
            await puller.wait_connected()
        router = context.router(bind=addresses.new("tcp"), options=watched)
        for count in (0, -1, True, 1.5, "2"):
            with pytest.raises(ValueError, match="is no number of peers to wait for"):
                await router.wait_connected(count)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="is no time to wait"):
            await router.wait_connected(timeout=-1)


@pytest.mark.any_loop
async def test_a_thread_only_where_it_is_asked_for(loop: Harness, addresses: Addresses) -> None:
    """What is not watched has no thread; the thread of what is ends with its context."""

    def sentries() -> int:
        return sum(thread.name == "zmqbridge-sentry" for thread in threading.enumerate())

    before = sentries()
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("tcp"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        await pusher.send(b"x")
        await puller.receive()
        assert sentries() == before
        for _ in range(3):
            context.pusher(connect=puller.endpoints[0].address, options=watched)
        assert sentries() == before + 1
    await loop.until(lambda: sentries() == before)


@pytest.mark.any_loop
async def test_nobody_reads_the_events(loop: Harness, addresses: Addresses) -> None:
    """A monitor that nobody reads holds up no other connection, while thousands come and go, and keeps little."""
    async with loop.context(linger=0) as context:
        router = context.router(bind=addresses.new("tcp"), options=watched)
        puller = context.puller(bind=addresses.new("tcp"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        number = number_of(router)

        async def flap(times: int) -> None:
            for _ in range(times):
                socket.create_connection(("127.0.0.1", number)).close()
                await pusher.send(b"x")
                assert await puller.receive() == [b"x"]

        await flap(RECONNECTS // 4)
        gc.collect()
        tracemalloc.start()
        try:
            await flap(RECONNECTS)
            watch = router._link.watch
            assert watch is not None
            await loop.until(lambda: watch.events.total >= 3 * RECONNECTS)
            await loop.until(lambda: not context._home.sentry._timers)  # it looks again whether each is gone
            gc.collect()
            growth = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        assert growth < MOST_GROWTH
        dealer = context.dealer(connect=router.endpoints[0].address, options=watched)
        await dealer.wait_connected(timeout=20)
        await loop.until(lambda: router.connected == 1)
