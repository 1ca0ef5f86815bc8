"""The kinds of options: what a field of :class:`~zmqbridge.SocketOptions` takes, and what libzmq is given for it. Pure.

A kind makes a field, checks a value of it, and turns it into libzmq's unit. Each field carries in its metadata the name
of libzmq's option, its kind and its range, so that the file that owns the socket needs no table of its own. An error
names the field and the value; that of a secret names no value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import field
from typing import Any, Literal, TypeAlias, TypedDict

from zmqbridge.errors import OptionError
from zmqbridge.showing import listed, shown

__all__ = [
    "INT64_MAX",
    "INT_MAX",
    "OtherOptions",
    "ReconnectStop",
    "check_value",
    "count",
    "flag",
    "key",
    "octets",
    "seconds",
    "text",
    "value_for",
    "words",
]

ReconnectStop: TypeAlias = Literal["refused", "handshake_failed", "disconnected"]
"""What ends the attempts to reconnect."""

INT_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1


def count(option: str | None, *, low: int, high: int = INT_MAX, only: Iterable[str] = ()) -> Any:
    """Return a field for a whole number.

    Args:
        option: libzmq's name; ``None`` for one that libzmq knows nothing of.
        low: the least that it takes.
        high: the most.
        only: the types of sockets that have it; all, if it is empty.
    """
    return _field(option, "count", only, low=low, high=high)


def seconds(
    option: str, *, unit: float = 1000, low: float = 0.0, high: float | None = None, endless: bool = False
) -> Any:
    """Return a field for a time in seconds.

    Args:
        option: libzmq's name.
        unit: how many of libzmq's units are a second.
        low: the least that it takes.
        high: the most; libzmq's own, if it is left out.
        endless: ``math.inf`` is taken too, and is libzmq's -1.
    """
    return _field(
        option, "seconds", (), unit=unit, low=low, high=INT_MAX / unit if high is None else high, endless=endless
    )


def flag(option: str | None, *, only: Iterable[str] = ()) -> Any:
    """Return a field for ``True`` or ``False``."""
    return _field(option, "flag", only)


def octets(option: str, *, low: int, high: int, forbidden: bytes = b"", only: Iterable[str] = ()) -> Any:
    """Return a field for so many bytes, which do not begin with the forbidden ones."""
    return _field(option, "octets", only, low=low, high=high, forbidden=forbidden)


def text(option: str, *, secret: bool = False) -> Any:
    """Return a field for 1 to 255 bytes of text, shown nowhere if it is a secret."""
    return _field(option, "text", (), secret=secret)


def key(option: str) -> Any:
    """Return a field for a key of CURVE, shown nowhere."""
    return _field(option, "key", (), secret=True)


def words(option: str, bits: dict[str, int]) -> Any:
    """Return a field for some of a few words, each a bit of libzmq's number."""
    return _field(option, "words", (), bits=bits)


def _field(option: str | None, kind: str, only: Iterable[str], *, secret: bool = False, **rule: Any) -> Any:
    metadata = {"option": option, "kind": kind, "only": frozenset(only), "secret": secret, **rule}
    return field(default=None, repr=not secret, metadata=metadata)


def check_value(name: str, value: object, rule: Any) -> None:
    """Return if a field takes a value.

    Raises:
        OptionError: if it does not.
    """
    _CHECKS[rule["kind"]](name, value, rule)


def value_for(value: Any, rule: Any) -> int | bytes:
    """Return a field's value as libzmq takes it."""
    given: int | bytes
    match rule["kind"]:
        case "seconds":
            # What is not nothing does not become libzmq's 0, which often stands for "for ever".
            given = -1 if value == math.inf else max(round(value * rule["unit"]), int(value > 0))
        case "words":
            given = sum(rule["bits"][word] for word in set(value))
        case "flag":
            given = int(value)
        case _:
            given = value.encode() if isinstance(value, str) else value
    return given


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
    if rule["forbidden"] and value.startswith(rule["forbidden"]):
        raise OptionError(
            f"{name}={shown(value)} begins with {shown(rule['forbidden'])}, as libzmq's own do; choose another"
        )


