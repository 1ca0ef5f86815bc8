"""What every socket of zmq.asyncio's interface has: its desk, its options and endpoints, and its end.

The facts. A socket is used on one loop after another, and by code that knows nothing of its futures: through its
address, through a plain socket that is made of it, synchronously. Whatever calls it may use up what its descriptor
would have said.

The design. The :class:`~zmqbridge_asyncio.desk.Desk` of a socket is made when it is first needed, and moves to the
loop that runs. Each call that is no receive and no send touches it. A socket whose address was given away is *shared*:
others call it, and nobody hears of that.
"""

from __future__ import annotations

import asyncio
import warnings
from asyncio import Future
from collections.abc import Callable
from typing import Any

import zmq
import zmq.asyncio

from zmqbridge._guessing import seed_routing_ids
from zmqbridge.socket import POLLIN
from zmqbridge.waiting.turn import TURN_LIMIT, check_turn_limit
from zmqbridge_asyncio.at_once import AtOnce
from zmqbridge_asyncio.desk import Desk
from zmqbridge_asyncio.futures import Pending
from zmqbridge_asyncio.loops import loop_of_the_caller

__all__ = ["EVENTS", "NOBLOCK", "Base"]

NOBLOCK = int(zmq.NOBLOCK)
EVENTS = int(zmq.EVENTS)
TIMES = frozenset({int(zmq.RCVTIMEO), int(zmq.SNDTIMEO)})

_running = asyncio._get_running_loop


class Base(zmq.asyncio.Socket):
    """A ZeroMQ socket with a desk.

    Attributes:
        turn_limit: how many messages one turn of the loop receives, and how many it sends, where each is awaited. A
            subclass may set it, or the class for all.
    """

    turn_limit: int = TURN_LIMIT

    _desk: Desk | None = None
    _at_once: AtOnce | None = None
    _waits: dict[int, int] | None = None
    _shared: bool = False

    def __init__(
        self,
        context: Any = None,
        socket_type: int = -1,
        io_loop: Any = None,
        _from_socket: zmq.Socket[Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(context, zmq.Socket):
            context, _from_socket = None, context
        if _from_socket is not None:
            zmq.Socket.__init__(self, shadow=_from_socket)  # type: ignore[arg-type]
        else:
            seed_routing_ids()
            zmq.Socket.__init__(self, context, socket_type, **kwargs)  # type: ignore[arg-type]
        if io_loop is not None:
            warnings.warn(
                "Socket(io_loop=...) is ignored: the loop that runs is used", DeprecationWarning, stacklevel=2
            )
        self._shared = bool(self._shadow)

    @classmethod
    def from_socket(cls, socket: zmq.Socket[Any], io_loop: Any = None) -> Any:
        """Return one that uses the same ZeroMQ socket as a plain one."""
        return cls(_from_socket=socket, io_loop=io_loop)

    # --- what is given away ---

    @property
    def underlying(self) -> int:
        """The address of libzmq's socket. Whoever has it may call the socket, and nobody hears of that."""
        self._share()
        address: int = super().underlying
        return address

    @property
    def _shadow_sock(self) -> Any:
        """The plain socket for the same ZeroMQ socket."""
        self._share()
        return self._here().channel.socket.raw

    def _share(self) -> None:
        if not self._shared:
            self._shared = True
            if self._desk is not None:
                self._desk.shared = True

    # --- the desk ---

    def _here(self) -> Desk:
        """Return the desk, on the loop that runs."""
        desk = self._desk or self._make_desk()
        if not desk.is_here(_running()) and desk.channel.guard.open:
            loop = loop_of_the_caller()
            if not desk.is_here(loop):
                desk.move(loop)
        return desk

    def _make_desk(self) -> Desk:
        address: Any = _Address(self)
        desk = self._desk = Desk(address, shared=self._shared, turn_limit=check_turn_limit(self.turn_limit))
        self._at_once = desk.at_once
        return desk

    def _on(self, loop: asyncio.AbstractEventLoop) -> Desk:
        """Return the desk, on a loop that may be still to run."""
        desk = self._desk or self._make_desk()
        if not desk.is_here(loop) and desk.channel.guard.open:
            desk.move(loop)
        return desk

    # --- what receives and sends have in common ---

    def _now(self, desk: Desk, act: Callable[[], Any]) -> Any:
        """Return a future of what can be done now, or of why it cannot."""
        future: Future[Any] = Future(loop=loop_of_the_caller())
        try:
            if self.closed:
                raise zmq.ZMQError(zmq.ENOTSOCK)
            future.set_result(act())
        except Exception as error:
            future.set_exception(error)
        finally:
            desk.touch()
        return future

    def _failed(self, error: Exception) -> Any:
        future: Future[Any] = Future(loop=loop_of_the_caller())
        future.set_exception(error)
        return future

    def _limit(self, pending: Pending, option: int) -> None:
        """Have an operation that waits end in time."""
        milliseconds = self._waits.get(option, -1) if self._waits and not self._shared else -1
        if self._shared:
            milliseconds = int(zmq.Socket.get(self, option))
        if milliseconds >= 0:
            pending.expire_after(milliseconds)

    # --- options, endpoints and the end ---

    def get(self, key: int) -> Any:
        """Return an option."""
        if key != EVENTS or self._desk is None or not self._desk.channel.guard.open:
            return zmq.Socket.get(self, key)
        events = zmq.Socket.get(self, key)
        self._desk.touch()
        return events | POLLIN if self._desk.source.kept else events  # type: ignore[operator]

    getsockopt = get  # type: ignore[assignment]

    def set(self, option: int, optval: Any) -> None:
        """Set an option."""
        zmq.Socket.set(self, option, optval)
        if option in TIMES:
            if self._waits is None:
                self._waits = {}
            self._waits[int(option)] = optval

    setsockopt = set  # noqa: A003

    def _touch(self) -> None:
        if self._desk is not None and self._desk.channel.guard.open:
            self._desk.touch()

    def bind(self, addr: str) -> Any:
        """Listen at an address."""
        try:
            return super().bind(addr)
        finally:
            self._touch()

    def connect(self, addr: str) -> Any:
        """Connect to an address."""
        try:
            return super().connect(addr)
        finally:
            self._touch()

    def unbind(self, addr: Any) -> None:
        """Listen no more."""
        try:
            super().unbind(addr)
        finally:
            self._touch()

    def disconnect(self, addr: Any) -> None:
        """Disconnect."""
        try:
            super().disconnect(addr)
        finally:
            self._touch()

    def close(self, linger: int | None = None) -> None:
        """Close the socket; what waits for it is cancelled, and says why."""
        if self._desk is not None:
            self._desk.close()
        zmq.Socket.close(self, linger)


class _Address:
    """A socket's address and type, asked for without telling the socket that it is given away."""

    def __init__(self, socket: Base) -> None:
        self._socket = socket

    @property
    def underlying(self) -> int:
        address: int = zmq.Socket.underlying.__get__(self._socket)
        return address

    def get(self, option: int) -> Any:
        return zmq.Socket.get(self._socket, option)
