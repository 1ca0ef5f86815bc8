"""The end of a ZeroMQ context, off the loop's thread.

``zmq_ctx_term`` blocks until every socket's queue is sent or its linger period is over.
So a thread of its own does it; the thread is a daemon, and the end of the interpreter waits for it
no longer than the longest of these periods. What is still open then is closed first, but for what a thread
that still runs may be using. Whoever does wait holds one end of a socket pair; the
thread closes the other when it is done, and the loop sees that as on any descriptor: no backend
needs to know of threads.

A name within the process that was connected to and never bound libzmq binds in the end, with a socket of
its own; where it gets none, because there is no descriptor left or the context has no room, it aborts the process. So
the thread does that before, and a context has room for one socket more than it allows.

A process may have no descriptor left, or no thread. Then whoever waits looks again and again; a thread is tried for
each time. From Python 3.12 on the end of the interpreter starts no thread: it ends the context itself.

pyzmq's own context terminates itself when it is collected, in whatever thread that
happens, blocking it; beside a termination under way, libzmq then aborts the process. So the
context here leaves that out: its one end is a :class:`Termination`.

A child that multiprocessing has forked ends by ``os._exit()``, and :mod:`atexit` never runs in it: what it has open is
closed by a finalizer of multiprocessing's own.
"""

from __future__ import annotations

import atexit
import errno
import logging
import math
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import zmq

from zmqbridge import _native
from zmqbridge.abc import Backend

__all__ = ["MAX_SOCKETS", "OwnedContext", "Termination", "at_exit", "open_context"]

logger = logging.getLogger("zmqbridge")

Owner = TypeVar("Owner")

MAX_SOCKETS = 16_384

# Of libzmq's sockets a connection takes so many: one of its own, and two for its monitor where it is watched.
EACH = 3

# multiprocessing's finalizers are called from the highest on; its own are above this one.
LAST = -1000

# Seconds after which whoever cannot be told looks again.
LOOK_AGAIN = 0.01

# What libzmq needs beyond the linger period to end its threads.
GRACE = 0.5


class OwnedContext(zmq.Context["zmq.Socket[bytes]"]):
    """A ZeroMQ context that is terminated by a :class:`Termination`, and not when it is collected.

    Other code may terminate it as well: libzmq does not allow two terminations at once, so the second waits.
    """

    _terminating: threading.Lock

    def __init__(self, io_threads: int) -> None:
        super().__init__(io_threads)
        self._terminating = threading.Lock()

    def term(self) -> None:
        """Terminate the context; once it is, this does nothing."""
        with self._terminating:
            super().term()

    def __del__(self) -> None:
        """Not even now."""


def open_context(io_threads: int, max_sockets: int = MAX_SOCKETS) -> OwnedContext:
    """Return a new ZeroMQ context, to be ended with a :class:`Termination`."""
    _multiprocessing.tell()
    context = OwnedContext(io_threads)
    context.set(zmq.MAX_SOCKETS, max(max_sockets, min(EACH * max_sockets + 1, context.get(zmq.SOCKET_LIMIT))))
    return context


