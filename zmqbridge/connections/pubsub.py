"""Publish and subscribe: every message goes to every subscriber whose prefix it begins with.

How a message is laid out in frames is a framing's matter: :mod:`zmqbridge.framings`. A connection has one, from its
beginning to its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import zmq

from zmqbridge.abc import Backend
from zmqbridge.channel import DeadlinePassed
from zmqbridge.connections.base import Connection, Owner, Receiver, Stats
from zmqbridge.connections.following import Following, check_count, deadline_in
from zmqbridge.decoding import Decoder
from zmqbridge.errors import LocalProtocolError, WaitTimeout, ZmqBridgeError
from zmqbridge.framing import SEPARATOR, BytesLike, Message, Publication, Tag
from zmqbridge.framings import Framing, FramingName, Multipart, Raw, Tagged, framing_of
from zmqbridge.presence.echo import new_echo_tag, own_name
from zmqbridge.presence.subscriptions import SubscriptionChange, Subscriptions
from zmqbridge.protocols import Echoes, SubscriberProtocol
from zmqbridge.showing import shown
from zmqbridge.socket import Socket
from zmqbridge.waiting.parking import Parked

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

# Seconds after which publishers that have not answered are asked again.
ASK_AGAIN = 1.0

# Messages that are kept during such a wait where libzmq's own mark has no limit.
SPARE = 1000


class Publisher(Connection, Generic[FramingT]):
    """A PUB socket: publishes, without ever waiting, to those who are subscribed now.

    Args:
        presence: whether it knows who has subscribed, and tells subscribers that they have. It is an XPUB socket then,
            and reads what subscribers send from when its loop runs; it takes a thread for each context, and a
            descriptor.
        framing: how its messages are laid out in frames.
    """

    def __init__(
        self,
        context: Owner,
        socket_type: int,
        *,
        presence: bool = False,
        framing: FramingName = "tagged",
        **arguments: Any,
    ) -> None:
        self._framing = framing_of(framing)
        self._presence = self._reads_ahead = self._tracing = presence
        super().__init__(context, socket_type, **arguments)
        self._waits_for_loop = presence
        if presence:
            self._subscribers.changed = self._channel.bell.ring
            self._begin()

    def _decoder(self) -> Decoder[Any, Any]:
        if not self._presence:
            return super()._decoder()
        self._name = own_name()
        self._answers = 0
        self._subscribers = Subscriptions(self._faults)
        return self._subscribers

    def _prepare(self, socket: Socket) -> None:
        if self._presence:
            socket.set_option(zmq.XPUB_VERBOSER, 1)

    def _begin(self, backend: Backend | None = None) -> None:
        self._waits_for_loop = not self._link.stand_by(self._answer, backend)

    def _answer(self, echo: bytes) -> None:
        with suppress(ZmqBridgeError):  # it was closed meanwhile
            self._outbox.send_nowait((echo + SEPARATOR + self._name,))
            self._answers += 1

    @property
    def subscriptions(self) -> Mapping[bytes, int]:
        """How many subscriptions to each prefix have arrived. It changes as they do.

        A subscriber that subscribes to three prefixes counts for each. A proxy counts once for each prefix, however
        many stand behind it. This library's own prefixes are left out.

        Raises:
            LocalProtocolError: if the publisher was made without ``presence=True``.
        """
        return self._present().counts

    def subscription_changes(self) -> Following[SubscriptionChange]:
        """Iterate over what is subscribed to and unsubscribed from, with ``async for``, from the beginning on.

        The latest thousand changes are kept for those who have not read them; whoever comes later gets one first that
        says how many are gone. The iteration ends when the connection is closed.

        Raises:
            LocalProtocolError: if the publisher was made without ``presence=True``.
        """
        changes = self._present().changes
        return Following(self._link, changes, lambda count: SubscriptionChange(left_out=count), self._begin)

    async def wait_for_subscribers(
        self, count: int = 1, *, tag: Tag | None = None, timeout: float | None = None
    ) -> int:
        """Wait until so many subscriptions have arrived, and return how many have.

        What is published then reaches them: a subscription counts before it is told of (libzmq's ``xpub.cpp``). Through
        a proxy it reaches the proxy.

        Args:
            count: how many, 1 or more.
            tag: count those alone that messages published under this tag are for; ``None`` counts all there are.
            timeout: seconds to wait; ``None`` is for ever.

        Raises:
            WaitTimeout: if there are not so many in time.
            ConnectionClosed: if the connection is closed, or closes meanwhile.
            LocalProtocolError: if the publisher was made without ``presence=True``, or the tag holds a zero byte.
            ValueError: if the count is below one, or the timeout no time.
        """
        check_count(count, "subscribers")
        subscribers, channel = self._present(), self._channel
        start = None if tag is None else self._framing.prefix(tag)
        backend = channel.enter()
        self._begin(backend)

        def number() -> int:
            return subscribers.total if start is None else subscribers.hearing(start)

        deadline = deadline_in(timeout, backend.current_time)
        await channel.bell.until(lambda: number() >= count or not channel.guard.open, backend, deadline)
        channel.guard.check()
        if number() < count:
            for_what = "" if tag is None else f" for {shown(tag)}"
            raise WaitTimeout(f"{number()} of {count} subscription(s){for_what} within {timeout} s at {self!r}")
        return number()

    @property
    def stats(self) -> Stats:
        """What the connection has done so far, and what it holds now. What this library says of itself is left out."""
        if not self._presence:
            return super().stats
        return self._link.stats(passed_over=self._subscribers.passed_over, answers=self._answers)

    def _present(self) -> Subscriptions:
        if not self._presence:
            raise LocalProtocolError(f"{self!r} knows no subscribers; make it with presence=True")
        return self._subscribers

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
            LocalProtocolError: if the tag holds a zero byte.
            TypeError: if the message is not bytes-like, or the tag neither ``str`` nor ``bytes``.
        """
        if self._waits_for_loop:
            self._begin()
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
        for prefix in dict.fromkeys(map(self._protocol.subscribe, self._first_tags)):
            socket.set_option(zmq.SUBSCRIBE, prefix)

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
                tag and none that it begins, add the zero byte that ends it: ``b"london\\0"``. (A tag that is a
                frame of its own, as with ``framing="multipart"``, has no such end.)
        """
        prefix = self._protocol.subscribe(tag)
        if self._protocol.times(prefix) == 1:  # a publisher that counts would count each, and one end for all
            self._set(zmq.SUBSCRIBE, prefix)

    def unsubscribe(self, tag: Tag) -> None:
        """Undo one :meth:`subscribe`. What libzmq has queued already still arrives.

        Raises:
            LocalProtocolError: if there is no such subscription.
        """
        prefix = self._protocol.unsubscribe(tag)
        if not self._protocol.times(prefix):
            self._set(zmq.UNSUBSCRIBE, prefix)

    async def wait_subscribed(self, publishers: int = 1, *, timeout: float | None = None) -> int:
        """Wait until so many publishers have all subscriptions made up to now, and return how many have.

        What they publish from then on arrives, also through any number of proxies. Publishers answer that were made
        with ``presence=True``; others never do.

        Messages that come meanwhile are kept for :meth:`~zmqbridge.Receiver.receive`, as many as libzmq would keep; of
        more the publisher drops some, and maybe its answer too, which is then asked for again.

        Args:
            publishers: how many, 1 or more.
            timeout: seconds to wait; ``None`` is for ever.

        Raises:
            WaitTimeout: if not so many have answered in time.
            ConnectionClosed: if the connection is closed, or closes meanwhile.
            ValueError: if the number is below one, or the timeout no time.
        """
        check_count(publishers, "publishers")
        backend = self._channel.enter()
        deadline = deadline_in(timeout, backend.current_time)
        intake = self._channel.intake
        spare = intake.beyond.mark or SPARE
        intake.spare += spare
        try:
            # The first answer says that the connection stands, and the second was asked behind all it began with.
            for _ in range(2):
                answered = await self._ask(publishers, backend, deadline)
                if answered < publishers:
                    raise WaitTimeout(
                        f"{answered} of {publishers} publisher(s) answered within {timeout} s to {self!r}; only those "
                        "answer that were made with presence=True"
                    )
        finally:
            intake.spare -= spare
        return answered

    async def _ask(self, publishers: int, backend: Backend, deadline: float | None) -> int:
        echoes = Echoes(new_echo_tag(), publishers, Parked())
        try:
            while not echoes.complete and (deadline is None or backend.current_time() < deadline):
                self._protocol.ask(echoes)
                self._set(zmq.SUBSCRIBE, echoes.tag)
                again = backend.current_time() + ASK_AGAIN
                until = again if deadline is None else min(again, deadline)
                try:
                    await self._channel.wait_for_answer(echoes.caller, until)
                except DeadlinePassed:
                    echoes.caller = Parked()
                finally:
                    if self._channel.guard.open:
                        self._set(zmq.UNSUBSCRIBE, echoes.tag)
        finally:
            self._protocol.end(echoes)
        return len(echoes.names)

    def _set(self, option: int, tag: bytes) -> None:
        with self._channel.touching() as socket:
            socket.set_option(option, tag)

    @property
    def stats(self) -> Stats:
        """What the connection has done so far, and what it holds now."""
        return self._link.stats(passed_over=self._protocol.passed_over)


def list_of_tags(tags: Iterable[Tag]) -> list[Tag]:
    """Return the tags that a caller gave.

    Raises:
        TypeError: if it is one.
    """
    if isinstance(tags, (str, bytes)):
        raise TypeError(f"tags={shown(tags)} is one tag; pass a list of tags: [{shown(tags)}]")
    return list(tags)
