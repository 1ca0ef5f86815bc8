"""A ``zmq.Socket`` with libzmq's own answers to what is asked most, by ctypes.

What is received need not be wrapped to be asked whether more frames follow. And where one message comes at a time,
EVENTS says that there are no more, at a third of what the exception costs that a ``recv`` in vain raises.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import cache
from sys import byteorder, maxsize
from typing import Any

import zmq
import zmq.backend

from zmqbridge._native import ALL, VARIABLE, is_pyzmqs, pyzmq_library
from zmqbridge.socket.plain import BATCH_COST, FRAME_COST, NOBLOCK, POLLIN, Socket

__all__ = ["LeanSocket", "Option", "load_option"]

# Where no message has more than one frame of so many bytes, a batch's number of messages bounds its cost well enough.
SMALL = 1024

# Where the low byte of a number is.
LOW = 0 if byteorder == "little" else -1


class Option:
    """One of a socket's options that are numbers, read with libzmq's own function: a third of the cost of pyzmq's.

    Call :attr:`read` with :attr:`arguments`: it returns 0, and the bytes of :attr:`flag` are the value then.
    """

    __slots__ = ("arguments", "flag", "read")

    def __init__(self, read: Callable[..., int], socket: int, option: int) -> None:
        self.read: Callable[..., int] = read
        self.flag: bytearray = bytearray(ctypes.sizeof(ctypes.c_int))
        value = (ctypes.c_char * len(self.flag)).from_buffer(self.flag)
        size = ctypes.c_size_t(len(self.flag))
        # References and a plain number: ctypes converts them faster than objects that it made for their types.
        pointer = ctypes.byref(ctypes.c_char.from_address(socket))
        self.arguments: tuple[Any, ...] = pointer, option, ctypes.byref(value), ctypes.byref(size)

    @property
    def value(self) -> int:
        """The value that was read."""
        return int.from_bytes(self.flag, byteorder)


@cache
def load_option() -> Callable[..., int] | None:
    """Return what an :class:`Option` reads with, or ``None``."""
    if os.environ.get(VARIABLE) == ALL:
        return None
    try:
        # The interpreter stays locked, for the call returns at once.
        libzmq = ctypes.PyDLL(pyzmq_library())
        read: Callable[..., int] = libzmq.zmq_getsockopt
        return read if is_pyzmqs(libzmq) else None
    except (ImportError, OSError, AttributeError, TypeError):
        return None


class LeanSocket(Socket):
    """:class:`Socket`, faster where libzmq's own ``zmq_getsockopt`` can be called."""

    def __init__(self, context: zmq.Context[Any], socket_type: int) -> None:
        super().__init__(context, socket_type)
        read_option = load_option()
        assert read_option is not None
        handle = int(self.raw.underlying)
        self._read: Callable[[int], bytes] = zmq.backend.Socket.recv.__get__(self.raw)
        self._more = Option(read_option, handle, int(zmq.RCVMORE))
        self._events = Option(read_option, handle, int(zmq.EVENTS))
        # The others have their own errors for a recv that is not their turn.
        self._asks_first = self.receives and int(socket_type) not in (zmq.REQ, zmq.REP)

    def _receive(self, messages: list[Any], limit: int) -> bool:
        if self.views_from != maxsize:
            return super()._receive(messages, limit)
        read, more, bare = self._read, self._more, self.single is not None
        ask, arguments, follows = more.read, more.arguments, more.flag
        append = messages.append
        room = BATCH_COST
        if self._begun:
            room -= self._read_on(messages, room)
            if room <= 0:
                return False
        limit -= len(messages)
        for part in (1, limit - 1) if self._asks_first else (limit,):
            if self._asks_first and not self.events() & POLLIN:
                return True
            for _ in range(part):
                data = read(NOBLOCK)
                if ask(*arguments) or follows[LOW] or len(data) > SMALL:
                    room -= len(data) + FRAME_COST
                    if self._more_follows():
                        self._add(messages, data, more=True)
                        room -= self._read_on(messages, room)
                    else:
                        append(data if bare else [data])
                    if room <= 0:
                        return False
                else:
                    append(data if bare else [data])
        return False

    def _read_on(self, messages: list[Any], room: int) -> int:
        """Read on in the message that was begun, to its end or while there is room; return what it cost."""
        cost = 0
        while self._begun and cost < room:
            data = self._read(NOBLOCK)
            cost += len(data) + FRAME_COST
            self._add(messages, data, more=self._more_follows())
        return cost

    def _more_follows(self) -> bool:
        more = self._more
        return bool(self._get(zmq.RCVMORE) if more.read(*more.arguments) else more.flag[LOW])

    def events(self) -> int:
        asked = self._events
        # libzmq's own function is given an address, and cannot see that the socket is closed; pyzmq can.
        if self._behind or self.raw.closed or asked.read(*asked.arguments):
            return super().events()
        events = asked.value
        self.input_pending: bool = bool(events & POLLIN)
        return events
