"""The options of a connection, with their units, checked before a socket sees them.

libzmq takes options by number, in milliseconds, with sentinels that differ from
option to option (-1, 0), and applies some of them only to later binds and
connects. Here they are spelt out, seconds are seconds, ``None`` is always
libzmq's own default, a value out of range is an error at construction, and a
connection applies them all before its first bind or connect. The defaults and
the rules are those of libzmq's page ``zmq_setsockopt``.

Each field carries in its metadata the name of libzmq's option and the factor to
libzmq's unit, so that the file that owns the socket needs no table of its own.

A traceback can be shown with the variables of its frames. So an error about options leaves none behind that held a key.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from functools import wraps
from typing import TYPE_CHECKING, Any, Generic, TypedDict, overload

from zmqbridge.errors import OptionError
from zmqbridge.framing import FrameT
from zmqbridge.showing import shown

if TYPE_CHECKING:
    from typing import Unpack

__all__ = ["Secret", "SocketOptions", "check_options", "check_wait"]

INT_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1


def _count(option: str | None, *, low: int, high: int = INT_MAX) -> Any:
    return field(default=None, metadata={"option": option, "kind": "count", "low": low, "high": high})


def _seconds(
    option: str, *, unit: float = 1000, low: float = 0.0, high: float | None = None, endless: bool = False
) -> Any:
    high = INT_MAX / unit if high is None else high
    return field(
        default=None,
        metadata={"option": option, "kind": "seconds", "low": low, "high": high, "unit": unit, "endless": endless},
    )


def _flag(option: str | None) -> Any:
    return field(default=None, metadata={"option": option, "kind": "flag"})


def _octets(option: str, *, low: int, high: int) -> Any:
    return field(default=None, metadata={"option": option, "kind": "octets", "low": low, "high": high})


def _key(option: str) -> Any:
    return field(default=None, repr=False, metadata={"option": option, "kind": "key"})


class OtherOptions(TypedDict, total=False):
    """The options that say nothing of what is received, for type checkers."""

    send_high_water_mark: int | None
    receive_high_water_mark: int | None
    linger: float | None
    identity: bytes | None
    immediate: bool | None
    conflate: bool | None
    max_message_size: int | None
    max_frames: int | None
    ipv6: bool | None
    tcp_keepalive: bool | None
    tcp_keepalive_idle: int | None
    tcp_keepalive_interval: int | None
    tcp_keepalive_count: int | None
    reconnect_interval: float | None
    reconnect_interval_max: float | None
    heartbeat_interval: float | None
    heartbeat_timeout: float | None
    heartbeat_ttl: float | None
    handshake_interval: float | None
    multicast_rate: int | None
    multicast_loop: bool | None
    curve_server: bool | None
    curve_public_key: bytes | str | None
    curve_secret_key: bytes | str | None
    curve_server_key: bytes | str | None
    watch: bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SocketOptions(Generic[FrameT]):
    """How a connection's socket behaves. Every field's default, ``None``, is libzmq's.

    Pass it as ``options=`` to any of :class:`zmqbridge.Context`'s methods, and
    derive a variant with :func:`dataclasses.replace`.

    Attributes:
        send_high_water_mark: messages that libzmq queues for one peer before a send
            must wait (or a publisher drops); 0 is no limit. libzmq's default is 1000. A
            subscriber's is 0: it sends subscriptions alone, and libzmq drops those above the mark.
        receive_high_water_mark: messages that libzmq queues from one peer before that
            peer is held back; 0 is no limit. libzmq's default is 1000. A value below 256
            also bounds how many messages this library reads ahead.
        linger: seconds for which unsent messages are kept after closing; 0 drops them at
            once, ``math.inf`` keeps them until they are sent. ``None`` is the context's, and 0 for a
            subscriber, which has nothing but its subscriptions to send.
        identity: the routing id that this socket shows to a router, 1 to 255 bytes. Those that libzmq makes up for
            peers without one are a zero byte and four more: a router that meets one of these twice ends its process.
        immediate: ``True`` queues messages only for peers that are really connected, so that
            a send waits for one; ``False`` also queues for a peer still to be reached.
            Requesters default to ``True``, all else to ``False``.
        conflate: keep only the newest message; for single-frame messages alone.
        max_message_size: bytes of the largest frame to accept; a peer that sends a larger
            one is disconnected. libzmq's default is no limit.
        max_frames: frames of the longest multipart message to accept; a longer one is dropped, and counted in
            :attr:`~zmqbridge.Stats.malformed`. The default is 1024 where publications, requests or replies come
            in, and no limit elsewhere.
        ipv6: allow IPv6 addresses beside IPv4.
        tcp_keepalive: turn TCP keepalive on or off, instead of the system's default.
        tcp_keepalive_idle: seconds of silence before the first probe; whole seconds.
        tcp_keepalive_interval: seconds between probes; whole seconds.
        tcp_keepalive_count: probes without an answer before the peer counts as gone.
        reconnect_interval: seconds between attempts to reconnect; ``math.inf`` makes none. libzmq's default
            is 0.1.
        reconnect_interval_max: seconds up to which that interval doubles; 0 is no doubling.
        heartbeat_interval: seconds between ZMTP pings; 0 is none, libzmq's default.
        heartbeat_timeout: seconds without an answer before a pinged peer counts as gone.
        heartbeat_ttl: seconds after which the peer should count this side as gone, in tenths,
            6553.5 at most.
        handshake_interval: seconds for a new peer's ZMTP handshake; 0 is for ever.
            libzmq's default is 30.
        multicast_rate: kilobits a second for pgm and epgm. libzmq's default is 100.
        multicast_loop: whether what is multicast reaches this machine as well. libzmq's default is ``True``.
        curve_server: this side is the server of the CURVE handshake (ZeroMQ's RFC 26).
        curve_public_key: this side's public key: 32 bytes, or 40 characters of Z85.
        curve_secret_key: this side's secret key, likewise.
        curve_server_key: the server's public key, likewise; on the client alone.
        memoryview_from: frames of so many bytes and more, 1,024 at least, are received as read-only
            memoryviews of libzmq's own buffer instead of copies. The buffer lives as long as the
            view. Tags and the ids of requests are bytes all the same. The default copies all.
            These options, and what a connection with them receives, are of ``bytes | memoryview`` then.
        watch: have libzmq tell of the connection's peers: :attr:`~zmqbridge.Connection.peers`,
            :meth:`~zmqbridge.Connection.events` and :meth:`~zmqbridge.Connection.wait_connected` need it. It takes
            a thread for each context, and a descriptor for each connection. ``None`` is the context's.

    Raises:
        OptionError: for a value of the wrong type or out of range; the message names the
            field, the value and the range.
    """

    send_high_water_mark: int | None = _count("SNDHWM", low=0)
    receive_high_water_mark: int | None = _count("RCVHWM", low=0)
    linger: float | None = _seconds("LINGER", endless=True)
    identity: bytes | None = _octets("ROUTING_ID", low=1, high=255)
    immediate: bool | None = _flag("IMMEDIATE")
    conflate: bool | None = _flag("CONFLATE")
    max_message_size: int | None = _count("MAXMSGSIZE", low=0, high=INT64_MAX)
    max_frames: int | None = _count(None, low=1)
    ipv6: bool | None = _flag("IPV6")
    tcp_keepalive: bool | None = _flag("TCP_KEEPALIVE")
    tcp_keepalive_idle: int | None = _count("TCP_KEEPALIVE_IDLE", low=1)
    tcp_keepalive_interval: int | None = _count("TCP_KEEPALIVE_INTVL", low=1)
    tcp_keepalive_count: int | None = _count("TCP_KEEPALIVE_CNT", low=1)
    reconnect_interval: float | None = _seconds("RECONNECT_IVL", low=0.001, endless=True)
    reconnect_interval_max: float | None = _seconds("RECONNECT_IVL_MAX")
    heartbeat_interval: float | None = _seconds("HEARTBEAT_IVL")
    heartbeat_timeout: float | None = _seconds("HEARTBEAT_TIMEOUT")
    heartbeat_ttl: float | None = _seconds("HEARTBEAT_TTL", high=6553.5)
    handshake_interval: float | None = _seconds("HANDSHAKE_IVL")
    multicast_rate: int | None = _count("RATE", low=1)
    multicast_loop: bool | None = _flag("MULTICAST_LOOP")
    curve_server: bool | None = _flag("CURVE_SERVER")
    curve_public_key: bytes | str | None = _key("CURVE_PUBLICKEY")
    curve_secret_key: bytes | str | None = _key("CURVE_SECRETKEY")
    curve_server_key: bytes | str | None = _key("CURVE_SERVERKEY")
    memoryview_from: int | None = _count(None, low=1024)
    watch: bool | None = _flag(None)

    if TYPE_CHECKING:
        # What a connection with these options receives: frames are bytes, unless views of large ones are asked for.
        @overload
        def __init__(
            self: SocketOptions[bytes], *, memoryview_from: None = None, **others: Unpack[OtherOptions]
        ) -> None: ...
        @overload
        def __init__(
            self: SocketOptions[bytes | memoryview], *, memoryview_from: int | None, **others: Unpack[OtherOptions]
        ) -> None: ...
        def __init__(self, **options: Any) -> None: ...

    def __post_init__(self) -> None:
        for spec in fields(self):
            value = getattr(self, spec.name)
            if value is not None:
                _CHECKS[spec.metadata["kind"]](spec.name, value, spec.metadata)
        if (self.curve_public_key is None) != (self.curve_secret_key is None):
            raise OptionError("curve_public_key and curve_secret_key are a pair; one of them is missing")
        if self.curve_server and self.curve_server_key is not None:
            raise OptionError("curve_server_key is for the client; a curve_server has only its own pair of keys")
        if (self.curve_server or self.curve_server_key is not None) and self.curve_secret_key is None:
            raise OptionError("CURVE needs curve_public_key and curve_secret_key; make a pair with zmq.curve_keypair()")

    def libzmq_values(self) -> Iterator[tuple[str, str, int | bytes]]:
        """Yield the field's name, libzmq's option and its value in libzmq's unit, for all of libzmq's that is set."""
        for spec in fields(self):
            value = getattr(self, spec.name)
            if value is None or spec.metadata["option"] is None:
                continue
            kind = spec.metadata["kind"]
            if kind == "seconds":
                value = -1 if value == math.inf else round(value * spec.metadata["unit"])
            elif kind == "flag":
                value = int(value)
            elif kind == "key" and isinstance(value, str):
                value = value.encode()
            yield spec.name, spec.metadata["option"], value


def _forgetful(init: Callable[..., None]) -> Callable[..., None]:
    @wraps(init)
    def init_and_forget(self: SocketOptions, *args: Any, **values: Any) -> None:
        try:
            init(self, *args, **values)
        except (OptionError, TypeError) as error:
            kind, words = type(error), str(error)
        else:
            return
        del args
        values.clear()
        raise kind(words)

    return init_and_forget


SocketOptions.__init__ = _forgetful(SocketOptions.__init__)  # type: ignore[method-assign]


class Secret:
    """A value that no error shows."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    @property
    def is_text(self) -> bool:
        """Whether the value is a ``str``."""
        return isinstance(self._value, str)

    def reveal(self) -> Any:
        """Return the value."""
        return self._value

    def __repr__(self) -> str:
        return "<Secret>"


def check_options(options: object) -> SocketOptions:
    """Return the options that a caller gave for a connection.

    Raises:
        OptionError: if they are none.
    """
    if options is None:
        return SocketOptions()
    if not isinstance(options, SocketOptions):
        raise OptionError(
            f"options is a {type(options).__name__}; it takes a SocketOptions, as in SocketOptions(linger=0)"
        )
    return options


def check_wait(name: str, seconds: Any) -> float:
    """Return how many seconds a caller wants to wait; ``math.inf`` is for ever.

    Raises:
        ValueError: if it is no time.
    """
    wrong = isinstance(seconds, (bool, str, bytes, bytearray))
    if not wrong:
        try:
            wait = float(seconds)
        except (TypeError, ValueError, OverflowError):
            wrong = True
    if wrong or not wait >= 0:
        raise ValueError(f"{name}={shown(seconds)} is no time to wait; it is seconds, 0 or more, or None")
    return wait


def _check_count(name: str, value: object, rule: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise OptionError(f"{name}={shown(value)} is a {type(value).__name__}; it takes a whole number")
    if not rule["low"] <= value <= rule["high"]:
        raise OptionError(f"{name}={shown(value)} is out of range; it takes {rule['low']} to {rule['high']}")


def _check_seconds(name: str, value: object, rule: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise OptionError(f"{name}={shown(value)} is a {type(value).__name__}; it takes a number of seconds")
    if rule["endless"] and value == math.inf:
        return
    if not rule["low"] <= value <= rule["high"]:
        endless = ", or math.inf" if rule["endless"] else ""
        raise OptionError(
            f"{name}={shown(value)} is out of range; it takes {rule['low']} to {rule['high']:g} seconds{endless}"
        )


def _check_flag(name: str, value: object, rule: Any) -> None:
    if not isinstance(value, bool):
        raise OptionError(f"{name}={shown(value)} is a {type(value).__name__}; it takes True or False")


def _check_octets(name: str, value: object, rule: Any) -> None:
    if not isinstance(value, bytes):
        raise OptionError(f"{name}={shown(value)} is a {type(value).__name__}; it takes bytes")
    if not rule["low"] <= len(value) <= rule["high"]:
        raise OptionError(f"{name}={shown(value)} is {len(value)} bytes long; it takes {rule['low']} to {rule['high']}")


def _check_key(name: str, value: object, rule: Any) -> None:
    # A secret key must not end up in a log, so no message here shows the value.
    if not isinstance(value, (bytes, str)):
        raise OptionError(f"{name} is a {type(value).__name__}; it takes 32 bytes, or 40 characters of Z85")
    if len(value) != 40 and not (isinstance(value, bytes) and len(value) == 32):
        raise OptionError(f"{name} is {len(value)} long; it takes 32 bytes, or 40 characters of Z85")
    if isinstance(value, str) and not value.isascii():
        raise OptionError(f"{name} is not ASCII; it takes 32 bytes, or 40 characters of Z85")


_CHECKS = {
    "count": _check_count,
    "seconds": _check_seconds,
    "flag": _check_flag,
    "octets": _check_octets,
    "key": _check_key,
}
