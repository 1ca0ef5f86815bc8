"""The two ways through a stream: what came is handed over, and what is to go is sent in order, as there is room.

The facts. A program of callbacks may do anything in one: send, close its stream, set another callback, raise, keep the
loop busy. And a socket may have messages, or room, for as long as anybody asks.

The design. Both ways are called by the :class:`~zmqbridge_asyncio.desk.Desk` of the socket, in the course of its look.
:class:`Incoming` watches for messages, as a poll does; it takes one at a time, so that what a callback stops stays in
libzmq. :class:`Outgoing` is parked as a writer while there is something to send, as any send that waits. Each leaves
off after so many messages, or so long, and goes on in the loop's next turn.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any

import zmq

from zmqbridge.bursts import Bursts, raised_here
from zmqbridge.channel.pump import TURN
from zmqbridge.socket import POLLIN
from zmqbridge.waiting.parking import Parked
from zmqbridge_asyncio.calling import Callback
from zmqbridge_asyncio.desk import Desk
from zmqbridge_asyncio.futures import Told

__all__ = ["Incoming", "Outgoing"]

logger: logging.Logger = logging.getLogger("zmqbridge")


class Incoming:
    """What a stream receives.

    Args:
        desk: calls this.
        ended: called when the socket is at its end.
        clock: what a turn's length is measured by, in seconds.

    Attributes:
        callback: called with each message; ``None`` leaves them where they are.
        copy: frames are ``bytes``, and else ``zmq.Frame`` objects.
    """

    def __init__(self, desk: Desk, ended: Callable[[], None], clock: Callable[[], float] = monotonic) -> None:
        self.callback: Callback | None = None
        self.copy = True
        self._desk = desk
        self._ended = ended
        self._clock = clock

    def watch(self) -> None:
        """Hear of messages if there is a callback, and of the end in any case."""
        self._desk.watch(self, POLLIN if self.callback else 0)

    def ready(self) -> None:
        """Hand over what there is, as far as this turn allows."""
        desk = self._desk
        room, ends = desk.turn.limit, self._clock() + TURN
        while room > 0 and self._clock() < ends:
            if self.callback is None or not self.take():
                return
            room -= 1
        desk.touch()

    def take(self) -> bool:
        """Receive a message, and hand it over if there is a callback; return whether there was one."""
        source = self._desk.source
        try:
            if not source.is_ready():
                return False
            message = source.message(0, self.copy, False)
        except zmq.Again:
            return False
        if self.callback is not None:
            self.callback(message)
        return True

    def closed(self) -> None:
        """The socket was closed."""
        self._ended()

    def failed(self, error: Exception) -> None:
        """The socket's context was terminated, which waits for the socket to be closed."""
        self._ended()


class Outgoing(Told):
    """What a stream has to send.

    Args:
        desk: calls this.
        sent: called with each message that was sent, and its tracker or ``None``, or the error that kept it from that.
    """

    def __init__(self, desk: Desk, sent: Callable[[Any, Any], None]) -> None:
        self._desk = desk
        self._sent = sent
        self._queue: deque[tuple[Any, Callable[[], Any]]] = deque()
        self._parked: Parked | None = None
        self._bursts = Bursts()

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, message: Any, act: Callable[[], Any]) -> None:
        """Send a message behind all others, in the loop's next turn at the earliest.

        Args:
            message: what the callback is told.
            act: sends it, or raises ``zmq.Again``.
        """
        self._queue.append((message, act))
        if self._parked is None:
            self._parked = self._desk.line_up(self, may_try=True)

    @property
    def waits(self) -> bool:
        """Whether there is something to send."""
        return self._parked is not None

    def attempt(self) -> bool:
        """Send what there is, as far as there is room and this turn allows; return whether that was all."""
        self._told = False
        turn = self._desk.turn
        turn.sends += 1  # whoever told it to try has charged for one
        while self._queue:
            if turn.sends <= 0:
                self.wake()
                return False
            if not self.send_one():
                return False
        return True

    def send_one(self) -> bool:
        """Send the first message, if it is its turn and there is room; return whether there was something to send."""
        desk = self._desk
        if self._parked is None or next(iter(desk.channel.lot.lanes[None])) is not self._parked:
            return False
        message, act = self._queue[0]
        status: Any
        try:
            status = act()
        except zmq.Again:
            self._parked.served = False
            desk.refused()
            return False
        except Exception as error:
            self._log()
            status = error
        self._queue.popleft()
        desk.turn.sends -= 1
        if not self._queue:
            self.leave()
        self._sent(message, status)
        return True

    def leave(self) -> None:
        """Send no more."""
        self._queue.clear()
        parked, self._parked = self._parked, None
        if parked is not None:
            parked.served = True
            self._desk.channel.lot.leave_writer(parked)

    def _log(self) -> None:
        count = self._bursts.count(raised_here(), monotonic())
        if count:
            logger.exception("%s: %d message(s) could not be sent; the latest", self._desk.name, count)
