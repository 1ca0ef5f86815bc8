"""Callbacks for each message that comes and goes: the interface of pyzmq's ``ZMQStream``, without tornado.

The facts. pyzmq's ``ZMQStream`` is tornado's: it handles one message each time that the loop calls it, and its socket
is a plain one, which its program calls directly as well.

The design. A :class:`ZMQStream` stands at the desk of a socket of this face: that of the socket that it is given, or of
one that shares a plain socket. The desk keeps the rules of the descriptor; :mod:`~zmqbridge_asyncio.passing` has what
comes and what goes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import zmq
import zmq._future
from zmq.utils import jsonapi

from zmqbridge.connections.callbacks import check_handler
from zmqbridge.errors import ZmqBridgeError
from zmqbridge.socket import POLLIN, POLLOUT
from zmqbridge_asyncio.base import NOBLOCK
from zmqbridge_asyncio.calling import Callback
from zmqbridge_asyncio.desk import Desk
from zmqbridge_asyncio.loops import loop_of_the_caller
from zmqbridge_asyncio.passing import Incoming, Outgoing
from zmqbridge_asyncio.sending import act_of
from zmqbridge_asyncio.sockets import Socket

__all__ = ["ZMQStream"]

# What a stream has of its socket, besides what is its own.
_OF_THE_SOCKET = (
    "bind",
    "bind_to_random_port",
    "connect",
    "getsockopt",
    "getsockopt_string",
    "getsockopt_unicode",
    "setsockopt",
    "setsockopt_string",
    "setsockopt_unicode",
)


class ZMQStream:
    """Calls functions for each message that a socket receives and sends.

    Its interface is that of :class:`zmq.eventloop.zmqstream.ZMQStream`.

    Args:
        socket: a ``zmq.Socket``, plain or with futures. Close the stream, rather than the socket.
        io_loop: a loop of asyncio's, or tornado's for one; the loop that runs, or is to run, if it is left out.

    Attributes:
        io_loop: what it was given, or the loop.

    What a callback raises is logged, once a burst. A callback may be a coroutine function: its coroutines run in tasks
    of their own.
    """

    bind: Callable[..., Any]
    bind_to_random_port: Callable[..., int]
    connect: Callable[..., Any]
    getsockopt: Callable[..., Any]
    getsockopt_string: Callable[..., str]
    getsockopt_unicode: Callable[..., str]
    setsockopt: Callable[..., None]
    setsockopt_string: Callable[..., None]
    setsockopt_unicode: Callable[..., None]

    def __init__(self, socket: zmq.Socket[Any], io_loop: Any = None) -> None:
        self._loop: asyncio.AbstractEventLoop = getattr(io_loop, "asyncio_loop", io_loop) or loop_of_the_caller()
        self.io_loop: Any = io_loop or self._loop
        self._given = socket
        self._plain: zmq.Socket[Any] | None = None if isinstance(socket, zmq._future._AsyncSocket) else socket
        self._socket: Any = socket if isinstance(socket, Socket) else Socket.from_socket(socket)
        self._open = True
        self._send_callback: Callback | None = None
        self._close_callback: Callback | None = None
        self._desk: Desk = self._socket._on(self._loop)
        self._incoming = Incoming(self._desk, self.close)
        self._outgoing = Outgoing(self._desk, self._sent)
        for name in _OF_THE_SOCKET:
            setattr(self, name, getattr(self._socket, name))
        self._incoming.watch()

    @property
    def socket(self) -> zmq.Socket[Any] | None:
        """The socket, as a plain one; ``None`` once the stream is closed."""
        if self._open and self._plain is None:
            self._plain = zmq.Socket(shadow=self._socket.underlying)
        return self._plain if self._open else None

    # --- receiving ---

    def on_recv(self, callback: Callable[[list[Any]], object] | None, copy: bool = True) -> None:
        """Call a function with each message that comes, a list of its frames; it takes the place of the one before.

        Args:
            callback: ``None`` leaves messages where they are, from the next one on.
            copy: frames are ``bytes``, and else ``zmq.Frame`` objects.

        Raises:
            TypeError: if it cannot be called.
        """
        self._check()
        self._incoming.callback = self._called(callback)
        self._incoming.copy = copy
        self._incoming.watch()

    def on_recv_stream(self, callback: Callable[[ZMQStream, list[Any]], object] | None, copy: bool = True) -> None:
        """Likewise, with this stream as the first argument."""
        self.on_recv(self._with_this(callback), copy)

    def stop_on_recv(self) -> None:
        """Leave messages where they are, from the next one on."""
        self.on_recv(None)

    def receiving(self) -> bool:
        """Return whether a function is called with messages that come."""
        return self._incoming.callback is not None

    # --- sending ---

    def on_send(self, callback: Callable[[Any, Any], object] | None) -> None:
        """Call a function with each message that was sent, and what pyzmq's ``send_multipart`` returns for it.

        That is a ``zmq.MessageTracker``, or ``None``; or the error, where the message could not be sent.

        Raises:
            TypeError: if it cannot be called.
        """
        self._check()
        self._send_callback = self._called(callback)

    def on_send_stream(self, callback: Callable[[ZMQStream, Any, Any], object] | None) -> None:
        """Likewise, with this stream as the first argument."""
        self.on_send(self._with_this(callback))

    def stop_on_send(self) -> None:
        """Call nothing for what was sent."""
        self.on_send(None)

    def sending(self) -> bool:
        """Return whether something is still to be sent."""
        return bool(self._outgoing)

    def send(
        self,
        msg: Any,
        flags: int = 0,
        copy: bool = True,
        track: bool = False,
        callback: Callable[[Any, Any], object] | None = None,
        **kwargs: Any,
    ) -> None:
        """Send a message of one frame; see :meth:`send_multipart`."""
        self.send_multipart([msg], flags, copy, track, callback, **kwargs)

    def send_multipart(
        self,
        msg: Any,
        flags: int = 0,
        copy: bool = True,
        track: bool = False,
        callback: Callable[[Any, Any], object] | None = None,
        **kwargs: Any,
    ) -> None:
        """Send a message behind those that wait, in the loop's next turn at the earliest, as soon as there is room.

        Args:
            msg: its frames.
            flags, copy, track: as pyzmq's ``send_multipart`` has them.
            callback: takes the place of :meth:`on_send`'s, for all that is sent from now on.

        Raises:
            OSError: if the stream is closed.
            TypeError: if the callback cannot be called.
        """
        self._check()
        if callback is not None:
            self.on_send(callback)
        act = act_of(self._desk, msg, flags & ~NOBLOCK, copy, track, kwargs, several=True)
        self._outgoing.put(msg, act)

    def send_string(self, u: str, flags: int = 0, encoding: str = "utf-8", **kwargs: Any) -> None:
        """Send a text; see :meth:`send`."""
        if not isinstance(u, str):
            raise TypeError(f"send_string() sends a str, and this is {type(u).__name__}; send() sends bytes")
        self.send(u.encode(encoding), flags, **kwargs)

    send_unicode = send_string

    def send_json(self, obj: Any, flags: int = 0, **kwargs: Any) -> None:
        """Send an object as JSON, in UTF-8; see :meth:`send`."""
        self.send(jsonapi.dumps(obj), flags, **kwargs)

    def send_pyobj(self, obj: Any, flags: int = 0, protocol: int = -1, **kwargs: Any) -> None:
        """Send an object as pyzmq's sockets do, which pickle it; see :meth:`send`."""
        theirs: Any = zmq.Socket.send_pyobj
        theirs(self, obj, flags, protocol, **kwargs)

    # --- both ---

    def flush(self, flag: int = POLLIN | POLLOUT, limit: int | None = None) -> int:
        """Receive and send now what can be, with the callbacks; return how many messages that was.

        Args:
            flag: which of the two. Messages that come are received with no callback as well, and dropped then.
            limit: how many messages at most.

        Raises:
            OSError: if the stream is closed.
        """
        self._check()
        count, goes_on = 0, True
        try:
            while goes_on and self._open:
                goes_on = False
                for event, pass_one in ((POLLIN, self._incoming.take), (POLLOUT, self._outgoing.send_one)):
                    if flag & event and self._open and (not limit or count < limit) and pass_one():
                        count += 1
                        goes_on = True
        except ZmqBridgeError:
            self._socket.get(zmq.EVENTS)  # has pyzmq's own words for it
        finally:
            if self._open:
                self._desk.touch()
        return count

    def set_close_callback(self, callback: Callable[[], object] | None) -> None:
        """Call a function when the stream is closed, by whomever."""
        self._close_callback = self._called(callback)

    def close(self, linger: int | None = None) -> None:
        """Close the stream and its socket. What it has to send goes out as far as there is room; nothing else is called
        any more. Twice is no error.

        Args:
            linger: how many milliseconds libzmq may take to send the rest; as the socket's option says if left out.
        """
        if not self._open:
            return
        self._open = False
        self._incoming.callback = None
        self._socket.close(linger)
        self._outgoing.leave()
        if not self._given.closed:
            self._given.close(linger)
        if self._close_callback is not None:
            self._close_callback()

    def closed(self) -> bool:
        """Return whether the stream, or its socket, is closed."""
        if self._open and self._given.closed:
            self.close()
        return not self._open

    def _sent(self, message: Any, status: Any) -> None:
        if self._send_callback is not None and self._open:
            self._send_callback(message, status)

    def _called(self, function: Callable[..., object] | None) -> Callback | None:
        return None if function is None else Callback(function, self._describe, self._loop)

    def _with_this(self, callback: Callable[..., object] | None) -> Callable[..., object] | None:
        if callback is None:
            return None
        check_handler(callback)
        return partial(callback, self)

    def _describe(self) -> str:
        return f"the stream of {self._desk.name}"

    def _check(self) -> None:
        if self.closed():
            raise OSError("the stream is closed; make another, on a socket that is open")
        self._socket._on(self._loop)
