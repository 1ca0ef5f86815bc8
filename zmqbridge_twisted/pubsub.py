"""Publish and subscribe with handlers: a tag and a message in one frame, ``tag\\0message``."""

from __future__ import annotations

from contextlib import suppress
from inspect import signature
from typing import Any, ClassVar

import zmq

from zmqbridge.decoding import Decoder, PublishedFramesDecoder
from zmqbridge.errors import LocalProtocolError, ZmqBridgeError
from zmqbridge.framing import SEPARATOR, prefix_bytes, publication_frame, read_publication, tag_bytes
from zmqbridge.framings import FramingName, MultipartPublication, framing_of
from zmqbridge.presence.echo import own_name
from zmqbridge.presence.subscriptions import Subscriptions
from zmqbridge.socket import Socket
from zmqbridge.stats import Stats
from zmqbridge.weakly import weakly
from zmqbridge_twisted.connection import ZmqConnection, ZmqEndpoint
from zmqbridge_twisted.factory import ZmqFactory
from zmqbridge_twisted.sending import encoded

__all__ = ["ZmqPubConnection", "ZmqSubConnection"]


class ZmqPubConnection(ZmqConnection):
    """A PUB socket: publishes, without ever waiting, to those who are subscribed now.

    Attributes:
        topicSep: what ends the tag on the wire; both ends must agree on it.
        framing: how messages are laid out: ``"tagged"``, as txZMQ has it; ``"multipart"``, the tag in a frame of its
            own and any number behind it; or ``"raw"``, the frames as they are.
        presence: whether it knows who has subscribed, and tells subscribers of this library that they have; it is an
            XPUB socket then. :meth:`gotSubscription` and :meth:`lostSubscription` are called.
    """

    socketType: ClassVar[int | None] = zmq.PUB
    topicSep: bytes | str = b"\0"
    framing: FramingName = "tagged"
    presence: bool = False

    def __init__(
        self, factory: ZmqFactory, endpoint: ZmqEndpoint | None = None, identity: bytes | str | None = None
    ) -> None:
        self._zmqPresence = self.presence
        self._zmqName = own_name()
        self._zmqAnswers = 0
        self._zmqTold = 0
        if self.presence:
            self.socketType = zmq.XPUB  # type: ignore[misc]
        super().__init__(factory, endpoint, identity)

    def _zmqDecoder(self) -> Decoder[Any, Any]:
        if not self.presence:
            return super()._zmqDecoder()
        self._zmqSubscribers = Subscriptions(self._zmqFaults)
        self._zmqSubscribers.changed = weakly(self._zmqTell, None)
        return self._zmqSubscribers

    def _zmqPrepare(self, socket: Socket) -> None:
        if self.presence:
            socket.set_option(zmq.XPUB_VERBOSER, 1)

    def _zmqDeliver(self, message: Any) -> None:
        if not self.presence:
            super()._zmqDeliver(message)
            return
        with suppress(ZmqBridgeError):  # it was shut down meanwhile
            self._zmqOutbox.send_nowait((message + SEPARATOR + self._zmqName,))
            self._zmqAnswers += 1

    def _zmqTell(self) -> None:
        changes, _, self._zmqTold = self._zmqSubscribers.changes.read(self._zmqTold)
        for change in changes:
            try:
                (self.gotSubscription if change.subscribed else self.lostSubscription)(change.tag, change.count)
            except KeyboardInterrupt:
                raise
            except BaseException:
                self._zmqFailures.log("the handler of a subscription failed")

    def gotSubscription(self, tag: bytes, count: int) -> None:
        """Handle a subscription that has arrived, where :attr:`presence` is set; to be overridden.

        What is published from now on reaches the subscriber, or its proxy.

        Args:
            tag: the prefix.
            count: how many subscriptions to it there are now.
        """

    def lostSubscription(self, tag: bytes, count: int) -> None:
        """Handle the end of a subscription, likewise."""

    def getStats(self) -> Stats:
        """Return what the connection has done so far, and what it holds now."""
        if not self.presence:
            return super().getStats()
        return self._zmqLink.stats(passed_over=self._zmqSubscribers.passed_over, answers=self._zmqAnswers)

    def publish(self, message: Any, tag: bytes | str = "") -> None:
        """Publish a message under a tag.

        Args:
            message: the payload, one frame: ``bytes``, or text, which is encoded as UTF-8. In another :attr:`framing`
                it may be a list of frames.
            tag: what subscribers select by its beginning; it does not hold the separator.

        Raises:
            LocalProtocolError: if the tag holds the separator, or has no place in the :attr:`framing`.
            TypeError: if the message is neither bytes-like nor text.
            ValueError: if there is no such framing.
        """
        if self.framing == "tagged":
            self.send(publication_frame(encoded(message), tag, _separator(self.topicSep)))
        else:
            self.send(list(framing_of(self.framing).write(encoded(message), tag)))


