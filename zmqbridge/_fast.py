"""libzmq's own functions, beside pyzmq's: for the optional C extension, and for one question without it.

``zmqbridge/_speedups.c`` links to no libzmq. It is given the addresses of the functions that it calls, in the
libzmq that pyzmq has loaded: pyzmq's own extension module resolves them, whether libzmq is linked into it or
beside it. Where the extension is missing, or the environment variable ``ZMQBRIDGE_NO_SPEEDUPS`` is set,
:mod:`zmqbridge._socket` does the same in Python, and asks libzmq itself only whether more frames follow. Where
even that is missing, or the variable is ``all``, pyzmq alone does everything.
"""

from __future__ import annotations

import ctypes
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from importlib import import_module
from typing import Any, Protocol

__all__ = ["ALL", "VARIABLE", "Option", "Speedups", "load", "load_option"]

VARIABLE = "ZMQBRIDGE_NO_SPEEDUPS"
ALL = "all"

FUNCTIONS = (
    "zmq_msg_init",
    "zmq_msg_recv",
    "zmq_msg_data",
    "zmq_msg_size",
    "zmq_msg_more",
    "zmq_msg_move",
    "zmq_msg_close",
    "zmq_msg_init_data",
    "zmq_msg_send",
    "zmq_send",
    "zmq_getsockopt",
    "zmq_errno",
)


class Speedups(Protocol):
    """What the extension has. A socket is the address of libzmq's own; an errno of 0 is none."""

    Items: Callable[[deque[Any], Any, Callable[[], Coroutine[Any, Any, Any]]], AsyncIterator[Any]]
    """``Items(buffer, readiness, wait)`` iterates over what is there and not reserved, or awaits ``wait()``."""

    def receive(
        self, socket: int, limit: int, size: int, views_from: int, publication: type[Any] | None, /
    ) -> tuple[list[Any], int]:
        """Read messages until there are none, or so many of them or so many bytes; return them and the errno.

        Frames of ``views_from`` bytes and more are memoryviews. Where a named tuple is given for a ``publication``, a
        message of one smaller frame with a zero byte in it is such a tuple, of what stands before it and behind.
        """

    def send(self, socket: int, message: Any, /) -> tuple[int, int] | None:
        """Send a message; return ``None``, or how many of its frames libzmq took, and the errno."""

    def send_batch(
        self, socket: int, messages: list[Any], start: int, limit: int, size: int, /
    ) -> tuple[int, int, int]:
        """Send messages from an index on, so many of them or so many bytes, up to one that is not plain.

        Plain is what needs no conversion: bytes, or a list or tuple of them.

        Returns:
            How many it sent, how many frames libzmq took of the next, and the errno.
        """

    def events(self, socket: int, /) -> int:
        """Return the value of EVENTS, or the errno as a negative number."""


def load() -> Speedups | None:
    """Return the extension, ready for use, or ``None``."""
    if os.environ.get(VARIABLE):
        return None
    try:
        extension: Any = import_module("zmqbridge._speedups")
        libzmq = ctypes.CDLL(_pyzmq())
        extension.use({name: ctypes.cast(getattr(libzmq, name), ctypes.c_void_p).value for name in FUNCTIONS})
    except (ImportError, OSError, AttributeError, TypeError, ValueError):
        return None
    speedups: Speedups = extension
    return speedups


class Option:
    """One of a socket's options that are numbers, read with libzmq's own function: a third of the cost of pyzmq's.

    Call :attr:`read` with :attr:`arguments`: it returns 0, and :attr:`value` holds the value then.
    """

    __slots__ = ("arguments", "read", "value")

    def __init__(self, read: Callable[..., int], socket: int, option: int) -> None:
        self.read = read
        self.value = ctypes.c_int()
        size = ctypes.c_size_t(ctypes.sizeof(self.value))
        # References and a plain number: ctypes converts them faster than objects that it made for their types.
        pointer = ctypes.byref(ctypes.c_char.from_address(socket))
        self.arguments = pointer, option, ctypes.byref(self.value), ctypes.byref(size)


def load_option() -> Callable[..., int] | None:
    """Return what an :class:`Option` reads with, or ``None``."""
    if os.environ.get(VARIABLE) == ALL:
        return None
    try:
        # The interpreter stays locked, for the call returns at once.
        read: Callable[..., int] = ctypes.PyDLL(_pyzmq()).zmq_getsockopt
    except (ImportError, OSError, AttributeError, TypeError):
        return None
    return read


def _pyzmq() -> str | None:
    """Return the file of pyzmq's extension module, which has libzmq in it or beside it."""
    return import_module("zmq.backend.cython._zmq").__file__
