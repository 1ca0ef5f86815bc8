"""Having collected what libzmq gives back to the extension, though Python's main thread waits for something else.

The facts. libzmq's thread may not touch Python. The extension has Python's main thread collect what came back, which it
does when it next runs Python; a loop with nothing to do does not run it.

The design. Once somebody waits for what he has lent, one thread of the process waits at a pipe that the extension
writes to, and collects. It is never ended, for libzmq's threads may write at any time: the process has one pipe at
most.
"""

from __future__ import annotations

import os
from threading import Lock, Thread
from typing import Any

from zmqbridge import _native
from zmqbridge.errors import ZmqBridgeError

__all__ = ["collect_always"]


class Collector:
    """The thread, once there is one.

    Attributes:
        pipe: its ends, to read from and to write to.
    """

    def __init__(self) -> None:
        self.pipe: tuple[int, int] | None = None
        self._lock = Lock()

    def begin(self) -> None:
        """Begin to collect, unless that has begun.

        Raises:
            ZmqBridgeError: if no thread or no descriptor is left for it.
        """
        with self._lock:
            if self.pipe is not None:
                return
            try:
                pipe = os.pipe()
            except OSError as error:
                raise ZmqBridgeError(f"no descriptor is left to tell when libzmq lets go of a frame: {error}") from None
            try:
                os.set_blocking(pipe[1], False)
                Thread(target=_collect, args=(pipe[0],), name="zmqbridge-collect", daemon=True).start()
            except (OSError, RuntimeError) as error:
                _close(pipe)
                raise ZmqBridgeError(f"no thread is left to tell when libzmq lets go of a frame: {error}") from None
            _native.speedups.tell(pipe[1])
            self.pipe = pipe

    def begin_anew(self) -> None:
        """In the child of a fork there is no such thread, and the pipe is the parent's."""
        self._lock = Lock()
        if self.pipe is not None:
            pipe, self.pipe = self.pipe, None
            _native.speedups.tell(-1)
            _close(pipe)


def _close(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    os.close(pipe[1])


def _collect(descriptor: int) -> None:
    speedups: Any = _native.speedups
    while os.read(descriptor, 4096):
        speedups.collect()


_collector = Collector()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_collector.begin_anew)


def collect_always() -> None:
    """From now on, collect what comes back as soon as it does.

    Raises:
        ZmqBridgeError: if no thread or no descriptor is left for it.
    """
    if _collector.pipe is None:
        _collector.begin()
