"""The base of all connections with handlers: endpoints, options, and a socket in the reactor.

The facts. The reactor takes a descriptor out when its ``doRead`` raises. A handler is the program's own and may
raise anything; a peer may send anything. And libzmq's descriptor is edge-triggered in effect.

The consequence. Nothing may leave :meth:`ZmqConnection.doRead`; what goes wrong in a handler is one message's
trouble, logged where Twisted's programs and trial look for it.

The design. Of what libzmq needs there is nothing here: a connection is a :class:`~zmqbridge.link.Link`, as the
awaitable ones are, and a :class:`~zmqbridge.channel.Pump` reads for it. This
file gives it the reactor's turns, and the messages a method to go to. Names that begin with ``_zmq`` are
its own, so that a subclass that has been written without it can hardly meet one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from twisted.internet.interfaces import IFileDescriptor, IReadDescriptor
from twisted.python import log
from zope.interface import implementer

from zmqbridge.channel import Pump
from zmqbridge.decoding import Decoder, FramesDecoder
from zmqbridge.endpoints import ports_of
from zmqbridge.errors import ConnectionClosed, EndpointError, LocalProtocolError, RemoteProtocolError, ZmqBridgeError
from zmqbridge.link import Link, Stats
from zmqbridge.options import SocketOptions, check_options
from zmqbridge.origins import Origin, origin_of
from zmqbridge.presence import Event
from zmqbridge.protocols import Faults, State
from zmqbridge.showing import listed, shown
from zmqbridge.socket import Socket, type_name_of
from zmqbridge_twisted.attributes import options_of
from zmqbridge_twisted.consuming import Consuming
from zmqbridge_twisted.errors import as_zmq_error
from zmqbridge_twisted.factory import ZmqFactory
from zmqbridge_twisted.failures import Failures
from zmqbridge_twisted.reactors import lazily

__all__ = ["ZmqConnection", "ZmqEndpoint", "ZmqEndpointType"]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)


class ZmqEndpointType:
    """What a connection does at an address; the plain words serve as well."""

    bind = "bind"
    """Listen for connections."""

    connect = "connect"
    """Connect to another endpoint."""


class ZmqEndpoint(NamedTuple):
    """One place where a connection listens, or to which it connects.

    Attributes:
        type: :attr:`ZmqEndpointType.bind` or :attr:`ZmqEndpointType.connect`.
        address: such as ``tcp://127.0.0.1:5555``, ``ipc:///run/feed.sock`` or ``inproc://name``.
    """

    type: str
    address: str


@implementer(IReadDescriptor, IFileDescriptor)
class ZmqConnection(Consuming):
    """A ZeroMQ socket in a reactor. Use one of its subclasses, which give a pattern's handlers.

    A handler may be overridden in a subclass, or assigned on the instance. What it raises is logged, as the
    error of that one message, and the next message comes. What it raises at the same place again is logged once in
    ten seconds, with how often.

    The attributes in capitals-within-words are txZMQ's; a subclass may set them, and they are applied
    when the connection is made.

    Args:
        factory: the factory that it belongs to.
        endpoint: one endpoint; :meth:`addEndpoints` takes more.
        identity: the routing id that it shows to a router, 1 to 255 bytes; text is encoded as UTF-8.

    Attributes:
        socketType: one of pyzmq's socket types.
        allowLoopbackMulticast: whether what is multicast reaches this machine as well; txZMQ did not pass it on.
        multicastRate: kilobits a second, for pgm and epgm.
        highWaterMark: messages that libzmq queues for one peer, and from one; 0 is no limit.
        tcpKeepalive: 1 turns TCP keepalive on; 0 leaves it as the system has it.
        tcpKeepaliveCount: probes without an answer before the peer counts as gone; 0 is the system's.
        tcpKeepaliveIdle: seconds of silence before the first probe; 0 is the system's.
        tcpKeepaliveInterval: seconds between probes; 0 is the system's.
        reconnectInterval: milliseconds between attempts to reconnect; 0 is libzmq's default.
        reconnectIntervalMax: milliseconds up to which that interval doubles; 0 is no doubling.
        socketOptions: any of :class:`~zmqbridge.SocketOptions`; what they say goes before the attributes above and the
            factory's. ``None`` says nothing.
        watchPeers: whether :meth:`gotEvent` is called with what happens to the connection; it takes a thread for each
            factory, and a descriptor for each connection.
        queueLimit: how many messages :meth:`send` may keep in :attr:`queue`; 0, the default, is none.
        factory: the factory; ``None`` after :meth:`shutdown`.
        endpoints: the endpoints, as they were given; of a range of ports, the one that was taken.
        identity: see above.
        fd: libzmq's descriptor; -1 after :meth:`shutdown`.
        queue: the messages that wait for libzmq to take them, oldest first, each a sequence of frames.

    Raises:
        ZmqEndpointError: if the endpoint cannot be used; it is a ``zmq.ZMQError`` too. Nothing is left open then.
        OptionError: if one of the attributes has a value that cannot be used.
    """

    socketType: ClassVar[int | None] = None
    allowLoopbackMulticast: bool = False
    multicastRate: int = 100
    highWaterMark: int = 0
    tcpKeepalive: int = 0
    tcpKeepaliveCount: int = 0
    tcpKeepaliveIdle: int = 0
    tcpKeepaliveInterval: int = 0
    reconnectInterval: int = 100
    reconnectIntervalMax: int = 0
    socketOptions: SocketOptions[Any] | None = None
    watchPeers: bool = False
    _zmqPresence: bool = False
    _zmqMessage: list[bytes] | None = None

    def __init__(
        self, factory: ZmqFactory, endpoint: ZmqEndpoint | None = None, identity: bytes | str | None = None
    ) -> None:
        if factory.connections is None:
            raise ConnectionClosed("the factory is shut down; make another one")
        self.factory: ZmqFactory | None = factory
        self.endpoints: list[ZmqEndpoint] = []
        self.identity = identity
        self.queue: deque[Sequence[bytes]] = deque()
        self._zmqFaults = Faults()
        self._zmqFailures = Failures(self.__repr__)
        backend = self._zmqBackend = factory._zmqBackend
        options = self._zmqOptions(factory)
        self._zmqLink: Link[list[bytes]] = Link(
            factory._zmqHome,
            self.socketType,  # type: ignore[arg-type]
            options=options,
            prepare=self._zmqPrepare,
            decoder=self._zmqDecoder(),
            faults=self._zmqFaults,
            get_backend=lambda: backend,
            runs_here=backend.runs_here,
            describe=self.__repr__,
            turn_limit=factory.turnLimit,
            close=self.shutdown,
            reads_ahead=self._zmqPresence,
            tracing=self._zmqPresence,
        )
        self._zmqOutbox = self._zmqLink.outbox
        self.fd: int = self._zmqLink.socket.fd
        try:
            if endpoint:
                self.addEndpoints([endpoint])
        except BaseException:
            self._zmqLink.end()
            raise
        if self.watchPeers:
            self._zmqLink.listen(self._zmqHear, backend)
        factory.connections.add(self)
        factory.reactor.addReader(self)
        self._zmqPump = Pump(
            self._zmqLink.channel,
            self._zmqDeliverTraced if options.metadata else self._zmqDeliver,
            self._zmqEnd,
            lambda call: backend.call_soon(partial(log.callWithLogger, self, call)),
            lambda seconds, call: backend.reactor.callLater(seconds, log.callWithLogger, self, call),
        )

    def _zmqOptions(self, factory: ZmqFactory) -> SocketOptions[Any]:
        kind = type_name_of(self.socketType)  # type: ignore[arg-type]
        own = check_options(self.socketOptions).over(check_options(factory.socketOptions), kind)
        attributes = options_of(self, self._zmqAttributes(factory))
        return own.over(attributes, kind).filled({"watch": self.watchPeers})

    def _zmqAttributes(self, factory: ZmqFactory) -> dict[str, Any]:
        attributes = {name: getattr(self, name) for name in _ATTRIBUTES}
        return attributes | {"identity": self.identity, "lingerPeriod": factory.lingerPeriod}

    def _zmqDecoder(self) -> Decoder[Any, Any]:
        """Return what tells the channel what the messages mean."""
        return FramesDecoder()

    def _zmqPrepare(self, socket: Socket) -> None:
        """Set what the pattern needs, before the socket binds or connects."""

    @property
    def socket(self) -> Any:
        """The ``zmq.Socket``, for its options; ``None`` after :meth:`shutdown`.

        Whatever is called on it may use up the descriptor's edge, so the connection looks again in the
        reactor's next turn. Take it from here each time; do not keep it.
        """
        channel = self._zmqLink.channel
        if not channel.guard.open:
            return None
        channel.edge.touch()
        return channel.socket.raw

    def addEndpoints(self, endpoints: Iterable[ZmqEndpoint]) -> None:
        """Bind and connect at more endpoints; transports and types mix freely.

        To bind ``tcp://*:[20000-20100]`` takes one of these ports that is free; :attr:`endpoints` says which.

        Args:
            endpoints: each a :class:`ZmqEndpoint`, or a pair of its type and its address.

        Raises:
            ZmqEndpointError: for the first that cannot be used; it is a ``zmq.ZMQError`` too. Those
                before it are in use.
        """
        for endpoint in endpoints:
            type, address = endpoint
            try:
                if type not in (ZmqEndpointType.bind, ZmqEndpointType.connect):
                    raise EndpointError(
                        f"the endpoint {shown(endpoint)} is of the type {shown(type)}; it is 'bind' or 'connect'"
                    )
                add = self._zmqLink.bind if type == ZmqEndpointType.bind else self._zmqLink.connect
                added = add(address)
                ports = ports_of(address)
            except ZmqBridgeError as error:
                raise as_zmq_error(error) from None
            self.endpoints.append(endpoint if ports is None else ZmqEndpoint(*added))

    # --- receiving ---

    def messageReceived(self, message: list[bytes]) -> None:
        """Handle a message; to be overridden.

        Args:
            message: its frames.
        """
        raise NotImplementedError(f"{type(self).__name__} received a message and has no messageReceived() for it")

    def doRead(self) -> None:
        """Read and deliver what is there; the reactor calls this when the descriptor is readable."""
        self._zmqPump.look()

    def getOrigin(self) -> Origin:
        """Return whose the message is that a handler was called with, while it runs; at any other time nobody's.

        It takes ``socketOptions = SocketOptions(metadata=True, ...)``, and is known of a server that enforces a domain
        alone: see :func:`zmqbridge.origin_of`.
        """
        return origin_of(self._zmqMessage)

    def _zmqDeliverTraced(self, message: list[bytes]) -> None:
        self._zmqMessage = message
        try:
            self._zmqDeliver(message)
        finally:
            self._zmqMessage = None

    def _zmqDeliver(self, message: list[bytes]) -> None:
        try:
            self.messageReceived(message)
        except KeyboardInterrupt:
            raise
        except BaseException:
            self._zmqFailures.log("the handler of a message failed")

    def gotEvent(self, event: Event) -> None:
        """Handle what happens to the connection, where :attr:`watchPeers` is set; to be overridden.

        Args:
            event: a peer that came or is gone, an attempt that failed, and so on, from the first endpoint on.
        """

    def getConnected(self) -> int:
        """Return with how many peers the handshake stands now.

        Raises:
            LocalProtocolError: if :attr:`watchPeers` was not set when the connection was made.
        """
        watch = self._zmqLink.watch
        if watch is None:
            raise LocalProtocolError(f"{self!r} is not watched; set watchPeers = True in its class")
        return watch.peers

    def _zmqHear(self, events: list[Event]) -> None:
        for event in events:
            try:
                self.gotEvent(event)
            except KeyboardInterrupt:
                raise
            except BaseException:
                self._zmqFailures.log("the handler of an event failed")

    def _zmqReportFaults(self) -> None:
        count = self._zmqFaults.untold(monotonic())
        if count:
            log.err(
                RemoteProtocolError(f"{self!r} dropped {count} malformed message(s); latest: {self._zmqFaults.latest}")
            )

    def getStats(self) -> Stats:
        """Return what the connection has done so far, and what it holds now."""
        return self._zmqLink.stats()

    # --- life ---

    def fileno(self) -> int:
        """Return libzmq's descriptor; -1 after :meth:`shutdown`."""
        return self.fd

    def logPrefix(self) -> str:
        """Return what stands before the lines that are logged from a handler."""
        return "ZMQ"

    def connectionLost(self, reason: object) -> None:
        """The reactor gives the descriptor up: read no more. The socket stays open until :meth:`shutdown`."""
        self._zmqPump.stop()
        if self.factory is None:
            return
        try:
            if self._zmqLink.socket.raw.closed:
                raise ConnectionClosed("the socket was closed by other code; open another connection")
            self._zmqLink.channel.guard.check_open()
        except ZmqBridgeError as error:
            self._zmqEnd(error)  # the reactor saw it first
        else:
            self.factory.reactor.removeReader(self)

    def shutdown(self) -> None:
        """Close the connection at once, without blocking. Twice is no error.

        What libzmq has taken goes on being sent for the factory's linger period. What it has not, in
        :attr:`queue` or behind a Deferred, is not sent: the Deferreds fail with
        :exc:`~zmqbridge.ConnectionClosed`, and the number in the queue is logged. A producer is stopped.

        Raises:
            LocalProtocolError: from another thread than the reactor's, or in a forked child.
        """
        factory = self.factory
        if factory is None:
            return
        guard = self._zmqLink.channel.guard
        guard.check_thread()
        if guard.state is State.FORKED:
            # Its parent's reactor shares what this one would let go of.
            guard.check_open()
        self.factory = None
        try:
            factory.reactor.removeReader(self)
        except (OSError, KeyError):
            log.err(None, f"{self!r}: the reactor cannot let go of descriptor {self.fd}, which other code has closed")
        if factory.connections is not None:
            factory.connections.discard(self)
        self._zmqPump.stop()
        self._zmqLink.end()
        self.fd = -1
        self._zmqFailures.tell_rest()
        if self.queue:
            log.msg(f"{self!r} was shut down with {len(self.queue)} message(s) in its queue, which are not sent")
        self._zmqStopProducer()

    def _zmqEnd(self, error: ZmqBridgeError) -> None:
        """Other code ended the socket or its context, or this is the child of a fork."""
        log.err(as_zmq_error(error), f"{self!r} is shut down")
        with suppress(LocalProtocolError):  # a fork's child has nothing to close
            self.shutdown()

    def __repr__(self) -> str:
        endpoints = listed(self.endpoints) if self.endpoints else ""
        return f"{type(self).__name__}({self.factory!r}, [{endpoints}])"


_ATTRIBUTES = (
    "allowLoopbackMulticast",
    "multicastRate",
    "highWaterMark",
    "tcpKeepalive",
    "tcpKeepaliveCount",
    "tcpKeepaliveIdle",
    "tcpKeepaliveInterval",
    "reconnectInterval",
    "reconnectIntervalMax",
)