class ZmqSubConnection(ZmqConnection):
    """A SUB socket: override :meth:`gotMessage`, and :meth:`subscribe`.

    Attributes:
        topicSep: what ends the tag on the wire; both ends must agree on it.
        framing: how the publisher lays its messages out, as for :class:`ZmqPubConnection`.
    """

    socketType: ClassVar[int | None] = zmq.SUB
    topicSep: bytes | str = b"\0"
    framing: FramingName = "tagged"
    _zmqAsked: tuple[object, bool] | None = None

    _zmqAnswer = False

    def _zmqDecoder(self) -> Decoder[Any, Any]:
        self._zmqVisible = PublishedFramesDecoder()
        return self._zmqVisible

    def getStats(self) -> Stats:
        """Return what the connection has done so far, and what it holds now."""
        return self._zmqLink.stats(passed_over=self._zmqVisible.passed_over)

    def subscribe(self, tag: bytes | str) -> None:
        """Receive from now on what is published under tags that begin so.

        Subscribing twice to the same tag takes unsubscribing twice to end.

        Args:
            tag: a prefix; ``""`` is everything. Text is encoded as UTF-8.

        Raises:
            LocalProtocolError: if the tag is longer than 4,096 bytes.
        """
        with self._zmqLink.channel.touching() as socket:
            socket.set_option(zmq.SUBSCRIBE, prefix_bytes(tag))

    def unsubscribe(self, tag: bytes | str) -> None:
        """Undo one :meth:`subscribe`; one too many is no error."""
        with self._zmqLink.channel.touching() as socket:
            socket.set_option(zmq.UNSUBSCRIBE, tag_bytes(tag))

    def messageReceived(self, message: list[bytes]) -> None:
        """Take a message apart, and pass it to :meth:`gotMessage`.

        ``[tag + b"\\0" + message]`` is what :class:`ZmqPubConnection` sends; ``[tag, message]`` is accepted. Of
        three frames and more the first counts, as in txZMQ; override this method to have the others. A first
        frame without a tag is passed on as the message alone, to a handler that can be called so, else with an
        empty tag.

        In another :attr:`framing` what is passed on is a list of frames: those behind the tag, or, where it is
        ``"raw"``, all of them with an empty tag.
        """
        if self.framing != "tagged":
            item = framing_of(self.framing).read(message)
            first, frames = (item.tag, item.frames) if isinstance(item, MultipartPublication) else (b"", item)
            self.gotMessage(frames, first)
            return
        if len(message) > 2:
            message = message[:1]
        separator = _separator(self.topicSep)
        handler: Any = self.gotMessage
        if len(message) == 1 and separator not in message[0] and self._zmqTakesOne(handler):
            handler(message[0])
        else:
            tag, payload = read_publication(message, separator)
            handler(payload, tag)

    def _zmqTakesOne(self, handler: Any) -> bool:
        """Whether a handler can be called with the message alone, as far as it tells."""
        function = getattr(handler, "__func__", handler)
        if self._zmqAsked != (function, function is handler):  # to ask costs more than to handle ten messages
            self._zmqAsked = (function, function is handler)
            try:
                signature(handler).bind(b"")
            except TypeError:
                self._zmqAnswer = False
            except ValueError:
                self._zmqAnswer = True  # it is of C, and tells nothing
            else:
                self._zmqAnswer = True
        return self._zmqAnswer

    def gotMessage(self, message: Any, tag: bytes) -> None:
        """Handle a published message; to be overridden.

        A handler whose ``tag`` may be left out, as in ``gotMessage(self, message, tag=None)``, also gets what was
        published without one.

        Args:
            message: the payload: ``bytes``; in another :attr:`framing` a list of frames.
            tag: what it was published under, whole.
        """
        raise NotImplementedError(f"{type(self).__name__} received a message and has no gotMessage() for it")


def _separator(given: bytes | str) -> bytes:
    separator = tag_bytes(given)
    if not separator:
        raise LocalProtocolError("topicSep is empty; it takes at least one byte to tell a tag from a message")
    return separator
