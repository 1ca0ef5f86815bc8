"""With ``memoryview_from`` a frame may be a view, and the types of all that receives say so."""

from __future__ import annotations

from typing import assert_type

import zmq

import zmqbridge
from zmqbridge import Publication, Request, RoutedMessage, SocketOptions

VIEWS = SocketOptions(memoryview_from=1024)
assert_type(VIEWS, SocketOptions[bytes | memoryview])

LARGE = b"x" * 100_000


async def pull(context: zmqbridge.Context) -> None:
    """A puller's message is a list of bytes and views."""
    puller = context.puller(bind="tcp://127.0.0.1:*", options=VIEWS)
    pusher = context.pusher(connect=puller.endpoints[0].address, options=VIEWS)
    await pusher.send([b"head", LARGE])
    head, view = await puller.receive()
    assert_type(view, bytes | memoryview)
    assert isinstance(head, bytes)
    assert isinstance(view, memoryview)
    assert len(view.tobytes()) == len(LARGE)
    await pusher.send([view, head])
    assert_type(await puller.receive(), list[bytes | memoryview])


async def ask(context: zmqbridge.Context) -> None:
    """So are the parts of a request and of its reply."""
    replier = context.replier(bind="tcp://127.0.0.1:*", options=VIEWS)
    dealer = context.dealer(connect=replier.endpoints[0].address, options=VIEWS)
    await dealer.send([b"id", b"", LARGE])
    request = await replier.receive()
    assert_type(request, Request[bytes | memoryview])
    assert_type(request.parts, list[bytes | memoryview])
    assert_type(request.id, bytes)
    await request.reply(request.parts)
    assert_type(await dealer.receive(), list[bytes | memoryview])


async def route(context: zmqbridge.Context) -> None:
    """So are the frames that reach a router; its peer is bytes."""
    router = context.router(bind="tcp://127.0.0.1:*", options=VIEWS)
    plain = context.connection(zmq.DEALER, connect=router.endpoints[0].address, options=VIEWS)
    await plain.send(LARGE)
    message = await router.receive()
    assert_type(message, RoutedMessage[bytes | memoryview])
    peer, frames = message
    assert_type(peer, bytes)
    await router.send(peer, frames)
    assert_type(await plain.receive(), list[bytes | memoryview])


async def elsewhere(context: zmqbridge.Context) -> None:
    """So it is with every other connection that receives."""
    subscriber = context.subscriber(bind="tcp://127.0.0.1:*", tags=[""], options=VIEWS)
    assert_type(subscriber, zmqbridge.Subscriber[zmqbridge.Publication[bytes | memoryview]])
    requester = context.requester(bind="tcp://127.0.0.1:*", options=VIEWS)
    assert_type(requester, zmqbridge.Requester[bytes | memoryview])
    pair = context.pair(bind="tcp://127.0.0.1:*", options=VIEWS)
    assert_type(pair, zmqbridge.Pair[bytes | memoryview])


async def read(subscriber: zmqbridge.Subscriber[zmqbridge.Publication[bytes | memoryview]]) -> bytes:
    """A publication's tag is bytes, whatever its message is."""
    publication = await subscriber.receive()
    assert_type(publication, Publication[bytes | memoryview])
    assert_type(publication.message, bytes | memoryview)
    assert_type(publication.tag, bytes)
    return publication.tag


async def asked(requester: zmqbridge.Requester[bytes | memoryview]) -> list[bytes | memoryview]:
    """A reply has the requester's kind of frames."""
    return await requester.request([b"x"], timeout=1.0)


async def main() -> None:
    """Receive views of each kind."""
    async with zmqbridge.Context() as context:
        await pull(context)
        await ask(context)
        await route(context)
        await elsewhere(context)
