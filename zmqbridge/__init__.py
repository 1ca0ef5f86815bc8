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
        Delivery,
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
        first_ready,
    )
    from zmqbridge.context import Context
    from zmqbridge.endpoints import Endpoint
    from zmqbridge.errors import (
        AuthenticationFailed,
        BackendError,
        CertificateError,
        ConnectionClosed,
        ContextTerminated,
        EndpointError,
        HandshakeFailed,
        LocalProtocolError,
        OptionError,
        PeerLost,
        PeerUnreachable,
        ProtocolError,
        RemoteProtocolError,
        RequestTimeout,
        WaitTimeout,
        WouldBlock,
        ZmqBridgeError,
    )
    from zmqbridge.framing import Publication
    from zmqbridge.framings import MultipartPublication
    from zmqbridge.options import SocketOptions
    from zmqbridge.origins import Origin, origin_of
    from zmqbridge.presence import Event, EventKind, PeerChange, SubscriptionChange
    from zmqbridge.security.authenticator import AuthenticationStats, Authenticator
    from zmqbridge.security.keys import KeyPair
    from zmqbridge.security.open_ports import SecurityWarning
    from zmqbridge.security.zap import Handshake
    from zmqbridge.socket import speedups_enabled

__version__ = "0.1.0.dev0"

__all__ = [
    "AuthenticationFailed",
    "AuthenticationStats",
    "Authenticator",
    "BackendError",
    "CertificateError",
    "Connection",
    "ConnectionClosed",
    "Context",
    "ContextTerminated",
    "Dealer",
    "Delivery",
    "Endpoint",
    "EndpointError",
    "Event",
    "EventKind",
    "Handshake",
    "HandshakeFailed",
    "KeyPair",
    "LocalProtocolError",
    "MultipartPublication",
    "OptionError",
    "Origin",
    "Pair",
    "PeerChange",
    "PeerLost",
    "PeerUnreachable",
    "ProtocolError",
    "Publication",
    "Publisher",
    "Puller",
    "Pusher",
    "RawConnection",
    "Receiver",
    "RemoteProtocolError",
    "Replier",
    "Request",
    "RequestTimeout",
    "Requester",
    "RoutedMessage",
    "Router",
    "SecurityWarning",
    "Sender",
    "SocketOptions",
    "Stats",
    "Subscriber",
    "SubscriptionChange",
    "WaitTimeout",
    "WouldBlock",
    "ZmqBridgeError",
    "first_ready",
    "origin_of",
    "speedups_enabled",
]

# Where the names live, the modules without zmq first.
_HOMES = (
    "errors",
    "endpoints",
    "framing",
    "framings",
    "options",
    "origins",
    "presence",
    "security.keys",
    "security.open_ports",
    "security.zap",
    "connections",
    "context",
    "security.authenticator",
    "socket",
)


def __getattr__(name: str) -> Any:
    if name in __all__:
        for home in _HOMES:
            module = import_module(f"zmqbridge.{home}")
            if name in module.__all__:
                value = getattr(module, name)
                globals()[name] = value
                return value
    raise AttributeError(f"module 'zmqbridge' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
