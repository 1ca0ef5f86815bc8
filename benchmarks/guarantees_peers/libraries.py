"""The libraries with an awaitable receive, as their users open, use and close a socket."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from importlib import import_module
from typing import Any

import zmq
import zmq.asyncio

import zmqbridge
from benchmarks.guarantees_peers.loops import Loop

__all__ = ["Aiozmq", "Bridge", "Library", "PyzmqAsyncio", "Socket", "ZmqAnyio"]

Frames = list[bytes]


class Socket(ABC):
    """A socket of a library."""

    @abstractmethod
    def receive(self) -> Awaitable[Frames]:
        """Wait for a message."""

    @abstractmethod
    def send(self, message: Frames) -> Awaitable[object]:
        """Send a message, and wait where the library waits."""

    @abstractmethod
    def send_now(self, message: Frames) -> None:
        """Send a message without awaiting anything."""

    @abstractmethod
    def connect(self, address: str) -> None:
        """Connect to one more address."""

    @abstractmethod
    def bind(self, address: str) -> None:
        """Bind to one more address."""

    @abstractmethod
    def subscribe(self, tag: bytes) -> None:
        """Subscribe to one more tag."""

    @abstractmethod
    def events(self) -> object:
        """Read the option EVENTS, as a program does that looks for itself."""

    @abstractmethod
    def close(self) -> None:
        """Close it, without awaiting anything."""


class Library(ABC):
    """A library on a loop, with the process's one ZeroMQ context."""

    full: tuple[type[Exception], ...] = (zmq.Again,)
    """What a send that cannot be made now raises."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
        self.stack = AsyncExitStack()
        self._kept: list[object] = []

    @abstractmethod
    async def begin(self) -> None:
        """Called on the loop before the first socket is opened."""

    @abstractmethod
    async def open(
        self, type: int, *, bind: str | None = None, connect: str | None = None, mark: int | None = None
    ) -> Socket:
        """Open a socket, its high-water marks as given, its linger zero."""

    @abstractmethod
    async def leave(self, address: str, linger: float) -> None:
        """Open a PUSH socket in a context of its own, send one message, and close both the library's way."""

    @abstractmethod
    async def forget(self, address: str, linger: float, kept: list[Any]) -> None:
        """Open a PUSH socket, send 100 messages, and keep it open."""

    async def open_and_close(self, address: str) -> None:
        """Open a socket that is bound to an address, and close it the library's way."""
        socket = await self.open(zmq.PULL, bind=address)
        socket.close()

    def plain(
        self,
        type: int,
        *,
        bind: str | None = None,
        connect: str | None = None,
        mark: int | None = None,
        identity: bytes | None = None,
    ) -> zmq.Socket[bytes]:
        """Open a plain socket of pyzmq in the same context, for the other end."""
        socket = self.context.socket(type)
        if identity is not None:
            socket.identity = identity
        prepare(socket, bind, connect, mark, 0)
        self._kept.append(socket)
        return socket


def prepare(socket: Any, bind: str | None, connect: str | None, mark: int | None, linger: float) -> None:
    socket.linger = int(linger * 1000)
    if mark is not None:
        socket.sndhwm = socket.rcvhwm = mark
    if socket.type == zmq.ROUTER:
        socket.router_mandatory = 1
    if bind is not None:
        socket.bind(bind)
    if connect is not None:
        socket.connect(connect)


# --- zmqbridge ---

METHODS = {
    zmq.PULL: "puller",
    zmq.PUSH: "pusher",
    zmq.DEALER: "dealer",
    zmq.PAIR: "pair",
    zmq.ROUTER: "router",
    zmq.SUB: "subscriber",
}


class BridgeSocket(Socket):
    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def receive(self) -> Awaitable[Frames]:
        frames: Awaitable[Frames] = self.connection.receive()
        return frames

    def send(self, message: Frames) -> Awaitable[object]:
        sent: Awaitable[object] = self.connection.send(message)
        return sent

    def send_now(self, message: Frames) -> None:
        self.connection.send_nowait(message)

    def connect(self, address: str) -> None:
        self.connection.connect(address)

    def bind(self, address: str) -> None:
        self.connection.bind(address)

    def subscribe(self, tag: bytes) -> None:
        self.connection.subscribe(tag)

    def events(self) -> object:
        return self.connection.getsockopt(zmq.EVENTS)

    def close(self) -> None:
        self.connection.close()


class BridgeRouter(BridgeSocket):
    def send(self, message: Frames) -> Awaitable[object]:
        sent: Awaitable[object] = self.connection.send(message[0], message[1:])
        return sent


class Bridge(Library):
    """zmqbridge, on whatever loop."""

    full = (zmqbridge.WouldBlock,)

    async def begin(self) -> None:
        self.bridge = zmqbridge.Context(zmq_context=self.context)

    async def open(
        self, type: int, *, bind: str | None = None, connect: str | None = None, mark: int | None = None
    ) -> Socket:
        options = zmqbridge.SocketOptions(send_high_water_mark=mark, receive_high_water_mark=mark, linger=0)
        make = getattr(self.bridge, METHODS[zmq.SocketType(type)])
        kind = BridgeRouter if type == zmq.ROUTER else BridgeSocket
        return kind(make(bind=bind, connect=connect, options=options))

    async def leave(self, address: str, linger: float) -> None:
        async with zmqbridge.Context(linger=linger) as context:
            await context.pusher(connect=address).send(b"unsent")

    async def forget(self, address: str, linger: float, kept: list[Any]) -> None:
        context = zmqbridge.Context(linger=linger)
        kept += [context, context.pusher(connect=address)]
        for _ in range(100):
            await kept[1].send(b"unsent")


