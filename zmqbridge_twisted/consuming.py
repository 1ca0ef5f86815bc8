"""The connection as a producer's consumer: whose writes it takes, and when the producer is to go on.

A push producer is paused while any of its writes waits for room; a pull producer is asked for its next write when
libzmq has taken the last one. Asking is done from the reactor's turns, a bounded number of times in each, so
that a producer that always has more does not keep the reactor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from zope.interface import implementer

from zmqbridge.errors import ConnectionClosed, WouldBlock, ZmqBridgeError
from zmqbridge.framing import frames_of
from zmqbridge.showing import shown
from zmqbridge_twisted.backend import TwistedBackend
from zmqbridge_twisted.errors import as_zmq_error
from zmqbridge_twisted.factory import ZmqFactory
from zmqbridge_twisted.sending import Sending, encoded

__all__ = ["Consuming"]

IN_ONE_TURN = 100


class Feed:
    """One registered producer.

    Args:
        producer: an ``IPushProducer`` or an ``IPullProducer``.
        streaming: whether it is the former.
        call_soon: has the reactor call something in its next turn.
        log: logs what failed, with a failure or the exception being handled.
    """

    def __init__(
        self,
        producer: Any,
        streaming: bool,
        call_soon: Callable[[Callable[[], None]], None],
        log: Callable[..., None],
    ) -> None:
        self.producer = producer
        self._log = log
        self._streaming = streaming
        self._call_soon = call_soon
        self._waiting = 0
        self._wrote = False
        self._scheduled = False
        self._asking = False
        self._ended = False
        self._ask_soon()

    def wrote(self) -> None:
        """One of its writes was taken at once."""
        self._wrote = True
        self._ask_soon()

    def wait_for(self, taken: Deferred[None]) -> None:
        """One of its writes waits for room: hold the producer until it is gone."""
        self._waiting += 1
        if self._streaming and self._waiting == 1:
            self._tell(self.producer.pauseProducing)
        taken.addBoth(self._go_on)

    def _go_on(self, result: object) -> None:
        if isinstance(result, Failure) and not result.check(ConnectionClosed):
            self._log(f"a write of the producer {shown(self.producer)} could not be sent", result)
        self._waiting -= 1
        if self._ended or self._waiting:
            return
        if self._streaming:
            self._tell(self.producer.resumeProducing)
        else:
            self._ask_soon()

    def _ask_soon(self) -> None:
        if not (self._streaming or self._scheduled or self._asking):
            self._scheduled = True
            self._call_soon(self._ask)

    def _ask(self) -> None:
        self._scheduled = False
        self._asking = True
        try:
            for _ in range(IN_ONE_TURN):
                self._wrote = False
                if self._ended or self._waiting:
                    return
                self._tell(self.producer.resumeProducing)
                if not self._wrote:
                    return  # it writes when it has something
        finally:
            self._asking = False
        self._ask_soon()

    def _tell(self, what: Callable[[], object]) -> None:
        try:
            what()
        except Exception:
            self._log(f"the producer {shown(self.producer)} failed")

    def end(self) -> None:
        """It writes no more."""
        self._ended = True

    def stop(self) -> None:
        """There is nowhere to write to any more."""
        self._ended = True
        self._tell(self.producer.stopProducing)


@implementer(IConsumer)
class Consuming(Sending):
    """The half of a :class:`~zmqbridge_twisted.ZmqConnection` that a producer writes to."""

    factory: ZmqFactory | None
    _zmqBackend: TwistedBackend
    _zmqFeed: Feed | None = None

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Take what a producer writes, and pause it while libzmq takes no more.

        Args:
            producer: an ``IPushProducer``, or an ``IPullProducer``, which is asked for one write at a time.
            streaming: whether it is the former.

        Raises:
            RuntimeError: if another one is registered.
        """
        if self._zmqFeed is not None:
            raise RuntimeError(
                f"cannot register {shown(producer)}: {shown(self._zmqFeed.producer)} is registered; unregister it first"
            )
        if self.factory is None:
            producer.stopProducing()
            return
        self._zmqFeed = Feed(producer, streaming, self._zmqBackend.call_soon, self._zmqFailures.log)

    def unregisterProducer(self) -> None:
        """Let the producer go; what it wrote is still sent."""
        if self._zmqFeed is not None:
            self._zmqFeed.end()
            self._zmqFeed = None

    def write(self, data: Any) -> None:
        """Send a message as :meth:`send` does; that of a registered producer waits for room.

        Args:
            data: as for :meth:`send`.
        """
        if self._zmqFeed is None:
            self.send(data)
            return
        frames = frames_of(encoded(data))
        try:
            self._zmqOutbox.send_nowait(frames, self._zmqLane(frames))
        except WouldBlock:
            self._zmqFeed.wait_for(self._zmqWait(frames))
        except ZmqBridgeError as error:
            raise as_zmq_error(error) from None
        else:
            self._zmqFeed.wrote()

    def _zmqStopProducer(self) -> None:
        feed, self._zmqFeed = self._zmqFeed, None
        if feed is not None:
            feed.stop()
