"""Errors that are both zmqbridge's and what a txZMQ program catches.

A program written for txZMQ catches ``zmq.ZMQError`` and looks at its ``errno``. One written for zmqbridge
catches what :mod:`zmqbridge.errors` names. Each class here is both.
"""

from __future__ import annotations

import errno
from typing import Any

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
from zmqbridge.showing import shown_id

__all__ = [
    "ZmqContextTerminated",
    "ZmqEndpointError",
    "ZmqPeerUnreachable",
    "ZmqRequestTimeoutError",
    "ZmqSendRefused",
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
        self.args: tuple[Any, ...] = (message,)


class ZmqEndpointError(EndpointError, zmq.ZMQError):  # type: ignore[misc]
    """An address that cannot be used; ``errno`` says why, ``EADDRINUSE`` for one."""

    def __init__(self, message: str, errno: int) -> None:
        zmq.ZMQError.__init__(self, errno, message)


class ZmqPeerUnreachable(PeerUnreachable, zmq.ZMQError):  # type: ignore[misc]
    """A router that must deliver has no such peer; ``errno`` is ``EHOSTUNREACH``."""

    def __init__(self, message: str) -> None:
        zmq.ZMQError.__init__(self, errno.EHOSTUNREACH, message)
        self.args: tuple[Any, ...] = (message,)


class ZmqSendRefused(LocalProtocolError, zmq.ZMQError):
    """A send that the type of the socket does not allow: ``errno`` is ``EFSM`` where it is out of turn on a REQ or a
    REP, ``ENOTSUP`` where the socket never sends."""

    def __init__(self, message: str, errno: int) -> None:
        zmq.ZMQError.__init__(self, errno, message)
        self.args: tuple[Any, ...] = (message, errno)


class ZmqContextTerminated(ContextTerminated, zmq.ContextTerminated):
    """Other code terminated the ZeroMQ context; ``errno`` is ``ETERM``."""

    def __init__(self, message: str) -> None:
        zmq.ZMQError.__init__(self, zmq.ETERM, message)


class ZmqRequestTimeoutError(RequestTimeout):
    """No reply came in time.

    txZMQ's is a plain exception, which a program may raise with anything; so may this one be.

    Args:
        arguments: the request's id on the wire, or whatever else tells it.
        messageId: the id, where it is given by its name.
        timeout: how long it was waited for, in seconds; it may also be the second of the arguments.

    Attributes:
        messageId: the first argument; ``None`` where there is none.
        timeout: as above; ``None`` where it was not said.
    """

    def __init__(self, *arguments: Any, messageId: Any = None, timeout: float | None = None) -> None:
        if messageId is not None:
            arguments = (messageId, *arguments)
        Exception.__init__(self, *arguments)
        self.args = arguments  # OSError, which a TimeoutError is, takes its own out of them
        self.messageId: Any | None = arguments[0] if arguments else None
        self.timeout: Any | float | None = arguments[1] if timeout is None and len(arguments) == 2 else timeout

    def __str__(self) -> str:
        within = "in time" if self.timeout is None else f"within {self.timeout} s"
        if not self.args:
            return f"no reply {within}"
        id = self.messageId
        if not isinstance(id, bytes):
            return BaseException.__str__(self)
        return f"no reply to the request {shown_id(id)} {within}"


class ZmqUnknownRequestError(LocalProtocolError, KeyError):
    """A reply to a request that is not there: answered before, or forgotten, or never received."""

    def __str__(self) -> str:
        return BaseException.__str__(self)


def as_zmq_error(error: ZmqBridgeError) -> ZmqBridgeError:
    """Return the error as a program of txZMQ knows it, if there is such a one."""
    message = str(error)
    if isinstance(error, WouldBlock):
        return ZmqWouldBlock(message)
    if isinstance(error, EndpointError):
        return ZmqEndpointError(message, error.errno)
    if isinstance(error, PeerUnreachable):
        return ZmqPeerUnreachable(message)
    if isinstance(error, LocalProtocolError) and error.errno is not None:
        return ZmqSendRefused(message, error.errno)
    if isinstance(error, ContextTerminated):
        return ZmqContextTerminated(message)
    return error
