"""Sockets that say of each message by which connection it came, and whose it is.

The facts. libzmq notes the descriptor of the connection on each frame of a message (``ZMQ_SRCFD``), and what is known
of the peer (``zmq_msg_gets``); a peer within the process has none of it. A descriptor's number is used again for
another connection as soon as it is free; the inode of its socket is not. Who reads a message late finds its connection
closed, or another one at the same descriptor.

The design. Each message is a :class:`~zmqbridge.origins.Traced` list. To ask for a connection costs as much as to read
the message, so only those sockets do it whose peers are asked for. Whose a message is the extension notes as it reads
a batch; without it, this module does.
"""

from __future__ import annotations

import os
import stat
import sys
from typing import Any, NamedTuple

import zmq

from zmqbridge.endpoints import Endpoint
from zmqbridge.options import Secret
from zmqbridge.origins import NOBODY, Origin, Traced, origin_from
from zmqbridge.socket.bare import BareSocket
from zmqbridge.socket.plain import BATCH_COST, FRAME_COST, NOBLOCK, Socket

__all__ = ["Source", "Traced", "judges", "traced"]


class Source(NamedTuple):
    """A connection of this process with a peer.

    Attributes:
        fd: its descriptor.
        inode: that of its socket; 0 where the system tells of none, and -1 where the connection was closed already.
    """

    fd: int
    inode: int

    @classmethod
    def of(cls, fd: int) -> Source:
        """Return which connection a descriptor is of now."""
        if sys.platform == "win32":  # its sockets are no files
            return cls(fd, 0)
        try:
            found = os.fstat(fd)
        except OSError:
            return cls(fd, -1)
        return cls(fd, found.st_ino if stat.S_ISSOCK(found.st_mode) else -1)

    @property
    def closed(self) -> bool:
        """Whether the connection was closed already when it was asked which one it is."""
        return self.inode < 0

    @property
    def alive(self) -> bool:
        """Whether the descriptor is still of this connection."""
        return self.inode == 0 or (not self.closed and Source.of(self.fd) == self)


class _Tracing(Socket):
    """What a traced socket does otherwise: each message goes through :meth:`_add`, frame by frame."""

    notes_sources = True
    _source: Source | None = None
    _origin = NOBODY

    def bind(self, address: str) -> Endpoint:
        self._doubt()
        return super().bind(address)

    def connect(self, address: str) -> Endpoint:
        self._doubt()
        return super().connect(address)

    def set_option(self, option: int, value: int | bytes | str | Secret) -> None:
        super().set_option(option, value)
        self._doubt()

    def _doubt(self) -> None:
        """Whoever comes from now on may not be judged any more, so who sent a message is not known either. That is for
        good: who has come meanwhile stays."""
        if self.judged and not judges(self):
            self.note_origins(judged=False)

    def receive(self, limit: int) -> tuple[list[Any], bool]:
        if not self.notes_sources and self.batches_origins:
            return super().receive(limit)
        return Socket.receive(self, limit)

    def _receive(self, messages: list[Any], limit: int) -> bool:
        room = BATCH_COST
        while room > 0 and len(messages) < limit:
            frame = self._recv(NOBLOCK, False, False)
            if not self._begun:
                self._source = _source_of(frame) if self.notes_sources else None
                self._origin = _origin_of(frame) if self.judged else NOBODY
            data: Any = frame.bytes if len(frame) < self.views_from else frame.buffer.toreadonly()
            room -= len(data) + FRAME_COST
            self._add(messages, data, more=frame.more)
        return False

    def _add(self, messages: list[Any], data: Any, *, more: bool) -> None:
        before = len(messages)
        Socket._add(self, messages, data, more=more)
        if len(messages) > before:
            message = Traced(messages[before])
            message.source, message.origin = self._source, self._origin
            messages[before] = message


def _source_of(frame: Any) -> Source | None:
    try:
        return Source.of(int(frame.get(zmq.SRCFD)))
    except (zmq.ZMQError, AttributeError, ValueError):
        return None


def _origin_of(frame: Any) -> Origin:
    return origin_from(_property(frame, "User-Id"), _property(frame, "Peer-Address"))


def _property(frame: Any, name: str) -> str | None:
    try:
        value: str = frame.get(name)
    except (zmq.ZMQError, ValueError, AttributeError, NotImplementedError):
        return None
    return value


def judges(socket: BareSocket) -> bool:
    """Whether each peer of a socket was judged by an authenticator, if the socket has been so from the beginning.

    A client of PLAIN or CURVE judges nobody, whatever its domain: what is said of its server is the server's word.
    """
    get = socket.get_option
    server = {zmq.NULL: True, zmq.PLAIN: get(zmq.PLAIN_SERVER), zmq.CURVE: get(zmq.CURVE_SERVER)}
    domain = get(zmq.ZAP_DOMAIN).rstrip(b"\0")
    return bool(domain and get(zmq.ZAP_ENFORCE_DOMAIN) and server.get(get(zmq.MECHANISM)))


_kinds: dict[type[Socket], type[Socket]] = {}


def traced(kind: type[Socket]) -> type[Socket]:
    """Return the kind of sockets that are like those of another kind, and traced."""
    if kind not in _kinds:
        _kinds[kind] = type(f"Traced{kind.__name__}", (_Tracing, kind), {})
    return _kinds[kind]
