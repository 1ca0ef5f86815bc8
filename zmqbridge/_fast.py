"""The optional C extension: found, given libzmq's functions, or done without.

``zmqbridge/_speedups.c`` links to no libzmq. It is given the addresses of the functions that it calls, in the
libzmq that pyzmq has loaded: pyzmq's own extension module resolves them, whether libzmq is linked into it or
beside it. Where that, or the extension itself, is missing, or the environment variable
``ZMQBRIDGE_NO_SPEEDUPS`` is set to anything, :mod:`zmqbridge._socket` does the same in Python.
"""

from __future__ import annotations

import ctypes
import os
from importlib import import_module
from typing import Any, Protocol

__all__ = ["VARIABLE", "Speedups", "load"]

VARIABLE = "ZMQBRIDGE_NO_SPEEDUPS"

FUNCTIONS = (
    "zmq_msg_init",
    "zmq_msg_recv",
    "zmq_msg_data",
    "zmq_msg_size",
    "zmq_msg_more",
    "zmq_msg_close",
    "zmq_send",
    "zmq_getsockopt",
    "zmq_errno",
)


class Speedups(Protocol):
    """What the extension has. A socket is the address of libzmq's own; an errno of 0 is none."""

    def receive(self, socket: int, limit: int, size: int, /) -> tuple[list[list[bytes]], int]:
        """Read messages until there are none, or so many of them or so many bytes; return them and the errno."""

    def send(self, socket: int, frames: Any, /) -> tuple[int, int]:
        """Send a message; return how many of its frames libzmq took, and the errno."""

    def events(self, socket: int, /) -> int:
        """Return the value of EVENTS, or the errno as a negative number."""


def load() -> Speedups | None:
    """Return the extension, ready for use, or ``None``."""
    if os.environ.get(VARIABLE):
        return None
    try:
        extension: Any = import_module("zmqbridge._speedups")
        pyzmq = import_module("zmq.backend.cython._zmq")
        libzmq = ctypes.CDLL(pyzmq.__file__)
        extension.use({name: ctypes.cast(getattr(libzmq, name), ctypes.c_void_p).value for name in FUNCTIONS})
    except (ImportError, OSError, AttributeError, TypeError, ValueError):
        return None
    speedups: Speedups = extension
    return speedups
