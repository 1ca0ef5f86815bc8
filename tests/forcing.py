"""Something of a test's own before the calls that the library makes of libzmq, with the C extension and without.

A hook sees a call's arguments, and returns 0 to let it happen, or the errno that it fails with instead.
"""

from __future__ import annotations

import ctypes
import errno
import functools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest
import zmq

from zmqbridge import _native
from zmqbridge._native import FRAME_COST, FUNCTIONS, SHARED_FROM, pyzmq_library
from zmqbridge.framing import RESERVED
from zmqbridge.socket import FastSocket, Socket

__all__ = ["before_calls", "before_sends", "count_calls", "frame_of", "need"]

Hook = Callable[..., int]

_ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "zmq_send": (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int),
    "zmq_msg_send": (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int),
    "zmq_msg_recv": (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int),
    "zmq_getsockopt": (ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p),
}


def need(speedups: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have connections made from now on use the extension, or not."""
    if not speedups:
        monkeypatch.setattr(_native, "speedups", None)
    elif _native.speedups is None:
        pytest.skip("the extension is not in use")


def count_calls(socket: Socket, monkeypatch: pytest.MonkeyPatch, *names: str) -> Counter[str]:
    """Return how often methods of a socket are called from now on, by their names."""
    calls: Counter[str] = Counter()

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            calls[name] += 1
            return real(*arguments)

        return call

    for name in names:
        monkeypatch.setattr(socket, name, counted(name, getattr(socket, name)))
    return calls


@contextmanager
def before_calls(**hooks: Hook) -> Iterator[None]:
    """Have hooks called before those of libzmq's functions that the extension calls, by the functions' names."""
    extension: Any = import_module("zmqbridge._native.speedups")
    libzmq = ctypes.CDLL(pyzmq_library())
    addresses = {name: ctypes.cast(getattr(libzmq, name), ctypes.c_void_p).value or 0 for name in FUNCTIONS}
    number = 0
    failures: list[BaseException] = []

    def hooked(name: str, hook: Hook) -> Any:
        kind = ctypes.CFUNCTYPE(ctypes.c_int, *_ARGUMENTS[name], use_errno=True)
        real = kind(addresses[name])

        def call(*arguments: Any) -> int:
            nonlocal number
            try:
                number = hook(*arguments)
            except BaseException as error:  # ctypes would print it, and go on
                failures.append(error)
                number = errno.EFAULT
            if number:
                return -1
            result: int = real(*arguments)
            number = ctypes.get_errno()
            return result

        return kind(call)

    # They are called for as long as this refers to them; each of them sets the errno.
    replaced = {name: hooked(name, hooks.get(name, lambda *_: 0)) for name in _ARGUMENTS}
    replaced["zmq_errno"] = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: number)
    changed = {name: ctypes.cast(call, ctypes.c_void_p).value for name, call in replaced.items()}
    extension.use(addresses | changed, FRAME_COST, SHARED_FROM, RESERVED)
    try:
        yield
    finally:
        extension.use(addresses, FRAME_COST, SHARED_FROM, RESERVED)
    if failures:
        raise failures[0]


@functools.cache
def _library() -> Any:
    libzmq = ctypes.CDLL(pyzmq_library())
    libzmq.zmq_msg_data.argtypes = libzmq.zmq_msg_size.argtypes = (ctypes.c_void_p,)
    libzmq.zmq_msg_data.restype, libzmq.zmq_msg_size.restype = ctypes.c_void_p, ctypes.c_size_t
    return libzmq


def frame_of(message: int) -> bytes:
    """Return the frame that libzmq's message at an address holds."""
    libzmq = _library()
    return ctypes.string_at(libzmq.zmq_msg_data(message), libzmq.zmq_msg_size(message))


@contextmanager
def before_sends(socket: Socket, hook: Callable[[bytes], int]) -> Iterator[None]:
    """Have a hook called with each frame that a socket is about to send, whichever way it does; frames are small."""
    real = socket.send_frame
    address = int(socket.raw.underlying) if isinstance(socket, FastSocket) else None

    def send(frame: bytes, flags: int) -> object:
        number = hook(frame)
        if number:
            raise zmq.Again if number == errno.EAGAIN else zmq.ZMQError(number)
        return real(frame, flags)

    def zmq_send(handle: int, data: int | None, size: int, flags: int) -> int:
        return hook(ctypes.string_at(data or 0, size)) if handle == address else 0

    socket.send_frame = send

    def zmq_msg_send(message: int, handle: int, flags: int) -> int:
        return hook(frame_of(message)) if handle == address else 0

    try:
        if isinstance(socket, FastSocket):
            with before_calls(zmq_send=zmq_send, zmq_msg_send=zmq_msg_send):
                yield
        else:
            yield
    finally:
        socket.send_frame = real
