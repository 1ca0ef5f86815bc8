"""A ``zmq.Socket`` with pyzmq alone: the specification of its faster kinds.

What is asked of libzmq, and why so, is told by the facts in :mod:`zmqbridge.socket`.

pyzmq runs the handlers of signals in the middle of its calls, so they run between the frames of a message as well. A
handler that sends then has its message sent behind that one; one that receives gets nothing; and where one raises,
what was being read is left out with all its frames, and what was being sent ends the socket: nobody can tell how much
of it libzmq has, and it must not be made the beginning of another message.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Sequence
from sys import maxsize
from typing import Any, NoReturn

import zmq
import zmq.backend

from zmqbridge._native import BATCH_COST, FRAME_COST, SHARED_FROM
from zmqbridge.endpoints import Endpoint
from zmqbridge.errors import PeerUnreachable, ZmqBridgeError
from zmqbridge.framing import NO_MEMORY
from zmqbridge.options import SocketOptions
from zmqbridge.showing import shown
from zmqbridge.socket.bare import BareSocket, raise_failure

__all__ = [
    "BATCH_COST",
    "FRAME_COST",
    "NOBLOCK",
    "POLLIN",
    "POLLOUT",
    "Socket",
    "raise_refusal",
]

POLLIN = int(zmq.POLLIN)
POLLOUT = int(zmq.POLLOUT)

NOBLOCK = int(zmq.NOBLOCK)
NOBLOCK_SNDMORE = int(zmq.NOBLOCK | zmq.SNDMORE)

_SILENT_ABOUT_ROOM = frozenset(
    int(getattr(zmq, name)) for name in ("ROUTER", "PUB", "XPUB", "STREAM", "SERVER", "PEER", "RADIO")
)

# They refuse messages to a peer that is gone until all that came from it was read.
_HIDES_ENDS = frozenset({int(zmq.ROUTER), int(zmq.STREAM), int(zmq.PAIR)})

_SEND_ONLY = frozenset(int(getattr(zmq, name)) for name in ("PUB", "PUSH", "RADIO", "SCATTER"))

# They swallow the rest of a message whose pipe died (fact 6).
_SWALLOWS = frozenset({int(zmq.PUSH), int(zmq.DEALER), int(zmq.REQ)})


# Elsewhere a view that nobody has any more dies some time, or never.
_COUNTS_REFERENCES = sys.implementation.name == "cpython"

# So many bytes libzmq holds in a message itself, and asks for no memory.
HELD_INSIDE = 29

# (data, whether it is tracked, whether it is copied). The subclass's attributes of messages would triple its cost.
_ready: Callable[[Any, bool, bool], Any] = zmq.backend.Frame


class Socket(BareSocket):
    """One ``zmq.Socket``, asked only questions that it answers at once.

    Every method may raise :exc:`~zmqbridge.ContextTerminated` or
    :exc:`~zmqbridge.ConnectionClosed`, and nothing else that is not said.

    Attributes:
        raw: the ``zmq.Socket`` itself.
        fd: its descriptor.
        tells_room: whether POLLOUT means that a send would now succeed. Where it does not,
            the only way to know is to try at each edge.
        hides_ends: whether a peer that is gone is refused messages, as one without room, until all that came from it
            was read.
        receives: whether messages ever come in on this type of socket.
        input_pending: whether the latest read of EVENTS said that there is something to receive.
        views_from: frames of so many bytes and more are received as memoryviews of libzmq's own buffer.
        max_frames: how many frames a message that is received has at most.
        unfit: why messages were left out, each once, since whoever reads this emptied it.
        send_frame: pyzmq's own call, which sends a frame with some flags, or raises ``zmq.Again``.
        notes_sources: whether each message says by which connection it came, where the socket is a traced one: see
            :mod:`zmqbridge.socket.tracing`.
        judged: whether it says whose it is; likewise.
        batches_origins: whether :meth:`receive` says so by itself.
        single: what a message of one frame is received as: ``None`` for a list of its frame. With anything
            else it is the frame itself, or what the extension makes of it for the decoder that asked for it.
    """

    notes_sources: bool = False
    judged: bool = False
    batches_origins: bool = False

    def __init__(self, context: zmq.Context[Any], socket_type: int) -> None:
        super().__init__(context, socket_type)
        self.tells_room: bool = int(socket_type) not in _SILENT_ABOUT_ROOM
        self.receives: bool = int(socket_type) not in _SEND_ONLY
        self.hides_ends: bool = int(socket_type) in _HIDES_ENDS
        self._lends = _COUNTS_REFERENCES
        self._begin()
        self._swallows = int(socket_type) in _SWALLOWS
        self._recv: Callable[..., zmq.Frame] = self.raw.recv
        # The compiled class's method: the subclass's checks for options of draft sockets
        # that are not used here would double its cost.
        self.send_frame: Callable[[bytes, int], object] = zmq.backend.Socket.send.__get__(self.raw)

    def bind(self, address: str) -> Endpoint:
        endpoint = super().bind(address)
        self._lend_unless_inproc(address)
        return endpoint

    def connect(self, address: str) -> Endpoint:
        endpoint = super().connect(address)
        self._lend_unless_inproc(address)
        return endpoint

    def _lend_unless_inproc(self, address: str) -> None:
        """Over inproc, what was lent would be the other side's to write to."""
        if address.startswith("inproc:"):
            self._lends = False

    def lends(self, size: int) -> bool:
        """Whether a frame of so many bytes that is given as a ``memoryview`` is sent without a copy."""
        return self._lends and size >= SHARED_FROM

    def note_origins(self, *, judged: bool) -> None:
        """From now on, have each message say whose it is, where the socket is a traced one.

        Args:
            judged: whether each peer was judged; else nothing is known of it.
        """
        self.judged = judged

    def _begin(self) -> None:
        """Nothing was read, and nothing is being sent."""
        self.input_pending: bool = False
        self.views_from: int = maxsize
        self.max_frames: int = maxsize
        self.unfit: list[str] = []
        self._reading = False
        self._read_before: list[Any] = []
        self._begun = False
        self._message: list[Any] | None = None
        self._in_message = False
        self._behind: list[Sequence[bytes]] | None = None
        self.single: type[Any] | None = None

    def receive(self, limit: int) -> tuple[list[Any], bool]:
        """Read messages until there are none, or ``limit`` of them, or about one mebibyte, or 4,096 frames.

        A message that is longer than that is read on by the next calls. One of more than :attr:`max_frames`, or for
        which there is no memory, is left out, with all its frames, and noted in :attr:`unfit`.

        Returns:
            The messages, each a list of frames or as :attr:`single` says, and whether there were no more: then it
            is safe to wait for the descriptor (fact 3).
        """
        if self._reading:
            return [], False  # a signal's handler, in the middle of it
        self._reading = True
        messages, self._read_before = self._read_before, []
        try:
            return messages, self._receive(messages, limit)
        except zmq.Again:
            return messages, True
        except zmq.ZMQError as error:
            if not messages:
                self._translate(error)
        except ZmqBridgeError:
            if not messages:
                raise
        except MemoryError:
            self._skip_what_broke_off()
            self.unfit.append(NO_MEMORY)
        except BaseException:  # a signal's handler raised
            self._read_before = messages
            self._skip_what_broke_off()
            raise
        finally:
            self._reading = False
        return messages, False

    def _receive(self, messages: list[Any], limit: int) -> bool:
        """Read messages behind those that were read before, up to a limit; return whether there are no more."""
        recv, views_from, bare = self._recv, self.views_from, self.single is not None
        copies = views_from == maxsize
        room = BATCH_COST
        while room > 0 and len(messages) < limit:
            frame = recv(NOBLOCK, False, False)
            data: Any = frame.bytes if copies or len(frame) < views_from else frame.buffer.toreadonly()
            room -= len(data) + FRAME_COST
            if frame.more or self._begun:
                self._add(messages, data, more=frame.more)
            else:
                messages.append(data if bare else [data])
        return False

    def _add(self, messages: list[Any], data: Any, *, more: bool) -> None:
        """Add a frame to the message that is being read, and the message to those that were, if that was the end."""
        if not self._begun:
            self._begun, self._message = True, []
        if self._message is not None:
            if len(self._message) < self.max_frames:
                self._message.append(data)
            else:
                self._message = None
                self.unfit.append(self.too_many_frames())
        if not more:
            self._begun = False
            if self._message is not None:
                message, self._message = self._message, None
                messages.append(message)

    def too_many_frames(self) -> str:
        """Return the words for a message that has more frames than it may."""
        return f"a message of more than {self.max_frames} frames"

    def _skip_what_broke_off(self) -> None:
        """The frame that was being read may be lost: read no rest of a message as if it were one."""
        self._begun, self._message = bool(self._get(zmq.RCVMORE)), None

    def begin_lending(self) -> None:
        """Have whoever waits for it told when libzmq lets go of what it was lent; pyzmq does so by itself.

        Raises:
            ZmqBridgeError: if no thread or no descriptor is left for that.
        """

    def send(self, frames: Sequence[bytes]) -> bool:
        """Send a message whole, if there is room. A frame is ``bytes``, or a ``memoryview`` that is to be lent.

        Returns:
            Whether it was sent. If not, nothing of it was, the latest state of EVENTS is in
            :attr:`input_pending`, and room that comes later makes the descriptor readable.

        Raises:
            PeerUnreachable: if a router has no such peer.
        """
        if self._behind is not None:
            if self._in_message:
                self._behind.append(frames)
                return True
            if not self._send_behind():
                return False
        first: Any = frames[0]
        several = len(frames) != 1 or type(first) is memoryview
        looked = False
        while True:
            try:
                if several:
                    if self._send_several(frames):
                        if self._behind is not None:
                            self._send_behind()
                        return True
                else:
                    self.send_frame(frames[0], NOBLOCK)
                    return True
            except zmq.Again:
                pass
            except zmq.ZMQError as error:
                self._refused(frames, error)
            if not self.events() & POLLOUT or (looked and not self.tells_room):
                return False
            if self._behind:
                return self.send(frames)  # behind those that a signal's handler sent
            looked = True

    def _send_several(self, frames: Sequence[bytes]) -> bool:
        """Send a message of several frames; return whether it was sent.

        All frames are ready before the first is sent, for libzmq cannot take back what it has of a message.
        """
        send, last = self.send_frame, len(frames) - 1
        ready: list[Any] = [
            frame if len(frame) <= HELD_INSIDE and type(frame) is bytes else self._prepare(frame) for frame in frames
        ]
        end = ready[last]
        sent = 0
        behind = self._behind = []
        self._in_message = True
        try:
            while sent < last:
                send(ready[sent], NOBLOCK_SNDMORE)
                sent += 1
            send(end, NOBLOCK)
            return True
        except zmq.Again:
            if self._swallows and 0 < sent < last:
                self._forget_the_rest()
            return False
        except zmq.ZMQError:
            raise
        except BaseException:
            # A signal's handler raised. Nobody can tell whether libzmq has the frame that was being sent.
            self.send_frame = _broken
            raise
        finally:
            self._in_message = False
            if not behind:
                self._behind = None

    def _prepare(self, frame: Any) -> Any:
        return _ready(frame, False, type(frame) is not memoryview or not self.lends(frame.nbytes))

    def _send_behind(self) -> bool:
        """Send what a signal's handler sent in the middle of a message; return whether all of it was."""
        behind, self._behind = self._behind or [], None
        while behind:
            try:
                if not self.send(behind[0]):
                    self._behind = behind
                    return False
            except PeerUnreachable:
                pass  # its sender was told that it was sent, like any message whose peer leaves then
            del behind[0]
        return True

    def _refused(self, frames: Sequence[bytes], error: zmq.ZMQError) -> NoReturn:
        raise_refusal(self.type_name, frames, error)

    def _forget_the_rest(self) -> None:
        try:
            self.send_frame(b"", NOBLOCK)
        except zmq.ZMQError as error:
            self._translate(error)

    def events(self) -> int:
        """Process libzmq's commands and return what is ready: POLLIN and POLLOUT, or-ed."""
        if self._behind and not self._in_message:
            self._send_behind()
        try:
            events = int(self._get(zmq.EVENTS))
        except zmq.ZMQError as error:
            self._translate(error)
        self.input_pending = bool(events & POLLIN)
        return events

    def apply(self, options: SocketOptions[Any]) -> None:
        super().apply(options)
        if options.memoryview_from is not None:
            self.views_from = options.memoryview_from
        if options.max_frames is not None:
            self.max_frames = options.max_frames


def _broken(frame: bytes, flags: int) -> NoReturn:
    """Send nothing: libzmq has the beginning of a message whose rest is lost, and drops it with the socket."""
    raise zmq.ZMQError(zmq.ENOTSOCK)


def raise_refusal(type_name: str, frames: Sequence[bytes], error: zmq.ZMQError) -> NoReturn:
    """Raise what libzmq's error means for a message that was to be sent on a socket of this type."""
    if error.errno == errno.EHOSTUNREACH:
        raise PeerUnreachable(f"no peer {shown(frames[0])} is connected to this router") from None
    raise_failure(type_name, error)
