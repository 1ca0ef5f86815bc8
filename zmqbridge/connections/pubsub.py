"""Publish and subscribe: every message goes to every subscriber whose prefix it begins with.

How a message is laid out in frames is a framing's matter: :mod:`zmqbridge.framings`. A connection has one, from its
beginning to its end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import zmq

from zmqbridge.connections.base import Connection, Owner, Receiver
from zmqbridge.framing import BytesLike, Message, Publication, Tag
from zmqbridge.framings import Framing, FramingName, Multipart, Raw, Tagged, framing_of
from zmqbridge.protocols import SubscriberProtocol
from zmqbridge.showing import shown
from zmqbridge.socket import Socket

__all__ = ["SUBSCRIBING", "UNDROPPED", "Publisher", "Subscriber", "list_of_tags"]

if TYPE_CHECKING:
    from typing_extensions import TypeVar as TypeVarWithDefault

    FramingT = TypeVarWithDefault("FramingT", bound=Framing[Any], default=Tagged)
    Item = TypeVarWithDefault("Item", default=Publication)
else:
    FramingT = TypeVar("FramingT")
    Item = TypeVar("Item")


# Subscriptions above a high-water mark libzmq drops unsaid.
UNDROPPED: dict[str, Any] = {"send_high_water_mark": 0}
# They are all that a SUB socket sends. Where the publisher is gone they stay queued, and waiting for them would keep
# the context from ending.
SUBSCRIBING: dict[str, Any] = {"linger": 0.0, **UNDROPPED}


class Publisher(Connection, Generic[FramingT]):
    """A PUB socket: publishes, without ever waiting, to those who are subscribed now.

    Args:
        framing: how its messages are laid out in frames.
    """

    def __init__(self, context: Owner, socket_type: int, *, framing: FramingName = "tagged", **arguments: Any) -> None:
        self._framing = framing_of(framing)
        super().__init__(context, socket_type, **arguments)

    @overload
    def publish(self: Publisher[Tagged], message: BytesLike, tag: Tag = b"") -> None: ...

    @overload
    def publish(self: Publisher[Multipart], message: Message, tag: Tag = b"") -> None: ...

    @overload
    def publish(self: Publisher[Raw], message: Message) -> None: ...

    def publish(self, message: Any, tag: Tag = b"") -> None:
        """Publish a message under a tag, at once.

        A subscriber that connects later, or whose queue is at its high-water mark, does not
        get it: that is ZeroMQ's rule for publishing. A program that publishes without
        end awaits something now and then, or its loop never runs.

        Args:
            message: the payload, bytes-like; one frame. With ``framing="multipart"`` or ``"raw"`` it is one frame or a
                sequence of them.
            tag: what subscribers select by its beginning; ``str`` is encoded as UTF-8. It holds no
                zero byte, but with ``framing="multipart"`` it may. With ``framing="raw"`` there is none: subscribers
                select by the beginning of the first frame.

        Raises:
            ConnectionClosed: if the connection is closed.
            LocalProtocolError: if the tag holds a zero byte, or has no place in the framing.
            TypeError: if the message is not bytes-like, or the tag neither ``str`` nor ``bytes``.
            WouldBlock: if a subscriber has no room, and ``SocketOptions(xpub_no_drop=True)`` wants to know.
        """
        self._outbox.send_nowait(self._framing.write(message, tag))

    @overload
    def publish_many(self: Publisher[Tagged], publications: Iterable[tuple[Tag, BytesLike]]) -> None: ...

    @overload
    def publish_many(self: Publisher[Multipart], publications: Iterable[tuple[Tag, Message]]) -> None: ...

    @overload
    def publish_many(self: Publisher[Raw], publications: Iterable[Message]) -> None: ...

    def publish_many(self, publications: Iterable[Any]) -> None:
        """Publish messages in order, at once, each a pair of the tag and the message as :meth:`publish` takes them.

        Faster than as many calls of :meth:`publish`. What a subscriber receives, a
        :class:`~zmqbridge.Publication` or a :class:`~zmqbridge.MultipartPublication`, is such a pair. With
        ``framing="raw"`` each is a message alone. If one of them is wrong, none is published.

        Raises:
            ConnectionClosed, LocalProtocolError, TypeError: as :meth:`publish`.
        """
        self._outbox.send_many_nowait(self._framing.write_many(publications))


class Subscriber(Receiver[Item]):
    """A SUB socket: receives what is published under the tags that it subscribed to.

    What it receives is a :class:`~zmqbridge.Publication`; with ``framing="multipart"`` it is a
    :class:`~zmqbridge.MultipartPublication`, and with ``framing="raw"`` a list of frames.

    Args:
        tags: the prefixes to subscribe to from the start. With none, nothing arrives before
            :meth:`subscribe` is called; ``[""]`` is everything.
        framing: how the publisher lays its messages out in frames.
    """

    _needs = SUBSCRIBING

    def __init__(
        self,
        context: Owner,
        socket_type: int,
        *,
        tags: Iterable[Tag] = (),
        framing: FramingName = "tagged",
        **arguments: Any,
    ) -> None:
        self._first_tags = list_of_tags(tags)
        self._framing = framing_of(framing)
        super().__init__(context, socket_type, **arguments)

    def _decoder(self) -> SubscriberProtocol:
        self._protocol = SubscriberProtocol(self._faults, self._framing)
        return self._protocol

    def _prepare(self, socket: Socket) -> None:
        for tag in self._first_tags:
            socket.set_option(zmq.SUBSCRIBE, self._protocol.subscribe(tag))

    @property
    def tags(self) -> tuple[bytes, ...]:
        """The prefixes subscribed to, each once."""
        return self._protocol.tags

    def subscribe(self, tag: Tag) -> None:
        """Receive from now on what is published under tags that begin so.

        A publisher learns of it over the network, so what it sends in the next moments may still
        not arrive. Subscribing twice to the same tag takes unsubscribing twice to end.

        Args:
            tag: a prefix; ``str`` is encoded as UTF-8; ``""`` is everything. To select one whole
                tag and none that it begins, add the zero byte that ends it: ``b"london\\0"``.
        """
        with self._channel.touching() as socket:
            socket.set_option(zmq.SUBSCRIBE, self._protocol.subscribe(tag))

    def unsubscribe(self, tag: Tag) -> None:
        """Undo one :meth:`subscribe`. What libzmq has queued already still arrives.

        Raises:
            LocalProtocolError: if there is no such subscription.
        """
        with self._channel.touching() as socket:
            socket.set_option(zmq.UNSUBSCRIBE, self._protocol.unsubscribe(tag))


def list_of_tags(tags: Iterable[Tag]) -> list[Tag]:
    """Return the tags that a caller gave.

    Raises:
        TypeError: if it is one.
    """
    if isinstance(tags, (str, bytes)):
        raise TypeError(f"tags={shown(tags)} is one tag; pass a list of tags: [{shown(tags)}]")
    return list(tags)
