"""Knowing when an address is free again.

The facts. ``zmq_close`` returns at once; one of libzmq's own threads closes the listening sockets a moment later, and
removes the file of an ``ipc`` address. Until then the address is in use; and who binds an ``ipc`` address in that
moment has its file removed. The socket's monitor tells when it is done, also after the socket was closed, and it
tells when the socket has ended (``socket_base.cpp``, ``stop_monitor``).

The consequence. A program that closes and at once binds the same address again needs somebody who waits for that. It
takes well under a millisecond as a rule, and does not depend on what is still to be sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing, suppress
from itertools import count
from time import monotonic
from typing import Any

import zmq
from zmq.utils.monitor import parse_monitor_message

from zmqbridge.socket.plain import Socket

__all__ = ["Release"]

# Of these a monitor tells.
TRANSPORTS = ("tcp://", "ipc://")

EVENTS = int(zmq.EVENT_CLOSED | zmq.EVENT_CLOSE_FAILED | zmq.EVENT_MONITOR_STOPPED)

_numbers = count()


class Release:
    """Waits until a socket that is being closed has let go of the addresses at which it listens.

    To be made before the socket is closed. Where there is no descriptor left for it, it waits for nothing.

    Args:
        socket: the socket.
        addresses: where it listens, as libzmq resolved them.
    """

    def __init__(self, socket: Socket, addresses: Iterable[str]) -> None:
        self._held = {address.encode() for address in addresses if address.startswith(TRANSPORTS)}
        self._monitor: zmq.Socket[Any] | None = None
        if not self._held:
            return
        name = f"inproc://zmqbridge.releasing.{next(_numbers)}"
        with suppress(zmq.ZMQError):
            socket.raw.monitor(name, EVENTS)
            self._monitor = zmq.Socket(socket.raw.context, zmq.PAIR)
            self._monitor.linger = 0
            self._monitor.connect(name)

    def wait(self, until: float) -> None:
        """Block until the addresses are free, or a time of the monotonic clock; call it once the socket is closed."""
        if self._monitor is None:
            return
        with suppress(zmq.ZMQError), closing(self._monitor):
            while self._held and self._monitor.poll(max(0, int(1000 * (until - monotonic())))):
                event = parse_monitor_message(self._monitor.recv_multipart())
                if event["event"] == zmq.EVENT_MONITOR_STOPPED:
                    return
                self._held.discard(event["endpoint"])
