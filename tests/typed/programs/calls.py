"""Every call of every connection, with the type of what it gives."""

from __future__ import annotations

from typing import Any, assert_type

import zmq

import zmqbridge
from zmqbridge import Endpoint, Publication, Request, RoutedMessage, SocketOptions, Stats

ANYWHERE = "tcp://127.0.0.1:*"


async def common(context: zmqbridge.Context) -> None:
    """What every connection has."""
    async with context.pair(bind=ANYWHERE, options=SocketOptions(linger=0)) as pair:
        assert_type(pair, zmqbridge.Pair[bytes])
        assert_type(pair.endpoints, tuple[Endpoint, ...])
        bound = pair.bind(ANYWHERE)
        assert_type(bound, Endpoint)
        assert_type(bound.address, str)
        pair.unbind(bound.address)
        assert_type(pair.connect("inproc://elsewhere"), Endpoint)
        pair.disconnect("inproc://elsewhere")
        assert_type(pair.fileno(), int)
        pair.setsockopt(zmq.SNDHWM, 10)
        mark: int = pair.getsockopt(zmq.SNDHWM)
        assert mark == 10
        assert_type(pair.stats, Stats)
        assert_type(pair.stats.sent, int)
        assert_type(pair.closed, bool)
    pair.close()
    await pair.aclose()


async def one_to_one(context: zmqbridge.Context) -> None:
    """Senders and receivers, each way to call them."""
    here = context.dealer(bind=ANYWHERE)
    there = context.connection(zmq.DEALER, connect=[endpoint.address for endpoint in here.endpoints])
    assert_type(here, zmqbridge.Dealer[bytes])
    assert_type(there, zmqbridge.RawConnection[bytes])
    assert_type(await here.send(b"1"), None)
    here.send_nowait((b"2", bytearray(b"2")))
    await here.send_many([b"3", [b"4", memoryview(b"4")]])
    await here.send_many(b"%d" % number for number in (5, 6))
    assert_type(await there.receive(), list[bytes])
    assert_type(await there.receive(), list[bytes])
    assert_type(await there.receive_many(limit=2), list[list[bytes]])
    assert_type(await there.receive_many(), list[list[bytes]])
    try:
        while True:
            assert_type(there.receive_nowait(), list[bytes])
    except zmqbridge.WouldBlock:
        there.close()
    async for frames in there:
        assert_type(frames, list[bytes])


async def routed(context: zmqbridge.Context) -> None:
    """A router's messages have their peer."""
    router = context.router(bind=ANYWHERE)
    dealer = context.dealer(connect=router.endpoints[0].address)
    await dealer.send([b"a", b"b"])
    message = await router.receive()
    assert_type(message, RoutedMessage[bytes])
    assert_type(message.peer, bytes)
    peer, frames = message
    assert_type(peer, bytes)
    assert_type(frames, list[bytes])
    await router.send(peer, frames)
    router.send_nowait(peer, b"c")
    await router.send_many([(peer, b"d"), (peer, [b"e", b"f"])])
    router.close()
    async for peer, frames in router:
        assert_type(peer, bytes)
        assert_type(frames, list[bytes])


async def published(context: zmqbridge.Context) -> None:
    """A publication is a tag and a message."""
    publisher = context.publisher(connect=(), options=SocketOptions(send_high_water_mark=0))
    subscriber = context.subscriber(bind=ANYWHERE, tags=["weather.", b"time."])
    assert_type(subscriber, zmqbridge.Subscriber[zmqbridge.Publication[bytes]])
    assert_type(subscriber.tags, tuple[bytes, ...])
    subscriber.subscribe("news.")
    subscriber.unsubscribe(b"news.")
    assert_type(publisher.publish(b"message"), None)
    publisher.publish(bytearray(b"message"), "weather.")
    publisher.publish(memoryview(b"message"), tag=b"weather.")
    publisher.publish_many([(b"weather.", b"1"), ("weather.", memoryview(b"2"))])
    subscriber.close()
    async for tag, message in subscriber:
        assert_type(tag, bytes)
        assert_type(message, bytes)
    async for publication in subscriber:
        assert_type(publication, Publication[bytes])
        assert_type(publication.user_id, str | None)


