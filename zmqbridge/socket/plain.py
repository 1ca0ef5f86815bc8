"""A ``zmq.Socket`` with pyzmq alone: the specification of its faster kinds.

What is asked of libzmq, and why so, is told by the facts in :mod:`zmqbridge.socket`.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from sys import maxsize
from typing import Any, NoReturn

import zmq
import zmq.backend

from zmqbridge._native import BATCH_COST, FRAME_COST
from zmqbridge.endpoints import Endpoint, check_address
from zmqbridge.errors import (
    ConnectionClosed,
    ContextTerminated,
    EndpointError,
    LocalProtocolError,
    OptionError,
    PeerUnreachable,
    ZmqBridgeError,
)
from zmqbridge.options import SocketOptions

__all__ = ["BATCH_COST", "FRAME_COST", "NOBLOCK", "POLLIN", "POLLOUT", "Socket", "raise_failure", "raise_refusal"]

POLLIN = int(zmq.POLLIN)
POLLOUT = int(zmq.POLLOUT)

NOBLOCK = int(zmq.NOBLOCK)
NOBLOCK_SNDMORE = int(zmq.NOBLOCK | zmq.SNDMORE)

_SILENT_ABOUT_ROOM = frozenset(
    int(getattr(zmq, name)) for name in ("ROUTER", "PUB", "XPUB", "STREAM", "SERVER", "PEER", "RADIO")
)

_SEND_ONLY = frozenset(int(getattr(zmq, name)) for name in ("PUB", "PUSH", "RADIO", "SCATTER"))

# They swallow the rest of a message whose pipe died (fact 6).
_SWALLOWS = frozenset({int(zmq.PUSH), int(zmq.DEALER), int(zmq.REQ)})

_REMEDIES = {
    errno.EADDRINUSE: "the address is in use; choose another, or ':*' for any free port",
    errno.EADDRNOTAVAIL: "no interface of this machine has that address; bind '*' or one of its own",
    errno.ENODEV: "no interface of this machine has that name; bind '*' or one of its own",
    errno.EACCES: "this process may not listen there; a port below 1024 or that directory needs more rights",
    errno.ENOENT: "no such directory, or nothing of that name is bound or connected here",
    errno.ENAMETOOLONG: f"the path is too long; an ipc path has at most {zmq.IPC_PATH_MAX_LEN} bytes",
    errno.EINVAL: "libzmq cannot read it; write 'tcp://host:port', 'ipc://path' or 'inproc://name'",
    errno.ENOTCONN: "this connection is not connected there",
    int(zmq.EPROTONOSUPPORT): "this libzmq is built without that transport",
    int(zmq.ENOCOMPATPROTO): "this socket type cannot use that transport",
}


class Socket:
    """One ``zmq.Socket``, asked only questions that it answers at once.

    Every method may raise :exc:`~zmqbridge.ContextTerminated` or
    :exc:`~zmqbridge.ConnectionClosed`, and nothing else that is not said.

    Attributes:
        raw: the ``zmq.Socket`` itself.
        fd: its descriptor.
        tells_room: whether POLLOUT means that a send would now succeed. Where it does not,
            the only way to know is to try at each edge.
        receives: whether messages ever come in on this type of socket.
        input_pending: whether the latest read of EVENTS said that there is something to receive.
        views_from: frames of so many bytes and more are received as memoryviews of libzmq's own buffer.
        send_frame: pyzmq's own call, which sends a frame with some flags, or raises ``zmq.Again``.
        single: what a message of one frame is received as: ``None`` for a list of its frame. With anything
            else it is the frame itself, or what the extension makes of it for the decoder that asked for it.
    """

    kind: type[zmq.Socket[bytes]] = zmq.Socket

    def __init__(self, context: zmq.Context[Any], socket_type: int) -> None:
        try:
            name = zmq.SocketType(socket_type).name
        except ValueError:
            raise OptionError(f"{socket_type!r} is no ZeroMQ socket type; use one of zmq's, as in zmq.PUSH") from None
        self.type_name = name
        try:
            self.raw: zmq.Socket[bytes] = self.kind(context, socket_type)
        except zmq.ZMQError as error:
            if error.errno == errno.EINVAL:
                raise OptionError(f"this libzmq ({zmq.zmq_version()}) has no {name} sockets") from None
            if error.errno == errno.EMFILE:
                raise ZmqBridgeError(
                    f"no more sockets: the context allows {context.get(zmq.MAX_SOCKETS)}, or the process is out "
                    "of descriptors; close some, or raise the context's max_sockets or 'ulimit -n'"
                ) from None
            self._translate(error)
        try:
            self.fd: int = self.raw.FD
        except (zmq.ZMQError, RuntimeError):
            self.raw.close(0)
            raise OptionError(
                f"{name} is a draft type: this libzmq ({zmq.zmq_version()}) has no {name} sockets "
                "with a descriptor to wait for"
            ) from None
        self.tells_room = int(socket_type) not in _SILENT_ABOUT_ROOM
        self.receives = int(socket_type) not in _SEND_ONLY
        self.input_pending = False
        self.views_from = maxsize
        self.single: type[Any] | None = None
        self._swallows = int(socket_type) in _SWALLOWS
        self._recv: Callable[..., zmq.Frame] = self.raw.recv
        # The compiled class's method: the subclass's checks for options of draft sockets
        # that are not used here would double its cost.
        self.send_frame: Callable[[bytes, int], object] = zmq.backend.Socket.send.__get__(self.raw)
        self._get: Callable[[int], Any] = self.raw.get

    def receive(self, limit: int) -> tuple[list[Any], bool]:
        """Read messages until there are none, or ``limit`` of them, or about one mebibyte, or 4,096 frames.

        Returns:
            The messages, each a list of frames or as :attr:`single` says, and whether there were no more: then it
            is safe to wait for the descriptor (fact 3).
        """
        recv, views_from, bare = self._recv, self.views_from, self.single is not None
        copies = views_from == maxsize
        messages: list[Any] = []
        room = BATCH_COST
        try:
            for _ in range(limit):
                frame = recv(NOBLOCK, False, False)
                data: Any = frame.bytes if copies or len(frame) < views_from else frame.buffer.toreadonly()
                message = [data]
                while frame.more:
                    # The rest of a message is always there with its first frame.
                    frame = recv(NOBLOCK, False, False)
                    room -= len(data) + FRAME_COST
                    data = frame.bytes if copies or len(frame) < views_from else frame.buffer.toreadonly()
                    message.append(data)
                messages.append(data if bare and len(message) == 1 else message)
                room -= len(data) + FRAME_COST
                if room <= 0:
                    break
        except zmq.Again:
            return messages, True
        except zmq.ZMQError as error:
            if not messages:
                self._translate(error)
        return messages, False

    def send(self, frames: Sequence[bytes]) -> bool:
        """Send a message whole, if there is room.

        Returns:
            Whether it was sent. If not, nothing of it was, the latest state of EVENTS is in
            :attr:`input_pending`, and room that comes later makes the descriptor readable.

        Raises:
            PeerUnreachable: if a router has no such peer.
        """
        send = self.send_frame
        last = len(frames) - 1
        looked = False
        while True:
            index = 0
            try:
                while index < last:
                    send(frames[index], NOBLOCK_SNDMORE)
                    index += 1
                send(frames[index], NOBLOCK)
                return True
            except zmq.Again:
                if self._swallows and 0 < index < last:
                    self._forget_the_rest()
            except zmq.ZMQError as error:
                self._refused(frames, error)
            if not self.events() & POLLOUT or (looked and not self.tells_room):
                return False
            looked = True

    def _refused(self, frames: Sequence[bytes], error: zmq.ZMQError) -> NoReturn:
        raise_refusal(self.type_name, frames, error)

    def _forget_the_rest(self) -> None:
        try:
            self.send_frame(b"", NOBLOCK)
        except zmq.ZMQError as error:
            self._translate(error)

    def events(self) -> int:
        """Process libzmq's commands and return what is ready: POLLIN and POLLOUT, or-ed."""
        try:
            events = int(self._get(zmq.EVENTS))
        except zmq.ZMQError as error:
            self._translate(error)
        self.input_pending = bool(events & POLLIN)
        return events

    def apply(self, options: SocketOptions) -> None:
        """Set all that the options name.

        Raises:
            OptionError: for one that this libzmq, or this type of socket, refuses.
        """
        for name, option, value in options.libzmq_values():
            try:
                self.raw.set(getattr(zmq, option), value)
            except (zmq.ZMQError, AttributeError) as error:
                raise OptionError(
                    f"libzmq {zmq.zmq_version()} refuses {name} for a {self.type_name} socket: {error}"
                ) from None
        if options.memoryview_from is not None:
            self.views_from = options.memoryview_from

    def get_option(self, option: int) -> Any:
        """Return one of libzmq's options by number."""
        try:
            return self.raw.get(option)
        except zmq.ZMQError as error:
            self._translate_option("read", option, None, error)

    def set_option(self, option: int, value: int | bytes | str) -> None:
        """Set one of libzmq's options by number."""
        try:
            if isinstance(value, str):
                self.raw.set_string(option, value)
            else:
                self.raw.set(option, value)
        except (zmq.ZMQError, TypeError, OverflowError) as error:
            self._translate_option("set", option, value, error)

    def _translate_option(self, verb: str, option: int, value: object, error: Exception) -> NoReturn:
        if isinstance(error, zmq.ZMQError) and error.errno in (zmq.ETERM, zmq.ENOTSOCK):
            self._translate(error)
        to = "" if value is None else f" to {value!r}"
        raise OptionError(f"a {self.type_name} socket cannot {verb} option {option!r}{to}: {error}") from None

    def bind(self, address: str) -> Endpoint:
        """Listen at an address, and return it as libzmq resolved it."""
        self._change("bind", self.raw.bind, address)
        resolved: bytes = self._get(zmq.LAST_ENDPOINT)
        return Endpoint("bind", resolved.rstrip(b"\0").decode())

    def connect(self, address: str) -> Endpoint:
        """Connect to an address."""
        self._change("connect", self.raw.connect, address)
        return Endpoint("connect", address)

    def unbind(self, address: str) -> None:
        """Stop listening at an address."""
        self._change("unbind", self.raw.unbind, address)

    def disconnect(self, address: str) -> None:
        """Disconnect from an address."""
        self._change("disconnect", self.raw.disconnect, address)

    def _change(self, verb: str, change: Callable[[str], object], address: str) -> None:
        check_address(address)
        try:
            change(address)
        except zmq.ZMQError as error:
            if error.errno in (zmq.ETERM, zmq.ENOTSOCK):
                self._translate(error)
            number = error.errno or errno.EINVAL
            remedy = _REMEDIES.get(number, str(error))
            raise EndpointError(f"cannot {verb} a {self.type_name} socket to {address!r}: {remedy}", number) from None

    def close(self, linger: int | None = None) -> None:
        """Close the socket; libzmq goes on sending what it has queued, for the linger period."""
        self.raw.close(linger)

    def _translate(self, error: zmq.ZMQError) -> NoReturn:
        raise_failure(self.type_name, error)


def raise_refusal(type_name: str, frames: Sequence[bytes], error: zmq.ZMQError) -> NoReturn:
    """Raise what libzmq's error means for a message that was to be sent on a socket of this type."""
    if error.errno == errno.EHOSTUNREACH:
        raise PeerUnreachable(f"no peer {frames[0]!r} is connected to this router") from None
    raise_failure(type_name, error)


def raise_failure(type_name: str, error: zmq.ZMQError) -> NoReturn:
    """Raise what libzmq's error means for a socket of this type."""
    if error.errno == zmq.ETERM:
        raise ContextTerminated("the ZeroMQ context was terminated; close the connection") from None
    if error.errno == zmq.ENOTSOCK:
        raise ConnectionClosed("the socket was closed by other code; open another connection") from None
    if error.errno == zmq.ENOTSUP:
        raise LocalProtocolError(f"a {type_name} socket goes one way only; it does not do this") from None
    if error.errno == zmq.EFSM:
        raise LocalProtocolError(
            f"a {type_name} socket sends and receives by turns, and it is not the turn of this; "
            "a requester or a replier has no turns"
        ) from None
    raise ZmqBridgeError(f"libzmq failed: {error}") from error
