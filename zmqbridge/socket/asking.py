"""A ``zmq.Socket`` where pyzmq stands on cffi, as it does on PyPy.

The facts (pyzmq 27.2, ``zmq/backend/cffi``). A frame is never told whether more follow: its ``more`` is always false.
A view of a received frame does not keep libzmq's memory alive. ``send`` lends the memory of large frames where it is
not told to copy; where it is, and libzmq refuses a frame that libzmq does not hold inside its message, the copy is
never freed. A ``zmq.Frame`` that is not closed is freed when the collector comes, which does not know how much
that is; of one that libzmq refused, pyzmq leaves such a copy.

The consequence: libzmq is asked after each frame, what is received is always copied, and so is what is sent, into a
``zmq.Frame`` where that is more than libzmq holds inside. PyPy's collector is told of what is left to it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import zmq
import zmq.backend

from zmqbridge.socket.plain import HELD_INSIDE, Socket

__all__ = ["AskingSocket", "frames_tell"]


def frames_tell() -> bool:
    """Whether pyzmq's frames say that more follow: where they cannot, ``more`` is a mere constant of their class."""
    return not isinstance(getattr(zmq.backend.Frame, "more", None), bool)


def _nothing(argument: Any) -> None:
    """Do nothing, where references are counted: what nobody needs is freed at once."""


try:
    _press: Any = import_module("__pypy__").add_memory_pressure
except ImportError:
    _press = _nothing
_close: Any = getattr(zmq.backend.Frame, "close", _nothing)


class Received:
    """A frame that was received, as :class:`~zmqbridge.socket.plain.Socket` asks for it."""

    __slots__ = ("buffer", "bytes", "more")

    def __init__(self, data: bytes, more: bool) -> None:
        self.bytes: bytes = data
        self.buffer: memoryview[int] = memoryview(data)
        self.more: bool = more

    def __len__(self) -> int:
        return len(self.bytes)


class AskingSocket(Socket):
    """:class:`Socket`, where pyzmq's frames do not tell whether more follow."""

    def __init__(self, context: zmq.Context[Any], socket_type: int) -> None:
        super().__init__(context, socket_type)
        self._received: Callable[[int], bytes] = zmq.backend.Socket.recv.__get__(self.raw)
        self._sent: Callable[..., object] = self.send_frame
        self._recv = self._receive_frame
        self.send_frame: Callable[[bytes, int], object] = self._send_copy

    def _receive_frame(self, flags: int, copy: bool = True, track: bool = False) -> Any:
        data = self._received(flags)
        return Received(data, bool(self._get(zmq.RCVMORE)))

    def _send_copy(self, frame: Any, flags: int, copy: bool = True) -> None:
        if isinstance(frame, zmq.Frame):
            _press(len(frame))  # its owner leaves it to the collector
            self._sent(frame, flags, False)
        elif len(frame) <= HELD_INSIDE:
            self._sent(frame, flags, True)
        else:
            held = zmq.Frame(frame, copy=True)
            try:
                self._sent(held, flags, False)
            except zmq.Again:
                _press(len(frame))
                raise
            finally:
                _close(held)
