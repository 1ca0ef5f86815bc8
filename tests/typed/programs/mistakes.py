"""What is wrong at run time is wrong to type checkers: each line that is ignored here must have a fault."""

from __future__ import annotations

import zmqbridge
from zmqbridge import SocketOptions


async def send(pusher: zmqbridge.Pusher, router: zmqbridge.Router, requester: zmqbridge.Requester) -> None:
    """Text is no frame, nor is a number; a peer is bytes."""
    await pusher.send("text")  # type: ignore[arg-type]
    await pusher.send(["text"])  # type: ignore[list-item]
    await pusher.send(1)  # type: ignore[arg-type]
    await pusher.send(None)  # type: ignore[arg-type]
    pusher.send_nowait("text")  # type: ignore[arg-type]
    await router.send("peer", b"message")  # type: ignore[arg-type]
    await requester.request("text")  # type: ignore[arg-type]
    await requester.request(b"x", timeout="1")  # type: ignore[arg-type]


async def answer(request: zmqbridge.Request, publisher: zmqbridge.Publisher) -> None:
    """A reply is no text either; a publication is one frame."""
    await request.reply("text")  # type: ignore[arg-type]
    publisher.publish("text")  # type: ignore[arg-type]
    publisher.publish([b"two", b"frames"])  # type: ignore[arg-type]
    publisher.publish(b"message", 1)  # type: ignore[arg-type]


async def look_into_a_view(context: zmqbridge.Context) -> None:
    """Where a frame may be a view it is not bytes."""
    puller = context.puller(options=SocketOptions(memoryview_from=1024))
    frames = await puller.receive()
    frames[0].decode()  # type: ignore[union-attr]
    take_bytes(puller)  # type: ignore[arg-type]


def take_bytes(puller: zmqbridge.Puller) -> None:
    """Count on bytes."""


def options(context: zmqbridge.Context) -> None:
    """Options have names and types, and stand in an object."""
    SocketOptions(linger="1")  # type: ignore[call-overload]
    SocketOptions(lingers=1)  # type: ignore[call-overload]
    SocketOptions(memoryview_from="1024")  # type: ignore[call-overload]
    context.puller(options={"linger": 1})  # type: ignore[arg-type]
