"""The only file that calls a ``zmq.Socket``: libzmq's rules, made plain calls that never wait.

The facts (libzmq 4.x; its pages ``zmq_getsockopt``, ``zmq_send``, ``zmq_recv``, and its
sources ``socket_base.cpp``, ``lb.cpp``, ``router.cpp``, ``pair.cpp``).

1. ``ZMQ_FD`` is the mailbox of commands from libzmq's I/O thread, not the network. It
   becomes readable when a command comes, for incoming and outgoing readiness alike,
   and stays so until some call processes the commands: ``recv`` that finds nothing,
   a read of ``ZMQ_EVENTS``, now and then any other.
2. Processing the commands consumes the edge. Whatever they said must be acted on then:
   the descriptor will not say it again.
3. After a ``recv`` that returned EAGAIN nothing is left to read, and the next message
   makes the descriptor readable: waiting for it is safe.
4. ``send`` looks at the commands at most once a millisecond or so, so its EAGAIN may be out
   of date: read EVENTS, which always looks, and try once more.
5. A ROUTER says POLLOUT where any of its peers has room; a STREAM, and a PUB or XPUB that may not
   drop, always do. It tells nothing of the one peer that matters: see :attr:`Socket.tells_room`.
6. A multipart message goes whole or not at all, whatever becomes of its pipe between two frames. What
   libzmq has of it is dropped with the pipe. Then PUSH and DEALER answer EAGAIN to the next frame and swallow the
   rest up to the message's last one: so that one is sent, empty, and the message can be sent again from its first
   frame. If they hear of the pipe's end before that frame, they swallow the rest and say that it was sent, as a
   ROUTER always does: the message is lost like whatever else was queued for that peer. A PAIR answers
   EAGAIN and swallows nothing, so there nothing is to be ended.
   One gap is libzmq's, and nothing here can close it: a PAIR that hears of the old peer's end *and* of a new one
   between two frames sends the new one the rest. With no call but ``send`` in between it looks at its commands
   once at most between two frames. Within that one look would have to come the end, then its confirmation by another
   thread, which follows on that look, and then the new peer. In 6,000 deaths under load, with a pause between the
   frames, that never was; with a read of EVENTS there as well, it was. So nothing here looks in mid-message.
7. EINTR: pyzmq makes an interrupted call again, once Python's own handlers have run, and the extension does as
   well. Where RCVMORE is called with ctypes and fails, pyzmq is asked.

Costs, in nanoseconds a call with pyzmq 27.3 on CPython 3.11: ``recv(NOBLOCK, copy=False)``
with ``.more`` and ``.bytes`` 640; ``get(RCVMORE)`` 780; ``get(EVENTS)`` 1400; a ``recv``
that raises EAGAIN 3200; ``send`` of pyzmq's compiled class 180, of its Python subclass
380; ``recv(NOBLOCK)`` of the compiled class 150; RCVMORE of libzmq's own function, called with ctypes, 220.

The consequence: :meth:`Socket.drain` reads many messages a call, asks each frame
whether more follow, pays for one exception a batch, and tells whether it came to the end.
:class:`LeanSocket` asks libzmq itself whether more follow, where pyzmq's libzmq can be called. Where the C
extension is, :class:`FastSocket` does the same in one call of libzmq's own functions.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from sys import maxsize
from typing import Any, NoReturn

import zmq
import zmq.backend

from zmqbridge._fast import Option, load, load_option
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
from zmqbridge.framing import SEPARATOR, Message, new_tuple
from zmqbridge.options import SocketOptions

__all__ = [
    "NOBLOCK",
    "POLLIN",
    "POLLOUT",
    "FastSocket",
    "LeanSocket",
    "Refused",
    "Socket",
    "fast_items",
    "open_socket",
    "speedups_enabled",
]

Refused = zmq.ZMQError

_speedups = load()
_read_option = load_option()
speedups_enabled = _speedups is not None

POLLIN = int(zmq.POLLIN)
POLLOUT = int(zmq.POLLOUT)

NOBLOCK = int(zmq.NOBLOCK)
NOBLOCK_SNDMORE = int(zmq.NOBLOCK | zmq.SNDMORE)

# What a batch may cost: its bytes, and for each frame about as much again as copying this many of them.
BATCH_COST = 1 << 20
FRAME_COST = 256
# Where no message has more than one frame of so many bytes, a batch's number of messages bounds its cost well enough.
SMALL = 1024

# As in zmqbridge/_speedups.c.
SHARED_FROM = 65536

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
        shared_from: frames of so many bytes and more are sent without being copied, by :meth:`try_once`.
        send_frame: pyzmq's own call, which sends a frame with some flags, or raises :data:`Refused`.
        publication: the named tuple that publications may be received as, where that is faster; ``None`` for frames.
    """

    def __init__(self, context: zmq.Context[Any], socket_type: int) -> None:
        try:
            name = zmq.SocketType(socket_type).name
        except ValueError:
            raise OptionError(f"{socket_type!r} is no ZeroMQ socket type; use one of zmq's, as in zmq.PUSH") from None
        self.type_name = name
        try:
            self.raw: zmq.Socket[bytes] = zmq.Socket(context, socket_type)
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
        self.publication: type[Any] | None = None
        self._swallows = int(socket_type) in _SWALLOWS
        self.shared_from = maxsize
        self._recv: Callable[..., zmq.Frame] = self.raw.recv
        # The compiled class's method: the subclass's checks for options of draft sockets
        # that are not used here would double its cost.
        self.send_frame: Callable[[bytes, int], object] = zmq.backend.Socket.send.__get__(self.raw)
        self._get: Callable[[int], Any] = self.raw.get

    def drain(self, limit: int) -> tuple[list[list[bytes]], bool]:
        """Read messages until there are none, or ``limit`` of them, or about one mebibyte, or 4,096 frames.

        Returns:
            The messages, and whether there were no more: then it is safe to wait for the
            descriptor (fact 3).
        """
        recv, views_from = self._recv, self.views_from
        copies = views_from == maxsize
        messages: list[list[bytes]] = []
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
                messages.append(message)
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
        if self.try_once(frames):
            return True
        while self.events() & POLLOUT:
            if self.try_once(frames):
                return True
            if not self.tells_room:
                self.events()
                break
        return False

    def send_batch(self, messages: list[Message], start: int, limit: int) -> int:
        """Send messages from an index on, while there is room, up to one that needs conversion.

        Args:
            messages: as a caller gave them.
            start: the index of the first.
            limit: how many at most.

        Returns:
            How many were sent; what stopped it, :meth:`send` will say.
        """
        for index in range(start, min(start + limit, len(messages))):
            message = messages[index]
            if type(message) is not bytes or not self.try_once((message,)):
                return index - start
        return min(limit, len(messages) - start)

    def try_once(self, frames: Sequence[bytes]) -> bool:
        """Send a message whole if libzmq knows of room without looking (fact 4), and return whether it was sent.

        Raises:
            PeerUnreachable: as :meth:`send`.
        """
        send = self.send_frame
        last = len(frames) - 1
        index = 0
        try:
            while index < last:
                send(frames[index], NOBLOCK_SNDMORE)
                index += 1
            send(frames[index], NOBLOCK)
        except zmq.Again:
            if self._swallows and 0 < index < last:
                self._forget_the_rest()
            return False
        except zmq.ZMQError as error:
            self._refused(frames, error)
        return True

    def _refused(self, frames: Sequence[bytes], error: zmq.ZMQError) -> NoReturn:
        if error.errno == errno.EHOSTUNREACH:
            raise PeerUnreachable(f"no peer {frames[0]!r} is connected to this router") from None
        self._translate(error)

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
        if error.errno == zmq.ETERM:
            raise ContextTerminated("the ZeroMQ context was terminated; close the connection") from None
        if error.errno == zmq.ENOTSOCK:
            raise ConnectionClosed("the socket was closed by other code; open another connection") from None
        if error.errno == zmq.ENOTSUP:
            raise LocalProtocolError(f"a {self.type_name} socket goes one way only; it does not do this") from None
        if error.errno == zmq.EFSM:
            raise LocalProtocolError(
                f"a {self.type_name} socket sends and receives by turns, and it is not the turn of this; "
                "a requester or a replier has no turns"
            ) from None
        raise ZmqBridgeError(f"libzmq failed: {error}") from error


