"""The books of one socket of this face: who waits, on which loop, and who looks.

The facts. The interface of ``zmq.asyncio`` has futures that begin at once, which a core for awaited operations does not
know; its sockets are used on one loop after another, and synchronously in between; and what is not received stays in
libzmq.

The design. A :class:`Desk` is an :class:`~zmqbridge.channel.Attendant` of the core: it leads on a channel, and the
channel keeps the rules of the descriptor. What differs is how messages are read:
:class:`~zmqbridge_asyncio.serving.Serving` has those who wait take theirs themselves, first come first served, and
reads nothing ahead. A turn of the loop takes and sends so many
messages, by those who await one after another; what is called and not awaited is bounded by its own program.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections import deque
from collections.abc import Callable
from threading import get_ident
from typing import Any, Protocol

import zmq

from zmqbridge.channel import Attendant, Channel, Outbox
from zmqbridge.channel.attempt import Attempt
from zmqbridge.channel.beyond import LOOK_AGAIN
from zmqbridge.decoding import FramesDecoder
from zmqbridge.errors import ContextTerminated, ZmqBridgeError
from zmqbridge.protocols import Faults
from zmqbridge.socket import POLLIN, POLLOUT, FastSocket, shadow_socket
from zmqbridge.waiting.edge import Edge
from zmqbridge.waiting.parking import Parked
from zmqbridge_asyncio.at_once import AtOnce, unit_for
from zmqbridge_asyncio.descriptor import Descriptor
from zmqbridge_asyncio.futures import Dispatch, Pending, Receipt, Sent, Told, close
from zmqbridge_asyncio.loops import NO_LOOP
from zmqbridge_asyncio.serving import Serving
from zmqbridge_asyncio.source import Source, Taken

__all__ = ["Desk", "Watcher"]


class Watcher(Protocol):
    """Who wants to know what a socket is ready for."""

    def ready(self) -> None:
        """It is ready for something of what is wanted."""

    def closed(self) -> None:
        """It was closed."""

    def failed(self, error: Exception) -> None:
        """It cannot be asked any more."""


class Desk(Attendant):
    """Who waits for a socket.

    Args:
        socket: the socket; it is not kept alive by this.
        shared: other code uses it as well, which nobody hears of.
        turn_limit: messages that one turn of the loop takes, and as many that it sends, where each is awaited.

    Attributes:
        channel: the core's.
        source: what receives take from.
        at_once: does what need not wait.
        turn: what this turn of the loop may still do.
        newcomer: takes something for somebody who has just called, and is not parked.
        came: what he took.
        loop: the loop that it waits on.
        told: who is to try.
        waiting: the futures of those who wait.
        watchers: who wants to know what it is ready for, and for what.
    """

    def __init__(self, socket: zmq.Socket[Any], *, shared: bool, turn_limit: int) -> None:
        raw = shadow_socket(socket)
        self.name: str = f"the {raw.type_name} socket"
        self.descriptor: Descriptor = Descriptor(raw.fd, self._readable)
        backend: Any = self.descriptor
        self.channel: Channel[Any] = Channel(
            raw, lambda: backend, FramesDecoder(), Faults(), self._describe, turn_limit
        )
        self.source: Source = Source(raw)
        self.channel.intake = Serving(self, self.channel)
        self.edge: Edge = self.channel.edge
        self.attempt: Attempt = Outbox(self.channel).attempt
        self.newcomer: Callable[[], list[Any]] | None = None
        self.came: list[Any] | None = None
        self.turn: Any = self.channel.units.Turn(turn_limit)
        self.loop: Any = NO_LOOP
        self.at_once: AtOnce = unit_for(self.attempt)(
            self.attempt, raw, self.channel.guard.ownership, self.turn, self.edge, Future, self._last
        )
        self.shared = shared
        self.told: deque[Told] = deque()
        self.waiting: dict[Pending, None] = {}
        self.watchers: dict[Watcher, int] = {}
        if isinstance(raw, FastSocket):
            raw.port.lends = False  # nobody knows to whom it is connected
        super().__init__(self.channel, self._end, self._soon, self._later, reads=False)

    def _describe(self) -> str:
        return self.name

    # --- the loop ---

    def move(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on it waits on this loop, in the thread that calls."""
        self.descriptor.release(self.channel.socket.fd)
        self._cancel_timers()
        self._scheduled = False
        self.loop = loop
        self.at_once.move(loop)
        self.at_once.flows = False
        self._begin_turn()
        if self.channel.guard.open:
            self.channel.guard.adopt()
        for pending in list(self.waiting):
            if pending.get_loop().is_closed():
                pending.leave(served=pending.parked.served)
        self.edge.touch()
        if self._is_wanted():
            self._watch()

    def is_here(self, loop: asyncio.AbstractEventLoop | None) -> bool:
        """Whether it waits on this loop, in this thread."""
        return loop is self.loop and self.channel.guard.ownership.owner == get_ident()

    def _soon(self, call: Callable[[], None]) -> None:
        if self.loop.is_closed():
            self._scheduled = False  # the next loop looks first
        else:
            self.loop.call_soon(call)

    def _later(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        timer: asyncio.TimerHandle = self.loop.call_later(seconds, call)
        return timer

    def _watch(self) -> None:
        if not self.loop.is_closed() and not self._stopped:
            self.descriptor.watch(self.loop)

    def _readable(self) -> bool:
        wanted = self._is_wanted()
        self._begin_turn()
        self.look()
        return wanted and not self._stopped

    def _turn(self) -> None:
        self._begin_turn()
        super()._turn()

    def _begin_turn(self) -> None:
        self.turn.begin()
        self.at_once.spent = False

    def _last(self) -> Sent:
        return Sent(self.at_once, self.loop)

    def _is_wanted(self) -> bool:
        return any(self.watchers.values()) or super()._is_wanted()

    def _patience(self) -> float | None:
        return LOOK_AGAIN if self.shared and self._is_wanted() else super()._patience()

    def _set_timer(self) -> None:
        if not self.loop.is_closed():
            super()._set_timer()

    # --- looking ---

    def _act(self) -> None:
        self.channel.look()
        self._try()
        if self.watchers:
            self._tell_watchers()

    def _try(self) -> None:
        """Have those try who were told to, as far as the turn allows."""
        while self.told:
            if not self.told[0].waits:
                self.told.popleft()
            elif self.turn.sends > 0:
                self.turn.sends -= 1
                self.told.popleft().attempt()
            else:
                self.edge.touch()
                return

    def _tell_watchers(self) -> None:
        events, lot = self.events(), self.channel.lot
        # What came since the look has its edge gone now, and is for those who wait for it first.
        if events & POLLIN and lot.has_readers:
            self.edge.touch()
            events &= ~POLLIN
        if events & POLLOUT and lot.lanes and self.channel.socket.tells_room:
            self.edge.touch()
        for watcher, wanted in list(self.watchers.items()):
            if events & wanted:
                watcher.ready()

    def events(self) -> int:
        """Return what the socket is ready for now, with what was given back."""
        events = self.channel.socket.events()
        return events | POLLIN if self.source.kept else events

    def settle(self) -> None:
        """Look now, for somebody who has just parked; the edge may have been eaten."""
        if self._looking:
            self.edge.touch()
        else:
            self.look()

    def touch(self) -> None:
        """Something called the socket, and may have eaten the edge."""
        if not self.edge.stale:
            self.edge.touch()

    # --- waiting ---

    def receive_at_once(self, act: Callable[[], list[Any]]) -> list[Any] | None:
        """Return what is there, if nobody waits for it and this turn has some left.

        Raises:
            zmq.ZMQError: if it cannot be received.
        """
        if self.turn.reads <= 0 or self.channel.lot.has_readers or self._looking:
            return None
        self.newcomer, self._looking = act, True
        try:
            self.channel.look(receiving=True)
        except zmq.Again:
            pass
        except ZmqBridgeError:
            self.came = act()  # has pyzmq's own words for it
        finally:
            came, self.came, self.newcomer, self._looking = self.came, None, None, False
        self.at_once.flows = came is not None and not self.source.kept
        if self.told or self.watchers:
            self.touch()
            self.wake()
        return came

    def receive(self, receipt: Receipt) -> None:
        """Have a receive wait, behind all that wait; what is there now was looked for."""
        receipt.parked = self.channel.lot.park_reader()
        receipt.parked.waiter = receipt
        self.waiting[receipt] = None
        self._set_timer()
        self.at_once.flows = False
        if self.edge.stale or self.turn.reads <= 0:
            self.edge.touch()
            self.wake()
        self._watch()

    def dispatch(self, dispatch: Dispatch) -> None:
        """Have a send wait for room, or for its turn."""
        self.waiting[dispatch] = None
        dispatch.parked = self.line_up(dispatch, may_try=self.at_once.spent)

    def line_up(self, writer: Told, *, may_try: bool) -> Parked:
        """Have somebody wait to send, behind all that wait.

        Args:
            writer: leaves the lot when it has sent.
            may_try: there may be room; else it waits until that is told.
        """
        parked = self.channel.lot.park_writer()
        parked.waiter = writer
        self.channel.writer_parked()
        if may_try:
            parked.served = True
            if len(self.channel.lot.lanes[None]) == 1:
                writer.wake()
            self.edge.touch()
            self.wake()
        else:
            self._watch()
        self._set_timer()
        return parked

    def refused(self) -> None:
        """Somebody waits on, for what the descriptor will tell."""
        self._watch()

    def watch(self, watcher: Watcher, wanted: int) -> None:
        """Tell somebody when the socket is ready for something, and of its end."""
        self.watchers[watcher] = wanted & (POLLIN | POLLOUT)
        self._set_timer()
        self._watch()
        self.edge.touch()
        self.wake()

    def unwatch(self, watcher: Watcher) -> None:
        """Tell him no more."""
        self.watchers.pop(watcher, None)

    def give_back(self, taken: Taken) -> None:
        """Put back what nobody took; whoever waits has it now."""
        if not self._stopped:
            self.at_once.flows = False
            self.source.give_back(taken)
            self.touch()
            self.wake()

    # --- the end ---

    def flush(self) -> None:
        """Have sends that wait for their turn alone, or for room that is there, done now."""
        if self.channel.lot.lanes and self.channel.guard.open:
            self.channel.lot.let_writers_try()
            while self.told:
                self._begin_turn()
                self.told.popleft().attempt()

    def close(self) -> None:
        """The socket is about to be closed: end all that waits for it."""
        if self._stopped:
            return
        self.flush()
        self.at_once.flows = False
        self.channel.guard.close()
        self.stop()
        self.descriptor.release(self.channel.socket.fd)
        if isinstance(self.channel.socket, FastSocket):
            self.channel.socket.port.closed = True
        self._end_all(close, lambda watcher: watcher.closed())

    def _end(self, error: ZmqBridgeError) -> None:
        """Other code ended the socket or its context."""
        self.at_once.flows = False
        if isinstance(error, ContextTerminated):
            self._end_all(_fail, lambda watcher: watcher.failed(zmq.ContextTerminated()))
        else:
            self._end_all(close, lambda watcher: watcher.closed())

    def _end_all(self, end: Callable[[Pending], None], tell: Callable[[Watcher], None]) -> None:
        self.told.clear()
        for pending in list(self.waiting):
            end(pending)
        watchers, self.watchers = self.watchers, {}
        for watcher in watchers:
            tell(watcher)


def _fail(pending: Pending) -> None:
    if not pending.done() and not pending.get_loop().is_closed():
        pending.leave(served=False)
        pending.set_exception(zmq.ContextTerminated())
