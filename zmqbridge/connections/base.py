"""What every awaited connection has, and the two halves that most are made of.

A connection is a ZeroMQ socket with its endpoints, a :class:`~zmqbridge.link.Link`. :class:`Connection` is its life;
:class:`Sender` and :class:`Receiver` are the awaitable surface, written once for every
pattern and every event loop. All waiting is in :mod:`zmqbridge.channel`.

An error keeps its traceback, and a traceback the frames that it passed, with their variables; Twisted keeps errors in
cycles. So a method that has waited forgets its ``self`` as it ends, however it ends: a dropped connection is gone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from zmqbridge._backends import BackendFinder
from zmqbridge.abc import Backend
from zmqbridge.connections.callbacks import Delivering
from zmqbridge.connections.ready import Readable
from zmqbridge.connections.sharing import Sharing
from zmqbridge.connections.watched import Watched
from zmqbridge.decoding import Decoder, FramesDecoder
from zmqbridge.endpoints import Addresses, Endpoint, addresses_of
from zmqbridge.errors import ConnectionClosed, OptionError
from zmqbridge.framing import Message, frames_of
from zmqbridge.home import Home
from zmqbridge.link import Link, Stats
from zmqbridge.options import Secret, SocketOptions, check_options
from zmqbridge.protocols import Faults, State
from zmqbridge.showing import MOST, shown
from zmqbridge.socket import Socket, is_secret, type_name_of
from zmqbridge.waiting.inbox import NOTHING
from zmqbridge.waiting.turn import TURN_LIMIT

__all__ = ["Connection", "Owner", "Receiver", "Sender", "Stats"]

Frames = list[bytes]
Item = TypeVar("Item")


class Owner(Protocol):
    """What a connection needs of the context that made it."""

    linger: float
    turn_limit: int
    watch: bool
    options: SocketOptions[Any]
    _home: Home
    _finder: BackendFinder

    def _find_backend(self) -> Backend: ...


class Connection(Watched):
    """A ZeroMQ socket with its endpoints, open until it is closed.

    Made by the methods of :class:`zmqbridge.Context`; not to be instantiated directly. Use it
    with ``async with``, or :meth:`close` it; the context closes what is still open when it
    ends. A connection belongs to the loop that it first waits on, and to one thread: that of the loop that
    runs where it is made; where none does, to the thread that first uses it.

    Args:
        context: the context that owns it.
        socket_type: one of pyzmq's socket types.
        bind: an address or several to listen at.
        connect: an address or several to connect to.
        options: what the socket is to be like; applied before it binds or connects.

    Raises:
        EndpointError: if an address cannot be used. Nothing is left open then.
        OptionError: if an option cannot.
    """

    _defaults: ClassVar[dict[str, Any]] = {}
    """Options that this pattern sets where the caller and the context leave them open."""
    _needs: Mapping[str, Any] = {}
    """Options that it sets where the caller does, whatever the context's are."""

    _reads_ahead = False
    """Whether messages are read ahead though the socket's type is one that is else read by turns."""

    _tracing = False
    """Whether each message says by which connection it came."""

    def __init__(
        self,
        context: Owner,
        socket_type: int,
        *,
        bind: Addresses | None = None,
        connect: Addresses | None = None,
        options: SocketOptions[Any] | None = None,
    ) -> None:
        binds, connects = addresses_of(bind), addresses_of(connect)
        self._context = context
        self._faults = Faults()
        self._link: Link[Any] = Link(
            context._home,
            socket_type,
            options=self._fill_in(check_options(options), type_name_of(socket_type)),
            prepare=self._prepare,
            binds=binds,
            connects=connects,
            decoder=self._decoder(),
            faults=self._faults,
            get_backend=context._finder.find,
            runs_here=context._finder.runs_here,
            describe=self.__repr__,
            turn_limit=context.turn_limit,
            close=self.close,
            reads_ahead=self._reads_ahead,
            tracing=self._tracing,
        )
        self._channel = self._link.channel
        self._outbox = self._link.outbox

    def _fill_in(self, options: SocketOptions[Any], type_name: str) -> SocketOptions[Any]:
        context = self._context
        own = options.filled(self._needs).over(context.options, type_name)
        return own.filled({"linger": context.linger, "watch": context.watch} | self._defaults)

    def _decoder(self) -> Decoder[Any, Any]:
        """Return what tells the channel what the messages mean."""
        return FramesDecoder()

    def _prepare(self, socket: Socket) -> None:
        """Set what the pattern needs on the socket, before it binds or connects."""

    # --- endpoints ---

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Where the connection listens and to what it connects, in the order of the calls.

        ``endpoints[0].address`` is the real address where a wildcard was bound.
        """
        return tuple(self._link.endpoints)

    def bind(self, address: str) -> Endpoint:
        """Listen at one more address.

        Args:
            address: such as ``tcp://127.0.0.1:5555``, ``tcp://*:*`` for any interface and any
                free port, ``tcp://*:[20000-20100]`` for a free one of these, taken at random,
                ``ipc:///run/feed.sock`` or ``inproc://name``.

        Returns:
            The endpoint, its address as libzmq resolved it; pass that one to :meth:`unbind`.

        Raises:
            EndpointError: if the address is malformed, in use, or not of this machine. An ipc path is in use where
                somebody listens at it, or a file is there that is no socket; one that was left behind is taken over.
        """
        return self._link.bind(address)

    def connect(self, address: str) -> Endpoint:
        """Connect to one more address. Nobody need listen there yet: libzmq goes on trying.

        A DEALER, REQ, SUB or PUB socket connects to each address once; others as often as they are told.

        Returns:
            The endpoint; pass its address to :meth:`disconnect`.

        Raises:
            EndpointError: if the address is malformed.
        """
        return self._link.connect(address)

    def unbind(self, address: str) -> None:
        """Stop listening at an address, as :attr:`endpoints` says it.

        libzmq ends all that a connection has at an address; a connection to it, if there is one, as well.

        Raises:
            EndpointError: if the connection does not listen there.
        """
        self._link.unbind(address)

    def disconnect(self, address: str) -> None:
        """Disconnect from an address, as :attr:`endpoints` says it, however often it is connected there.

        libzmq ends all that a connection has at an address; if it listens there, that as well.

        Messages still queued for that peer are dropped once the linger period is over.

        Raises:
            EndpointError: if the connection is not connected there.
        """
        self._link.disconnect(address)

    # --- the socket ---

    def fileno(self) -> int:
        """Return libzmq's descriptor of the socket, for inspection.

        It is edge-triggered in effect and belongs to this connection: do not wait for it.

        Raises:
            ConnectionClosed: if the connection is closed.
        """
        self._channel.guard.check_open()
        return self._link.socket.fd

    def getsockopt(self, option: int) -> Any:
        """Return one of libzmq's socket options, as ``zmq.Socket.get`` does.

        Args:
            option: such as ``zmq.SNDHWM``.

        Raises:
            OptionError: if the socket has no such option to read.
        """
        with self._channel.touching() as socket:
            return socket.get_option(option)

    def setsockopt(self, option: int, value: int | bytes | str) -> None:
        """Set one of libzmq's socket options, as ``zmq.Socket.set`` does.

        Many take effect only for later binds and connects: give ``options=`` at construction
        where there is a field for it. No error shows the value of a key or a password.

        Raises:
            OptionError: if the socket refuses the option or the value; and for ``RCVTIMEO`` and ``SNDTIMEO``, for
                nothing here waits in libzmq: time limits are the loop's.
        """
        kept = Secret(value) if is_secret(option, value) else value
        del value  # so that no traceback's frame shows it
        kind: type[Any] = type(option)
        if kind is not int and not issubclass(kind, int):
            del option  # nor one that is given in its place
            raise OptionError(f"an option is a number, such as zmq.SNDHWM, not a {kind.__name__}")
        self._link.set_option(option, kept)

    @property
    def stats(self) -> Stats:
        """What the connection has done so far, and what it holds now."""
        return self._link.stats()

    # --- life ---

    @property
    def closed(self) -> bool:
        """Whether the connection was closed."""
        return self._channel.guard.state is State.CLOSED

    def close(self) -> None:
        """Close the connection, at once and without waiting. Closing twice is no error.

        Every operation parked on it ends with :exc:`~zmqbridge.ConnectionClosed`, iteration
        ends, and messages read ahead are dropped. libzmq goes on sending what it has queued,
        for the linger period; leaving the context waits for that.
        """
        self._link.end()

    async def aclose(self) -> None:
        """Close the connection as :meth:`close` does, and let the loop run once."""
        self.close()
        await self._context._find_backend().checkpoint()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc is not None and self._channel.guard.state is State.FORKED:
            return  # as in the context's
        await self.aclose()

    def __repr__(self) -> str:
        link = getattr(self, "_link", None)
        if link is None:
            return f"<{type(self).__name__}>"
        first = ", ".join(f"{endpoint.type} {endpoint.address}" for endpoint in link.endpoints[:MOST])
        more = len(link.endpoints) - MOST
        endpoints = f"{first} and {more} more" if more > 0 else first
        state = link.channel.guard.state
        notes = [endpoints or "no endpoint"] + ([] if state is State.OPEN else [state.value])
        return f"<{type(self).__name__} {link.socket.type_name}: {', '.join(notes)}>"


class Sender(Connection, Sharing):
    """A connection that sends whole messages, each to whichever peer libzmq chooses."""

    async def send(self, message: Message) -> None:
        """Send a message, waiting while libzmq's queue is at its high-water mark or no peer is there.

        Sends that wait are served in the order of their calls. If it is cancelled, nothing was sent.

        Args:
            message: one bytes-like frame, or a sequence of them for a multipart message.

        Raises:
            ConnectionClosed: if the connection is closed, or closes meanwhile.
            TypeError: if the message holds anything but bytes-like frames, a ``str`` for one.
        """
        if not self._outbox.at_once(message):
            try:
                await self._outbox.send(frames_of(message))
            finally:
                del self

    def send_nowait(self, message: Message) -> None:
        """Send a message now.

        Raises:
            WouldBlock: if :meth:`send` would have to wait.
            ConnectionClosed: if the connection is closed.
            TypeError: as :meth:`send`.
        """
        self._outbox.send_nowait(frames_of(message))

    async def send_many(self, messages: Iterable[Message]) -> None:
        """Send messages in order, waiting as :meth:`send` does.

        Faster than as many calls of :meth:`send`, above all for a list or a tuple. If it is
        cancelled, the messages that were sent are a prefix: pass an iterator to know which, for
        at most the last one taken from it is unsent.

        Args:
            messages: each as for :meth:`send`.
        """
        try:
            await self._outbox.send_many(messages)
        finally:
            del self


class Receiver(Connection, Readable, Delivering[Item], Generic[Item]):
    """A connection that receives; ``async for`` gives its messages until it is closed.

    Any number of tasks may receive at once; each message goes to one of them, to those that
    have waited longest first.
    """

    async def receive(self) -> Item:
        """Receive one message, waiting for it.

        If it is cancelled, no message is lost: the next call returns what would have been its.

        Raises:
            ConnectionClosed: if the connection is closed, or closes meanwhile.
            ContextTerminated: if other code terminated the ZeroMQ context.
        """
        channel = self._channel
        item: Item = channel.inbox.take_free() if channel.turn.lenient else NOTHING
        if item is NOTHING:
            try:
                item = await channel.receive(checkpoint=True)
            finally:
                del self
        return item

    def receive_nowait(self) -> Item:
        """Receive one message that is there already.

        Raises:
            WouldBlock: if there is none; call :meth:`receive` to wait for one.
            ConnectionClosed: if the connection is closed.
        """
        item: Item = self._channel.receive_nowait()
        return item

    async def receive_many(self, limit: int = TURN_LIMIT) -> list[Item]:
        """Receive all that is there, up to a limit, waiting for the first message.

        The fastest way to receive: nothing is awaited between the messages of a batch.

        Args:
            limit: how many messages at most; one or more.

        Returns:
            At least one message, in order. Fewer than ``limit`` does not mean that there are no more.

        Raises:
            ConnectionClosed: as :meth:`receive`.
            ValueError: if the limit is below one.
        """
        if not isinstance(limit, int) or limit < 1:
            raise ValueError(f"limit={shown(limit)} would receive nothing; it is 1 or more")
        channel = self._channel
        try:
            first: Item = await channel.receive(checkpoint=True)
        finally:
            del self
        return [first, *channel.inbox.take_many(limit - 1)]

    def __aiter__(self) -> AsyncIterator[Item]:
        items: AsyncIterator[Item] = self._channel.units.Items(self._channel.inbox, self.__anext__)
        return items

    async def __anext__(self) -> Item:
        try:
            item: Item = await self._channel.receive(checkpoint=False)
        except ConnectionClosed:
            raise StopAsyncIteration from None
        finally:
            del self
        return item
