"""Sockets whose frames the program reads itself: router, dealer, pair, and any other type."""

from __future__ import annotations

from collections.abc import Iterable
from sys import maxsize
from typing import Any, Generic, NamedTuple

import zmq

from zmqbridge.channel.loan import send_shared
from zmqbridge.channel.outbox import keep
from zmqbridge.connections.base import Frames, Owner, Receiver, Sender
from zmqbridge.connections.pubsub import SUBSCRIBING, UNDROPPED, list_of_tags
from zmqbridge.connections.routed import Routed
from zmqbridge.decoding import Decoder
from zmqbridge.errors import LocalProtocolError, OptionError
from zmqbridge.framing import FrameT, Message, Tag, frames_of, prefix_bytes
from zmqbridge.origins import origin_of
from zmqbridge.protocols import AskedTags
from zmqbridge.showing import shown
from zmqbridge.socket import Socket

__all__ = ["Dealer", "Pair", "RawConnection", "RoutedMessage", "Router"]

SUBSCRIBERS = ("SUB", "XSUB")


class RoutedMessage(NamedTuple, Generic[FrameT]):
    """A message that reached a router.

    Attributes:
        peer: the routing id of the peer that it came from; pass it to :meth:`Router.send`.
        frames: the message's frames, without the peer's.
    """

    peer: bytes
    frames: list[FrameT]

    @property
    def user_id(self) -> str | None:
        """Who sent it, where that is known; see :func:`zmqbridge.origin_of`."""
        return origin_of(self).user_id

    @property
    def peer_address(self) -> str | None:
        """Where it came from; likewise."""
        return origin_of(self).peer_address


class RouterDecoder:
    """Parts the peer from the frames."""

    single = None
    max_frames = maxsize

    def decode(self, messages: list[Frames]) -> tuple[list[RoutedMessage], tuple[()]]:
        """Return the messages with their peers."""
        return [RoutedMessage(frames[0], frames[1:]) for frames in messages], ()


class RawConnection(Sender, Receiver[list[FrameT]]):
    """A socket of any type, its frames as they are: see :meth:`zmqbridge.Context.connection`.

    Args:
        tags: the prefixes that a SUB or an XSUB socket subscribes to from the start.
    """

    def __init__(self, context: Owner, socket_type: int, *, tags: Iterable[Tag] = (), **arguments: Any) -> None:
        self._subscriptions = AskedTags()
        self._first_tags = list_of_tags(tags)
        if socket_type == zmq.SUB:
            self._needs = SUBSCRIBING
        elif self._first_tags:
            self._needs = UNDROPPED
        super().__init__(context, socket_type, **arguments)

    def _prepare(self, socket: Socket) -> None:
        for prefix in dict.fromkeys(map(self._subscriptions.subscribe, self._first_tags)):
            self._change(socket, zmq.SUBSCRIBE, prefix)

    @property
    def tags(self) -> tuple[bytes, ...]:
        """The prefixes that :meth:`subscribe` and ``tags=`` asked for, each once."""
        return self._subscriptions.tags

    def subscribe(self, tag: Tag) -> None:
        """Subscribe a SUB or an XSUB socket to messages that begin so, as :meth:`Subscriber.subscribe
        <zmqbridge.Subscriber.subscribe>` does.

        On an XPUB socket with ``SocketOptions(xpub_manual=True)`` it grants a prefix to the subscriber whose
        subscription was received last.

        Args:
            tag: a prefix; ``str`` is encoded as UTF-8; ``""`` is everything.

        Raises:
            LocalProtocolError: if a socket of this type subscribes to nothing.
        """
        with self._channel.touching() as socket:
            if socket.type_name not in SUBSCRIBERS:
                self._change(socket, zmq.SUBSCRIBE, prefix_bytes(tag))
                return
            prefix = self._subscriptions.subscribe(tag)
            if self._subscriptions.times(prefix) == 1:
                self._change(socket, zmq.SUBSCRIBE, prefix)

    def unsubscribe(self, tag: Tag) -> None:
        """Undo one :meth:`subscribe`.

        Raises:
            LocalProtocolError: if there is no such subscription, or a socket of this type has none.
        """
        with self._channel.touching() as socket:
            if socket.type_name not in SUBSCRIBERS:
                self._change(socket, zmq.UNSUBSCRIBE, prefix_bytes(tag))
                return
            prefix = self._subscriptions.unsubscribe(tag)
            if not self._subscriptions.times(prefix):
                self._change(socket, zmq.UNSUBSCRIBE, prefix)

    @staticmethod
    def _change(socket: Socket, option: int, prefix: bytes) -> None:
        kind = socket.type_name
        if kind == "XSUB":
            socket.send((b"\1" + prefix if option == zmq.SUBSCRIBE else b"\0" + prefix,))
            return
        try:
            socket.set_option(option, prefix)
        except OptionError:
            raise LocalProtocolError(
                "an XPUB socket grants subscriptions by itself, but with SocketOptions(xpub_manual=True)"
                if kind == "XPUB"
                else f"a {kind} socket subscribes to nothing; SUB and XSUB do"
            ) from None


