"""pyzmq's own asyncio sockets."""

from __future__ import annotations

from collections.abc import Awaitable

import zmq
import zmq.asyncio

from benchmarks.guarantees.libraries.library import UNSENT, Frames, Library, Socket, prepare

__all__ = ["PyzmqAsyncio"]


class PyzmqSocket(Socket):
    def receive(self) -> Awaitable[Frames]:
        frames: Awaitable[Frames] = self.raw.recv_multipart()
        return frames

    def send(self, message: Frames) -> Awaitable[object]:
        sent: Awaitable[object] = self.raw.send_multipart(message)
        return sent

    def send_now(self, message: Frames) -> None:
        self.raw.send_multipart(message, zmq.NOBLOCK).result()


class PyzmqAsyncio(Library):
    """``zmq.asyncio``."""

    async def begin(self, *, stays_open: bool = False) -> None:
        self.zmq_context = zmq.asyncio.Context(shadow=self.context)

    async def open(
        self, type: int, *, bind: str | None = None, connect: str | None = None, mark: int | None = None
    ) -> Socket:
        socket = self.zmq_context.socket(type)
        prepare(socket, bind, connect, mark)
        return PyzmqSocket(socket)

    async def drop(self, address: str) -> None:
        prepare(zmq.asyncio.Context().socket(zmq.PULL), address, None)

    async def leave(self, address: str, linger: float) -> None:
        with zmq.asyncio.Context() as context, context.socket(zmq.PUSH) as socket:
            prepare(socket, None, address, linger=linger)
            await socket.send(b"unsent")

    async def forget(self, address: str, linger: float) -> None:
        context = zmq.asyncio.Context()
        socket = context.socket(zmq.PUSH)
        self.keep(context, socket)
        prepare(socket, None, address, linger=linger)
        for message in UNSENT:
            await socket.send_multipart(message)
