"""txZMQ's attributes of a connection, as options with zmqbridge's own units and checks.

txZMQ says "leave it as it is" with 0, libzmq with -1; both are understood. Given to libzmq, a keepalive
count of 0 would make every connection fail, so a program that turns keepalive on and
says no more gets the system's own numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from zmqbridge.errors import OptionError
from zmqbridge.options import SocketOptions
from zmqbridge.showing import shown

__all__ = ["options_of"]


def _milliseconds(value: Any) -> float:
    return inf if value < 0 else value / 1000


def _unless_zero(value: Any) -> float | None:
    return _milliseconds(value) or None


def _positive(value: Any) -> int | None:
    return value if value > 0 else None


def _on(value: Any) -> bool | None:
    return True if value > 0 else None


def _as_it_is(value: Any) -> Any:
    return value


def _encoded(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


_ATTRIBUTES: dict[str, tuple[Callable[[Any], Any], tuple[str, ...]]] = {
    "lingerPeriod": (_milliseconds, ("linger",)),
    "identity": (_encoded, ("identity",)),
    "allowLoopbackMulticast": (bool, ("multicast_loop",)),
    "multicastRate": (_as_it_is, ("multicast_rate",)),
    "highWaterMark": (_as_it_is, ("send_high_water_mark", "receive_high_water_mark")),
    "tcpKeepalive": (_on, ("tcp_keepalive",)),
    "tcpKeepaliveCount": (_positive, ("tcp_keepalive_count",)),
    "tcpKeepaliveIdle": (_positive, ("tcp_keepalive_idle",)),
    "tcpKeepaliveInterval": (_positive, ("tcp_keepalive_interval",)),
    "reconnectInterval": (_unless_zero, ("reconnect_interval",)),
    "reconnectIntervalMax": (_unless_zero, ("reconnect_interval_max",)),
}


def options_of(owner: object, values: dict[str, Any]) -> SocketOptions:
    """Return what the attributes say.

    Args:
        owner: whose they are, for the message of an error.
        values: each attribute's value; an attribute that is left out is libzmq's default.

    Raises:
        OptionError: for the first that cannot be used, by its name.
    """
    options: dict[str, Any] = {}
    for attribute, value in values.items():
        convert, names = _ATTRIBUTES[attribute]
        try:
            if value is None and attribute != "identity":
                raise TypeError("it is not set")
            converted = convert(value)
            SocketOptions(**dict.fromkeys(names, converted))
        except (TypeError, OptionError) as error:
            raise OptionError(
                f"{attribute}={shown(value)} of a {type(owner).__name__} cannot be used: {error}"
            ) from None
        options.update(dict.fromkeys(names, converted))
    return SocketOptions(**options)
