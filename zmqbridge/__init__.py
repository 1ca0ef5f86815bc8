"""ZeroMQ for every Python event loop: asyncio, uvloop, trio, anyio and Twisted.

Begin with :class:`Context`. Names are imported when they are first used, so that the
pure modules (:mod:`zmqbridge.framing`, :mod:`zmqbridge.protocols`, ...) can be had
without pyzmq; no event loop is ever imported from here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zmqbridge.connections import (
        Connection,
        Dealer,
        Pair,
        Publisher,
        Puller,
        Pusher,
        RawConnection,
        Receiver,
        Replier,
        Request,
        Requester,
        RoutedMessage,
        Router,
        Sender,
        Stats,
        Subscriber,
    )
    from zmqbridge.context import Context
    from zmqbridge.endpoints import Endpoint
    from zmqbridge.errors import (
        BackendError,
        ConnectionClosed,
        ContextTerminated,
        EndpointError,
        LocalProtocolError,
        OptionError,
        PeerUnreachable,
        ProtocolError,
        RemoteProtocolError,
        RequestTimeout,
        WouldBlock,
        ZmqBridgeError,
    )
    from zmqbridge.framing import Publication
    from zmqbridge.options import SocketOptions

__version__ = "0.1.0"

_HOMES = {
    "zmqbridge.connections": (
        "Connection", "Dealer", "Pair", "Publisher", "Puller", "Pusher", "RawConnection", "Receiver", "Replier",
        "Request", "Requester", "RoutedMessage", "Router", "Sender", "Stats", "Subscriber",
    ),
    "zmqbridge.context": ("Context",),
    "zmqbridge.endpoints": ("Endpoint",),
    "zmqbridge.errors": (
        "BackendError", "ConnectionClosed", "ContextTerminated", "EndpointError", "LocalProtocolError", "OptionError",
        "PeerUnreachable", "ProtocolError", "RemoteProtocolError", "RequestTimeout", "WouldBlock", "ZmqBridgeError",
    ),
    "zmqbridge.framing": ("Publication",),
    "zmqbridge.options": ("SocketOptions",),
}  # fmt: skip

__all__ = sorted(name for names in _HOMES.values() for name in names)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(home), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'zmqbridge' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
