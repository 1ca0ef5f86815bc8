"""One connection, watched: its monitor is read by the sentry, and its tasks and handlers are told.

The facts. A monitor tells nothing of what was before it was attached. It ends when it is disabled or its socket is
closed; whoever closes the reading end before stalls libzmq's threads. Within a process (``inproc``) it tells nothing.

The design. The monitor is attached before the first bind or connect, its reading end has no high-water mark, and the
sentry reads it whatever the program does. What it said is kept in a ring, for readers of their own pace.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from time import monotonic
from typing import Any

import zmq

from zmqbridge.abc import Backend
from zmqbridge.bursts import Bursts
from zmqbridge.errors import ZmqBridgeError
from zmqbridge.presence.bell import Bell
from zmqbridge.presence.events import FAILURES, Event, EventKind, Reader
from zmqbridge.presence.ring import KEPT, Ring
from zmqbridge.presence.sentry import Sentry
from zmqbridge.presence.standing import Standing

__all__ = ["Watch"]

logger: logging.Logger = logging.getLogger("zmqbridge")

_numbers = count()


class Watch:
    """What libzmq tells of one socket.

    Args:
        socket: a ``zmq.Socket``, which has no endpoint yet.
        bell: is rung when something has happened.
        sentry: reads the monitor.
        describe: names the connection in the log. Called on the sentry's thread.
        kept: how many events are kept for those who have not read them.

    Attributes:
        events: what has happened.
        ended: nothing more will happen.

    Raises:
        ZmqBridgeError: if there can be no monitor: the context has no room for its two sockets, or no thread is left.
    """

    def __init__(
        self,
        socket: zmq.Socket[Any],
        bell: Bell,
        sentry: Sentry,
        describe: Callable[[], str],
        kept: int = KEPT,
    ) -> None:
        self.bell = bell
        self.ended: bool = False
        self.events: Ring[Event] = Ring(kept)
        self._standing = Standing()
        self._reader = Reader()
        self._refused = Bursts()
        self._sentry = sentry
        self._describe = describe
        self._backend: Backend | None = None
        self._listener: Callable[[list[Event]], object] | None = None
        self._told = 0
        self._telling = False
        self._fd = -1
        self._socket = socket
        self._pair = self._attach(socket)
        try:
            sentry.call(self._begin)
        except BaseException:
            self.stop()
            self._pair.close(0)
            raise

    @staticmethod
    def _attach(socket: zmq.Socket[Any]) -> zmq.Socket[Any]:
        name = f"inproc://zmqbridge.watch.{next(_numbers)}"
        try:
            socket.monitor(name, zmq.EVENT_ALL)
            pair = zmq.Socket(socket.context, zmq.PAIR)
            pair.set(zmq.RCVHWM, 0)
            pair.set(zmq.LINGER, 0)
            pair.connect(name)
        except zmq.ZMQError as error:
            with suppress(zmq.ZMQError):
                socket.disable_monitor()
            raise ZmqBridgeError(
                f"no more sockets: a watched connection takes three of its context's ({error}); close some, or raise "
                "max_sockets or 'ulimit -n'"
            ) from None
        return pair

    # --- on the loop's thread ---

    def attach(self, backend: Backend, listener: Callable[[list[Event]], object] | None = None) -> None:
        """From now on, tell a loop what happens.

        Args:
            backend: the loop's.
            listener: called on it with all that has happened, from the beginning; ``None`` for the one given before.
        """
        self._backend = backend
        if listener is not None:
            self._listener = listener
            self._sentry.call(self._tell)

    @property
    def peers(self) -> int:
        """How many handshakes stand now."""
        return self._standing.count

    @property
    def latest_failure(self) -> Event | None:
        """What failed last, if anything did."""
        return self._standing.latest_failure

    def refusal_at(self, address: str) -> Event | None:
        """Return the event by which an address has refused for good; ``None`` if it has not."""
        return self._standing.refusals.get(address)

    def hung_up_at(self, address: str) -> int:
        """How often the other side hung up in the handshake, since one has succeeded there."""
        return self._standing.hung_up.get(address, 0)

    def forget(self, address: str) -> None:
        """This end disconnects from an address."""
        self._sentry.call(lambda: self._forget(address))

    def call_later(self, seconds: float, call: Callable[[], object]) -> None:
        """Have the loop call something after some time, if it is known and the connection is still watched."""
        if self._backend is not None:
            self._sentry.call_later(seconds, lambda: self._call(call))

    def _call(self, call: Callable[[], object]) -> None:
        if self._backend is not None and not self.ended:
            self._sentry.tell_loop(self._backend, call)

    def stop(self) -> None:
        """Watch no more: the socket is about to be closed. Twice is no error."""
        if not self.ended:
            self.ended = True
            with suppress(zmq.ZMQError):
                self._socket.disable_monitor()
            self.bell.ring()

    # --- on the sentry's thread ---

    def _begin(self) -> None:
        try:
            self._fd = int(self._pair.get(zmq.FD))
        except zmq.ZMQError:  # the context has ended meanwhile
            self._pair.close(0)
        else:
            self._sentry.attend(self._fd, self._receive, self._end)
            self._receive()

    def _receive(self) -> None:
        """Read all that is there: the descriptor says nothing of what is left."""
        news = False
        try:
            while True:
                event = self._reader.read(self._pair.recv_multipart(zmq.NOBLOCK))
                if event is None:
                    self._sentry.leave(self._fd)
                    self._end()
                    break
                self._note(event)
                news = True
        except zmq.Again:
            pass
        except zmq.ZMQError:  # its context has ended
            self._sentry.leave(self._fd)
            self._end()
        if news:
            self._tell()

    def _note(self, event: Event) -> None:
        self._standing.note(event)
        self.events.add(event)
        if event.kind in FAILURES:
            times = self._refused.count(event.kind, monotonic())
            if times:
                again = "" if times == 1 else f" ({times} times since this was last told)"
                logger.warning("%s: %s%s", self._describe(), event, again)
        elif event.kind in (EventKind.HANDSHAKE_SUCCEEDED, EventKind.DISCONNECTED):
            logger.debug("%s: %s", self._describe(), event)

    def _forget(self, address: str) -> None:
        self._reader.forget(address)
        self._note(Event(EventKind.LEFT, address))
        self._tell()

    def _tell(self) -> None:
        if self._backend is not None and not self._telling and (self._listener is not None or self.bell.wanted):
            self._telling = True
            self._sentry.tell_loop(self._backend, self._told_now)

    def _end(self) -> None:
        self._pair.close(0)

    # --- on the loop's thread again ---

    def _told_now(self) -> None:
        self._telling = False  # what comes from here on is told anew
        if self._listener is not None and not self.ended:
            events, left_out, self._told = self.events.read(self._told)
            if left_out:
                events.insert(0, left_out_event(left_out))
            if events:
                self._listener(events)
        self.bell.ring()


def left_out_event(count: int) -> Event:
    """Return what stands for events that nobody can read any more."""
    return Event(EventKind.LEFT_OUT, error=f"{count} event(s) were not read in time", left_out=count)
