"""Waiting until sockets are ready, ZeroMQ's and others: futures, and the Poller of zmq.asyncio's interface.

The facts. To ask a socket what it is ready for uses up the edge that others wait for. A loop has one callback for a
descriptor, whoever asked for it. A file on disk cannot be watched, and is always ready.

The design. A :class:`Poll` is a future that watches at the desks of its sockets, and the descriptors of all else
through :class:`Descriptors`, of which each loop has one. Once it is told, it asks again, in the next turn, and is
done if there is an answer; if somebody else was faster, it waits on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import zmq
import zmq.asyncio

from zmqbridge.socket import POLLIN, POLLOUT
from zmqbridge_asyncio.futures import CLOSED
from zmqbridge_asyncio.loops import loop_of_the_caller

if TYPE_CHECKING:
    from zmqbridge_asyncio.sockets import Socket

__all__ = ["Poll", "Poller"]


class Descriptors:
    """Who wants to know of which descriptor on a loop: several may of the same."""

    def __init__(self) -> None:
        self._wanted: dict[tuple[int, int], dict[Callable[[], None], None]] = {}

    def add(self, loop: asyncio.AbstractEventLoop, fd: int, event: int, call: Callable[[], None]) -> None:
        """Call when a descriptor is ready for reading, or for writing."""
        calls = self._wanted.setdefault((fd, event), {})
        if not calls:
            try:
                watch = loop.add_reader if event == POLLIN else loop.add_writer
                watch(fd, self._fire, fd, event)
            except PermissionError:  # a file on disk
                del self._wanted[fd, event]
                loop.call_soon(call)
                return
            except BaseException:
                del self._wanted[fd, event]
                raise
        calls[call] = None

    def remove(self, loop: asyncio.AbstractEventLoop, fd: int, event: int, call: Callable[[], None]) -> None:
        """Call no more."""
        calls = self._wanted.get((fd, event))
        if calls is None:
            return
        calls.pop(call, None)
        if not calls:
            del self._wanted[fd, event]
            if not loop.is_closed():
                (loop.remove_reader if event == POLLIN else loop.remove_writer)(fd)

    def _fire(self, fd: int, event: int) -> None:
        for call in list(self._wanted.get((fd, event), ())):
            call()


_descriptors: WeakKeyDictionary[asyncio.AbstractEventLoop, Descriptors] = WeakKeyDictionary()


class Poll(asyncio.Future[Any]):
    """A future of what some sockets are ready for.

    Args:
        sockets: each with the socket through which it is watched, and the events that are wanted.
        raw: descriptors, with the same.
        loop: the loop that runs.
        ask: returns the answer; what is empty is none.
    """

    def __init__(
        self,
        sockets: list[tuple[Any, Socket, int]],
        raw: list[tuple[int, int]],
        loop: asyncio.AbstractEventLoop,
        ask: Callable[[], Any],
    ) -> None:
        super().__init__(loop=loop)
        self._sockets = sockets
        self._raw = raw
        self._ask = ask
        self._timer: asyncio.TimerHandle | None = None
        self._asking = False
        self._watching = False

    def begin(self, timeout: float | None) -> None:
        """Ask, and if there is no answer yet wait for it.

        Args:
            timeout: milliseconds; ``None`` or a negative number is for ever.
        """
        if timeout == 0:
            self._answer(self._ask)
            return
        self._watching = True
        try:
            for _, socket, wanted in self._sockets:
                socket._here().watch(self, wanted)
            loop = self.get_loop()
            for fd, wanted in self._raw:
                for event in (POLLIN, POLLOUT):
                    if wanted & event:
                        self._descriptors().add(loop, fd, event, self.ready)
        except Exception as error:
            self._stop()
            self.set_exception(error)
            return
        if timeout is not None and timeout > 0:
            self._timer = loop.call_later(timeout / 1000, self._expire)

    def _descriptors(self) -> Descriptors:
        loop = self.get_loop()
        found = _descriptors.get(loop)
        if found is None:
            found = _descriptors[loop] = Descriptors()
        return found

    def _answer(self, ask: Callable[[], Any]) -> None:
        try:
            self.set_result(ask())
        except Exception as error:
            self.set_exception(error)

    def ready(self) -> None:
        """Something is ready: ask in the next turn of the loop."""
        if not self._asking and not self.done():
            self._asking = True
            self.get_loop().call_soon(self._ask_again)

    def _ask_again(self) -> None:
        self._asking = False
        if self.done():
            return
        try:
            answer = self._ask()
        except Exception as error:
            self._stop()
            self.set_exception(error)
            return
        if answer:
            self._stop()
            self.set_result(answer)

    def _expire(self) -> None:
        self._timer = None
        if not self.done():
            self._stop()
            self._answer(self._ask)

    def failed(self, error: Exception) -> None:
        """A socket cannot be asked any more."""
        if not self.done() and not self.get_loop().is_closed():
            self._stop()
            self.set_exception(error)

    def closed(self) -> None:
        """A socket was closed."""
        with suppress(RuntimeError):  # the loop may be at its end
            self.cancel(CLOSED)

    def cancel(self, msg: Any | None = None) -> bool:
        cancelled = super().cancel(msg)
        if cancelled:
            self._stop()
        return cancelled

    def _stop(self) -> None:
        if not self._watching:
            return
        self._watching = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for _, socket, _wanted in self._sockets:
            desk = socket._desk
            if desk is not None:
                desk.unwatch(self)
        for fd, wanted in self._raw:
            for event in (POLLIN, POLLOUT):
                if wanted & event:
                    self._descriptors().remove(self.get_loop(), fd, event, self.ready)


class Poller(zmq.asyncio.Poller):
    """Waits for several sockets; its interface is that of :class:`zmq.asyncio.Poller`."""

    def __init__(self) -> None:
        super().__init__()
        self._sharing: WeakKeyDictionary[zmq.Socket[Any], Socket] = WeakKeyDictionary()

    def poll(self, timeout: Any = -1) -> Any:
        """Return a future of what the sockets are ready for: a list of pairs, each of a socket and its events.

        Args:
            timeout: milliseconds, after which the list is empty; ``None`` or a negative number is for ever.
        """
        sockets: list[tuple[Any, Socket, int]] = []
        raw: list[tuple[int, int]] = []
        for socket, wanted in self.sockets:
            if isinstance(socket, zmq.Socket):
                sockets.append((socket, self._watched_through(socket), wanted))
            else:
                raw.append((socket if isinstance(socket, int) else socket.fileno(), wanted))
        poll = Poll(sockets, raw, loop_of_the_caller(), self._ask_all)
        poll.begin(timeout)
        return poll

    def _watched_through(self, socket: zmq.Socket[Any]) -> Socket:
        from zmqbridge_asyncio.sockets import Socket  # noqa: PLC0415 (a socket has pollers)

        if isinstance(socket, Socket):
            return socket
        sharing = self._sharing.get(socket)
        if sharing is None or sharing.closed:
            sharing = self._sharing[socket] = Socket(shadow=int(socket.underlying))
        return sharing

    def _ask_all(self) -> list[tuple[Any, int]]:
        answers = dict(zmq.Poller.poll(self, 0))
        for socket, wanted in self.sockets:
            desk = getattr(socket, "_desk", None)
            if desk is not None:
                if desk.source.kept and wanted & POLLIN:
                    answers[socket] = answers.get(socket, 0) | POLLIN
                desk.touch()
        return list(answers.items())
