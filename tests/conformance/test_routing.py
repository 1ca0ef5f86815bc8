"""Router, dealer, pair and raw connections: frames as they are, and each peer for itself."""

from __future__ import annotations

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from zmqbridge import RoutedMessage, SocketOptions

TRANSPORTS = ("tcp", "ipc", "inproc")
SMALL_QUEUE = SocketOptions(send_high_water_mark=2, receive_high_water_mark=2)


@pytest.mark.one_task
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("binder", ["router", "dealer"])
async def test_router_and_dealer(loop: Harness, addresses: Addresses, transport: str, binder: str) -> None:
    """A router tells who sent, and sends to whom it is told."""
    async with loop.context() as context:
        named = SocketOptions(identity=b"alice")
        if binder == "router":
            router = context.router(bind=addresses.new(transport))
            dealer = context.dealer(connect=router.endpoints[0].address, options=named)
        else:
            dealer = context.dealer(bind=addresses.new(transport), options=named)
            router = context.router(connect=dealer.endpoints[0].address)
        await dealer.send([b"a", b"", b"b"])
        assert await router.receive() == RoutedMessage(b"alice", [b"a", b"", b"b"])
        await router.send(b"alice", [b"", b"c"])
        router.send_nowait(b"alice", b"d")
        await router.send_many([(b"alice", b"e"), (b"alice", [b"f", b""])])
        assert [await dealer.receive() for _ in range(4)] == [[b"", b"c"], [b"d"], [b"e"], [b"f", b""]]


@pytest.mark.one_task
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_pair(loop: Harness, addresses: Addresses, transport: str) -> None:
    """A pair talks in both directions."""
    async with loop.context() as context:
        one = context.pair(bind=addresses.new(transport))
        other = context.pair(connect=one.endpoints[0].address)
        await one.send([b"a", b"b"])
        assert await other.receive() == [b"a", b"b"]
        await other.send(b"c")
        assert await one.receive() == [b"c"]


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_unreachable_peer(loop: Harness, addresses: Addresses) -> None:
    """Sending to a peer that is not there fails at once, names it, and harms nothing."""
    async with loop.context() as context:
        router = context.router(bind=addresses.new("tcp"))
        dealer = context.dealer(connect=router.endpoints[0].address)
        await dealer.send(b"here I am")
        peer = (await router.receive()).peer
        with pytest.raises(zmqbridge.PeerUnreachable, match="no peer b'nobody'"):
            await router.send(b"nobody", [b"a", b"b"])
        with pytest.raises(zmqbridge.PeerUnreachable):
            router.send_nowait(b"nobody", b"x")
        await router.send(peer, b"still works")
        assert await dealer.receive() == [b"still works"]
        with pytest.raises(TypeError, match="a peer is the bytes of its routing id, not str"):
            await router.send("nobody", b"x")  # type: ignore[arg-type]
        with pytest.raises(zmqbridge.LocalProtocolError, match="never empty"):
            await router.send(b"", b"x")


async def test_full_peer(loop: Harness, addresses: Addresses) -> None:
    """A router's full peer holds up what is for it alone; room for it is noticed, and so is its end."""
    async with loop.context() as context:
        router = context.router(bind=addresses.new("inproc"), options=SMALL_QUEUE)
        address = router.endpoints[0].address
        names = [b"full", b"fuller", b"flowing"]
        dealers = {}
        for name in names:
            options = SocketOptions(identity=name, send_high_water_mark=2, receive_high_water_mark=2)
            dealers[name] = context.dealer(connect=address, options=options)
            await dealers[name].send(b"hello")
            assert (await router.receive()).peer == name
        sent = {b"full": 0, b"fuller": 0}

        async def fill(name: bytes) -> None:
            while True:
                await router.send(name, [b"%d" % sent[name]])
                sent[name] += 1

        full, fuller = loop.spawn(fill, b"full"), loop.spawn(fill, b"fuller")
        await loop.parked(router, 2)
        with pytest.raises(zmqbridge.WouldBlock):
            router.send_nowait(b"full", b"x")
        before = dict(sent)
        for number in range(100):
            await router.send(b"flowing", b"%d" % number)
            assert await dealers[b"flowing"].receive() == [b"%d" % number]
        await loop.parked(router, 2)
        assert sent == before
        full.cancel()
        for number in range(before[b"full"]):
            assert await dealers[b"full"].receive() == [b"%d" % number]
        for number in range(3 * before[b"fuller"]):
            assert await dealers[b"fuller"].receive() == [b"%d" % number]
        await loop.parked(router)
        dealers[b"fuller"].close()
        with pytest.raises(zmqbridge.PeerUnreachable):
            await fuller.result()


