"""Sockets that say by which connection each message came.

The facts. libzmq notes the descriptor of the connection on each frame of a message (``ZMQ_SRCFD``); a peer within the
process has none. A descriptor's number is used again for another connection as soon as it is free; the inode of its
socket is not. Who reads a message late finds its connection closed, or another one at the same descriptor.

The design. Each message is a list that knows its :class:`Source`: the descriptor and the inode. To ask for these costs
as much as to read the message, so only those sockets do it whose peers are asked for.
"""

from __future__ import annotations

import os
import stat
import sys
from typing import Any, NamedTuple

import zmq

from zmqbridge.socket.plain import BATCH_COST, FRAME_COST, NOBLOCK, Socket

__all__ = ["Source", "Traced", "traced"]


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


class Traced(list[Any]):
    """A message that knows by which connection it came.

    Attributes:
        source: the connection; ``None`` for a peer within the process, and where libzmq does not say.
    """

    __slots__ = ("source",)

    source: Source | None


class _Tracing(Socket):
    """What a traced socket does otherwise: each message goes through :meth:`_add`, frame by frame."""

    _source: Source | None = None

    def receive(self, limit: int) -> tuple[list[Any], bool]:
        return Socket.receive(self, limit)

    def _receive(self, messages: list[Any], limit: int) -> bool:
        room = BATCH_COST
        while room > 0 and len(messages) < limit:
            frame = self._recv(NOBLOCK, False, False)
            if not self._begun:
                self._source = _source_of(frame)
            data: Any = frame.bytes if len(frame) < self.views_from else frame.buffer.toreadonly()
            room -= len(data) + FRAME_COST
            self._add(messages, data, more=frame.more)
        return False

    def _add(self, messages: list[Any], data: Any, *, more: bool) -> None:
        before = len(messages)
        Socket._add(self, messages, data, more=more)
        if len(messages) > before:
            message = Traced(messages[before])
            message.source = self._source
            messages[before] = message


def _source_of(frame: Any) -> Source | None:
    try:
        return Source.of(int(frame.get(zmq.SRCFD)))
    except (zmq.ZMQError, AttributeError, ValueError):
        return None


_kinds: dict[type[Socket], type[Socket]] = {}


def traced(kind: type[Socket]) -> type[Socket]:
    """Return the kind of sockets that are like those of another kind, and traced."""
    if kind not in _kinds:
        _kinds[kind] = type(f"Traced{kind.__name__}", (_Tracing, kind), {})
    return _kinds[kind]
