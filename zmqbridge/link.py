"""What an awaited connection and one with handlers have in common: a socket, its books, its endpoints, its counts.

A :class:`Link` is not for users. A :class:`~zmqbridge.connections.Connection` gives it an awaitable surface, a
``ZmqConnection`` of :mod:`zmqbridge_twisted` one of handlers; what both do, they do here.

The facts. A notebook's cell that runs twice, and a module that is loaded again, drop what they made before; its address
must be free then, and not when the collector of cycles comes round.

The design. References go one way: from the context to its home, from there to the links, and from a connection to its
link and its context. What a link knows of its connection and of its home it knows weakly. So a context
that is dropped with its connections is gone at once, and closes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, Literal, TypeVar
from weakref import WeakMethod, ref

import zmq

from zmqbridge.abc import Backend
from zmqbridge.channel import Channel, Outbox
from zmqbridge.decoding import Decoder, with_origins
from zmqbridge.endpoints import Endpoint
from zmqbridge.errors import BackendError, ConnectionClosed, EndpointError
from zmqbridge.home import Home
from zmqbridge.options import Secret, SocketOptions
from zmqbridge.presence.events import Event
from zmqbridge.presence.standby import Standby, Stoppable
from zmqbridge.presence.watch import Watch
from zmqbridge.protocols import Faults, State
from zmqbridge.security.open_ports import warn_if_open
from zmqbridge.showing import listed, shown
from zmqbridge.socket import Socket, judges
from zmqbridge.stats import Stats
from zmqbridge.waiting.parking import Parked
from zmqbridge.waiting.turn import check_turn_limit
from zmqbridge.weakly import weakly, weakly_with

__all__ = ["Link", "Stats"]

Item = TypeVar("Item")

# A reply to a request that was given up is no reply to the next one; XPUB_MANUAL grants the latest subscription.
_BY_TURNS = (zmq.REQ, zmq.REP, zmq.XPUB)


class Link(Generic[Item]):
    """A socket with its channel, its endpoints and its counts.

    Args:
        home: where it lives; not kept alive by this.
        socket_type: one of pyzmq's socket types.
        options: applied before it binds or connects; their linger period is set.
        prepare: sets what the pattern needs on the socket, before it binds or connects.
        binds: addresses to listen at.
        connects: addresses to connect to.
        decoder: what messages mean.
        faults: what peers got wrong, as the decoder counts it.
        get_backend: returns the loop's backend, when something is first awaited.
        runs_here: whether the loop runs in the calling thread; ``None`` if it is still to run.
        describe: the connection's method that names it in errors; the connection is not kept alive by this.
        turn_limit: how many messages one turn of the loop reads, and how many it sends, at most.
        close: the connection's method that closes it; likewise.
        reads_ahead: messages are read ahead whatever the socket's type: nothing that is done about one changes the
            next.
        tracing: whether each message says by which connection it came.

    Attributes:
        socket, channel, outbox: the socket, who waits on it, and what sends on it.
        watch: what libzmq tells of it, where the options say so.
        standby: reads it where nobody awaits what comes; see :meth:`stand_by`.
        endpoints: where it listens and to what it connects, in the order of the calls.
        faults: as given.

    Raises:
        ConnectionClosed, LocalProtocolError: if the home is closed, or a forked parent's.
        EndpointError: if an address cannot be used. Nothing is left open then.
        OptionError: if an option cannot; likewise.
        ValueError: if a turn of the loop could do nothing.
    """

    def __init__(
        self,
        home: Home,
        socket_type: int,
        *,
        options: SocketOptions[Any],
        prepare: Callable[[Socket], None],
        binds: Iterable[str] = (),
        connects: Iterable[str] = (),
        decoder: Decoder[Item, Parked],
        faults: Faults,
        get_backend: Callable[[], Backend],
        runs_here: Callable[[], bool | None],
        describe: Callable[[], str],
        turn_limit: int,
        close: Callable[[], None],
        reads_ahead: bool = False,
        tracing: bool = False,
    ) -> None:
        check_turn_limit(turn_limit)
        self._home = ref(home)
        self._close = WeakMethod(close)
        self._runs_here = runs_here
        self.faults = faults
        self.endpoints: list[Endpoint] = []
        self.watch: Watch | None = None
        self._listeners: list[WeakMethod[Callable[[list[Event]], None]]] = []
        self._attached = False
        self.standby: Stoppable | None = None
        metadata = bool(options.metadata)
        socket = home.open_socket(socket_type, options.linger or 0.0, tracing=tracing or metadata)
        self.socket: Socket = socket
        try:
            if metadata:
                socket.notes_sources = tracing
                decoder = with_origins(decoder)
            name = weakly(describe, f"<a {socket.type_name} connection>")
            self.channel: Channel[Item] = Channel(socket, get_backend, decoder, faults, name, turn_limit)
            self.channel.guard.settle(runs_here)
            self.outbox: Outbox = Outbox(self.channel)
            socket.apply(options)
            prepare(socket)
            if metadata:
                socket.note_origins(judged=judges(socket))
            if options.watch:
                self.watch = Watch(socket.raw, self.channel.bell, home.sentry, name)
            for address in binds:
                self._bind(address)
            for address in connects:
                self._add(socket.connect(address))
            self._turn_limit = turn_limit
            self._reads_ahead = reads_ahead
            self._adapt()
        except BaseException:
            home.part(self.endpoints)
            self._stop_watching()
            socket.close(0)
            raise
        socket.before_closing(weakly(self._close_by_others, True))
        home.links.add(self)

    # --- endpoints ---

    def bind(self, address: str) -> Endpoint:
        """Listen at one more address; return the endpoint as libzmq resolved it."""
        with self.channel.touching():
            return self._bind(address)

    def _bind(self, address: str) -> Endpoint:
        endpoint = self.socket.bind(address)
        try:
            warn_if_open(self.socket, endpoint.address)
        except Warning:  # the program has it an error
            self.socket.unbind(endpoint.address)
            raise
        return self._add(endpoint)

    def connect(self, address: str) -> Endpoint:
        """Connect to one more address."""
        with self.channel.touching() as socket:
            return self._add(socket.connect(address))

    def _add(self, endpoint: Endpoint) -> Endpoint:
        if endpoint not in self.endpoints or not self.socket.connects_once(endpoint.address):
            self.endpoints.append(endpoint)
            home = self._home()
            if home is not None:
                home.join(endpoint)
        return endpoint

    def unbind(self, address: str) -> None:
        """Stop listening at an address.

        Raises:
            EndpointError: if it does not listen there.
        """
        with self.channel.touching() as socket:
            self._check_endpoint("bind", address)
            socket.unbind(address)
            self._forget_endpoint("bind", address)

    def disconnect(self, address: str) -> None:
        """Disconnect from an address, however often it is connected there.

        Raises:
            EndpointError: if it is not connected there.
        """
        with self.channel.touching() as socket:
            self._check_endpoint("connect", address)
            socket.disconnect(address)
            self._forget_endpoint("connect", address)
            if self.watch is not None:
                self.watch.forget(address)

    def _check_endpoint(self, type: Literal["bind", "connect"], address: str) -> None:
        if Endpoint(type, address) not in self.endpoints:
            of_type = [endpoint.address for endpoint in self.endpoints if endpoint.type == type]
            raise EndpointError(f"no {type} to {shown(address)}; this connection has {listed(of_type)}")

    def _forget_endpoint(self, type: Literal["bind", "connect"], address: str) -> None:
        # libzmq ends all that a socket has at an address; only its names within the process are of two kinds.
        inproc = address.startswith("inproc://")
        home = self._home()
        if home is not None and type == "bind":
            home.part([Endpoint(type, address)])
        self.endpoints[:] = [
            endpoint for endpoint in self.endpoints if endpoint.address != address or (inproc and endpoint.type != type)
        ]

    # --- options ---

    def set_option(self, option: int, value: int | bytes | str | Secret) -> None:
        """Set one of libzmq's options by number."""
        with self.channel.touching() as socket:
            socket.set_option(option, value)
        self._adapt()

    def _adapt(self) -> None:
        """Settle how much may be read ahead: one turn at most, less where the caller wants libzmq to hold few (a worker
        that shares its work with others), nothing where only the newest message counts, or where what the program does
        about one changes what the next one is, or what becomes of it."""
        socket, channel = self.socket, self.channel
        most: int = socket.get_option(zmq.RCVHWM)
        channel.intake.batch = min(self._turn_limit, most or self._turn_limit)
        channel.intake.beyond.mark = most
        by_turns = socket.get_option(zmq.TYPE) in _BY_TURNS and not self._reads_ahead
        channel.by_turns = by_turns or bool(socket.get_option(zmq.CONFLATE))
        if channel.by_turns:
            channel.intake.batch = 1

    # --- who is there ---

    def listen(self, listener: Callable[[list[Event]], None], backend: Backend | None = None) -> None:
        """Have a method called on the loop with what happens to the connection, from the beginning on.

        Args:
            listener: whose object is not kept alive by this.
            backend: as :meth:`stand_by` takes it.
        """
        self._listeners.append(WeakMethod(listener))
        self.attach(backend)

    def attach(self, backend: Backend | None = None) -> None:
        """Have the watch tell the loop, if it is known by now."""
        if not self._attached and self.watch is not None and self._listeners:
            backend = backend or self._known_loop()
            if backend is not None:
                self.watch.attach(backend, weakly_with(self._hear))
                self._attached = True

    def _known_loop(self) -> Backend | None:
        if not self._runs_here():
            return None
        try:
            return self.channel.enter()
        except BackendError:
            return None  # a callback of the loop's; a task will come

    def _hear(self, events: list[Event]) -> None:
        for listener in self._listeners:
            hear = listener()
            if hear is not None:
                hear(events)

    def call_later(self, seconds: float, call: Callable[[], object]) -> None:
        """Have the loop that the watch tells call something after some time."""
        if self.watch is not None:
            self.watch.call_later(seconds, call)

    def stand_by(self, deliver: Callable[[Item], None], backend: Backend | None = None) -> bool:
        """Have the connection read though nobody awaits it, if its loop is known; return whether it is read.

        Args:
            deliver: a method of the connection's, called with each item; the connection is not kept alive by this.
            backend: the loop's, where its caller is a task or a handler, and so knows it though the loop is still to
                run; else it is found.
        """
        home = self._home()
        if self.standby is None and home is not None:
            backend = backend or self._known_loop()
            if backend is not None:
                self.standby = Standby(self.channel, backend, home.sentry, weakly_with(deliver))
        return self.standby is not None

    # --- counts and the end ---

    def stats(
        self, *, unmatched: int = 0, dropped_replies: int = 0, probes: int = 0, passed_over: int = 0, answers: int = 0
    ) -> Stats:
        """Return what it has done so far, and what it holds now.

        Args:
            unmatched: replies that found no request.
            dropped_replies: replies that could not be delivered.
            probes: empty messages that ask nothing.
            passed_over: messages from the library at the other end, which no caller sees.
            answers: messages to it, likewise.
        """
        channel, malformed = self.channel, self.faults.malformed
        buffered = len(channel.inbox)
        return Stats(
            sent=self.outbox.sent - answers,
            received=channel.intake.arrived - buffered - malformed - unmatched - probes - passed_over - channel.dropped,
            buffered=buffered,
            parked=channel.waiting,
            malformed=malformed,
            unmatched_replies=unmatched,
            dropped_replies=dropped_replies,
            probes=probes,
            dropped=channel.dropped,
        )

    def check_thread(self) -> None:
        """Return if the calling thread may close it.

        Raises:
            LocalProtocolError: if it belongs to another.
        """
        self.channel.guard.check_thread()

    def inherit(self) -> bool:
        """Take over what belongs to a thread that has ended; return whether it is the calling thread's now."""
        return self.channel.guard.inherit()

    def close(self) -> None:
        """Close the connection that this belongs to, or the link alone where that is gone."""
        close = self._close() or self.end
        close()

    def end(self) -> bool:
        """Close the socket, at once; return whether it was open.

        Raises:
            LocalProtocolError: from another thread than its own, or in a forked child.
        """
        self.check_thread()
        linger = 0.0 if self.channel.guard.state in (State.CLOSED, State.FORKED) else self.socket.linger
        self._stop_watching()
        ended = self.channel.close()
        if ended:
            self._leave(linger)
        return ended

    def abandon(self) -> None:
        """Close the socket, whichever thread this is: nobody can use it any more."""
        if self.channel.guard.state is State.FORKED:
            return  # its parent's
        if self.inherit():
            self.close()
        else:
            # The loop, which runs in another thread, finds out that the descriptor is closed.
            self._leave(self.socket.linger)
            self._stop_watching()
            self.socket.close()

    def _close_by_others(self) -> bool:
        """Other code closes the socket: tell whoever waits; return whether it may.

        In another thread than its own it may not. If that is to end the ZeroMQ context, libzmq tells those who wait.
        """
        guard = self.channel.guard
        if not guard.open:
            return True
        if not guard.inherit():
            return False
        linger = self.socket.linger
        self._stop_watching()
        reason = "the socket was closed by other code; open another connection"
        guard.close(reason)
        self.channel.ended_by(ConnectionClosed(reason))
        self.channel.dropped += self.channel.inbox.clear()
        self._leave(linger)
        return True

    def _stop_watching(self) -> None:
        if self.channel.guard.state is State.FORKED:
            return  # its parent's
        if self.watch is not None:
            self.watch.stop()
        if self.standby is not None:
            self.standby.stop()

    def _leave(self, linger: float) -> None:
        home = self._home()
        if home is not None:
            home.part(self.endpoints)
            home.leave(self, linger)
