"""txZMQ's handlers, and zmqbridge's with the same interface.

A case is written for an awaitable receive. Here one waits for the next message that the handler gets, and goes on
within the handler, as a program's own lines would: so nothing comes between the library and the case.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

import zmq

from benchmarks.guarantees.libraries.library import UNSENT, Ask, Frames, Library, Parked, Request, Socket
from benchmarks.guarantees.loops import OnTwisted

__all__ = ["Handlers"]

# Its class for a type of socket, and what it calls with a message. It has none for PAIR.
CLASSES = {
    zmq.PULL: ("ZmqPullConnection", "onPull"),
    zmq.PUSH: ("ZmqPushConnection", ""),
    zmq.DEALER: ("ZmqDealerConnection", "gotMessage"),
    zmq.ROUTER: ("ZmqRouterConnection", "gotMessage"),
    zmq.SUB: ("ZmqSubConnection", "gotMessage"),
    zmq.REP: ("ZmqREPConnection", "gotMessage"),
    zmq.XPUB: ("ZmqConnection", "messageReceived"),
}


class HandlersSocket(Socket):
    """A connection whose handler keeps each message until it is asked for."""

    def __init__(self, tx: Any) -> None:
        super().__init__(None)
        self._tx = tx
        self._got: deque[Frames] = deque()
        self._waiting: Any = None

    def handle(self, *message: Any) -> None:
        self._got.append(list(message))
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    async def receive(self) -> Frames:
        from twisted.internet.defer import Deferred

        while not self._got:
            self._waiting = Deferred()
            await self._waiting
        return self._got.popleft()

    async def send(self, message: Frames) -> None:
        self.raw.send(message)

    async def send_waiting(self, message: Frames) -> None:
        if hasattr(self.raw, "sendDeferred"):
            await self.raw.sendDeferred(message)
        else:
            self.raw.send(message)

    def send_now(self, message: Frames) -> None:
        self.raw.send(message)

    def connect(self, address: str) -> None:
        self.raw.addEndpoints([self._tx.ZmqEndpoint("connect", address)])

    def bind(self, address: str) -> None:
        self.raw.addEndpoints([self._tx.ZmqEndpoint("bind", address)])

    def subscribe(self, tag: bytes) -> None:
        self.raw.subscribe(tag)

    def events(self) -> object:
        return self.raw.socket.getsockopt(zmq.EVENTS)

    def setsockopt(self, option: int, value: int | bytes) -> None:
        self.raw.socket.setsockopt(option, value)

    def close(self) -> None:
        self.raw.shutdown()


class Handlers(Library):
    """A library with txZMQ's interface, and its factory.

    Args:
        module: its package.
    """

    def __init__(self, module: str) -> None:
        super().__init__(OnTwisted())
        self.tx: Any = import_module(module)

    @property
    def context(self) -> zmq.Context[zmq.Socket[bytes]]:
        context: zmq.Context[zmq.Socket[bytes]] = self.factory.context
        return context

    async def begin(self, *, stays_open: bool = False) -> None:
        self.factory: Any = self.tx.ZmqFactory()
        if not stays_open:
            self.factory.registerForShutdown()

    def make(self, name: str, bind: str | None, connect: str | None, mark: int | None = None, **members: Any) -> Any:
        """Return a connection of one of its classes, with further members."""
        endpoint = self.tx.ZmqEndpoint("bind", bind) if bind else self.tx.ZmqEndpoint("connect", connect)
        cls = type(name, (getattr(self.tx, name),), {"highWaterMark": mark or 0, "mandatory": True, **members})
        return cls(self.factory, endpoint)

    async def open(
        self, type: int, *, bind: str | None = None, connect: str | None = None, mark: int | None = None
    ) -> Socket:
        return self.open_at_once(type, bind=bind, connect=connect, mark=mark)

    def open_at_once(
        self, type: int, *, bind: str | None = None, connect: str | None = None, mark: int | None = None
    ) -> HandlersSocket:
        name, handler = CLASSES[zmq.SocketType(type)]
        socket = HandlersSocket(self.tx)
        handlers: dict[str, Callable[..., None]] = {
            "onPull": lambda _, message: socket.handle(*message),
            "gotMessage": lambda _, *message: socket.handle(*message),
            "messageReceived": lambda _, message: socket.handle(*message),
        }
        members: dict[str, Any] = {handler: handlers[handler]} if handler else {}
        if name == "ZmqConnection":
            members["socketType"] = type
        socket.raw = self.make(name, bind, connect, mark, **members)
        return socket

    async def drop(self, address: str) -> None:
        self.tx.ZmqPullConnection(self.tx.ZmqFactory(), self.tx.ZmqEndpoint("bind", address))

    def log_with_python(self) -> None:
        from twisted.python.log import PythonLoggingObserver

        PythonLoggingObserver().start()

    async def leave(self, address: str, linger: float) -> None:
        factory = self.tx.ZmqFactory()
        factory.lingerPeriod = int(linger * 1000)
        self.tx.ZmqPushConnection(factory, self.tx.ZmqEndpoint("connect", address)).push(b"unsent")
        ended = factory.shutdown()
        if ended is not None:
            await ended

    async def forget(self, address: str, linger: float) -> None:
        self.factory.lingerPeriod = int(linger * 1000)
        push = self.make("ZmqPushConnection", None, address)
        self.keep(push)
        for message in UNSENT:
            push.push(message[0])

    async def park(self, address: str) -> Parked:
        request = self.make("ZmqREQConnection", None, address)
        self.plain(zmq.ROUTER, bind=address)

        async def ask() -> Any:
            return await request.sendMsg(b"x")

        return Parked(self.loop.spawn(ask), request.shutdown, "(a request) ")

    def requester(self, address: str) -> Ask:
        request = self.make("ZmqREQConnection", None, address)

        async def ask(part: bytes, timeout: float) -> Frames:
            frames: Frames = await request.sendMsg(part, timeout=timeout)
            return frames

        return ask

    def replier(self, address: str, mark: int | None = None) -> Callable[[], Awaitable[Request]]:
        socket = self.open_at_once(zmq.REP, bind=address, mark=mark)

        async def receive() -> Request:
            id, *parts = await socket.receive()

            async def reply() -> None:
                with suppress(KeyError, zmq.Again):
                    socket.raw.reply(id, *parts)

            return parts, reply

        return receive

    async def handle(self, address: str, handler: Callable[[Frames], None]) -> None:
        self.keep(self.make("ZmqPullConnection", address, None, onPull=lambda _, message: handler(message)))
