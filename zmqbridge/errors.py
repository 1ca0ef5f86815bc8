"""Every error that zmqbridge raises on purpose.

::

    ZmqBridgeError
    ├── ConnectionClosed            the connection was closed, before or during the operation
    ├── ContextTerminated           the ZeroMQ context was terminated under the connection
    ├── RequestTimeout              no reply in time                          (also TimeoutError)
    ├── WaitTimeout                 nobody came in time                       (also TimeoutError)
    ├── PeerLost                    who was asked is gone                     (also ConnectionError)
    ├── HandshakeFailed             nobody there speaks ZeroMQ's protocol     (also ConnectionError)
    │   └── AuthenticationFailed    the other side does not let this one in
    ├── WouldBlock                  a *_nowait operation would have to wait   (also BlockingIOError)
    ├── PeerUnreachable             a router has no such peer                 (also ConnectionError)
    ├── EndpointError               an address that cannot be used            (also ValueError)
    ├── OptionError                 an option that cannot be used             (also ValueError)
    ├── CertificateError            a key, or a file of keys, that cannot be used (also ValueError)
    ├── BackendError                no event loop, the wrong one, or no backend for it
    └── ProtocolError
        ├── LocalProtocolError      the caller's mistake
        └── RemoteProtocolError     the peer's mistake: counted and logged, never raised out of a receive

The caller's fault and the peer's are two classes on purpose: the first is a bug
to mend in this program, the second is input, and input is never trusted.
"""

from __future__ import annotations

from errno import EINVAL
from typing import Self

__all__ = [
    "AuthenticationFailed",
    "BackendError",
    "CertificateError",
    "ConnectionClosed",
    "ContextTerminated",
    "EndpointError",
    "HandshakeFailed",
    "LocalProtocolError",
    "OptionError",
    "PeerLost",
    "PeerUnreachable",
    "ProtocolError",
    "RemoteProtocolError",
    "RequestTimeout",
    "WaitTimeout",
    "WouldBlock",
    "ZmqBridgeError",
]


class ZmqBridgeError(Exception):
    """The base of every error of this library."""


class ConnectionClosed(ZmqBridgeError):
    """The connection is closed.

    Raised by an operation on a closed connection, and by every operation that
    is parked on a connection when it closes. ``async for`` ends instead.
    """


class ContextTerminated(ZmqBridgeError):
    """The ZeroMQ context was terminated while the connection was open.

    This happens when other code terminates a ``zmq.Context`` that was handed
    to :class:`zmqbridge.Context`. Nothing more can be done with the connection
    but to close it.
    """


class RequestTimeout(ZmqBridgeError, TimeoutError):
    """A request had no reply in time.

    If the request could not be sent before its deadline, it never will be.
    Otherwise the peer may still be working on it: a reply that comes late is
    dropped and counted in :attr:`zmqbridge.Stats.unmatched_replies`.
    """


class WaitTimeout(ZmqBridgeError, TimeoutError):
    """Those who were waited for did not come in time: peers, or subscribers."""


class PeerLost(ZmqBridgeError, ConnectionError):
    """The connection over which a request went has broken, and no reply can come over it.

    The peer may have done what was asked, or not.
    """


class HandshakeFailed(ZmqBridgeError, ConnectionError):
    """The other side does not speak ZeroMQ's protocol, or breaks its rules. libzmq does not try it again."""


class AuthenticationFailed(HandshakeFailed):
    """The other side does not let this one in: a key, a password or the mechanism is not what it takes."""


class WouldBlock(ZmqBridgeError, BlockingIOError):
    """The operation cannot complete without waiting.

    Raised by the ``*_nowait`` methods alone; call the method of the same name
    without the suffix to wait instead.
    """


class PeerUnreachable(ZmqBridgeError, ConnectionError):
    """A router was asked to send to a peer that is not connected to it."""


class EndpointError(ZmqBridgeError, ValueError):
    """An address that is malformed, unsupported here, in use, or not in use.

    Attributes:
        errno: libzmq's number of the error, such as ``errno.EADDRINUSE``.
    """

    def __init__(self, message: str, errno: int = EINVAL) -> None:
        super().__init__(message)
        self.errno = errno

    def __reduce__(self) -> tuple[type[Self], tuple[str, int]]:
        return type(self), (str(self), self.errno)


class OptionError(ZmqBridgeError, ValueError):
    """A socket option that does not exist here or whose value is out of range."""


class CertificateError(ZmqBridgeError, ValueError):
    """A key that is none, or a file of keys that cannot be used. Its words show no key."""


class BackendError(ZmqBridgeError, RuntimeError):
    """No event loop is running here, it is not the connection's, or no backend serves it."""


class ProtocolError(ZmqBridgeError):
    """A rule of the messages' formats or of their order was broken."""


class LocalProtocolError(ProtocolError):
    """This program broke a rule: the message of the error says which and what to do.

    Attributes:
        errno: libzmq's number of the error where libzmq found it, such as ``zmq.EFSM``; else ``None``.
    """

    errno: int | None = None


class RemoteProtocolError(ProtocolError):
    """A peer broke a rule: its message was dropped, counted and logged."""
