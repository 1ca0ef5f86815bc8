"""What libzmq's monitor says of a connection, in words. Pure.

The facts. A socket's monitor sends two frames for each event: a number of 16 bits with a value of 32, and the address
of the endpoint (``zmq_socket_monitor``). What the value means depends on the event: a descriptor, an ``errno``,
milliseconds, a code of a protocol error, a status of ZAP. Of a host whose name cannot be resolved libzmq says nothing
of its own: it only tries again, and has closed nothing before. Where a connection is gone, it speaks from then on of
the address that it had resolved: ``tcp://127.0.0.1:5555``, and no more of ``tcp://localhost:5555``.

The design. Each line of libzmq's table has a kind and its words here. What it leaves unsaid, :class:`Reader` concludes
from what came before at the same address.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address

from zmqbridge.showing import cut

__all__ = ["FAILURES", "Event", "EventKind", "Reader"]


class EventKind(Enum):
    """What happened, in libzmq's own terms where it has one."""

    LISTENING = "listening"
    """The connection listens at the address."""
    BIND_FAILED = "bind failed"
    """It does not."""
    ACCEPTED = "accepted"
    """A peer has reached the address; its handshake is to come."""
    ACCEPT_FAILED = "accept failed"
    """A peer could not be let in, as where no descriptor is left."""
    CONNECT_DELAYED = "connect delayed"
    """The connection tries to reach the address."""
    CONNECTED = "connected"
    """It has reached it; the handshake is to come."""
    CONNECT_RETRIED = "connect retried"
    """It could not, and tries again."""
    UNRESOLVED = "unresolved"
    """It could not even try, for the host's name cannot be resolved. It tries again."""
    HANDSHAKE_SUCCEEDED = "handshake succeeded"
    """The peer is there, and messages flow."""
    HANDSHAKE_FAILED = "handshake failed"
    """The peer went in the middle of the handshake. A CURVE server does so to who has another key for it."""
    PROTOCOL_FAILED = "protocol failed"
    """The peer speaks another protocol, or has another security mechanism or another key."""
    AUTH_FAILED = "auth failed"
    """The server's authenticator does not let the client in."""
    DISCONNECTED = "disconnected"
    """The peer is gone."""
    LEFT = "left"
    """This end has disconnected from the address, and from all peers there."""
    CLOSED = "closed"
    """A descriptor is closed, for it listens no more, or an attempt to connect is over."""
    CLOSE_FAILED = "close failed"
    """A descriptor could not be closed."""
    UNKNOWN = "unknown"
    """A libzmq that is newer than this page says something."""
    LEFT_OUT = "left out"
    """Nobody read the events for a while, and the oldest of them are gone."""