@pytest.mark.looks_at("waiting")
async def test_both_directions_parked(loop: Harness, addresses: Addresses) -> None:
    """A receive and a send parked on one dealer each wake on their own event."""
    async with loop.context() as context:
        dealer = context.dealer(bind=addresses.new("inproc"), options=SMALL_QUEUE)
        peer = context.dealer(connect=dealer.endpoints[0].address, options=SMALL_QUEUE)
        sent = 0

        async def fill() -> None:
            nonlocal sent
            while True:
                await dealer.send([b"%d" % sent])
                sent += 1

        receiving = loop.spawn(dealer.receive)
        loop.spawn(fill)
        await loop.parked(dealer, 2)
        full = sent
        await peer.send(b"for the receiver")
        assert await receiving.result() == [b"for the receiver"]
        await loop.parked(dealer, 1)
        assert sent == full
        receiving = loop.spawn(dealer.receive)
        for number in range(full):
            assert await peer.receive() == [b"%d" % number]
        await loop.until(lambda: sent > full)
        assert not receiving.done
        await peer.send(b"again")
        assert await receiving.result() == [b"again"]


@pytest.mark.looks_at("waiting")
async def test_full_duplex(loop: Harness, addresses: Addresses) -> None:
    """Two dealers that send to each other at a high-water mark of 2 both get everything, in order."""
    count = 300
    async with loop.context() as context:
        one = context.dealer(bind=addresses.new("inproc"), options=SMALL_QUEUE)
        other = context.dealer(connect=one.endpoints[0].address, options=SMALL_QUEUE)

        async def send(dealer: zmqbridge.Dealer) -> None:
            for number in range(count):
                await dealer.send(b"%d" % number)

        async def receive(dealer: zmqbridge.Dealer) -> list[list[bytes]]:
            return [await dealer.receive() for _ in range(count)]

        tasks = [loop.spawn(send, one), loop.spawn(send, other), loop.spawn(receive, one), loop.spawn(receive, other)]
        expected = [[b"%d" % number] for number in range(count)]
        assert [await task.result() for task in tasks] == [None, None, expected, expected]


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_raw_types(loop: Harness, addresses: Addresses) -> None:
    """Any type of socket that libzmq has can be used raw; XPUB shows its subscriptions."""
    async with loop.context() as context:
        xpub = context.connection(zmq.XPUB, bind=addresses.new("tcp"))
        xsub = context.connection(zmq.XSUB, connect=xpub.endpoints[0].address)
        await xsub.send(b"\x01weather.")
        assert await xpub.receive() == [b"\x01weather."]
        await xpub.send([b"weather.london", b"12 C"])
        assert await xsub.receive() == [b"weather.london", b"12 C"]


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_one_way_sockets(loop: Harness, addresses: Addresses) -> None:
    """Receiving on a socket that only sends, or the other way round, is the caller's mistake."""
    async with loop.context() as context:
        push = context.connection(zmq.PUSH, bind=addresses.new("inproc"))
        pull = context.connection(zmq.PULL, connect=push.endpoints[0].address)
        with pytest.raises(zmqbridge.LocalProtocolError, match="a PUSH socket goes one way only"):
            await push.receive()
        with pytest.raises(zmqbridge.LocalProtocolError, match="a PULL socket goes one way only"):
            await pull.send(b"x")
        await push.send(b"x")
        assert await pull.receive() == [b"x"]


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_draft_types(loop: Harness) -> None:
    """A type that this libzmq lacks is a clear error, and so is a number that is no type."""
    async with loop.context() as context:
        for name in ("SERVER", "CLIENT", "RADIO", "DISH", "GATHER", "SCATTER"):
            with pytest.raises(zmqbridge.OptionError, match=f"{name} is a draft type: this libzmq .* has no {name}"):
                context.connection(getattr(zmq, name))
        with pytest.raises(zmqbridge.OptionError, match="99 is no ZeroMQ socket type"):
            context.connection(99)


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_bad_messages(loop: Harness, addresses: Addresses) -> None:
    """What is not bytes is refused with its name and the remedy, and nothing of the message is sent."""
    async with loop.context() as context:
        one = context.pair(bind=addresses.new("inproc"))
        other = context.pair(connect=one.endpoints[0].address)
        with pytest.raises(TypeError, match="not the str 'text'; encode it first"):
            await one.send("text")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="not the str 'second'"):
            await one.send([b"first", "second"])  # type: ignore[list-item]
        with pytest.raises(TypeError, match="not int: 5; pass bytes"):
            one.send_nowait(5)  # type: ignore[arg-type]
        with pytest.raises(zmqbridge.LocalProtocolError, match=r"has no frame; an empty message is one empty frame"):
            await one.send([])
        released = memoryview(b"gone")
        released.release()
        with pytest.raises(ValueError, match="released"):
            await one.send([b"first", released])
        with pytest.raises(TypeError, match="not NoneType"):
            await one.send_many([b"good", None])  # type: ignore[list-item]
        assert await other.receive() == [b"good"]
        await one.send(b"whole")
        assert await other.receive() == [b"whole"]
        with pytest.raises(ValueError, match="limit=0"):
            await other.receive_many(0)
