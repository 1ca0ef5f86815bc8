"""A channel for a program that is called, and awaits nothing: read, deliver, look again.

The facts. In :mod:`zmqbridge._channel` whoever awaits pumps. A program of handlers, as one of
Twisted is, awaits nothing: its loop calls when the descriptor is readable, and each message is
handed over by a call.

The consequence. Somebody must be parked who reads, for as long as the connection is open. And a
handler may do anything in the middle of a batch: send, close its own connection, raise, or
keep the loop busy.

The design. A :class:`Pump` is a parked operation that never leaves, so it leads; whatever touches the socket makes
the edge stale and wakes it, as it would any leader. Where the edge is stale at the end of what it delivers, it looks
again before it returns; where it goes stale later, in the next turn of the loop. Once it has delivered as many
messages as one turn may, or lasted :data:`TURN` seconds, it reads and delivers no more; the rest waits, in order, for
the next turn. A message leaves the inbox before its handler is called, so none is delivered twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import Generic, Protocol, TypeVar

from zmqbridge.channel.channel import Channel
from zmqbridge.errors import ConnectionClosed, ContextTerminated, LocalProtocolError, ZmqBridgeError
from zmqbridge.waiting.inbox import NOTHING
from zmqbridge.waiting.parking import Parked

__all__ = ["TURN", "Pump"]

TURN = 0.005

RETRY = 0.1

logger = logging.getLogger("zmqbridge")

Item = TypeVar("Item")


class Timer(Protocol):
    """What a loop returns for a call that is to come."""

    def cancel(self) -> None: ...


class Pump(Generic[Item]):
    """Reads for a channel and delivers what it read, until it is stopped.

    Args:
        channel: what it reads from.
        deliver: called with each item; it must not raise.
        ended: called once with the error if other code ends the socket.
        call_soon: has the loop call something in its next turn.
        call_later: likewise, after some seconds.
        clock: what a turn's length is measured by, in seconds.
    """

    def __init__(
        self,
        channel: Channel[Item],
        deliver: Callable[[Item], None],
        ended: Callable[[ZmqBridgeError], None],
        call_soon: Callable[[Callable[[], None]], None],
        call_later: Callable[[float, Callable[[], None]], Timer],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._channel = channel
        self._deliver = deliver
        self._ended = ended
        self._call_soon = call_soon
        self._call_later = call_later
        self._clock = clock
        self._looking = False
        self._scheduled = False
        self._stopped = False
        self._timer: Timer | None = None
        self._retrying: Timer | None = None
        self._limit = channel.turn.limit
        self._place = Parked()
        self._place.waiter = self
        channel.attend()
        self._reads = channel.socket.receives
        if self._reads:
            channel.lot.park_watcher(self._place)
        else:
            channel.lot.park_attendant(self._place)
        self.wake()

    def wake(self) -> None:
        """Look soon; the channel calls this when the socket was touched."""
        if not self._looking and not self._scheduled:
            channel = self._channel
            if self._reads or channel.lot.lanes or not channel.guard.open:
                self._scheduled = True
                self._call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        self.look()

    def look(self) -> None:
        """Act on all that the socket says now: call it when the descriptor is readable.

        Called by a handler, it does nothing: the look under way goes on. The first look settles which
        thread the channel belongs to.
        """
        if self._looking or self._stopped:
            return
        channel = self._channel
        channel.guard.adopt()
        self._looking = True
        try:
            channel.guard.check_open()  # a send may have found out that other code ended it
            self._read_and_deliver(channel)
        except (ConnectionClosed, ContextTerminated, LocalProtocolError) as error:
            if not self._stopped:
                self.stop()
                self._ended(error)
        except Exception:
            # No fault of the loop's, which would watch the descriptor no more: the connection would be deaf for ever.
            logger.exception("reading for %s failed; it goes on", channel.describe())
            self._retry_later()
        finally:
            self._looking = False
            if not self._stopped:
                if (channel.edge.stale or len(channel.inbox)) and self._retrying is None:
                    self.wake()
                self._set_timer()

    def _read_and_deliver(self, channel: Channel[Item]) -> None:
        deliver, inbox, clock = self._deliver, channel.inbox, self._clock
        take = inbox.take_free
        ends = clock() + TURN
        room = self._limit
        while room > 0 and not self._stopped:
            if not len(inbox):
                channel.look()
            while room > 0 and (item := take()) is not NOTHING:
                room -= 1
                deliver(item)
                if clock() >= ends:
                    return
            if not channel.edge.stale:
                return

    def _retry_later(self) -> None:
        """Look again after a while: what failed may fail again, and again."""
        if self._retrying is None and not self._stopped:
            self._retrying = self._call_later(RETRY, self._retry)

    def _retry(self) -> None:
        self._retrying = None
        self.wake()

    def _set_timer(self) -> None:
        patience = self._channel.patience()
        if patience is not None and self._timer is None and not self._stopped:
            self._timer = self._call_later(patience, self._look_again)

    def _look_again(self) -> None:
        self._timer = None
        self.look()

    def stop(self) -> None:
        """Read no more: the connection is being closed, or its loop has given up the descriptor. Twice is no error."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._retrying is not None:
            self._retrying.cancel()
            self._retrying = None
        self._channel.lot.leave_watcher(self._place)