FAILURES = frozenset(
    {
        EventKind.BIND_FAILED,
        EventKind.ACCEPT_FAILED,
        EventKind.UNRESOLVED,
        EventKind.HANDSHAKE_FAILED,
        EventKind.PROTOCOL_FAILED,
        EventKind.AUTH_FAILED,
    }
)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a connection.

    Attributes:
        kind: what.
        address: where: the address that the connection connects to, as the program gave it, or that it listens at, as
            libzmq resolved it. Empty where an event has none.
        error: what went wrong, in words; ``None`` where nothing did.
        refused: the handshake has failed for good: libzmq does not try again by itself.
        denied: it has because of a key, a password or the mechanism.
        left_out: how many events nobody can read any more; of :attr:`EventKind.LEFT_OUT` alone.
        fd: the descriptor that was made, or is gone; ``None`` where an event is of none.
    """

    kind: EventKind
    address: str = ""
    error: str | None = None
    refused: bool = False
    denied: bool = False
    left_out: int = 0
    fd: int | None = None

    def __str__(self) -> str:
        where = f" at {self.address}" if self.address else ""
        return f"{self.kind.value}{where}: {self.error}" if self.error else f"{self.kind.value}{where}"


_STOPPED = 0x0400

_KINDS = {
    0x0001: EventKind.CONNECTED,
    0x0002: EventKind.CONNECT_DELAYED,
    0x0004: EventKind.CONNECT_RETRIED,
    0x0008: EventKind.LISTENING,
    0x0010: EventKind.BIND_FAILED,
    0x0020: EventKind.ACCEPTED,
    0x0040: EventKind.ACCEPT_FAILED,
    0x0080: EventKind.CLOSED,
    0x0100: EventKind.CLOSE_FAILED,
    0x0200: EventKind.DISCONNECTED,
    0x0800: EventKind.HANDSHAKE_FAILED,
    0x1000: EventKind.HANDSHAKE_SUCCEEDED,
    0x2000: EventKind.PROTOCOL_FAILED,
    0x4000: EventKind.AUTH_FAILED,
}

# Their value is an errno.
_ERRNO = frozenset({EventKind.BIND_FAILED, EventKind.ACCEPT_FAILED, EventKind.CLOSE_FAILED, EventKind.HANDSHAKE_FAILED})

# Their value is a descriptor.
_FDS = frozenset(
    {EventKind.CONNECTED, EventKind.LISTENING, EventKind.ACCEPTED, EventKind.CLOSED, EventKind.DISCONNECTED}
)

# At the same address one of these comes before libzmq tries again, unless the name could not be resolved.
_TRIED = frozenset(
    {EventKind.CLOSED, EventKind.DISCONNECTED, EventKind.CONNECTED, EventKind.CONNECT_DELAYED, EventKind.CLOSE_FAILED}
)

_PROTOCOL_ERRORS = {
    0x10000000: "the peer broke the rules of ZMTP",
    0x10000001: "a command of the peer's came where none was expected",
    0x10000002: "a message of the peer's came before its time",
    0x10000003: "the exchange of keys failed",
    0x10000011: "a command of the peer's is malformed",
    0x10000012: "an encrypted message of the peer's is malformed",
    0x10000013: "the peer's HELLO is malformed",
    0x10000014: "the peer's INITIATE is malformed",
    0x10000015: "the peer's ERROR is malformed",
    0x10000016: "the peer's READY is malformed",
    0x10000017: "the peer's WELCOME is malformed",
    0x10000018: "the peer's metadata are invalid; its socket type may not go together with this one",
    0x11000001: "what the peer encrypted cannot be read: the keys do not go together",
    0x11000002: "the peer has another security mechanism; give both ends the same one: NULL, PLAIN or CURVE",
    0x20000000: "the authenticator broke the rules of ZAP",
    0x20000001: "the authenticator's reply is malformed",
    0x20000002: "the authenticator's reply is to another request",
    0x20000003: "the authenticator's reply is of another version of ZAP",
    0x20000004: "the authenticator's reply has a status that ZAP does not have",
    0x20000005: "the authenticator's reply has invalid metadata",
    0x30000000: "the peer broke the rules of ZeroMQ over WebSocket",
}

_MECHANISM_MISMATCH = 0x11000002
_CRYPTOGRAPHIC = 0x11000001

_TRY_AGAIN = 300

_STATUSES = {
    300: "the server could not decide now (status 300); this end goes on trying",
    400: "the server does not let it in (status 400)",
    500: "the server's authenticator failed (status 500)",
}


class Reader:
    """Reads the events of one monitor, in their order."""

    def __init__(self) -> None:
        self._tried: set[str] = set()
        self._names = _Names()

    def read(self, frames: Sequence[bytes]) -> Event | None:
        """Return what two frames of a monitor say; ``None`` for the last, which says that no more will come."""
        number, value = struct.unpack_from("=HI", frames[0])
        if number == _STOPPED:
            return None
        address = frames[1].decode(errors="replace") if len(frames) > 1 else ""
        kind = _KINDS.get(number, EventKind.UNKNOWN)
        address = self._names.given(address, kind)
        if kind is EventKind.CONNECT_RETRIED:
            if address not in self._tried:
                kind = EventKind.UNRESOLVED
            self._tried.discard(address)
        elif kind in _TRIED:
            self._tried.add(address)
        refused, denied = _refusal(kind, value)
        fd = value if kind in _FDS else None
        return Event(kind, cut(address), _error(kind, number, value), refused, denied, fd=fd)

    def forget(self, address: str) -> None:
        """The connection has nothing to do with an address any more."""
        self._tried.discard(address)
        self._names.forget(address)


class _Names:
    """Which address of the program's an address is that libzmq has resolved.

    Connections that are gone are tried again in their order. So a resolved address that was never heard of is that of
    the one that has been gone for longest, of those with its port.
    """

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._given: dict[str, str] = {}
        self._gone: dict[str, None] = {}

    def given(self, address: str, kind: EventKind) -> str:
        """Return the address as the program gave it."""
        name = self._given.get(address, address)
        if kind in (EventKind.CONNECT_DELAYED, EventKind.CONNECTED):
            self._names.add(name)
        elif kind is EventKind.DISCONNECTED and name in self._names:
            self._gone[name] = None
        elif kind is EventKind.CONNECT_RETRIED:
            if name not in self._names and _is_resolved(address):
                _, _, port = address.rpartition(":")
                name = next((gone for gone in self._gone if gone.endswith(f":{port}")), address)
                self._forget_resolved(name)
                self._given[address] = name
            self._gone.pop(name, None)
        return name

    def forget(self, name: str) -> None:
        """The connection has nothing to do with it any more."""
        self._names.discard(name)
        self._gone.pop(name, None)
        self._forget_resolved(name)

    def _forget_resolved(self, name: str) -> None:
        for address in [address for address, given in self._given.items() if given == name]:
            del self._given[address]


def _is_resolved(address: str) -> bool:
    """Whether it is one of TCP whose host is a number."""
    transport, _, place = address.partition("://")
    host, _, _ = place.rpartition(":")
    try:
        ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    return transport == "tcp"


def _refusal(kind: EventKind, value: int) -> tuple[bool, bool]:
    """Return whether it is a refusal for good, and whether it is because of who this end is."""
    if kind is EventKind.AUTH_FAILED:
        return value != _TRY_AGAIN, True
    if kind is EventKind.PROTOCOL_FAILED:
        return True, value in (_MECHANISM_MISMATCH, _CRYPTOGRAPHIC)
    return False, False


def _error(kind: EventKind, number: int, value: int) -> str | None:
    if kind in _ERRNO:
        return os.strerror(value)
    if kind is EventKind.PROTOCOL_FAILED:
        return _PROTOCOL_ERRORS.get(value, f"protocol error {value:#x}")
    if kind is EventKind.AUTH_FAILED:
        return _STATUSES.get(value, f"status {value}")
    if kind is EventKind.UNRESOLVED:
        return "the host's name cannot be resolved, or no descriptor is left"
    if kind is EventKind.CONNECT_RETRIED:
        return f"nobody answers; the next attempt is in {value} ms"
    if kind is EventKind.UNKNOWN:
        return f"event {number:#x} with the value {value}"
    return None