# --- zmq.asyncio ---


class PyzmqSocket(Socket):
    def __init__(self, socket: Any) -> None:
        self.socket = socket

    def receive(self) -> Awaitable[Frames]:
        frames: Awaitable[Frames] = self.socket.recv_multipart()
        return frames

    def send(self, message: Frames) -> Awaitable[object]:
        sent: Awaitable[object] = self.socket.send_multipart(message)
        return sent

    def send_now(self, message: Frames) -> None:
        self.socket.send_multipart(message, zmq.NOBLOCK).result()

    def connect(self, address: str) -> None:
        self.socket.connect(address)

    def bind(self, address: str) -> None:
        self.socket.bind(address)

    def subscribe(self, tag: bytes) -> None:
        self.socket.subscribe(tag)

    def events(self) -> object:
        return self.socket.getsockopt(zmq.EVENTS)

    def close(self) -> None:
        self.socket.close()


class PyzmqAsyncio(Library):
    """pyzmq's own asyncio sockets."""

    async def begin(self) -> None:
        self.zmq_context = zmq.asyncio.Context(shadow=self.context)

    async def open(
        self, type: int, *, bind: str | None = None, connect: str | None = None, mark: int | None = None
    ) -> Socket:
        socket = self.zmq_context.socket(type)
        prepare(socket, bind, connect, mark, 0)
        return PyzmqSocket(socket)

    async def leave(self, address: str, linger: float) -> None:
        with zmq.asyncio.Context() as context, context.socket(zmq.PUSH) as socket:
            prepare(socket, None, address, None, linger)
            await socket.send(b"unsent")

    async def forget(self, address: str, linger: float, kept: list[Any]) -> None:
        context = zmq.asyncio.Context()
        kept += [context, context.socket(zmq.PUSH)]
        prepare(kept[1], None, address, None, linger)
        for _ in range(100):
            await kept[1].send(b"unsent")


# --- zmq-anyio ---


class AnyioSocket(Socket):
    def __init__(self, socket: Any) -> None:
        self.socket = socket

    async def receive(self) -> Frames:
        frames: Frames = await self.socket.arecv_multipart()
        return frames

    async def send(self, message: Frames) -> None:
        await self.socket.asend_multipart(message)

    def send_now(self, message: Frames) -> None:
        future = self.socket.asend_multipart(message, zmq.NOBLOCK)
        if future.exception is not None:
            raise future.exception

    def connect(self, address: str) -> None:
        self.socket.connect(address)

    def bind(self, address: str) -> None:
        self.socket.bind(address)

    def subscribe(self, tag: bytes) -> None:
        self.socket.subscribe(tag)

    def events(self) -> object:
        return self.socket.getsockopt(zmq.EVENTS)

    def close(self) -> None:
        self.socket.close()


class ZmqAnyio(Library):
    """zmq-anyio, each of its sockets in an ``async with`` as its page says."""

    async def begin(self) -> None:
        self.library: Any = import_module("zmq_anyio")

    async def open(
        self, type: int, *, bind: str | None = None, connect: str | None = None, mark: int | None = None
    ) -> Socket:
        socket = self.library.Socket(self.context, type)
        prepare(socket, bind, connect, mark, 0)
        return AnyioSocket(await self.stack.enter_async_context(socket))

    async def open_and_close(self, address: str) -> None:
        async with self.library.Socket(self.context, zmq.PULL) as socket:
            prepare(socket, address, None, None, 0)

    async def leave(self, address: str, linger: float) -> None:
        with zmq.Context() as context:
            async with self.library.Socket(context, zmq.PUSH) as socket:
                prepare(socket, None, address, None, linger)
                await socket.asend(b"unsent")

    async def forget(self, address: str, linger: float, kept: list[Any]) -> None:
        context: zmq.Context[Any] = zmq.Context()
        kept += [context, self.library.Socket(context, zmq.PUSH)]
        prepare(kept[1], None, address, None, linger)
        # Its socket is a task group, which no program can leave without closing it: this is as far as one can go.
        async with kept[1] as socket:
            for _ in range(100):
                await socket.asend(b"unsent")


# --- aiozmq ---


class AiozmqSocket(Socket):
    def __init__(self, stream: Any) -> None:
        self.stream = stream

    async def receive(self) -> Frames:
        return list(await self.stream.read())

    async def send(self, message: Frames) -> None:
        self.stream.write(message)
        await self.stream.drain()

    def send_now(self, message: Frames) -> None:
        self.stream.write(message)

    def connect(self, address: str) -> None:
        self.stream.transport.connect(address)

    def bind(self, address: str) -> None:
        self.stream.transport.bind(address)

    def subscribe(self, tag: bytes) -> None:
        self.stream.transport.subscribe(tag)

    def events(self) -> object:
        return self.stream.transport.getsockopt(zmq.EVENTS)

    def close(self) -> None:
        self.stream.close()


class Aiozmq(Library):
    """aiozmq's streams, on asyncio's own loop."""

    async def begin(self) -> None:
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
        return AiozmqSocket(await self.stream(type, bind, connect, mark))

    async def leave(self, address: str, linger: float) -> None:
        stream = await self.stream(zmq.PUSH, None, address, linger=linger)
        stream.write([b"unsent"])
        stream.close()

    async def forget(self, address: str, linger: float, kept: list[Any]) -> None:
        kept.append(await self.stream(zmq.PUSH, None, address, linger=linger))
        for _ in range(100):
            kept[0].write([b"unsent"])