class Termination:
    """One context being terminated. It begins at construction.

    Args:
        context: the context, whose sockets are closed.
        linger: the longest of their linger periods, in seconds.
        pending: names within the process that were connected to and never bound.
    """

    def __init__(self, context: zmq.Context[Any], linger: float, pending: Iterable[str] = ()) -> None:
        self._context = context
        self._pending = list(pending)
        self._lock = threading.Lock()
        self._begun = False
        self._done = threading.Event()
        self._callbacks: list[Callable[[], object]] = []
        self._ends = time.monotonic() + linger + GRACE
        _under_way.add(self)
        self._begin()

    def _begin(self) -> bool:
        """Have a thread terminate the context; return whether there is one."""
        with self._lock:
            if not self._begun:
                try:
                    threading.Thread(target=self._terminate, name="zmqbridge-termination", daemon=True).start()
                except RuntimeError:
                    return False  # the process may have no more, or is ending
                self._begun = True
        return True

    def _terminate(self) -> None:
        try:
            for name in self._pending:
                self._bind(name)
            self._context.term()
        except zmq.ZMQError as error:
            logger.error("terminating the ZeroMQ context failed, and it is left as it is: %s", error)
        if _native.speedups is not None:
            _native.speedups.collect()
        with self._lock:
            self._done.set()
        _under_way.discard(self)
        for callback in self._callbacks:
            callback()

    def _bind(self, name: str) -> None:
        """Bind a name that is pending, as libzmq does in the end, but wait for a socket that is free."""
        while True:
            try:
                # zmq.Socket itself: nobody knows of this one.
                with zmq.Socket(self._context, zmq.PAIR) as pair:
                    with suppress(zmq.ZMQError):  # somebody has bound it
                        pair.bind(name)
                    pair.close(0)
                return
            except zmq.ZMQError as error:
                if error.errno != errno.EMFILE or time.monotonic() > self._ends:
                    raise
            time.sleep(LOOK_AGAIN)

    def when_done(self, callback: Callable[[], object]) -> None:
        """Have something called once the context has come to its end: in the thread that ended it, or at once."""
        with self._lock:
            if not self._done.is_set():
                self._callbacks.append(callback)
                return
        callback()

    async def wait(self, backend: Backend) -> None:
        """Wait until the context has come to its end: for the longest linger period at most."""
        while not self._begin():
            await self._wait_a_little(backend)
            if time.monotonic() > self._ends:
                return  # all has been sent, or is too late; the context goes with the process
        try:
            ours, theirs = socket.socketpair()
        except OSError:  # there is no descriptor left
            while not self._done.is_set():
                await self._wait_a_little(backend)
            return
        fd = ours.fileno()
        try:
            ours.setblocking(False)
            self.when_done(theirs.close)
            while not _rung(ours):
                await backend.create_waiter().wait(fd, None)
        finally:
            backend.release(fd)
            ours.close()

    @staticmethod
    async def _wait_a_little(backend: Backend) -> None:
        await backend.create_waiter().wait(None, backend.current_time() + LOOK_AGAIN)

    def join(self) -> None:
        """Block until the context has come to its end, or its linger period is over."""
        if self._begin():
            self._done.wait(None if self._ends == math.inf else max(0.0, self._ends - time.monotonic()))
        else:
            self._terminate()


def _rung(bell: socket.socket) -> bool:
    try:
        return bell.recv(1) == b""
    except BlockingIOError:
        return False


_under_way: set[Termination] = set()
_open: WeakKeyDictionary[Any, Callable[[Any], object]] = WeakKeyDictionary()


def at_exit(owner: Owner, close: Callable[[Owner], object]) -> None:
    """Have the end of the interpreter close the owner of a context, if it lives until then.

    Args:
        owner: not kept alive by this.
        close: called with it; it may leave alone what a thread still uses.
    """
    _open[owner] = close
    _multiprocessing.tell()


def _end_all() -> None:
    for owner, close in list(_open.items()):
        try:
            close(owner)
        except Exception:
            logger.exception("closing %r at the end of the interpreter failed", owner)
    with _interruptible():
        for termination in list(_under_way):
            termination.join()


def _end_in_child() -> None:
    # What comes next in a child anyhow: then no thread uses any more what it has opened.
    getattr(threading, "_shutdown", lambda: None)()
    _end_all()


class _Multiprocessing:
    """Has the end of each process of multiprocessing's close what is open in it."""

    def __init__(self) -> None:
        self._told = False
        self._ends_in: int | None = None

    def tell(self) -> None:
        """Tell multiprocessing, if the program uses it; it is told once, and children hear of it from their parents."""
        util, process = (sys.modules.get(f"multiprocessing.{name}") for name in ("util", "process"))
        if util is None or process is None:
            return
        if not self._told:
            self._told = True
            util.register_after_fork(self, _Multiprocessing.tell)
        if process.parent_process() is not None and self._ends_in != os.getpid():
            self._ends_in = os.getpid()
            util.Finalize(None, _end_in_child, exitpriority=LAST)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let a signal end the wait: the handlers that a loop leaves behind have nothing to stop any more."""
    ours = threading.current_thread() is threading.main_thread()
    left = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM) if ours}
    replaced = {number: handler for number, handler in left.items() if callable(handler)}
    for number in replaced:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in replaced.items():
            signal.signal(number, handler)


_multiprocessing = _Multiprocessing()
_multiprocessing.tell()
atexit.register(_end_all)
if hasattr(os, "register_at_fork"):
    # Their threads are the parent's.
    os.register_at_fork(after_in_child=_under_way.clear)
