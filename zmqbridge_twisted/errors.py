"""Errors that are both zmqbridge's and what a txZMQ program catches.

A program written for txZMQ catches ``zmq.ZMQError`` and looks at its ``errno``. One written for zmqbridge
catches what :mod:`zmqbridge.errors` names. Each class here is both.
"""

from __future__ import annotations

import errno

import zmq

from zmqbridge.errors import (
    ContextTerminated,
    EndpointError,
    LocalProtocolError,
    PeerUnreachable,
    RequestTimeout,
    WouldBlock,
    ZmqBridgeError,
)

__all__ = [
    "ZmqContextTerminated",
    "ZmqEndpointError",
    "ZmqPeerUnreachable",
    "ZmqRequestTimeoutError",
    "ZmqUnknownRequestError",
    "ZmqWouldBlock",
    "as_zmq_error",
]


class ZmqWouldBlock(WouldBlock, zmq.Again):  # type: ignore[misc]
    """libzmq takes no message now: its queue is at the high-water mark, or no peer is there.

    Catch it as ``zmq.Again``, or by its ``errno``, ``EAGAIN``. Let a connection wait with
    :meth:`~zmqbridge_twisted.ZmqConnection.sendDeferred`, or set its
    :attr:`~zmqbridge_twisted.ZmqConnection.queueLimit`.
    """

    def __init__(self, message: str) -> None:
        zmq.ZMQError.__init__(self, errno.EAGAIN, message)


class ZmqEndpointError(EndpointError, zmq.ZMQError):  # type: ignore[misc]
    """An address that cannot be used; ``errno`` says why, ``EADDRINUSE`` for one."""

    def __init__(self, message: str, errno: int) -> None:
        zmq.ZMQError.__init__(self, errno, message)


class ZmqPeerUnreachable(PeerUnreachable, zmq.ZMQError):  # type: ignore[misc]
    """A router that must deliver has no such peer; ``errno`` is ``EHOSTUNREACH``."""

    def __init__(self, message: str) -> None:
        zmq.ZMQError.__init__(self, errno.EHOSTUNREACH, message)


class ZmqContextTerminated(ContextTerminated, zmq.ContextTerminated):
    """Other code terminated the ZeroMQ context; ``errno`` is ``ETERM``."""

    def __init__(self, message: str) -> None:
        zmq.ZMQError.__init__(self, zmq.ETERM, message)


class ZmqRequestTimeoutError(RequestTimeout):
    """No reply came in time.

    Args:
        messageId: the request's id on the wire.
        timeout: how long it was waited for, in seconds.
    """

    def __init__(self, messageId: bytes, timeout: float | None = None) -> None:
        super().__init__(messageId)
        self.messageId = messageId
        self.timeout = timeout

    def __str__(self) -> str:
        within = "in time" if self.timeout is None else f"within {self.timeout} s"
        return f"no reply to the request {self.messageId.hex()} {within}"


class ZmqUnknownRequestError(LocalProtocolError, KeyError):
    """A reply to a request that is not there: answered before, or forgotten, or never received."""

    def __str__(self) -> str:
        return str(self.args[0])


def as_zmq_error(error: ZmqBridgeError) -> ZmqBridgeError:
    """Return the error as a program of txZMQ knows it, if there is such a one."""
    message = str(error)
    if isinstance(error, WouldBlock):
        return ZmqWouldBlock(message)
    if isinstance(error, EndpointError):
        return ZmqEndpointError(message, error.errno)
    if isinstance(error, PeerUnreachable):
        return ZmqPeerUnreachable(message)
    if isinstance(error, ContextTerminated):
        return ZmqContextTerminated(message)
    return error
