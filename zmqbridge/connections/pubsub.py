"""Publish and subscribe: every message goes to every subscriber whose prefix its tag has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import zmq

from zmqbridge.connections.base import Connection, Owner, Receiver
from zmqbridge.framing import BytesLike, FrameT, Publication, Tag, publication_frame
from zmqbridge.protocols import SubscriberProtocol
from zmqbridge.showing import shown
from zmqbridge.socket import Socket

__all__ = ["Publisher", "Subscriber"]


class Publisher(Connection):
    """A PUB socket: publishes, without ever waiting, to those who are subscribed now."""

    def publish(self, message: BytesLike, tag: Tag = b"") -> None:
        """Publish a message under a tag, at once.

        A subscriber that connects later, or whose queue is at its high-water mark, does not
        get it: that is ZeroMQ's rule for publishing. A program that publishes without
        end awaits something now and then, or its loop never runs.

        Args:
            message: the payload, bytes-like; one frame.
            tag: what subscribers select by its beginning; ``str`` is encoded as UTF-8. It holds no
                zero byte.

        Raises:
            ConnectionClosed: if the connection is closed.
            LocalProtocolError: if the tag holds a zero byte.
            TypeError: if the message is not bytes-like, or the tag neither ``str`` nor ``bytes``.
        """
        self._outbox.send_nowait((publication_frame(message, tag),))

    def publish_many(self, publications: Iterable[tuple[Tag, BytesLike]]) -> None:
        """Publish messages in order, at once, each a pair of the tag and the message as :meth:`publish` takes them.

        Faster than as many calls of :meth:`publish`. What a subscriber receives, a
        :class:`~zmqbridge.Publication`, is such a pair. If one of them is wrong, none is published.

        Raises:
            ConnectionClosed, LocalProtocolError, TypeError: as :meth:`publish`.
        """
        self._outbox.send_many_nowait([publication_frame(message, tag) for tag, message in publications])


class Subscriber(Receiver[Publication[FrameT]]):
    """A SUB socket: receives what is published under the tags that it subscribed to.

    Args:
        tags: the prefixes to subscribe to from the start. With none, nothing arrives before
            :meth:`subscribe` is called; ``[""]`` is everything.
    """

    # All that a SUB socket sends is subscriptions. Where the publisher is gone they stay queued, and
    # waiting for them would keep the context from ending. Those above a high-water mark libzmq drops unsaid.
    _defaults: ClassVar[dict[str, Any]] = {"linger": 0.0, "send_high_water_mark": 0}

    def __init__(self, context: Owner, socket_type: int, *, tags: Iterable[Tag] = (), **arguments: Any) -> None:
        if isinstance(tags, (str, bytes)):
            raise TypeError(f"tags={shown(tags)} is one tag; pass a list of tags: [{shown(tags)}]")
        self._first_tags = list(tags)
        super().__init__(context, socket_type, **arguments)

    def _decoder(self) -> SubscriberProtocol:
        self._protocol = SubscriberProtocol(self._faults)
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
