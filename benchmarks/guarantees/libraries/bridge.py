"""zmqbridge, on whatever loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import zmq

import zmqbridge
from benchmarks.guarantees.libraries.library import UNSENT, Ask, Frames, Library, Request, Socket

__all__ = ["Bridge"]

METHODS = {
    zmq.PULL: "puller",
    zmq.PUSH: "pusher",
    zmq.DEALER: "dealer",
    zmq.PAIR: "pair",
    zmq.ROUTER: "router",
    zmq.SUB: "subscriber",
}


class BridgeSocket(Socket):
    def receive(self) -> Awaitable[Frames]:
        frames: Awaitable[Frames] = self.raw.receive()
        return frames

    def send(self, message: Frames) -> Awaitable[object]:
        sent: Awaitable[object] = self.raw.send(message)
        return sent

    def send_now(self, message: Frames) -> None:
        self.raw.send_nowait(message)


class BridgeRouter(BridgeSocket):
    def send(self, message: Frames) -> Awaitable[object]:
        sent: Awaitable[object] = self.raw.send(message[0], message[1:])
        return sent


class Bridge(Library):
    """zmqbridge."""

    full = (zmqbridge.WouldBlock,)

    async def begin(self, *, stays_open: bool = False) -> None:
        self.bridge = zmqbridge.Context(zmq_context=self.context)

    async def open(
        self, type: int, *, bind: str | None = None, connect: str | None = None, mark: int | None = None
    ) -> Socket:
        known = METHODS.get(zmq.SocketType(type))
        make = getattr(self.bridge, known) if known else partial(self.bridge.connection, type)
        kind = BridgeRouter if type == zmq.ROUTER else BridgeSocket
        return kind(make(bind=bind, connect=connect, options=options(mark)))

    async def drop(self, address: str) -> None:
        zmqbridge.Context(linger=0).puller(bind=address)

    async def leave(self, address: str, linger: float) -> None:
        async with zmqbridge.Context(linger=linger) as context:
            await context.pusher(connect=address).send(b"unsent")

    async def forget(self, address: str, linger: float) -> None:
        context = zmqbridge.Context(linger=linger)
        pusher = context.pusher(connect=address)
        self.keep(context, pusher)
        for message in UNSENT:
            await pusher.send(message)

    def requester(self, address: str) -> Ask:
        requester = self.bridge.requester(connect=address)
        return lambda part, timeout: requester.request(part, timeout=timeout)

    def replier(self, address: str, mark: int | None = None) -> Callable[[], Awaitable[Request]]:
        replier = self.bridge.replier(bind=address, options=options(mark))

        async def receive() -> Request:
            request = await replier.receive()
            return request.parts, lambda: request.reply(request.parts)

        return receive


def options(mark: int | None) -> zmqbridge.SocketOptions:
    return zmqbridge.SocketOptions(send_high_water_mark=mark, receive_high_water_mark=mark, linger=0)