class LeanSocket(Socket):
    """The same with libzmq's own answers to what is asked most: whether more frames follow, and what is ready.

    What is received need not be wrapped to be asked whether more follow. And where one message comes at a time,
    EVENTS says that there are no more, at a third of what the exception costs that a ``recv`` in vain raises.
    """

    def __init__(self, context: zmq.Context[Any], socket_type: int) -> None:
        super().__init__(context, socket_type)
        assert _read_option is not None
        handle = int(self.raw.underlying)
        self._read: Callable[[int], bytes] = zmq.backend.Socket.recv.__get__(self.raw)
        self._more = Option(_read_option, handle, int(zmq.RCVMORE))
        self._events = Option(_read_option, handle, int(zmq.EVENTS))
        # The others have their own errors for a recv that is not their turn.
        self._asks_first = self.receives and int(socket_type) not in (zmq.REQ, zmq.REP)

    def drain(self, limit: int) -> tuple[list[list[bytes]], bool]:
        if self.views_from != maxsize:
            return super().drain(limit)
        read, more, publication = self._read, self._more, self.publication
        ask, arguments, follows = more.read, more.arguments, more.value
        messages: list[Any] = []
        room = BATCH_COST
        try:
            for part in (1, limit - 1) if self._asks_first else (limit,):
                if self._asks_first and not self.events() & POLLIN:
                    return messages, True
                for _ in range(part):
                    data = read(NOBLOCK)
                    if ask(*arguments) or follows.value or len(data) > SMALL:
                        messages.append([data])
                        room -= self._complete(messages)
                        if room <= 0:
                            return messages, False
                    elif publication is None:
                        messages.append([data])
                    else:
                        tag, found, text = data.partition(SEPARATOR)
                        messages.append(new_tuple(publication, (tag, text)) if found else [data])
        except zmq.Again:
            return messages, True
        except zmq.ZMQError as error:
            if not messages:
                self._translate(error)
        return messages, False

    def _complete(self, messages: list[list[bytes]]) -> int:
        """Read the frames behind the first of the latest message, if there are any; return what the message cost."""
        read, more = self._read, self._more
        message = messages.pop()
        cost = len(message[0]) + FRAME_COST
        while True:
            if more.read(*more.arguments):
                more.value.value = self._get(zmq.RCVMORE)  # or it raises what is wrong
            if not more.value.value:
                break
            data = read(NOBLOCK)
            message.append(data)
            cost += len(data) + FRAME_COST
        messages.append(message)
        return cost

    def events(self) -> int:
        asked = self._events
        # libzmq's own function is given an address, and cannot see that the socket is closed; pyzmq can.
        if self.raw.closed or asked.read(*asked.arguments):
            return super().events()
        events = int(asked.value.value)
        self.input_pending = bool(events & POLLIN)
        return events


