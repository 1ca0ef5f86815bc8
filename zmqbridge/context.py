"""The context: owns the ZeroMQ context and every connection, and knows the event loop."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Literal, Self, overload

import zmq

from zmqbridge._backends import BackendFinder
from zmqbridge._termination import MAX_SOCKETS, at_exit, open_context
from zmqbridge.abc import Backend
from zmqbridge.connections import (
    Dealer,
    Pair,
    Publisher,
    Puller,
    Pusher,
    RawConnection,
    Replier,
    Requester,
    Router,
    Subscriber,
)
from zmqbridge.endpoints import Addresses
from zmqbridge.framing import FrameT, Publication, Tag
from zmqbridge.framings import FramingName, Multipart, MultipartPublication, Raw, Tagged
from zmqbridge.home import Home
from zmqbridge.options import SocketOptions, check_options
from zmqbridge.security.admitting import Admitting
from zmqbridge.showing import shown
from zmqbridge.waiting.turn import TURN_LIMIT, check_turn_limit

__all__ = ["Context"]


class Context(Admitting):
    """Owns connections, the ZeroMQ context under them, and the knowledge of which loop runs.

    ::

        async with zmqbridge.Context() as context:
            requester = context.requester(connect="tcp://127.0.0.1:5555")
            print(await requester.request(b"hello", timeout=1.0))

    A context may be made anywhere, before a loop runs too; the loop is found out when something
    is first awaited. It serves one loop and one thread; make another for another. Keep it for as long as it is
    needed: one that is dropped closes its connections, with a ``ResourceWarning``.

    Each method that makes a connection takes

    - ``bind``: an address or several to listen at,
    - ``connect``: an address or several to connect to,
    - ``options``: :class:`~zmqbridge.SocketOptions`, applied before either,

    and raises :exc:`~zmqbridge.EndpointError` or :exc:`~zmqbridge.OptionError` if one of them
    cannot be used, :exc:`~zmqbridge.ConnectionClosed` if the context is closed.

    Args:
        backend: the loop to serve: the name of an installed backend (``"asyncio"``, ``"trio"``,
            ``"twisted"``), an object with the interface of :class:`zmqbridge.abc.Backend`, or
            ``None`` to find out.
        io_threads: libzmq's own threads for the network; one serves about a gigabyte a second.
        linger: seconds for which the unsent messages of a closed connection are kept, where its
            options do not say; ``math.inf`` is until they are sent.
        max_sockets: how many connections may be open at once.
        zmq_context: a ``zmq.Context`` to share, for inproc with other code; whoever made it
            terminates it, and ``io_threads`` and ``max_sockets`` are then as it has them. So are the options that it
            gives to all of its sockets, where a connection's own do not say otherwise.
        watch: whether connections are watched where their options do not say; see
            :attr:`SocketOptions.watch <zmqbridge.SocketOptions>`.
        options: what the options of its connections are where their own say nothing, field by field. What they say for
            some types of sockets alone is passed over for the others; a subscriber keeps its own linger period and
            send high-water mark, which its subscriptions need.
        turn_limit: how many messages one turn of the loop reads on each connection, and how many it sends, at most.
            Also how many are read ahead. Fewer let the loop run more often, more move more messages a second.

    Raises:
        BackendError: if the backend is none.
        ValueError: if a number is out of range.
    """

    def __init__(
        self,
        backend: str | Backend | None = None,
        *,
        io_threads: int = 1,
        linger: float = 1.0,
        max_sockets: int = MAX_SOCKETS,
        zmq_context: zmq.Context[Any] | None = None,
        turn_limit: int = TURN_LIMIT,
        watch: bool = False,
        options: SocketOptions[Any] | None = None,
    ) -> None:
        SocketOptions(linger=linger, watch=watch)
        _check_number("io_threads", io_threads, "libzmq needs one at least to reach the network")
        _check_number("max_sockets", max_sockets, "a context without sockets connects nothing")
        if zmq_context is not None and not isinstance(zmq_context, zmq.Context):
            raise TypeError(f"zmq_context is a {type(zmq_context).__name__}; it takes a zmq.Context to share")
        self.linger = linger
        self.watch = watch
        self.options: SocketOptions[bytes] = check_options(options)
        self.turn_limit: int = check_turn_limit(turn_limit)
        self._finder = BackendFinder(backend)
        self._home = Home(
            lambda: open_context(io_threads, max_sockets), shared=zmq_context, name="context", max_sockets=max_sockets
        )
        at_exit(self, Context._close_at_exit)

    # --- what connections need ---

    def _find_backend(self) -> Backend:
        return self._finder.find()

    # --- connections ---

    @overload
    def publisher(
        self,
        *,
        framing: Literal["tagged"] = "tagged",
        bind: Addresses | None = None,
        connect: Addresses | None = None,
        options: SocketOptions[Any] | None = None,
        presence: bool = False,
    ) -> Publisher[Tagged]: ...

    @overload
    def publisher(
        self,
        *,
        framing: Literal["multipart"],
        bind: Addresses | None = None,
        connect: Addresses | None = None,
        options: SocketOptions[Any] | None = None,
        presence: bool = False,
    ) -> Publisher[Multipart]: ...

    @overload
    def publisher(
        self,
        *,
        framing: Literal["raw"],
        bind: Addresses | None = None,
        connect: Addresses | None = None,
        options: SocketOptions[Any] | None = None,
        presence: bool = False,
    ) -> Publisher[Raw]: ...

    def publisher(
        self,
        *,
        framing: FramingName = "tagged",
        bind: Addresses | None = None,
        connect: Addresses | None = None,
        options: SocketOptions[Any] | None = None,
        presence: bool = False,
    ) -> Publisher[Any]:
        """Return a connection that publishes: :meth:`Publisher.publish <zmqbridge.Publisher.publish>`.

        Args:
            framing: how its messages are laid out in frames: ``"tagged"``, a tag and a message in one frame;
                ``"multipart"``, the tag in a frame of its own and any number behind it; or ``"raw"``, as given.
            presence: whether it knows who has subscribed; see
                :meth:`~zmqbridge.Publisher.wait_for_subscribers`.
        """
        kind = zmq.XPUB if presence else zmq.PUB
        return Publisher(self, kind, framing=framing, bind=bind, connect=connect, options=options, presence=presence)

    @overload
    def subscriber(
        self,
        *,
        tags: Iterable[Tag] = (),
        framing: Literal["tagged"] = "tagged",
        bind: Addresses | None = None,
        connect: Addresses | None = None,
        options: SocketOptions[FrameT] | None = None,
    ) -> Subscriber[Publication[FrameT]]: ...

    @overload
    def subscriber(
        self,
        *,
        tags: Iterable[Tag] = (),
        framing: Literal["multipart"],
        bind: Addresses | None = None,
        connect: Addresses | None = None,
        options: SocketOptions[FrameT] | None = None,
    ) -> Subscriber[MultipartPublication[FrameT]]: ...

    @overload
    def subscriber(
        self,
        *,
        tags: Iterable[Tag] = (),
        framing: Literal["raw"],
        bind: Addresses | None = None,
        connect: Addresses | None = None,
        options: SocketOptions[FrameT] | None = None,
    ) -> Subscriber[list[FrameT]]: ...

    def subscriber(
        self,
        *,
        tags: Iterable[Tag] = (),
        framing: FramingName = "tagged",
        bind: Addresses | None = None,
        connect: Addresses | None = None,
        options: SocketOptions[Any] | None = None,
    ) -> Subscriber[Any]:
        """Return a connection that receives what is published under some tags.

        Args:
            tags: the prefixes to subscribe to from the start; with none, call
                :meth:`~zmqbridge.Subscriber.subscribe`; ``[""]`` is everything.
            framing: how the publisher lays its messages out in frames, as for :meth:`publisher`.
        """
        return Subscriber(self, zmq.SUB, tags=tags, framing=framing, bind=bind, connect=connect, options=options)

    def pusher(
        self,
        *,
        bind: Addresses | None = None,
        connect: Addresses | None = None,
        options: SocketOptions[Any] | None = None,
    ) -> Pusher:
        """Return a connection whose messages go to its pullers in turn: ``await pusher.send(...)``."""
        return Pusher(self, zmq.PUSH, bind=bind, connect=connect, options=options)

    def puller(
        self,
        *,
        bind: Addresses | None = None,
        connect: Addresses | None = None,
        options: SocketOptions[FrameT] | None = None,
    ) -> Puller[FrameT]:
        """Return a connection that receives from pushers: ``async for frames in puller``."""
        return Puller(self, zmq.PULL, bind=bind, connect=connect, options=options)

    def requester(
        self,
        *,
        bind: Addresses | None = None,
        connect: Addresses | None = None,
        options: SocketOptions[FrameT] | None = None,
        on_peer_lost: Literal["wait", "raise"] = "wait",
        on_refused: Literal["wait", "raise"] = "wait",
    ) -> Requester[FrameT]:
        """Return a connection that asks: ``await requester.request(...)``, any number at once.

        Args:
            on_peer_lost: what becomes of requests whose only connection breaks: ``"raise"`` ends them at once, with
                :exc:`~zmqbridge.PeerLost`.
            on_refused: what becomes of requests where every server has refused this client: ``"raise"`` ends them at
                once, with :exc:`~zmqbridge.AuthenticationFailed`.
        """
        ends = {"on_peer_lost": on_peer_lost, "on_refused": on_refused}
        return Requester(self, zmq.DEALER, bind=bind, connect=connect, options=options, **ends)

    def replier(
        self,
        *,
        reply_timeout: float = 1.0,
        bind: Addresses | None = None,
        connect: Addresses | None = None,
        options: SocketOptions[FrameT] | None = None,
    ) -> Replier[FrameT]:
        """Return a connection that is asked: ``async for request in replier``.

        Args:
            reply_timeout: seconds that a reply waits for a client that makes no room for it,
                before it is dropped.
        """
        return Replier(self, zmq.ROUTER, reply_timeout=reply_timeout, bind=bind, connect=connect, options=options)

    def router(
        self,
        *,
        bind: Addresses | None = None,
        connect: Addresses | None = None,
        options: SocketOptions[FrameT] | None = None,
    ) -> Router[FrameT]:
        """Return a connection that names its peer in each message it sends or receives."""
        return Router(self, zmq.ROUTER, bind=bind, connect=connect, options=options)

    def dealer(
        self,
        *,
        bind: Addresses | None = None,
        connect: Addresses | None = None,
        options: SocketOptions[FrameT] | None = None,
    ) -> Dealer[FrameT]:
        """Return a connection that sends to its peers in turn and receives from all of them."""
        return Dealer(self, zmq.DEALER, bind=bind, connect=connect, options=options)

    def pair(
        self,
        *,
        bind: Addresses | None = None,
        connect: Addresses | None = None,
        options: SocketOptions[FrameT] | None = None,
    ) -> Pair[FrameT]:
        """Return a connection that talks with exactly one peer."""
        return Pair(self, zmq.PAIR, bind=bind, connect=connect, options=options)

    def connection(
        self,
        socket_type: int,
        *,
        tags: Iterable[Tag] = (),
        bind: Addresses | None = None,
        connect: Addresses | None = None,
        options: SocketOptions[FrameT] | None = None,
    ) -> RawConnection[FrameT]:
        """Return a connection of any of libzmq's types, its frames as they are.

        Args:
            socket_type: such as ``zmq.XPUB``.
            tags: the prefixes that a SUB or an XSUB socket subscribes to from the start; see
                :meth:`~zmqbridge.RawConnection.subscribe`.

        Raises:
            OptionError: if this libzmq has no such type, as most are built without the drafts.
            LocalProtocolError: if there are tags, and a socket of this type subscribes to none.
        """
        return RawConnection(self, socket_type, tags=tags, bind=bind, connect=connect, options=options)

    # --- life ---

    @property
    def closed(self) -> bool:
        """Whether the context was closed."""
        return self._home.closed

    def close(self) -> None:
        """Close every connection, at once and without waiting. Closing twice is no error.

        What is unsent goes on being sent in the background, each connection's for its linger
        period; :meth:`aclose` waits for that, and so does the end of the interpreter.
        """
        self._home.close()

    def _close_at_exit(self) -> None:
        if self._home.inherit():
            self.close()

    async def aclose(self) -> None:
        """Close every connection, and wait until their unsent messages are sent or their linger is over.

        The loop runs meanwhile. If it is cancelled, all is closed, and the sending goes on in the
        background. A shared ``zmq_context`` is not waited for.
        """
        self.close()
        backend = self._find_backend()
        await backend.checkpoint()
        if self._home.termination is not None:
            await self._home.termination.wait(backend)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc is not None and self._home.forked:
            return  # a forked child on its way out: nothing here is its own, and its reason stands
        await self.aclose()

    def __del__(self) -> None:
        home = getattr(self, "_home", None)
        if home is None or not home.unclosed:
            return
        unclosed = repr(self)
        home.abandon()
        message = f"unclosed {unclosed}; use it with 'async with', or close it"
        warnings.warn(message, ResourceWarning, stacklevel=2, source=self)  # at the end, for a warning may be an error

    def __repr__(self) -> str:
        state = "closed" if self._home.closed else f"{len(self._home.links)} connection(s)"
        return f"<Context of {self._finder.name}: {state}>"


def _check_number(name: str, value: object, why: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name}={shown(value)}: it takes a whole number, 1 or more; {why}")
