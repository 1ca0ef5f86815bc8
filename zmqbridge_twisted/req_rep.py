"""Request and reply with Deferreds and handlers: any number of requests at once, each with its own reply.

The requester is a DEALER and the replier a ROUTER. The envelope is in :mod:`zmqbridge.framing`, the matching
of replies in :mod:`zmqbridge.protocols`, as for the awaitable ones.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any, ClassVar

import zmq
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from zmqbridge.channel.units import envelope_reader
from zmqbridge.errors import ConnectionClosed, PeerUnreachable, WouldBlock, ZmqBridgeError
from zmqbridge.framing import Envelope, frames_of, reply_frames
from zmqbridge.link import Stats
from zmqbridge.protocols import PendingRequest, ReplierProtocol, RequesterProtocol, request_ids
from zmqbridge.showing import shown
from zmqbridge.socket import Socket
from zmqbridge_twisted.connection import ZmqConnection
from zmqbridge_twisted.errors import ZmqRequestTimeoutError, ZmqUnknownRequestError, as_zmq_error
from zmqbridge_twisted.factory import ZmqFactory
from zmqbridge_twisted.reactors import lazily
from zmqbridge_twisted.sending import encoded
from zmqbridge_twisted.unanswered import Unanswered

__all__ = ["ZmqREPConnection", "ZmqREQConnection", "ZmqRequestTimeoutError", "ZmqXREPConnection", "ZmqXREQConnection"]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)


class _Caller:
    """Who waits for a reply, and what else is under way for the request."""

    __slots__ = ("queued", "reply", "timer")

    def __init__(self) -> None:
        self.reply: Deferred[list[bytes]] | None = None
        self.timer: Any = None
        self.queued: Deferred[None] | None = None


class ZmqREQConnection(ZmqConnection):
    """A DEALER socket that asks and is answered, by any number of requests at once.

    Attributes:
        defaultRequestTimeout: seconds to wait for a reply where :meth:`sendMsg` is not told; ``None`` is for ever.
    """

    socketType: ClassVar[int | None] = zmq.DEALER
    defaultRequestTimeout: float | None = None

    def _zmqPrepare(self, socket: Socket) -> None:
        self._zmqIds = request_ids()
        self._zmqRequests: RequesterProtocol[_Caller] = RequesterProtocol(
            self._zmqFaults, map(self._zmqNextId, repeat(None))
        )

    def _zmqNextId(self, _: None) -> bytes:
        # Looked up for each request: a program may assign it on the instance.
        id = self._getNextId()
        if not isinstance(id, bytes) or not id:
            raise TypeError(f"_getNextId() returned {shown(id)}; a request's id is bytes, one or more")
        return id

    def _getNextId(self) -> bytes:
        """Return the next request's id; a subclass may make its own, each no other pending request's."""
        return next(self._zmqIds)

    def sendMsg(self, *messageParts: Any, timeout: float | None = None) -> Deferred[list[bytes]]:
        """Send a request.

        Args:
            messageParts: its frames, each ``bytes``, or text, which is encoded as UTF-8.
            timeout: seconds to wait for the reply; ``None`` is :attr:`defaultRequestTimeout`.

        Returns:
            A Deferred that fires with the reply's frames, and fails with :exc:`ZmqRequestTimeoutError` if none
            came in time, with :exc:`~zmqbridge.ConnectionClosed` if the connection is shut down.
            Cancel it to give the request up; a reply that comes later is dropped and counted.

        Raises:
            ZmqWouldBlock: as :meth:`ZmqConnection.send`.
            ValueError: if the timeout is negative or no number.
        """
        if timeout is None:
            timeout = self.defaultRequestTimeout
        if timeout is not None and not timeout >= 0:
            raise ValueError(f"timeout={shown(timeout)} is no time to wait; it is seconds, 0 or more, or None")
        parts = frames_of(encoded(messageParts)) if messageParts else ()
        caller = _Caller()
        pending = self._zmqRequests.begin(parts, caller)
        newest = self._zmqNewest
        try:
            self._zmqSendReady(pending.frames)
        except BaseException:
            self._zmqRequests.end(pending)
            raise
        if self._zmqNewest is not newest:
            caller.queued = self._zmqNewest
        reply: Deferred[list[bytes]] = Deferred(lambda _: self._zmqGiveUp(pending))
        caller.reply = reply
        if timeout is not None:
            clock = globals().get("reactor", self._zmqBackend.reactor)  # a test may have put one in its place
            caller.timer = clock.callLater(timeout, self._zmqTimeOut, pending, timeout)
        return reply

    def _zmqGiveUp(self, pending: PendingRequest[_Caller]) -> None:
        """The request is over: nothing of it is to come any more."""
        self._zmqRequests.end(pending)
        caller = pending.caller
        if caller.timer is not None and caller.timer.active():
            caller.timer.cancel()
        if caller.queued is not None:
            caller.queued.cancel()

    def _zmqTimeOut(self, pending: PendingRequest[_Caller], timeout: float) -> None:
        self._zmqFail(pending, ZmqRequestTimeoutError(pending.id, timeout=timeout))

    def _zmqFail(self, pending: PendingRequest[_Caller], error: Exception) -> None:
        self._zmqGiveUp(pending)
        reply = pending.caller.reply
        assert reply is not None
        if not reply.called:  # another request's errback may have cancelled it
            reply.errback(error)

    def messageReceived(self, message: list[bytes]) -> None:
        """Give a reply to the request that it answers; one that finds none is dropped and counted."""
        answered = self._zmqRequests.receive((message,))
        if not answered:
            self._zmqReportFaults()
        for pending in answered:
            caller = pending.caller
            if caller.timer is not None or caller.queued is not None:
                self._zmqGiveUp(pending)
            assert caller.reply is not None
            assert pending.reply is not None
            caller.reply.callback(pending.reply)

    def shutdown(self) -> None:
        """Close the connection, as :meth:`ZmqConnection.shutdown` does; requests without a reply fail with
        :exc:`~zmqbridge.ConnectionClosed`."""
        super().shutdown()
        for pending in self._zmqRequests.end_all():
            self._zmqFail(pending, ConnectionClosed(f"{self!r} was shut down before the reply came"))

    def _zmqEnd(self, error: ZmqBridgeError) -> None:
        for pending in self._zmqRequests.end_all():
            self._zmqFail(pending, as_zmq_error(error))
        super()._zmqEnd(error)

    def getStats(self) -> Stats:
        """Return what the connection has done so far, and what it holds now."""
        return self._zmqLink.stats(unmatched=self._zmqRequests.unmatched, probes=self._zmqRequests.probes)


class ZmqREPConnection(ZmqConnection):
    """A ROUTER socket that is asked and answers: override :meth:`gotMessage`, and call :meth:`reply` in it or later.

    A request whose handler raises before it has answered is forgotten.

    Attributes:
        maxUnanswered: how many requests may be without an answer; beyond it the oldest is forgotten.
        maxUnansweredMemory: bytes of memory that they may take together; likewise.
        unansweredLifetime: seconds after which a request without an answer is forgotten.
    """

    socketType: ClassVar[int | None] = zmq.ROUTER
    maxUnanswered: int = 100_000
    maxUnansweredMemory: int = 64 << 20
    unansweredLifetime: float = 3600.0

    def _zmqPrepare(self, socket: Socket) -> None:
        self._zmqRequests = ReplierProtocol(self._zmqFaults, envelope_reader())
        self._zmqUnanswered = Unanswered()
        self._zmqDroppedReplies = 0
        # Without it a ROUTER drops what it cannot deliver, and tells nobody.
        socket.set_option(zmq.ROUTER_MANDATORY, 1)

    def _zmqLane(self, frames: Sequence[bytes]) -> Hashable:
        return frames[0]

    def _zmqUndelivered(self, failure: Failure) -> None:
        if failure.check(PeerUnreachable):
            self._zmqDroppedReplies += 1
        else:
            super()._zmqUndelivered(failure)

    def reply(self, messageId: bytes, *messageParts: Any) -> None:
        """Answer a request, once.

        A reply that cannot be delivered, because the client is gone or makes no room for it, is dropped and
        counted; up to :attr:`~ZmqConnection.queueLimit` replies wait for room.

        Args:
            messageId: the request's id, as :meth:`gotMessage` got it.
            messageParts: the reply's frames, each ``bytes``, or text, which is encoded as UTF-8.

        Raises:
            ZmqUnknownRequestError: if there is no such request: answered before, or forgotten. It
                is a ``KeyError`` too.
        """
        parts = frames_of(encoded(messageParts)) if messageParts else ()
        self._zmqLink.channel.guard.check()
        envelope = self._zmqUnanswered.take(messageId)
        if envelope is None:
            raise ZmqUnknownRequestError(
                f"no request {shown(messageId)} waits for an answer: it was answered before, never received, its "
                f"handler raised, or it was forgotten as {self._zmqUnanswered.forgotten} were, being too many or too "
                f"old (maxUnanswered={self.maxUnanswered}, maxUnansweredMemory={self.maxUnansweredMemory} bytes, "
                f"unansweredLifetime={self.unansweredLifetime} s)"
            )
        try:
            self._zmqSendReady(reply_frames(envelope, parts))
        except (PeerUnreachable, WouldBlock):
            self._zmqDroppedReplies += 1

    def messageReceived(self, message: list[bytes]) -> None:
        """Take a request apart, and pass its id and its frames to :meth:`gotMessage`."""
        envelopes = self._zmqRequests.receive((message,))
        if not envelopes:
            self._zmqReportFaults()
        for envelope in envelopes:
            id = self._zmqKeep(envelope)
            try:
                self.gotMessage(id, *envelope.parts)
            except BaseException:
                self._zmqUnanswered.take(id)
                raise

    def _zmqKeep(self, envelope: Envelope) -> bytes:
        now = self._zmqBackend.reactor.seconds()
        return self._zmqUnanswered.add(
            envelope, now, self.maxUnanswered, self.unansweredLifetime, self.maxUnansweredMemory
        )

    def gotMessage(self, messageId: bytes, *messageParts: bytes) -> None:
        """Handle a request; to be overridden.

        Args:
            messageId: what to pass to :meth:`reply`.
            messageParts: the request's frames.
        """
        raise NotImplementedError(f"{type(self).__name__} received a request and has no gotMessage() for it")

    def getStats(self) -> Stats:
        """Return what the connection has done so far, and what it holds now."""
        return self._zmqLink.stats(dropped_replies=self._zmqDroppedReplies, probes=self._zmqRequests.probes)


class ZmqXREPConnection(ZmqREPConnection):
    """An old name of :class:`ZmqREPConnection`, which takes its endpoints one after another."""

    def __init__(self, factory: ZmqFactory, *endpoints: Any) -> None:
        warnings.warn("ZmqXREPConnection is deprecated; use ZmqREPConnection", DeprecationWarning, stacklevel=2)
        super().__init__(factory)
        self.addEndpoints(endpoints)


class ZmqXREQConnection(ZmqREQConnection):
    """An old name of :class:`ZmqREQConnection`, which takes its endpoints one after another."""

    def __init__(self, factory: ZmqFactory, *endpoints: Any) -> None:
        warnings.warn("ZmqXREQConnection is deprecated; use ZmqREQConnection", DeprecationWarning, stacklevel=2)
        super().__init__(factory)
        self.addEndpoints(endpoints)
