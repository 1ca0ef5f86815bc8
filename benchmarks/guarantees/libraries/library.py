"""The interface of a library that the cases are written against, and what the libraries have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import zmq

from benchmarks.guarantees.loops import Loop, Task

__all__ = ["UNSENT", "Ask", "Frames", "Library", "Parked", "Request", "Socket", "prepare"]

Frames = list[bytes]
Ask = Callable[[bytes, float], Awaitable[Frames]]
"""Sends a request of one frame, and waits so many seconds for its reply."""
Request = tuple[Frames, Callable[[], Awaitable[None]]]
"""A request's frames, and what answers it with the same."""
UNSENT = [[b"unsent"]] * 100
"""What a program sends that ends."""


class Socket(ABC):
    """A socket of a library.

    Args:
        raw: the library's own.
        wired: what has the methods that neither send nor receive, where that is another object.
    """

    def __init__(self, raw: Any, wired: Any = None) -> None:
        self.raw = raw
        self.wired = wired or raw

    @abstractmethod
    def receive(self) -> Awaitable[Frames]:
        """Wait for a message."""

    @abstractmethod
    def send(self, message: Frames) -> Awaitable[object]:
        """Send a message, and wait where the library waits."""

    def send_waiting(self, message: Frames) -> Awaitable[object]:
        """Send a message, and wait where the library has anything that waits."""
        return self.send(message)

    @abstractmethod
    def send_now(self, message: Frames) -> None:
        """Send a message without awaiting anything."""

    def connect(self, address: str) -> None:
        """Connect to one more address."""
        self.wired.connect(address)

    def bind(self, address: str) -> None:
        """Bind to one more address."""
        self.wired.bind(address)

    def subscribe(self, tag: bytes) -> None:
        """Subscribe to one more tag."""
        self.wired.subscribe(tag)

    def events(self) -> object:
        """Read the option EVENTS, as a program does that looks for itself."""
        return self.wired.getsockopt(zmq.EVENTS)

    def setsockopt(self, option: int, value: int | bytes) -> None:
        """Set an option of libzmq's."""
        self.wired.setsockopt(option, value)

    def close(self) -> None:
        """Close it, without awaiting anything."""
        self.raw.close()


@dataclass
class Parked:
    """What waits on a socket.

    Attributes:
        task: the operation.
        close: closes the socket, without awaiting anything.
        kind: what waits, where it is no receive.
    """

    task: Task
    close: Callable[[], object]
    kind: str = ""

    @property
    def outcome(self) -> str:
        """In words, how it ended."""
        return f"{self.kind}{self.task.outcome}"


class Library(ABC):
    """A library on a loop."""

    full: tuple[type[Exception], ...] = (zmq.Again,)
    """What a send that cannot be made now raises."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.stack = AsyncExitStack()
        self._kept: list[object] = []

    @property
    def context(self) -> zmq.Context[zmq.Socket[bytes]]:
        """The process's one ZeroMQ context."""
        return zmq.Context.instance()

    @abstractmethod
    async def begin(self, *, stays_open: bool = False) -> None:
        """Called on the loop before the first socket is opened.

        Args:
            stays_open: the loop is to end with its sockets open, even where the library would close them.
        """

    @abstractmethod
    async def open(
        self, type: int, *, bind: str | None = None, connect: str | None = None, mark: int | None = None
    ) -> Socket:
        """Open a socket, its high-water marks as given, its linger zero."""

    @abstractmethod
    async def leave(self, address: str, linger: float) -> None:
        """Open a PUSH socket in a context of its own, send one message, and close both the library's way."""

    @abstractmethod
    async def forget(self, address: str, linger: float) -> None:
        """Open a PUSH socket in a context of its own, send 100 messages, and keep it open."""

    @abstractmethod
    async def drop(self, address: str) -> None:
        """Open a socket in a context of its own, bind it, and forget both without closing them."""

    def log_with_python(self) -> None:  # noqa: B027 (most do)
        """Have the library's log lines go to Python's logging, where they do not yet."""

    async def open_and_close(self, address: str) -> None:
        """Open a socket that is bound to an address, and close it the library's way."""
        socket = await self.open(zmq.PULL, bind=address)
        socket.close()

    async def park(self, address: str) -> Parked:
        """Have something wait at an address for what does not come."""
        socket = await self.open(zmq.PULL, bind=address)
        return Parked(self.loop.spawn(socket.receive), socket.close)

    def requester(self, address: str) -> Ask:
        """Return what makes requests at an address."""
        raise NotImplementedError

    def replier(self, address: str, mark: int | None = None) -> Callable[[], Awaitable[Request]]:
        """Return what waits for the requests that come to an address."""
        raise NotImplementedError

    async def handle(self, address: str, handler: Callable[[Frames], None]) -> None:
        """Have a handler get what comes to an address."""
        raise NotImplementedError

    def keep(self, *things: object) -> None:
        """Keep things until this process ends."""
        self._kept.extend(things)

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
        prepare(socket, bind, connect, mark)
        self.keep(socket)
        return socket


def prepare(socket: Any, bind: str | None, connect: str | None, mark: int | None = None, linger: float = 0) -> None:
    """Set the options of a socket of pyzmq's class, and connect it."""
    socket.linger = int(linger * 1000)
    if mark is not None:
        socket.sndhwm = socket.rcvhwm = mark
    if socket.type == zmq.ROUTER:
        socket.router_mandatory = 1
    if bind is not None:
        socket.bind(bind)
    if connect is not None:
        socket.connect(connect)
