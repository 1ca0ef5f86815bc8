"""A ``zmq.Socket`` with the C extension: a batch of messages in one call of libzmq's own functions.

The extension is given the address of libzmq's socket, and cannot see that pyzmq closed it. So pyzmq's socket here is a
:class:`PortedSocket`: it notes its closing on the extension's ``Port``, which touches libzmq no more. A context that is
terminated closes no socket: libzmq answers each call with ETERM until the socket is closed.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

import zmq

from zmqbridge import _native
from zmqbridge.framing import NO_MEMORY
from zmqbridge.socket.bare import TellingSocket
from zmqbridge.socket.plain import BATCH_COST, Socket, raise_refusal
from zmqbridge.socket.returning import collect_always

__all__ = ["FastSocket"]


class PortedSocket(TellingSocket):
    """pyzmq's socket, whose closing is noted on the extension's port before it happens."""

    _port: Any = None

    def _end(self, linger: int | None) -> None:
        if self._port is not None:
            self._port.closed = True
        super()._end(linger)


class FastSocket(Socket):
    """:class:`Socket`, a batch a call.

    Attributes:
        port: what the extension knows of the socket; its methods are twins of this class's.
    """

    kind: type[TellingSocket] = PortedSocket
    batches_origins = True

    def __init__(self, context: zmq.Context[Any], socket_type: int) -> None:
        super().__init__(context, socket_type)
        assert _native.speedups is not None
        self.port: Any = _native.speedups.Port(
            int(self.raw.underlying), self.tells_room, self._swallows, partial(_raise_refusal, self.type_name)
        )
        self.raw._port = self.port

    @property
    def input_pending(self) -> bool:
        return bool(self.port.input_pending)

    @input_pending.setter
    def input_pending(self, pending: bool) -> None:
        """The port knows; a socket begins without."""

    def note_origins(self, *, judged: bool) -> None:
        super().note_origins(judged=judged)
        self.port.notes_origins, self.port.judged = True, judged

    def _lend_unless_inproc(self, address: str) -> None:
        super()._lend_unless_inproc(address)
        self.port.lends = self._lends

    def begin_lending(self) -> None:
        collect_always()

    def close(self, linger: int | None = None) -> None:
        super().close(linger)
        _native.speedups.collect()

    def receive(self, limit: int) -> tuple[list[Any], bool]:
        port = self.port
        messages, number = port.receive(limit, BATCH_COST, self.views_from, self.single, self.max_frames)
        if port.too_many or port.too_large:
            self._note_unfit(port)
        if number == errno.EAGAIN:
            return messages, True
        if number and not messages:
            self._translate(zmq.ZMQError(number))
        return messages, False

    def _note_unfit(self, port: Any) -> None:
        self.unfit.extend([self.too_many_frames()] * port.too_many + [NO_MEMORY] * port.too_large)
        port.too_many = port.too_large = 0

    def send(self, frames: Sequence[bytes]) -> bool:
        sent: bool = self.port.send(frames)
        return sent

    def events(self) -> int:
        events: int = self.port.events()
        if events < 0:
            self._translate(zmq.ZMQError(-events))
        return events


def _raise_refusal(type_name: str, frames: Any, number: int) -> NoReturn:
    raise_refusal(type_name, frames, zmq.ZMQError(number))
