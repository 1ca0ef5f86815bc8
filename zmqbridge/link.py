"""What an awaited connection and one with handlers have in common: a socket, its books, its endpoints, its counts.

A :class:`Link` is not for users. A :class:`~zmqbridge.connections.Connection` gives it an awaitable surface, a
``ZmqConnection`` of :mod:`zmqbridge_twisted` one of handlers; what both do, they do here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import zmq

from zmqbridge.abc import Backend
from zmqbridge.channel import Channel, Outbox
from zmqbridge.decoding import Decoder
from zmqbridge.endpoints import Endpoint
from zmqbridge.errors import EndpointError
from zmqbridge.home import Home
from zmqbridge.options import SocketOptions
from zmqbridge.protocols import Faults
from zmqbridge.socket import Socket
from zmqbridge.waiting.parking import Parked
from zmqbridge.waiting.turn import check_turn_limit

__all__ = ["Link", "Stats"]

Item = TypeVar("Item")

# A reply to a request that was given up is no reply to the next one; XPUB_MANUAL grants the latest subscription.
_BY_TURNS = (zmq.REQ, zmq.REP, zmq.XPUB)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stats:
    """What a connection has done so far, and what it holds at this moment.

    They add up: each message that libzmq gave to the connection is in exactly one of ``received``, ``buffered``,
    ``malformed``, ``unmatched_replies`` and ``dropped``.

    Attributes:
        sent: messages that libzmq took to send; requests and replies are messages.
        received: messages given to the caller or to a handler; for a requester, replies that found their request.
        buffered: messages read ahead that nobody has taken yet; one batch at most, and more while a send waits on a
            router, a pair or a STREAM socket, up to what libzmq itself may hold.
        parked: operations that wait at this moment, for a message or for room.
        malformed: messages dropped because their frames made no sense or were too many, or because there was no
            memory for them.
        unmatched_replies: replies dropped because nobody waits for them: late, repeated or forged.
        dropped_replies: replies of a replier that could not be delivered: the client is gone,
            or made no room for them in time. They are not in ``sent``.
        dropped: messages that were read ahead, and dropped unread when the connection was closed.
    """

    sent: int = 0
    received: int = 0
    buffered: int = 0
    parked: int = 0
    malformed: int = 0
    unmatched_replies: int = 0
    dropped_replies: int = 0
    dropped: int = 0


class Link(Generic[Item]):
    """A socket with its channel, its endpoints and its counts.

    Args:
        home: where it lives.
        socket_type: one of pyzmq's socket types.
        options: applied before it binds or connects; their linger period is set.
        prepare: sets what the pattern needs on the socket, before it binds or connects.
        binds: addresses to listen at.
        connects: addresses to connect to.
        decoder: what messages mean.
        faults: what peers got wrong, as the decoder counts it.
        get_backend: returns the loop's backend, when something is first awaited.
        describe: names the connection in errors.
        turn_limit: how many messages one turn of the loop reads, and how many it sends, at most.
        close: closes the connection that this link belongs to.

    Attributes:
        socket, channel, outbox: the socket, who waits on it, and what sends on it.
        endpoints: where it listens and to what it connects, in the order of the calls.
        faults, close: as given.

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
        describe: Callable[[], str],
        turn_limit: int,
        close: Callable[[], None],
    ) -> None:
        check_turn_limit(turn_limit)
        self._home = home
        self.faults = faults
        self.close = close
        self.endpoints: list[Endpoint] = []
        socket = self.socket = home.open_socket(socket_type, options.linger or 0.0)
        try:
            self.channel: Channel[Item] = Channel(socket, get_backend, decoder, faults, describe, turn_limit)
            self.outbox = Outbox(self.channel)
            socket.apply(options)
            prepare(socket)
            self.endpoints += [socket.bind(address) for address in binds]
            self.endpoints += [socket.connect(address) for address in connects]
            self._turn_limit = turn_limit
            self._adapt()
        except BaseException:
            socket.close(0)
            raise
        home.links.add(self)

    # --- endpoints ---

    def bind(self, address: str) -> Endpoint:
        """Listen at one more address; return the endpoint as libzmq resolved it."""
        with self.channel.touching() as socket:
            endpoint = socket.bind(address)
        self.endpoints.append(endpoint)
        return endpoint

    def connect(self, address: str) -> Endpoint:
        """Connect to one more address."""
        with self.channel.touching() as socket:
            endpoint = socket.connect(address)
        self.endpoints.append(endpoint)
        return endpoint

    def unbind(self, address: str) -> None:
        """Stop listening at an address.

        Raises:
            EndpointError: if it does not listen there.
        """
        with self.channel.touching() as socket:
            self._forget_endpoint("bind", address)
            socket.unbind(address)

    def disconnect(self, address: str) -> None:
        """Disconnect from an address.

        Raises:
            EndpointError: if it is not connected there.
        """
        with self.channel.touching() as socket:
            self._forget_endpoint("connect", address)
            socket.disconnect(address)

    def _forget_endpoint(self, type: Literal["bind", "connect"], address: str) -> None:
        try:
            self.endpoints.remove(Endpoint(type, address))
        except ValueError:
            of_type = [endpoint.address for endpoint in self.endpoints if endpoint.type == type]
            raise EndpointError(f"no {type} to {address!r}; this connection has {of_type!r}") from None

    # --- options ---

    def set_option(self, option: int, value: int | bytes | str) -> None:
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
        if socket.get_option(zmq.TYPE) in _BY_TURNS or socket.get_option(zmq.CONFLATE):
            channel.by_turns = True
            channel.intake.batch = 1

    # --- counts and the end ---

    def inherit(self) -> bool:
        """Take over what belongs to a thread that has ended; return whether it is the calling thread's now."""
        return self.channel.guard.inherit()

    def stats(self, *, unmatched: int = 0, dropped_replies: int = 0) -> Stats:
        """Return what it has done so far, and what it holds now.

        Args:
            unmatched: replies that found no request.
            dropped_replies: replies that could not be delivered.
        """
        channel, malformed = self.channel, self.faults.malformed
        buffered = len(channel.inbox)
        return Stats(
            sent=self.outbox.sent,
            received=channel.intake.arrived - buffered - malformed - unmatched - channel.dropped,
            buffered=buffered,
            parked=channel.waiting,
            malformed=malformed,
            unmatched_replies=unmatched,
            dropped_replies=dropped_replies,
            dropped=channel.dropped,
        )

    def end(self) -> bool:
        """Close the socket, at once; return whether it was open.

        Raises:
            LocalProtocolError: from another thread than its own, or in a forked child.
        """
        ended = self.channel.close()
        if ended:
            self._home.links.discard(self)
        return ended