async def asked(context: zmqbridge.Context) -> None:
    """A request has parts, and is replied to."""
    replier = context.replier(bind=ANYWHERE, reply_timeout=0.5)
    requester = context.requester(connect=replier.endpoints[0].address, on_peer_lost="raise", on_refused="raise")
    assert_type(replier, zmqbridge.Replier[bytes])
    assert_type(requester, zmqbridge.Requester[bytes])
    try:
        assert_type(await requester.request(b"question", timeout=0.1), list[bytes])
    except zmqbridge.RequestTimeout as error:
        late: TimeoutError = error
        assert str(late)
    dealer = context.dealer(connect=replier.endpoints[0].address)
    await dealer.send([b"id", b"", b"question"])
    request = await replier.receive()
    assert_type(request, Request[bytes])
    assert_type(request.parts, list[bytes])
    assert_type(request.id, bytes)
    assert_type(request.user_id, str | None)
    assert_type(zmqbridge.origin_of(request), zmqbridge.Origin)
    assert_type(zmqbridge.origin_of(request).peer_address, str | None)
    assert_type(request.replied, bool)
    await request.reply([b"the ", bytearray(b"answer")])
    replier.close()
    async for request in replier:
        assert_type(request, Request[bytes])


async def watched(context: zmqbridge.Context) -> None:
    """Where peers are watched, their number and their coming and going have types."""
    puller = context.puller(bind=ANYWHERE, options=SocketOptions(watch=True))
    assert_type(puller, zmqbridge.Puller[bytes])
    context.pusher(connect=puller.endpoints[0].address)
    assert_type(await puller.wait_connected(1, timeout=10.0), int)
    assert_type(puller.peers, int)
    async for event in puller.events():
        assert_type(event, zmqbridge.Event)
        assert_type(event.kind, zmqbridge.EventKind)
        assert_type(event.address, str)
        assert_type(event.error, str | None)
        puller.close()


def whatever_it_is(
    connection: zmqbridge.Connection, receiver: zmqbridge.Receiver[Any], sender: zmqbridge.Sender
) -> bool:
    """The three that others are made of can be named."""
    return connection.closed and receiver.closed and sender.closed


def words(error: zmqbridge.ZmqBridgeError) -> str:
    """Each error belongs to the one tree, and to those of Python's own that it is."""
    if isinstance(error, (zmqbridge.ConnectionClosed, zmqbridge.ContextTerminated)):
        return "closed"
    if isinstance(error, (zmqbridge.EndpointError, zmqbridge.OptionError)):
        wrong: ValueError = error
        return f"wrong: {wrong}"
    if isinstance(error, (zmqbridge.LocalProtocolError, zmqbridge.RemoteProtocolError, zmqbridge.ProtocolError)):
        return "protocol"
    return "unreachable" if isinstance(error, zmqbridge.PeerUnreachable) else "other"


async def main() -> None:
    """Make every call."""
    assert_type(zmqbridge.speedups_enabled, bool)
    context = zmqbridge.Context(None, io_threads=1, linger=0.0, max_sockets=100, zmq_context=None, turn_limit=16)
    async with context as entered:
        assert_type(entered, zmqbridge.Context)
        await common(context)
        await one_to_one(context)
        await routed(context)
        await published(context)
        await asked(context)
        await watched(context)
        pusher, puller = context.pusher(), context.puller()
        assert_type(pusher, zmqbridge.Pusher)
        assert_type(puller, zmqbridge.Puller[bytes])
        assert not whatever_it_is(context.publisher(), puller, pusher)
        assert words(zmqbridge.PeerUnreachable("gone")) == "unreachable"
    assert_type(context.closed, bool)
    context.close()
    await context.aclose()
