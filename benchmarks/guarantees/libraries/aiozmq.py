"""aiozmq's streams, on asyncio's own loop."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import zmq

from benchmarks.guarantees.libraries.library import UNSENT, Frames, Library, Socket

__all__ = ["Aiozmq"]


class AiozmqSocket(Socket):
    async def receive(self) -> Frames:
        return list(await self.raw.read())

    async def send(self, message: Frames) -> None:
        self.raw.write(message)
        await self.raw.drain()

    def send_now(self, message: Frames) -> None:
        self.raw.write(message)


class Aiozmq(Library):
    """aiozmq."""

    async def begin(self, *, stays_open: bool = False) -> None:
        self.library: Any = import_module("aiozmq")

    async def stream(
        self, type: int, bind: str | None, connect: str | None, mark: int | None = None, linger: float = 0
    ) -> Any:
        stream = await self.library.create_zmq_stream(type)
        transport = stream.transport
        transport.setsockopt(zmq.LINGER, int(linger * 1000))
        if mark is not None:
            transport.setsockopt(zmq.SNDHWM, mark)
            transport.setsockopt(zmq.RCVHWM, mark)
        if type == zmq.ROUTER:
            transport.setsockopt(zmq.ROUTER_MANDATORY, 1)
        if bind is not None:
            await transport.bind(bind)
        if connect is not None:
            await transport.connect(connect)
        return stream

    async def open(
        self, type: int, *, bind: str | None = None, connect: str | None = None, mark: int | None = None
    ) -> Socket:
        stream = await self.stream(type, bind, connect, mark)
        return AiozmqSocket(stream, stream.transport)

    async def drop(self, address: str) -> None:
        await self.stream(zmq.PULL, address, None)

    async def leave(self, address: str, linger: float) -> None:
        stream = await self.stream(zmq.PUSH, None, address, linger=linger)
        stream.write([b"unsent"])
        stream.close()

    async def forget(self, address: str, linger: float) -> None:
        stream = await self.stream(zmq.PUSH, None, address, linger=linger)
        self.keep(stream)
        for message in UNSENT:
            stream.write(message)

    async def handle(self, address: str, handler: Callable[[Frames], None]) -> None:
        class Protocol(self.library.ZmqProtocol):  # type: ignore[misc, name-defined]
            def msg_received(self, message: Frames) -> None:
                handler(message)

        await self.library.create_zmq_connection(Protocol, zmq.PULL, bind=address)
