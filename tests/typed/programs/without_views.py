"""Whoever asks for no views names no kind of frame, in any signature."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import NamedTuple, assert_type

import zmqbridge
from zmqbridge import Publication, SocketOptions


class Ends(NamedTuple):
    """Connections kept in an object of the program's own."""

    requester: zmqbridge.Requester
    replier: zmqbridge.Replier


def connect(context: zmqbridge.Context, options: SocketOptions | None = None) -> Ends:
    """Pass options on, given or not."""
    replier = context.replier(bind="tcp://127.0.0.1:*", options=options)
    return Ends(context.requester(connect=replier.endpoints[0].address, options=options), replier)


async def serve(replier: zmqbridge.Replier, handle: Callable[[zmqbridge.Request], Awaitable[None]]) -> None:
    """Hand one request to a handler."""
    await handle(await replier.receive())


async def echo(request: zmqbridge.Request) -> None:
    """Answer with what came."""
    assert_type(request.parts, list[bytes])
    await request.reply(request.parts)


async def messages(subscriber: zmqbridge.Subscriber) -> AsyncIterator[str]:
    """Read publications as text."""
    async for tag, message in subscriber:
        yield f"{tag.decode()}: {message.decode()}"


def made() -> Publication:
    """Make a publication, as a test does."""
    return Publication(b"tag", b"message")


async def main() -> None:
    """Ask and be answered, with options and without."""
    slow = SocketOptions(linger=0.0, send_high_water_mark=10)
    assert_type(slow, SocketOptions[bytes])
    assert_type(replace(slow, linger=1.0), SocketOptions[bytes])
    async with zmqbridge.Context() as context:
        for options in (None, slow):
            requester, replier = connect(context, options)
            dealer = context.dealer(connect=replier.endpoints[0].address, options=options)
            assert_type(dealer, zmqbridge.Dealer[bytes])
            await dealer.send([b"id", b"", b"hello"])
            await serve(replier, echo)
            assert (await dealer.receive())[-1].decode() == "hello"
            assert not requester.closed
        publisher = context.publisher()
        publisher.publish_many([made(), ("tag", bytearray(b"message")), (b"tag", memoryview(b"message"))])
