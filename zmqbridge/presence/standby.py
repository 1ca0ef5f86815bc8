"""Reading a connection that nobody awaits, on any loop.

The facts. A :class:`~zmqbridge.channel.pump.Pump` reads for a program that is called. It must be called when the
descriptor is readable; and a loop's backend waits for a descriptor on behalf of a task alone.

A send may use up the descriptor's edge, so the pump looks again after each; a publisher that sends once in each turn of
its loop would look as often, and that costs several times what the send does.

The design. The sentry waits for the descriptor, and has the loop call the pump; then it waits again. It waits for a
copy of it, which stays its own when the socket is closed. What sends may have used up is looked for :data:`SOON` later,
once for all of them; where a look leaves something behind, the pump goes on in the next turn.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol

from zmqbridge.abc import Backend
from zmqbridge.channel.channel import Channel
from zmqbridge.channel.pump import Pump
from zmqbridge.errors import ZmqBridgeError
from zmqbridge.presence.sentry import Sentry, Timer

__all__ = ["SOON", "Standby", "Stoppable"]

SOON = 0.01


class Stoppable(Protocol):
    """What reads a connection, until it is stopped."""

    def stop(self) -> None:
        """Read no more. Twice is no error."""


class Standby:
    """Has a connection read, from now until it is stopped.

    Args:
        channel: what is read.
        backend: the loop's.
        sentry: waits for the descriptor.
        deliver: called on the loop with each item; it must not raise.

    Raises:
        ZmqBridgeError: if no thread or no descriptor is left.
    """

    def __init__(self, channel: Channel[Any], backend: Backend, sentry: Sentry, deliver: Callable[[Any], None]) -> None:
        self._backend = backend
        self._sentry = sentry
        self._stopped = False
        self._looking = True  # the first look is to come at once
        try:
            self._fd = os.dup(channel.socket.fd)
        except OSError as error:
            raise ZmqBridgeError(f"no descriptor is left to read {channel.describe()} with: {error}") from None
        self._pump = Pump(channel, deliver, self._ended, call_soon=self._call_soon, call_later=self._call_later)
        self._looking = False
        sentry.call(self._attend)

    def stop(self) -> None:
        """Read no more. Twice is no error."""
        if not self._stopped:
            self._stopped = True
            self._pump.stop()
            self._sentry.call(self._close)

    def _ended(self, error: ZmqBridgeError) -> None:
        self.stop()

    def _look(self) -> None:
        if not self._stopped:
            self._run(self._pump.look)
            self._sentry.call(self._attend)

    def _run(self, look: Callable[[], None]) -> None:
        self._looking = True
        try:
            look()
        finally:
            self._looking = False

    def _call_soon(self, call: Callable[[], None]) -> None:
        if self._looking:
            self._backend.call_from_thread(lambda: self._run(call))
        else:
            self._call_later(SOON, lambda: self._run(call))

    def _call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        return self._sentry.call_later(seconds, lambda: self._sentry.tell_loop(self._backend, call))

    # --- on the sentry's thread ---

    def _attend(self) -> None:
        if not self._stopped:
            self._sentry.attend(self._fd, self._readable, self._close)

    def _readable(self) -> None:
        self._sentry.leave(self._fd)  # until the loop has looked
        self._sentry.tell_loop(self._backend, self._look)

    def _close(self) -> None:
        if self._fd >= 0:
            self._sentry.leave(self._fd)
            os.close(self._fd)
            self._fd = -1