class Dealer(Sender, Receiver[list[FrameT]]):
    """A DEALER socket: sends to its peers in turn, receives from all of them."""


class Pair(Sender, Receiver[list[FrameT]]):
    """A PAIR socket: talks with exactly one peer."""


class Router(Routed, Receiver[RoutedMessage[FrameT]]):
    """A ROUTER socket: knows its peers by routing id, and sends to the one that is named.

    A peer whose queue is full holds up only the messages to itself.
    """

    def _decoder(self) -> Decoder[RoutedMessage, Any]:
        return self._watching(RouterDecoder())

    def _prepare(self, socket: Socket) -> None:
        # Without it a ROUTER drops what it cannot deliver, and tells nobody.
        socket.set_option(zmq.ROUTER_MANDATORY, 1)

    async def send(self, peer: bytes, message: Message) -> None:
        """Send a message to one peer, waiting while its queue is at the high-water mark.

        If it is cancelled, nothing was sent.

        Args:
            peer: the peer's routing id, as in :attr:`RoutedMessage.peer`.
            message: one bytes-like frame, or a sequence of them.

        Raises:
            PeerUnreachable: if no such peer is connected.
            ConnectionClosed: if the connection is closed, or closes meanwhile.
            TypeError: if the peer is not ``bytes`` or the message not bytes-like.
        """
        frames = _routed(peer, message)
        if not self._outbox.at_once(frames, peer):
            try:
                await self._outbox.send(frames, peer)
            finally:
                del self

    async def send_shared(self, peer: bytes, message: Message) -> None:
        """Send a message to one peer without a copy of it, and return when libzmq has let go of every frame.

        As :meth:`Sender.send_shared <zmqbridge.Sender.send_shared>` in all else.

        Raises:
            PeerUnreachable: if no such peer is connected.
            ConnectionClosed, TypeError: as there; and if the peer is not ``bytes``.
        """
        _check_peer(peer)
        try:
            await send_shared(self._channel, self._outbox, message, head=(peer,), lane=peer)
        finally:
            del self

    def send_nowait(self, peer: bytes, message: Message) -> None:
        """Send a message to one peer now.

        Raises:
            WouldBlock: if :meth:`send` would have to wait.
            PeerUnreachable, ConnectionClosed, TypeError: as :meth:`send`.
        """
        self._outbox.send_nowait(_routed(peer, message), peer)

    async def send_many(self, messages: Iterable[tuple[bytes, Message]]) -> None:
        """Send messages in order, each a pair of the peer and the message, as :meth:`send` does.

        It ends at the first that cannot be sent; those before it were.
        """
        try:
            if not isinstance(messages, (list, tuple)):
                for peer, message in messages:
                    await self.send(peer, message)
                return
            given: list[Any] = list(messages)
            wrong = keep(given, 0, _routed_pair)
            for peer, *frames in given:
                await self.send(peer, frames)
            if wrong is not None:
                raise wrong
        finally:
            del self


def _routed_pair(pair: tuple[bytes, Message]) -> list[bytes]:
    peer, message = pair
    return _routed(peer, message)


def _routed(peer: bytes, message: Message) -> list[bytes]:
    _check_peer(peer)
    return [peer, *frames_of(message)]


def _check_peer(peer: bytes) -> None:
    if not isinstance(peer, bytes):
        raise TypeError(f"a peer is the bytes of its routing id, not {type(peer).__name__}: {shown(peer)}")
    if not peer:
        raise LocalProtocolError("a peer's routing id is never empty; use the one a RoutedMessage came with")
