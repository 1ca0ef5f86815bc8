"""Messages handed over to a handler, for programs that are made of callbacks.

The facts. A handler may fail on each message of a flood, and may take its time with each.

The design. :meth:`Delivering.deliver` is a task that calls the handler with one message after another. What the
handler raises is logged once a burst, and it goes on. After each :data:`~zmqbridge.channel.pump.TURN` seconds of the
same turn it lets the loop run. :meth:`Delivering.on_message` needs no task: it is a
:class:`~zmqbridge.channel.pump.Pump` on a loop that has callbacks.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from inspect import isawaitable, iscoroutinefunction
from math import inf
from time import monotonic
from typing import Any, Generic, TypeVar

from zmqbridge.abc import CallingBackend
from zmqbridge.bursts import Bursts, raised_here
from zmqbridge.channel import Channel
from zmqbridge.channel.pump import TURN, Pump
from zmqbridge.errors import BackendError, ConnectionClosed, LocalProtocolError, ZmqBridgeError
from zmqbridge.link import Link
from zmqbridge.showing import shown
from zmqbridge.waiting.inbox import NOTHING

__all__ = ["Delivering", "Delivery", "HandlerFailures"]

logger: logging.Logger = logging.getLogger("zmqbridge")

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


class Delivery(Generic[Item]):
    """A handler that is called with each message of a connection: what :meth:`Receiver.on_message` returns.

    It keeps the connection alive until it is stopped, or the connection is closed.
    """

    def __init__(self, link: Link[Item], owner: object, backend: CallingBackend, handler: Callable[[Item], object]):
        self._link = link
        self._owner: object | None = owner
        self._backend = backend
        self._handler = handler
        self._failures = HandlerFailures(link.channel.describe, handler)
        self._pump: Pump[Item] | None = None
        self._stopped = False
        self._limit = link.channel.turn.limit
        self._fd = -1
        self._unwatch: Callable[[], object] = int
        self.resume()

    @property
    def paused(self) -> bool:
        """Whether the handler is not called at the moment."""
        return self._pump is None

    @property
    def stopped(self) -> bool:
        """Whether it never will be again."""
        return self._stopped

    def pause(self) -> None:
        """Call the handler no more, from now on, in the middle of a batch too. Messages stay where they are: what was
        read ahead is the next, and no more is read, so that senders wait once the queues are full. Twice is no error.
        """
        self._link.check_thread()
        self._leave()

    def resume(self) -> None:
        """Call the handler again. Twice is no error.

        Raises:
            ConnectionClosed: if the connection is closed.
            LocalProtocolError: if it was stopped.
            ZmqBridgeError: if no descriptor is left.
        """
        channel = self._link.channel
        channel.guard.check()
        if self._stopped:
            raise LocalProtocolError("this delivery was stopped; set another handler with on_message()")
        if self._pump is not None:
            return
        try:
            self._fd = os.dup(channel.socket.fd)  # which stays its own when the socket is closed
        except OSError as error:
            raise ZmqBridgeError(f"no descriptor is left to read {channel.describe()} with: {error}") from None
        try:
            self._unwatch = self._backend.call_when_readable(self._fd, self._look)
        except BaseException:
            os.close(self._fd)
            raise
        backend = self._backend
        self._pump = Pump(channel, self._call, self._ended, backend.call_soon, backend.call_later, self._clock)

    def stop(self) -> None:
        """Call the handler no more, for good. Twice is no error."""
        if self._stopped:
            return
        self._stopped = True
        self._failures.tell_rest()
        try:
            self._link.check_thread()
        except LocalProtocolError:
            # A context that is collected in another thread.
            with suppress(BackendError):
                self._backend.call_from_thread(self._leave)
        else:
            self._leave()
        if self._link.standby is self:
            self._link.standby = None
        self._owner = None

    def _leave(self) -> None:
        if self._pump is not None:
            pump, self._pump = self._pump, None
            pump.stop()
            self._link.channel.unattend(self._limit)
            self._unwatch()
            os.close(self._fd)

    def _look(self) -> None:
        if self._pump is not None:
            self._pump.look()

    def _clock(self) -> float:
        """A pump whose time is over hands over no more."""
        return inf if self._pump is None else monotonic()

    def _call(self, item: Item) -> None:
        try:
            self._handler(item)
        except Exception:
            self._failures.log()

    def _ended(self, error: ZmqBridgeError) -> None:
        self.stop()


class Delivering(Generic[Item]):
    """What can hand over its messages to a handler."""

    _channel: Channel[Any]
    _link: Link[Any]

    def on_message(self, handler: Callable[[Item], object]) -> Delivery[Item]:
        """Have the loop call a handler with each message from now on, outside all tasks, and return at once.

        On asyncio and uvloop; :meth:`deliver` does it on every loop. A message is handed over once. What the handler
        raises is logged, once a burst. After 5 milliseconds, or as many messages as a turn of the loop reads,
        the loop runs. Sends on this connection have no limit from then on: await something where you send without end.

        Args:
            handler: called with what :meth:`receive` would return. It is no coroutine function.

        Returns:
            What pauses and resumes that, and stops it. Closing the connection stops it as well.

        Raises:
            BackendError: if the loop has no callbacks, or this is called by none of its tasks.
            ConnectionClosed: if the connection is closed.
            LocalProtocolError: if it has a handler.
            TypeError: if the handler cannot be called, or has to be awaited.
        """
        check_handler(handler)
        if iscoroutinefunction(handler):
            raise TypeError(f"a handler of on_message() is called, not awaited; {shown(handler)} is for deliver()")
        backend = self._channel.enter()
        if not isinstance(backend, CallingBackend):
            raise BackendError(f"on_message() is for asyncio, and this is {type(backend).__name__}; use deliver()")
        if self._link.standby is not None:
            raise LocalProtocolError(f"{self!r} has a handler; stop() what on_message() returned first")
        delivery: Delivery[Item] = Delivery(self._link, self, backend, handler)
        self._link.standby = delivery
        return delivery

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
