"""The end of a ZeroMQ context, off the loop's thread.

``zmq_ctx_term`` blocks until every socket's queue is sent or its linger period is over.
So a thread of its own does it; the thread is a daemon, so that a program which does not
wait can end. Whoever does wait holds one end of a socket pair; the thread closes the other
when it is done, and the loop sees that as on any descriptor: no backend needs to
know of threads.

pyzmq's own context terminates itself when it is collected, in whatever thread that
happens, blocking it; beside a termination under way, libzmq then aborts the process. So the
context here leaves that out: its one end is a :class:`Termination`.
"""

from __future__ import annotations

import logging
import socket
import threading
from typing import Any

import zmq

from zmqbridge.abc import Backend

__all__ = ["OwnedContext", "Termination"]

logger = logging.getLogger("zmqbridge")


class OwnedContext(zmq.Context["zmq.Socket[bytes]"]):
    """A ZeroMQ context that is terminated by a :class:`Termination` and by nothing else."""

    def __del__(self) -> None:
        """Not even now."""


class Termination:
    """One context being terminated. It begins at construction."""

    def __init__(self, context: zmq.Context[Any]) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._done = False
        self._bells: list[socket.socket] = []
        threading.Thread(target=self._terminate, name="zmqbridge-termination", daemon=True).start()

    def _terminate(self) -> None:
        try:
            self._context.term()
        except zmq.ZMQError as error:
            logger.error("terminating the ZeroMQ context failed: %s", error)
        with self._lock:
            self._done = True
            for bell in self._bells:
                bell.close()

    async def wait(self, backend: Backend) -> None:
        """Wait until the context has come to its end: for the longest linger period at most."""
        ours, theirs = socket.socketpair()
        fd = ours.fileno()
        try:
            ours.setblocking(False)
            with self._lock:
                if self._done:
                    theirs.close()
                self._bells.append(theirs)
            while not _rung(ours):
                await backend.create_waiter().wait(fd, None)
        finally:
            backend.release(fd)
            ours.close()


def _rung(bell: socket.socket) -> bool:
    try:
        return bell.recv(1) == b""
    except BlockingIOError:
        return False
