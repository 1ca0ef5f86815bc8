"""zmq-anyio, each of its sockets in an ``async with`` as its page says."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import zmq

from benchmarks.guarantees.libraries.library import UNSENT, Frames, Library, Socket, prepare

__all__ = ["ZmqAnyio"]


class AnyioSocket(Socket):
    async def receive(self) -> Frames:
        frames: Frames = await self.raw.arecv_multipart()
        return frames

    async def send(self, message: Frames) -> None:
        await self.raw.asend_multipart(message)

    def send_now(self, message: Frames) -> None:
        future = self.raw.asend_multipart(message, zmq.NOBLOCK)
        if future.exception is not None:
            raise future.exception


class ZmqAnyio(Library):
    """zmq-anyio."""

    async def begin(self, *, stays_open: bool = False) -> None:
        self.library: Any = import_module("zmq_anyio")

    async def open(
        self, type: int, *, bind: str | None = None, connect: str | None = None, mark: int | None = None
    ) -> Socket:
        socket = self.library.Socket(self.context, type)
        prepare(socket, bind, connect, mark)
        return AnyioSocket(await self.stack.enter_async_context(socket))

    async def open_and_close(self, address: str) -> None:
        async with self.library.Socket(self.context, zmq.PULL) as socket:
            prepare(socket, address, None)

    async def drop(self, address: str) -> None:
        # Without its async with, which closes what it opens.
        prepare(self.library.Socket(zmq.Context(), zmq.PULL), address, None)

    async def leave(self, address: str, linger: float) -> None:
        with zmq.Context() as context:
            async with self.library.Socket(context, zmq.PUSH) as socket:
                prepare(socket, None, address, linger=linger)
                await socket.asend(b"unsent")

    async def forget(self, address: str, linger: float) -> None:
        context: zmq.Context[Any] = zmq.Context()
        socket = self.library.Socket(context, zmq.PUSH)
        self.keep(context, socket)
        prepare(socket, None, address, linger=linger)
        # Its socket is a task group, which no program can leave without closing it: this is as far as one can go.
        async with socket:
            for [frame] in UNSENT:
                await socket.asend(frame)
