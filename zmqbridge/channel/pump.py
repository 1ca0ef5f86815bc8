"""A channel for a program that is called, and awaits nothing: read, deliver, look again.

The facts. A program of handlers, as one of Twisted is, awaits nothing: its loop calls when the descriptor is readable,
and each message is handed over by a call.

The consequence. Somebody must be parked who reads, for as long as the connection is open. And a
handler may do anything in the middle of a batch: send, close its own connection, raise, or
keep the loop busy.

The design. A :class:`Pump` is an :class:`~zmqbridge.channel.attendant.Attendant` that wants messages in any case.
Where the edge is stale at the end of what it delivers, it looks again before it returns; where it goes stale later, in
the next turn of the loop. Once it has delivered as many messages as one turn may, or lasted :data:`TURN` seconds, it
reads and delivers no more; the rest waits, in order, for the next turn. A message leaves the inbox before its handler
is called, so none is delivered twice.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

from zmqbridge.channel.attendant import Attendant, Timer
from zmqbridge.channel.channel import Channel
from zmqbridge.errors import ZmqBridgeError
from zmqbridge.waiting.inbox import NOTHING

__all__ = ["TURN", "Pump"]

TURN = 0.005

Item = TypeVar("Item")


class Pump(Attendant, Generic[Item]):
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
        call_soon: Callable[[Callable[[], None]], object],
        call_later: Callable[[float, Callable[[], None]], Timer],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._deliver = deliver
        self._clock = clock
        self._limit = channel.turn.limit
        super().__init__(channel, ended, call_soon, call_later, reads=channel.socket.receives)

    def _act(self) -> None:
        channel = self._channel
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
