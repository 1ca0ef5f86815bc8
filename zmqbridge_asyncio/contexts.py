"""The context of zmq.asyncio's interface: pyzmq's own, whose sockets return futures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

import zmq.asyncio

from zmqbridge_asyncio.sockets import Socket

__all__ = ["Context"]

AnySocketT = TypeVar("AnySocketT")


class Context(zmq.asyncio.Context):
    """A ZeroMQ context; its interface is that of :class:`zmq.asyncio.Context`."""

    _socket_class: type[Any] = Socket
    _instance: Any = None
    _repr_cls = "zmqbridge_asyncio.Context"

    if TYPE_CHECKING:
        # At run time it is pyzmq's own, for which the class of the sockets is that of zmq.asyncio.
        @overload  # type: ignore[override]
        def socket(self, socket_type: int, socket_class: None = None, **kwargs: Any) -> Socket: ...
        @overload
        def socket(
            self, socket_type: int, socket_class: Callable[[Any, int], AnySocketT], **kwargs: Any
        ) -> AnySocketT: ...
        def socket(self, socket_type: int, socket_class: Any = None, **kwargs: Any) -> Any: ...
