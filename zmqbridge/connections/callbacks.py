"""Messages handed over to a handler, for programs that are made of callbacks.

The facts. A handler may fail on each message of a flood, and may take its time with each.

The design. :meth:`Delivering.deliver` is a task that calls the handler with one message after another. What the
handler raises is logged once a burst, and it goes on. After each :data:`~zmqbridge.channel.pump.TURN` seconds of the
same turn it lets the loop run.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from time import monotonic
from typing import Any, Generic, TypeVar

from zmqbridge.bursts import Bursts, raised_here
from zmqbridge.channel import Channel
from zmqbridge.channel.pump import TURN
from zmqbridge.errors import ConnectionClosed
from zmqbridge.showing import shown
from zmqbridge.waiting.inbox import NOTHING

__all__ = ["Delivering", "HandlerFailures"]

logger = logging.getLogger("zmqbridge")

Item = TypeVar("Item")


class HandlerFailures:
    """What the handler of one connection raised, in the log: each kind once a burst.

    Args:
        describe: names the connection.
        handler: what fails.
        clock: what bursts are measured by, in seconds.
    """

    def __init__(
        self, describe: Callable[[], str], handler: Callable[..., object], clock: Callable[[], float] = monotonic
    ) -> None:
        self._describe = describe
        self._handler = handler
        self._clock = clock
        self._bursts = Bursts()

    def log(self) -> None:
        """Log the exception that is being handled, unless it is in the middle of a burst of its kind."""
        count = self._bursts.count(raised_here(), self._clock())
        if count:
            times = "" if count == 1 else f", {count} times since this was last told; the latest"
            logger.exception("%s: the handler %s failed%s", self._describe(), shown(self._handler), times)

    def tell_rest(self) -> None:
        """Log how many were not: nothing more will come."""
        if self._bursts.fresh:
            logger.error(
                "%s: %d more failure(s) like those above were not logged", self._describe(), self._bursts.fresh
            )


def check_handler(handler: Any) -> None:
    """Return if this can be called.

    Raises:
        TypeError: if it cannot.
    """
    if not callable(handler):
        raise TypeError(f"a handler is called with each message; {shown(handler)} cannot be called")


class Delivering(Generic[Item]):
    """What can hand over its messages to a handler."""

    _channel: Channel[Any]

    async def deliver(self, handler: Callable[[Item], Awaitable[object] | object]) -> None:
        """Call a handler with each message, until the connection is closed.

        A message is handed over once, and the next when the handler has returned; what it returns is
        awaited if it can be. What it raises is logged, once a burst, and the next message is handed over. If this is
        cancelled, no message is lost: a handler that waits then is cancelled with it.

        A handler that does not wait holds up the loop. After 5 milliseconds of such calls the loop
        runs once.

        Args:
            handler: called with what :meth:`receive` would return.

        Raises:
            ContextTerminated: if other code terminated the ZeroMQ context.
            TypeError: if the handler cannot be called.
        """
        check_handler(handler)
        channel = self._channel
        failures = HandlerFailures(channel.describe, handler)
        try:
            await _deliver(channel, handler, failures)
        finally:
            failures.tell_rest()
            del self


async def _deliver(channel: Channel[Any], handler: Callable[[Any], object], failures: HandlerFailures) -> None:
    backend = channel.enter_open()
    if backend is None:
        return
    cancellations: tuple[type[BaseException], ...] = getattr(backend, "cancellations", ())
    turn, take = channel.turn, channel.inbox.take_free
    number, ends = turn.number, monotonic() + TURN
    try:
        if backend.strict_checkpoints:
            await channel.checkpoint(backend)
            channel.guard.check()
        while True:
            item = take()
            if item is NOTHING:
                item = await channel.receive(checkpoint=False)
            try:
                outcome = handler(item)
                if outcome is not None and isawaitable(outcome):
                    await outcome
            except cancellations:
                raise
            except Exception:
                failures.log()
            del item
            if monotonic() >= ends:
                if turn.number == number:
                    await channel.checkpoint(backend)
                number, ends = turn.number, monotonic() + TURN
    except ConnectionClosed:
        return
