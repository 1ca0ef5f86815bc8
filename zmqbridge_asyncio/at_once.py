"""What need not wait: done, accounted for, and returned as a future that is done, in one call.

The facts. Most operations that a program of ``zmq.asyncio`` awaits need not wait. libzmq's call is then a fifth of
what such an operation costs, and a future of asyncio's a third.

The consequence. What surrounds these two is worth one call that does the whole of it, and is written once: what is
asked first, what is charged afterwards, and what the future is.

The design. :class:`AtOnce` returns the future, or ``None`` where the operation is to go the whole way: somebody waits
before it, nothing is left of this turn, the caller is not on the desk's loop or in its thread, or pyzmq has its own
words for what is wrong. The whole way asks everything again, so ``None`` is never wrong, only slow.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable, Sequence
from threading import get_ident
from typing import Any

import zmq
import zmq.backend

from zmqbridge import _native
from zmqbridge.channel.attempt import Attempt
from zmqbridge.errors import ZmqBridgeError
from zmqbridge.socket import Socket
from zmqbridge.waiting.edge import Edge
from zmqbridge.waiting.guard import Ownership
from zmqbridge.waiting.turn import Turn
from zmqbridge_asyncio.source import message_of_bytes

__all__ = ["SEQUENCES", "AtOnce", "unit_for"]

NOBLOCK = int(zmq.NOBLOCK)
SEQUENCES = frozenset({list, tuple})


class AtOnce:
    """Does what need not wait. It has a twin in C.

    Args:
        attempt: sends.
        socket: what is received from.
        ownership: whose thread may.
        turn: is charged: with messages received, and with sends.
        edge: is touched.
        make: makes a future, given its ``loop``.
        last: makes the future of a send that leaves nothing of its turn.

    Attributes:
        flows: a receive found something at once, nobody waits and nothing was given back: the next may try at once.
        spent: a send was awaited when nothing was left: the next one waits for the next turn.
    """

    def __init__(
        self,
        attempt: Attempt,
        socket: Socket,
        ownership: Ownership,
        turn: Turn,
        edge: Edge,
        make: Callable[..., Future[Any]],
        last: Callable[[], Future[Any]],
    ) -> None:
        self.flows: bool = False
        self.spent: bool = False
        self._attempt = attempt
        self._socket = socket
        self._receive: Callable[[int], bytes] = zmq.backend.Socket.recv.__get__(socket.raw)
        self._ownership = ownership
        self._turn = turn
        self._edge = edge
        self._make = make
        self._last = last
        self._loop: asyncio.AbstractEventLoop | None = None

    def move(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on the futures are this loop's."""
        self._loop = loop

    # --- sending ---

    def send_frame(self, frame: Any) -> Future[Any] | None:
        """Send a message of one frame, if it is ``bytes``."""
        return self._send(frame) if type(frame) is bytes else None

    def send_message(self, frames: Any) -> Future[Any] | None:
        """Send a message, if it is a list or a tuple of frames of which the last is ``bytes``."""
        if type(frames) in SEQUENCES and frames and type(frames[-1]) is bytes:
            return self._send(frames)
        return None

    def _send(self, message: bytes | Sequence[bytes]) -> Future[Any] | None:
        if self.spent or self._loop is None or not self._loop.is_running():
            return None
        try:
            if not self._attempt.at_once(message):
                return None
        except (ZmqBridgeError, TypeError):
            return None
        return self.sent(None)

    def sent(self, result: Any) -> Future[Any]:
        """Charge the turn with a send that is done, and return its future."""
        self._turn.sends -= 1
        future = self._make(loop=self._loop) if self._turn.sends > 0 else self._last()
        future.set_result(result)
        return future

    # --- receiving ---

    def receive_frame(self) -> Future[Any] | None:
        """Receive a frame as ``bytes``, where one was received at once before."""
        return self._take(self._frame)

    def receive_message(self) -> Future[Any] | None:
        """Receive a message as a list of ``bytes``, where one was received at once before."""
        return self._take(self._message)

    def _take(self, take: Callable[[], Any]) -> Future[Any] | None:
        loop = self._loop
        if not self.flows or self._turn.reads <= 0 or self._ownership.owner != get_ident():
            return None
        if loop is None or not loop.is_running():
            return None
        future = self._make(loop=loop)  # before the message, which would be lost if there were no memory for it
        taken = take()
        if taken is None:
            self.flows = False
            return None
        self._turn.reads -= 1
        self._edge.touch()
        future.set_result(taken)
        return future

    def _frame(self) -> bytes | None:
        try:
            return self._receive(NOBLOCK)
        except zmq.ZMQError:
            return None

    def _message(self) -> list[bytes] | None:
        return message_of_bytes(self._socket)


def unit_for(attempt: Attempt) -> type[AtOnce]:
    """Return what goes with an attempt of this kind: the one in Python, or its twin in C."""
    unit: type[AtOnce] = AtOnce if isinstance(attempt, Attempt) else _native.speedups.AtOnce
    return unit
