"""The context of zmq.asyncio's interface: pyzmq's own, whose sockets return futures."""

from __future__ import annotations

from typing import Any

import zmq.asyncio

from zmqbridge_asyncio.sockets import Socket

__all__ = ["Context"]


class Context(zmq.asyncio.Context):
    """A ZeroMQ context; its interface is that of :class:`zmq.asyncio.Context`."""

    _socket_class: type[Any] = Socket
    _instance: Any = None
    _repr_cls = "zmqbridge_asyncio.Context"