def _check_text(name: str, value: object, rule: Any) -> None:
    what = name if rule["secret"] else f"{name}={shown(value)}"
    if not isinstance(value, str):
        raise OptionError(f"{what} is a {type(value).__name__}; it takes a str")
    size = len(value.encode(errors="replace"))
    if not 1 <= size <= 255:
        raise OptionError(f"{what} is {size} bytes long; it takes 1 to 255 bytes of UTF-8")
    if "\0" in value:
        raise OptionError(f"{what} holds a zero character, which libzmq would cut it at; leave it out")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise OptionError(f"{what} cannot be written as UTF-8, as libzmq needs it")


def _check_key(name: str, value: object, rule: Any) -> None:
    if not isinstance(value, (bytes, str)):
        raise OptionError(f"{name} is a {type(value).__name__}; it takes 32 bytes, or 40 characters of Z85")
    if len(value) != 40 and not (isinstance(value, bytes) and len(value) == 32):
        raise OptionError(f"{name} is {len(value)} long; it takes 32 bytes, or 40 characters of Z85")
    if isinstance(value, str) and not value.isascii():
        raise OptionError(f"{name} is not ASCII; it takes 32 bytes, or 40 characters of Z85")


def _check_words(name: str, value: object, rule: Any) -> None:
    if not isinstance(value, (tuple, frozenset)):
        raise OptionError(
            f"{name}={shown(value)} is a {type(value).__name__}; it takes a tuple of {listed(rule['bits'])}"
        )
    for word in value:
        if not isinstance(word, str) or word not in rule["bits"]:
            raise OptionError(f"{name} has {shown(word)}; it takes a tuple of {listed(rule['bits'])}")


_CHECKS: dict[str, Callable[[str, object, Any], None]] = {
    "count": _check_count,
    "seconds": _check_seconds,
    "flag": _check_flag,
    "octets": _check_octets,
    "text": _check_text,
    "key": _check_key,
    "words": _check_words,
}


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
    affinity: int | None
    ipv6: bool | None
    use_fd: int | None
    bind_to_device: str | None
    backlog: int | None
    send_buffer: int | None
    receive_buffer: int | None
    type_of_service: int | None
    connect_timeout: float | None
    tcp_max_retransmission: float | None
    tcp_keepalive: bool | None
    tcp_keepalive_idle: int | None
    tcp_keepalive_interval: int | None
    tcp_keepalive_count: int | None
    reconnect_interval: float | None
    reconnect_interval_max: float | None
    reconnect_stop: tuple[ReconnectStop, ...] | None
    heartbeat_interval: float | None
    heartbeat_timeout: float | None
    heartbeat_ttl: float | None
    handshake_interval: float | None
    router_handover: bool | None
    connect_routing_id: bytes | None
    probe_router: bool | None
    xpub_no_drop: bool | None
    xpub_verbose: bool | None
    xpub_verboser: bool | None
    xpub_manual: bool | None
    xpub_welcome_message: bytes | None
    invert_matching: bool | None
    only_first_subscribe: bool | None
    req_correlate: bool | None
    req_relaxed: bool | None
    stream_notify: bool | None
    multicast_rate: int | None
    multicast_loop: bool | None
    multicast_hops: int | None
    multicast_recovery: float | None
    multicast_max_packet: int | None
    socks_proxy: str | None
    socks_username: str | None
    socks_password: str | None
    zap_domain: str | None
    zap_enforce_domain: bool | None
    plain_server: bool | None
    plain_username: str | None
    plain_password: str | None
    curve_server: bool | None
    curve_public_key: bytes | str | None
    curve_secret_key: bytes | str | None
    curve_server_key: bytes | str | None
    watch: bool | None
    metadata: bool | None
