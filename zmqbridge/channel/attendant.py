"""Who leads on a channel for a program that is called and awaits nothing, and when he looks.

The facts. In :mod:`zmqbridge.channel.channel` whoever awaits pumps. Where a program is called instead, by its loop when
the descriptor is readable, nobody is parked for good who would lead.

The design. An :class:`Attendant` is a parked operation that never leaves, so it leads; whatever touches the socket
makes the edge stale and wakes it, as it would any leader. It then looks in the loop's next turn, if there is anybody to
look for. Where the edge is stale at the end of a look, it looks again. What a look is for is said by those who derive
from it: :class:`~zmqbridge.channel.Pump` delivers messages to handlers, and another face of the library may have
futures to complete.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from zmqbridge.channel.channel import Channel
from zmqbridge.errors import ConnectionClosed, ContextTerminated, LocalProtocolError, ZmqBridgeError
from zmqbridge.waiting.parking import Parked

__all__ = ["RETRY", "Attendant", "Timer"]

RETRY = 0.1

logger: logging.Logger = logging.getLogger("zmqbridge")


class Timer(Protocol):
    """What a loop returns for a call that is to come."""

    def cancel(self) -> None: ...


class Attendant:
    """Leads on a channel, and looks when that is due, until it is stopped.

    Args:
        channel: what it looks at.
        ended: called once with the error if other code ends the socket.
        call_soon: has the loop call something in its next turn.
        call_later: likewise, after some seconds.
        reads: it wants messages in any case, whether or not anybody else is parked.
    """

    def __init__(
        self,
        channel: Channel[Any],
        ended: Callable[[ZmqBridgeError], None],
        call_soon: Callable[[Callable[[], None]], object],
        call_later: Callable[[float, Callable[[], None]], Timer],
        *,
        reads: bool,
    ) -> None:
        self._channel = channel
        self._ended = ended
        self._call_soon = call_soon
        self._call_later = call_later
        self._looking = False
        self._scheduled = False
        self._stopped = False
        self._timer: Timer | None = None
        self._retrying: Timer | None = None
        self._place = Parked()
        self._place.waiter = self
        channel.attend()
        if reads:
            channel.lot.park_watcher(self._place)
        else:
            channel.lot.park_attendant(self._place)
        self.wake()

    def _act(self) -> None:
        """Look, and do what the look is for."""
        raise NotImplementedError

    def _is_wanted(self) -> bool:
        """Whether there is anybody to look for."""
        channel = self._channel
        return channel.lot.wants_input or bool(channel.lot.lanes) or not channel.guard.open

    def _patience(self) -> float | None:
        """How many seconds may pass until the next look, though nothing is heard; ``None`` is for ever."""
        return self._channel.patience()

    def wake(self) -> None:
        """Look soon; the channel calls this when the socket was touched."""
        if not self._looking and not self._scheduled and self._is_wanted():
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
            self._act()
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

    def _retry_later(self) -> None:
        """Look again after a while: what failed may fail again, and again."""
        if self._retrying is None and not self._stopped:
            self._retrying = self._call_later(RETRY, self._retry)

    def _retry(self) -> None:
        self._retrying = None
        self.wake()

    def _set_timer(self) -> None:
        patience = self._patience()
        if patience is not None and self._timer is None and not self._stopped:
            self._timer = self._call_later(patience, self._look_again)

    def _look_again(self) -> None:
        self._timer = None
        self.look()

    def stop(self) -> None:
        """Look no more: the connection is being closed, or its loop has given up the descriptor. Twice is no error."""
        self._stopped = True
        self._cancel_timers()
        self._channel.lot.leave_watcher(self._place)

    def _cancel_timers(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._retrying is not None:
            self._retrying.cancel()
            self._retrying = None
