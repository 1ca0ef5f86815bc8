"""The thread of a context that reads what must not lie unread, while its loop does other things, or nothing at all.

The facts. A monitor that nobody reads stalls libzmq's own threads, and with them every socket of the context: after 700
connects with libzmq's default marks. Without a mark it grows instead. A task of the program's would read it only while
it awaits, and a program of handlers has none. And what a loop is to do when it is idle must be told to it by somebody.

The design. A context has one thread for all of that, from when it is first needed on. It waits for descriptors, and
calls whoever asked for it, on this thread; what the loop is to do it collects, and tells it the loop at the end of each
pass, in one call. What is called here takes no time and never waits.
"""

from __future__ import annotations

import heapq
import logging
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from time import monotonic

from zmqbridge.abc import Backend
from zmqbridge.errors import BackendError, ZmqBridgeError

__all__ = ["Sentry", "Timer"]

logger: logging.Logger = logging.getLogger("zmqbridge")


class Timer:
    """A call that is to come."""

    __slots__ = ("_call", "_number", "due")

    _numbers = count()

    def __init__(self, due: float, call: Callable[[], object]) -> None:
        self.due: float = due
        self._number = next(self._numbers)
        self._call: Callable[[], object] | None = call

    def __lt__(self, other: Timer) -> bool:
        return (self.due, self._number) < (other.due, other._number)

    def cancel(self) -> None:
        """Let it not come. Any thread may say so."""
        self._call = None

    def run(self) -> None:
        """Make the call, if it was not cancelled."""
        call = self._call
        if call is not None:
            call()


class Sentry:
    """A thread that waits for descriptors; it begins when it is first called.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str = "zmqbridge-sentry") -> None:
        self._name = name
        self._lock = threading.Lock()
        self._calls: deque[Callable[[], object]] = deque()
        self._for_loops: dict[Backend, list[Callable[[], object]]] = {}
        self._timers: list[Timer] = []
        self._ends: dict[int, Callable[[], object]] = {}
        self._thread: threading.Thread | None = None
        self._stopped = False

    # --- from any thread ---

    def call(self, function: Callable[[], object]) -> None:
        """Have a function called on the sentry's thread, soon. Once it has stopped, nothing is called any more.

        Raises:
            ZmqBridgeError: if the process can have no more threads or descriptors.
        """
        with self._lock:
            if self._stopped:
                return
            self._calls.append(function)
            if self._thread is None:
                self._start()
        # Where there are others, whoever made the first has rung, or it is this thread's turn to look.
        if len(self._calls) == 1 and not self._is_here():
            self._ring()

    def call_later(self, seconds: float, function: Callable[[], object]) -> Timer:
        """Have a function called on the sentry's thread after some time.

        Raises:
            ZmqBridgeError: as :meth:`call`.
        """
        timer = Timer(monotonic() + seconds, function)
        if self._is_here():
            heapq.heappush(self._timers, timer)
        else:
            self.call(lambda: heapq.heappush(self._timers, timer))
        return timer

    def _is_here(self) -> bool:
        """Whether this is the sentry's own thread, which looks at the calls before it waits."""
        return threading.current_thread() is self._thread

    def stop(self) -> None:
        """Let go of everything, and end the thread, soon. Twice is no error."""
        with self._lock:
            started = self._thread is not None and not self._stopped
            self._stopped = True
        if started:
            self._ring()

    def _start(self) -> None:
        try:
            self._bell, self._rung = socket.socketpair()
            self._selector = selectors.DefaultSelector()
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            for end in (self._bell, self._rung):
                end.setblocking(False)
            self._selector.register(self._rung, selectors.EVENT_READ, self._answer)
            self._thread.start()
        except (OSError, RuntimeError) as error:
            self._thread = None
            self._calls.clear()
            raise ZmqBridgeError(
                f"no thread or no descriptor is left to watch connections with ({error}); close some, or raise "
                "'ulimit -n' and 'ulimit -u'"
            ) from None

    def _ring(self) -> None:
        with suppress(OSError):  # full: it is rung already; closed: it has ended
            self._bell.send(b"!")

    # --- on the sentry's thread ---

    def attend(self, fd: int, ready: Callable[[], object], end: Callable[[], object]) -> None:
        """Call something whenever a descriptor is readable, until :meth:`leave`. On the sentry's thread.

        Args:
            fd: the descriptor.
            ready: called then.
            end: called if the sentry stops before.
        """
        self._selector.register(fd, selectors.EVENT_READ, ready)
        self._ends[fd] = end

    def leave(self, fd: int) -> None:
        """Forget a descriptor, which is still open; one that is not attended is no error. On its thread."""
        if self._ends.pop(fd, None) is not None:
            self._selector.unregister(fd)

    def tell_loop(self, backend: Backend, function: Callable[[], object]) -> None:
        """Have a loop call a function, at the end of this pass. On the sentry's thread."""
        self._for_loops.setdefault(backend, []).append(function)

    def _run(self) -> None:
        try:
            while not self._stopped:
                for key, _ in self._selector.select(self._patience()):
                    _try(key.data)
                for _ in range(len(self._calls)):  # what these ask for is the next pass's
                    _try(self._calls.popleft())
                while self._timers and self._timers[0].due <= monotonic():
                    _try(heapq.heappop(self._timers).run)
                self._tell_loops()
        finally:
            while self._calls:
                _try(self._calls.popleft())
            for end in list(self._ends.values()):
                _try(end)
            self._selector.close()
            self._bell.close()
            self._rung.close()

    def _patience(self) -> float | None:
        if self._calls:
            return 0.0
        return max(0.0, self._timers[0].due - monotonic()) if self._timers else None

    def _answer(self) -> None:
        with suppress(BlockingIOError):
            self._rung.recv(4096)

    def _tell_loops(self) -> None:
        telling, self._for_loops = self._for_loops, {}
        for backend, functions in telling.items():
            with suppress(BackendError):  # the loop has ended: nobody waits there
                backend.call_from_thread(_Together(functions))


class _Together:
    """Several functions, called as one."""

    def __init__(self, functions: list[Callable[[], object]]) -> None:
        self._functions = functions

    def __call__(self) -> None:
        for function in self._functions:
            _try(function)


def _try(function: Callable[[], object]) -> None:
    try:
        function()
    except Exception:
        logger.exception("watching connections failed; it goes on")