class FastSocket(Socket):
    """The same, a batch a call: :class:`Socket` with the C extension for what is asked most often."""

    def __init__(self, context: zmq.Context[Any], socket_type: int) -> None:
        super().__init__(context, socket_type)
        assert _speedups is not None
        self._handle = int(self.raw.underlying)
        self.shared_from = SHARED_FROM
        self._receive_batch = _speedups.receive
        self._send_message = _speedups.send
        self._send_messages = _speedups.send_batch
        self._read_events = _speedups.events

    def drain(self, limit: int) -> tuple[list[list[bytes]], bool]:
        self._check_open()
        messages, error = self._receive_batch(self._handle, limit, BATCH_COST, self.views_from, self.publication)
        if error == errno.EAGAIN:
            return messages, True
        if error and not messages:
            self._translate(zmq.ZMQError(error))
        return messages, False

    def send_batch(self, messages: list[Message], start: int, limit: int) -> int:
        self._check_open()
        sent, taken, error = self._send_messages(self._handle, messages, start, limit, BATCH_COST)
        if self._swallows and taken and error == errno.EAGAIN and taken < len(messages[start + sent]) - 1:
            self._forget_the_rest()
        return sent

    def try_once(self, frames: Sequence[bytes]) -> bool:
        self._check_open()
        stopped = self._send_message(self._handle, frames)
        if stopped is None:
            return True
        taken, error = stopped
        if error != errno.EAGAIN:
            self._refused(frames, zmq.ZMQError(error))
        if self._swallows and 0 < taken < len(frames) - 1:
            self._forget_the_rest()
        return False

    def events(self) -> int:
        self._check_open()
        events = self._read_events(self._handle)
        if events < 0:
            self._translate(zmq.ZMQError(-events))
        self.input_pending = bool(events & POLLIN)
        return events

    def _check_open(self) -> None:
        # pyzmq's own calls look; the extension is given an address and cannot.
        if self.raw.closed:
            self._translate(zmq.ZMQError(zmq.ENOTSOCK))


def fast_items() -> Callable[..., Any] | None:
    """Return the extension's asynchronous iterator over what is read ahead, if it is there."""
    return None if _speedups is None else _speedups.Items


def open_socket(context: zmq.Context[Any], socket_type: int) -> Socket:
    """Return a new socket, of the fastest kind there is."""
    if _speedups is not None:
        return FastSocket(context, socket_type)
    return Socket(context, socket_type) if _read_option is None else LeanSocket(context, socket_type)
