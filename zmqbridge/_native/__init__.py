"""libzmq's own functions, beside pyzmq's: the optional C extension, and where pyzmq's libzmq is.

The extension links to no libzmq. It is given the addresses of the functions that it calls, in the
libzmq that pyzmq has loaded: pyzmq's own extension module resolves them, whether libzmq is linked into it or
beside it. Where pyzmq's own calls go to another libzmq, of the whole process, it stands aside, for pyzmq alone to do
everything. Where the extension is missing, or the environment variable ``ZMQBRIDGE_NO_SPEEDUPS`` is set,
:mod:`zmqbridge.socket.lean` does the same in Python, and asks libzmq itself only whether more frames follow. Where
even that is missing, or the variable is ``all``, pyzmq alone does everything.

==================  ========================================================================
file                what is in it
==================  ========================================================================
``native.h``        what the files share, in the order in which they stand on each other
``base.c``          libzmq's functions by their addresses, and the constants
``lent.c``          large frames that libzmq sends without a copy
``books.c``         the guard's owner, the turn and the edge
``publication.c``   the rule of tags
``envelope.c``      taking a request apart
``inbox.c``         what was read ahead
``items.c``         the iterator over it
``send.c``          sending a message
``origin.c``        whose a message is
``receive.c``       reading a batch, and large frames that stay in libzmq's buffer
``port.c``          the socket with these calls
``attempt.c``       the attempt of a send
``at_once.c``       what need not wait, as futures that are done
``module.c``        the module
==================  ========================================================================
"""

from __future__ import annotations

import atexit
import ctypes
import os
from importlib import import_module
from typing import Any

from zmqbridge.framing import RESERVED

__all__ = [
    "ALL",
    "BATCH_COST",
    "FRAME_COST",
    "FUNCTIONS",
    "SHARED_FROM",
    "VARIABLE",
    "is_pyzmqs",
    "load",
    "pyzmq_library",
    "speedups",
    "stands_aside",
]

VARIABLE = "ZMQBRIDGE_NO_SPEEDUPS"
ALL = "all"

# What a batch may cost: its bytes, and for each frame about as much again as copying this many of them.
BATCH_COST = 1 << 20
FRAME_COST = 256

# Copying fewer bytes than this costs less than sharing them.
SHARED_FROM = 65536

FUNCTIONS = (
    "zmq_msg_init",
    "zmq_msg_init_size",
    "zmq_msg_recv",
    "zmq_msg_data",
    "zmq_msg_size",
    "zmq_msg_more",
    "zmq_msg_move",
    "zmq_msg_close",
    "zmq_msg_gets",
    "zmq_msg_init_data",
    "zmq_msg_send",
    "zmq_send",
    "zmq_getsockopt",
    "zmq_errno",
)


def load() -> Any:
    """Return the extension, ready for use, or ``None``."""
    return _find()[0]


def _find() -> tuple[Any, str]:
    """Return the extension, ready for use, or ``None`` and why it does not serve."""
    if wish := os.environ.get(VARIABLE):
        return None, f"{VARIABLE} is {wish!r}"
    try:
        extension: Any = import_module("zmqbridge._native.speedups")
        libzmq = ctypes.CDLL(pyzmq_library())
        if not is_pyzmqs(libzmq):
            return None, "pyzmq's calls go to another libzmq than its own"
        addresses = {name: _address(libzmq, name) for name in FUNCTIONS}
        extension.use(addresses, FRAME_COST, SHARED_FROM, RESERVED)
        atexit.register(extension.stop_asking)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=extension.forget_callers)
    except ModuleNotFoundError as error:
        return None, "it was not built" if error.name == "zmqbridge._native.speedups" else str(error)
    except (ImportError, OSError, AttributeError, TypeError, ValueError) as error:
        return None, f"{type(error).__name__}: {error}"
    return extension, ""


def pyzmq_library() -> str | None:
    """Return the file of pyzmq's extension module, which has libzmq in it or beside it."""
    return import_module("zmq.backend.cython._zmq").__file__


def is_pyzmqs(libzmq: ctypes.CDLL) -> bool:
    """Whether pyzmq calls this library's functions.

    What a program that embeds Python links to, what is preloaded, and what was loaded for the whole process, comes
    before the libzmq that pyzmq brings along: then its calls go there, and two libraries must not share a socket.
    """
    try:
        process = ctypes.CDLL(None)
    except (OSError, TypeError):  # Windows: each library has its own
        return True
    return all(_address(process, name) in (None, _address(libzmq, name)) for name in FUNCTIONS)


def _address(library: ctypes.CDLL, name: str) -> int | None:
    function = getattr(library, name, None)
    return None if function is None else ctypes.cast(function, ctypes.c_void_p).value


speedups: Any
"""The extension, or ``None``."""
stands_aside: str
"""Why it does not serve, in words; empty where it does."""
speedups, stands_aside = _find()
