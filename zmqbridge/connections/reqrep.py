"""Request and reply: any number of requests at once, each with its own reply.

The requester is a DEALER and the replier a ROUTER, so neither has the lock-step of
REQ and REP, with which they both interoperate. The envelope is in
:mod:`zmqbridge.framing`, the matching in :mod:`zmqbridge.protocols`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from math import inf
from typing import Any, ClassVar, Generic, Literal, overload
from weakref import ref

import zmq

from zmqbridge.channel import DeadlinePassed
from zmqbridge.channel.units import envelope_reader
from zmqbridge.connections.asking import ask_many
from zmqbridge.connections.base import Connection, Frames, Owner, Receiver, Stats
from zmqbridge.connections.outlook import Outlook
from zmqbridge.connections.routed import Routed
from zmqbridge.decoding import Decoder
from zmqbridge.errors import HandshakeFailed, LocalProtocolError, PeerLost, PeerUnreachable, RequestTimeout
from zmqbridge.framing import MAX_FRAMES, Envelope, FrameT, Message, frames_of, reply_frames
from zmqbridge.options import SocketOptions, check_options, check_wait
from zmqbridge.origins import origin_of
from zmqbridge.presence.refusals import hang_ups
from zmqbridge.protocols import ReplierProtocol, RequesterProtocol
from zmqbridge.showing import shown, shown_id
from zmqbridge.socket import Socket
from zmqbridge.waiting.parking import Parked
from zmqbridge.waiting.patience import Patience
from zmqbridge.weakly import weakly

__all__ = ["Replier", "Request", "Requester"]

logger: logging.Logger = logging.getLogger("zmqbridge")

# How many clients that make no room are remembered; one that is forgotten is waited for once more.
DEAF_PEERS = 10_000


class Requester(Connection, Generic[FrameT]):
    """A DEALER socket that asks and is answered; :meth:`request` may be awaited by many tasks at once.

    With several peers, requests go to them in turn. ``immediate`` defaults to ``True``: a request
    waits in this process until a peer is really connected, so one that times out before that
    is never sent, and a server that comes back is not flooded with requests nobody waits for. Its
    price is libzmq's: when a connection breaks, replies that had come over it and were not read
    yet are dropped with it. Where a server answers and leaves at once, set it to ``False``.

    Args:
        on_peer_lost: ``"raise"`` ends the requests that were sent when the last connection breaks, with
            :exc:`~zmqbridge.PeerLost`, at once; the connection is watched then. ``"wait"`` waits: a peer that comes
            back may know nothing of them. While another connection stands nothing is ended, for nobody can tell
            which one a request went over.
        on_refused: ``"raise"`` ends the requests that wait, sent or not, and each that comes later, when every address
            that this end connects to has refused it for good: with :exc:`~zmqbridge.AuthenticationFailed`, or with
            :exc:`~zmqbridge.HandshakeFailed` where nobody there speaks ZeroMQ's protocol. The connection is
            watched then. ``"wait"`` waits for the timeout. A requester that listens waits for who may come.
    """

    _defaults: ClassVar[dict[str, Any]] = {"immediate": True}

    def __init__(
        self,
        context: Owner,
        socket_type: int,
        *,
        options: SocketOptions[Any] | None = None,
        on_peer_lost: str = "wait",
        on_refused: str = "wait",
        **arguments: Any,
    ) -> None:
        lost, refused = _raises("on_peer_lost", on_peer_lost), _raises("on_refused", on_refused)
        options = check_options(options)
        if lost or refused:
            options = replace(options, watch=True)
        super().__init__(context, socket_type, options=options, **arguments)
        self._channel.lot.reads_always = True
        self._outlook: Outlook | None = None
        if lost or refused:
            name = weakly(self.__repr__, "<a requester>")
            self._outlook = Outlook(self._link, name, lost=lost, refused=refused)

    def _decoder(self) -> RequesterProtocol[Parked]:
        self._protocol: RequesterProtocol[Parked] = RequesterProtocol(self._faults)
        return self._protocol

    async def request(self, message: Message, *, timeout: float | None = None) -> list[FrameT]:
        """Send a request and return its reply.

        If it is cancelled, or times out, a reply that comes later is dropped and counted.

        Args:
            message: one bytes-like frame, or a sequence of them.
            timeout: seconds to wait, for a connection and for the reply together; ``None`` is for
                ever. A request or its reply is lost if a connection breaks, so give one.

        Returns:
            The reply's frames.

        Raises:
            RequestTimeout: if no reply came in time; if the request could not be sent by then, it
                never will be.
            PeerLost: with ``on_peer_lost="raise"``, if the last connection broke after the request was sent.
            AuthenticationFailed: with ``on_refused="raise"``, if every address that is connected to has refused this
                end for good.
            HandshakeFailed: likewise, if nobody there speaks ZeroMQ's protocol.
            ConnectionClosed: if the connection is closed, or closes meanwhile.
            TypeError: if the message holds anything but bytes-like frames.
            ValueError: if the timeout is negative or no number.
        """
        parts = frames_of(message)
        channel, outbox = self._channel, self._outbox
        channel.guard.check()
        deadline = None if timeout is None else self._deadline(timeout)
        pending = self._protocol.begin(parts, Parked())
        outlook = self._outlook
        try:
            if outlook is not None:
                outlook.begin(pending)
                pending.check()
            if not outbox.at_once(pending.frames):
                await outbox.send(pending.frames, deadline=deadline, goes_on=pending.check)
            pending.sent = True
            await channel.wait_for_answer(pending.caller, deadline)
            pending.check()
        except DeadlinePassed:
            raise RequestTimeout(f"no reply within {timeout} s from {self!r}{self._nobody()}") from None
        finally:
            self._protocol.end(pending)
            if outlook is not None:
                outlook.forget(pending)
            pending.error = None
            del self
        reply: Any = pending.reply
        frames: list[FrameT] = reply
        return frames

    @overload
    async def request_many(
        self, messages: Iterable[Message], *, timeout: float | None = None, return_errors: Literal[False] = False
    ) -> list[list[FrameT]]: ...

    @overload
    async def request_many(
        self, messages: Iterable[Message], *, timeout: float | None = None, return_errors: bool
    ) -> list[list[FrameT] | RequestTimeout | PeerLost | HandshakeFailed]: ...

    async def request_many(
        self, messages: Iterable[Message], *, timeout: float | None = None, return_errors: bool = False
    ) -> list[Any]:
        """Send requests, all at once, and return their replies, in the order of the messages.

        Much cheaper than a task for each. They are sent as fast as the high-water marks allow, however many they
        are: what has no room yet waits in this process, and replies are read meanwhile. If it is
        cancelled, the rest is not sent, and replies that come later are dropped and counted.

        Args:
            messages: each as for :meth:`request`. Those of a list or tuple are sent as they were when this was
                called, and checked before any is sent; an iterator is asked for more as they are sent.
            timeout: seconds to wait for all of them; ``None`` is for ever.
            return_errors: the error of a request stands in the place of its reply. Without it the
                first error is raised, and the rest is dropped as if this was cancelled.

        Returns:
            The frames of each reply; with ``return_errors``, a :exc:`~zmqbridge.RequestTimeout`, a
            :exc:`~zmqbridge.PeerLost` or a :exc:`~zmqbridge.HandshakeFailed` for each request that has none.

        Raises:
            RequestTimeout, PeerLost, HandshakeFailed: as :meth:`request`, unless they are returned.
            ConnectionClosed, TypeError, ValueError: as :meth:`request`.
        """
        try:
            self._channel.guard.check()
            deadline = None if timeout is None else self._deadline(timeout)
            within = f"{timeout} s"
            return await ask_many(self, messages, deadline, within=within, keeps_errors=return_errors)
        finally:
            del self

    def _deadline(self, timeout: float) -> float | None:
        seconds = check_wait("timeout", timeout)
        return None if seconds == inf else self._context._find_backend().current_time() + seconds

    def _nobody(self) -> str:
        """What a watched connection adds to the words for a request without a reply."""
        watch = self._link.watch
        if watch is None or watch.peers:
            return ""
        failure = watch.latest_failure
        words = "" if failure is None else f": {failure}"
        return f"; nobody is connected{words}{hang_ups(watch, self._link.endpoints, self._link.socket)}"

    @property
    def stats(self) -> Stats:
        """What the connection has done so far, and what it holds now."""
        return self._link.stats(unmatched=self._protocol.unmatched, probes=self._protocol.probes)


def _raises(name: str, given: object) -> bool:
    if given not in ("wait", "raise"):
        raise ValueError(f"{name}={shown(given)} is nothing to do; it is 'wait' or 'raise'")
    return given == "raise"


class Request(Generic[FrameT]):
    """One request that reached a replier: read :attr:`parts`, then await :meth:`reply`.

    A request that is never answered costs nothing once it is dropped; its client times out.

    Attributes:
        parts: the payload's frames; a peer may send none.
        id: what the client recognises the reply by: 16 bytes of a uuid4, or anything else that
            it chose; for a plain REQ socket, its routing id.
        peer: the routing id of the peer that the request came from: the client, or the nearest
            proxy on the way to it.
    """

    __slots__ = ("_envelope", "_replied", "_replier", "id", "origin", "parts", "peer")

    def __init__(self, envelope: Envelope, replier: Replier[FrameT]) -> None:
        parts: Any = envelope.parts
        self.parts: list[FrameT] = parts
        self.id: bytes = envelope.id
        self.peer: bytes = envelope.route[0] if envelope.route else envelope.id
        self._envelope = envelope
        self._replier = replier
        self._replied = False

    @property
    def user_id(self) -> str | None:
        """Who sent it, where that is known; see :func:`zmqbridge.origin_of`."""
        return origin_of(self).user_id

    @property
    def peer_address(self) -> str | None:
        """Where it came from; likewise."""
        return origin_of(self).peer_address

    @property
    def replied(self) -> bool:
        """Whether it was answered."""
        return self._replied

    async def reply(self, message: Message) -> None:
        """Send the reply, once.

        While the client's queue is at its high-water mark this waits, for the replier's
        ``reply_timeout`` at most. A reply that cannot be delivered, because the client is gone or
        does not read, is dropped and counted in :attr:`~zmqbridge.Stats.dropped_replies`, and
        is no error: one client's fault does not end the service of the others.

        Args:
            message: one bytes-like frame, or a sequence of them; of none, too, so that any request can
                be answered with its own parts.

        Raises:
            LocalProtocolError: if the request was answered before.
            ConnectionClosed: if the replier is closed.
            TypeError: if the message holds anything but bytes-like frames.
        """
        nothing = isinstance(message, (list, tuple)) and not message
        frames = () if nothing else frames_of(message)
        if self._replied:
            raise LocalProtocolError(f"the request {shown(self.id)} was answered before; a request has one reply")
        self._replied = True
        done = False
        try:
            reply = reply_frames(self._envelope, frames)
            if not self._replier._reply_at_once(self.peer, reply):
                await self._replier._reply(self.peer, reply)
            done = True
        finally:
            self._replied = done
            del self

    def __repr__(self) -> str:
        return f"<Request {shown_id(self.id)} of {len(self.parts)} part(s){', answered' if self._replied else ''}>"


class RequestDecoder:
    """Makes requests that a replier answers of what its peers sent.

    Attributes:
        mixed: not all requests since it was last set to ``False`` are of one peer.
        protocol: says what the messages mean.
    """

    single = None
    max_frames = MAX_FRAMES

    def __init__(self, replier: Replier[Any], protocol: ReplierProtocol) -> None:
        self.mixed: bool = False
        self._latest: bytes | None = None
        self._replier = ref(replier)
        self.protocol = protocol

    def decode(self, messages: list[Frames]) -> tuple[list[Request[Any]], tuple[()]]:
        """Return the requests among these messages."""
        replier = self._replier()
        assert replier is not None, "its connection reads them"
        # libzmq reads from its peers by turns, so where there are several, one comes first or another last.
        first, last = messages[0][0], messages[-1][0]
        if first != last or first != self._latest:
            self.mixed = self._latest is not None or first != last
            self._latest = last
        return [Request(envelope, replier) for envelope in self.protocol.receive(messages)], ()


class Replier(Routed, Receiver[Request[FrameT]]):
    """A ROUTER socket that is asked and answers: ``async for request in replier``.

    Requests may be answered in any order, by any task, while more are received.

    Args:
        reply_timeout: seconds that a reply waits for a client whose queue is full. After one such
            wait in vain that client's replies do not wait until one could be sent again. All replies
            together wait for a tenth of the time at most, once that many seconds are used up.
    """

    def __init__(self, context: Owner, socket_type: int, *, reply_timeout: float = 1.0, **arguments: Any) -> None:
        self._patience = Patience(check_wait("reply_timeout", reply_timeout))
        self._deaf: set[bytes] = set()
        self._dropped_replies = 0
        super().__init__(context, socket_type, **arguments)

    def _decoder(self) -> Decoder[Request, Any]:
        self._requests = RequestDecoder(self, ReplierProtocol(self._faults, envelope_reader()))
        return self._watching(self._requests)

    def _prepare(self, socket: Socket) -> None:
        # Without it a ROUTER drops what it cannot deliver, and tells nobody.
        socket.set_option(zmq.ROUTER_MANDATORY, 1)

    def _reply_at_once(self, peer: bytes, frames: Sequence[bytes]) -> bool:
        try:
            sent: bool = self._outbox.at_once(frames, peer)
        except PeerUnreachable:
            return False  # _reply() will meet it again, and count it
        if sent and self._deaf:
            self._deaf.discard(peer)
        return sent

    async def _reply(self, peer: bytes, frames: Sequence[bytes]) -> None:
        self._channel.guard.check()
        clock = self._context._find_backend().current_time
        began = clock()
        wait = 0.0 if peer in self._deaf else self._patience.left(began)
        in_vain = True
        try:
            await self._outbox.send(frames, peer, None if wait == inf else began + wait)
            in_vain = False
        except DeadlinePassed:
            self._drop_reply(peer, "it makes no room for replies")
            if wait:
                if len(self._deaf) >= DEAF_PEERS:
                    self._deaf.clear()
                self._deaf.add(peer)
        except PeerUnreachable:
            self._drop_reply(peer, "it is gone")
            self._deaf.discard(peer)
        else:
            self._deaf.discard(peer)
        finally:
            with suppress(RuntimeError):  # a coroutine that outlives its loop has no clock any more
                self._note_wait(clock() - began, in_vain)

    def _note_wait(self, seconds: float, in_vain: bool) -> None:
        if in_vain or seconds > self._patience.grace:
            # Where another task receives, nobody is held up.
            alone = self._channel.lot.has_readers or not self._requests.mixed
            self._patience.spend(seconds, in_vain=in_vain, alone=alone)
            self._requests.mixed = False

    def _drop_reply(self, peer: bytes, reason: str) -> None:
        self._dropped_replies += 1
        logger.debug("%r dropped a reply to the peer %r: %s", self, peer, reason)

    @property
    def stats(self) -> Stats:
        """What the connection has done so far, and what it holds now."""
        return self._link.stats(dropped_replies=self._dropped_replies, probes=self._requests.protocol.probes)
