"""How a connection with handlers sends: now, or when there is room, in the order of the calls."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.python import log
from twisted.python.failure import Failure

from zmqbridge.channel import Outbox
from zmqbridge.errors import ConnectionClosed, WouldBlock, ZmqBridgeError
from zmqbridge.framing import frames_of
from zmqbridge_twisted.errors import as_zmq_error

__all__ = ["Sending", "encoded"]


class Sending:
    """The sending half of a :class:`~zmqbridge_twisted.ZmqConnection`."""

    queueLimit: int = 0
    queue: deque[Sequence[bytes]]
    _zmqOutbox: Outbox
    _zmqNewest: Deferred[None] | None = None

    def send(self, message: Any) -> None:
        """Send a message now. ``publish``, ``push``, ``sendMsg``, ``sendMultipart`` and ``reply`` call it, so a
        subclass that overrides it sees all that they send.

        Args:
            message: one frame, or a list of frames; each ``bytes``, or text, which is encoded as UTF-8.

        Raises:
            ZmqWouldBlock: at the high-water mark, or with no peer to send to; it is a ``zmq.Again``. Up to
                :attr:`queueLimit` messages are queued instead.
            ConnectionClosed: after :meth:`shutdown`.
            TypeError: if a frame is neither bytes-like nor text.
        """
        if type(message) is bytes:
            try:
                sent = self._zmqOutbox.at_once(message)
            except ZmqBridgeError as error:
                raise as_zmq_error(error) from None
            if not sent:
                self._zmqSend((message,))
        else:
            self._zmqSend(frames_of(encoded(message)))

    def sendDeferred(self, message: Any) -> Deferred[None]:
        """Send a message when there is room for it, behind all that wait already.

        Args:
            message: as for :meth:`send`.

        Returns:
            A Deferred that fires with ``None`` when libzmq has taken the message, and fails with
            :exc:`~zmqbridge.ConnectionClosed` if the connection is shut down before. Cancelling it takes
            the message back.

        Raises:
            TypeError: as :meth:`send`.
        """
        frames = frames_of(encoded(message))
        try:
            self._zmqOutbox.send_nowait(frames, self._zmqLane(frames))
        except WouldBlock:
            return self._zmqWait(frames)
        except ZmqBridgeError as error:
            return fail(as_zmq_error(error))
        return succeed(None)

    def _zmqSend(self, frames: Sequence[bytes]) -> None:
        """Send frames, or queue them: then the newest Deferred is theirs, and fires when they are gone."""
        try:
            self._zmqOutbox.send_nowait(frames, self._zmqLane(frames))
        except WouldBlock as error:
            if len(self.queue) >= self.queueLimit:
                raise as_zmq_error(error) from None
            frames = list(frames)
            self.queue.append(frames)
            self._zmqNewest = self._zmqWait(frames).addBoth(self._zmqUnqueue, frames)
        except ZmqBridgeError as error:
            raise as_zmq_error(error) from None

    def _zmqUnqueue(self, result: Any, frames: Sequence[bytes]) -> None:
        self.queue.remove(frames)
        if isinstance(result, Failure) and not result.check(ConnectionClosed, CancelledError):
            self._zmqUndelivered(result)

    def _zmqUndelivered(self, failure: Failure) -> None:
        """A queued message could not be sent."""
        log.err(failure, f"{self!r} could not send a message of its queue")

    def _zmqWait(self, frames: Sequence[bytes]) -> Deferred[None]:
        sending = self._zmqOutbox.send_in_turn(frames, self._zmqLane(frames))
        return Deferred.fromCoroutine(sending).addErrback(_as_zmq_failure)

    def _zmqLane(self, frames: Sequence[bytes]) -> Hashable:
        """Behind which other messages one has to wait for room."""
        return None


def _as_zmq_failure(failure: Failure) -> Failure:
    error = failure.value
    return Failure(as_zmq_error(error)) if isinstance(error, ZmqBridgeError) else failure


def encoded(message: Any) -> Any:
    """Return a message whose frames are bytes where they were text."""
    if isinstance(message, str):
        return message.encode()
    if isinstance(message, (list, tuple)):
        for frame in message:
            if isinstance(frame, str):
                return [frame.encode() if isinstance(frame, str) else frame for frame in message]
    return message
