"""What a router that is watched knows of the peers that have said something."""

from __future__ import annotations

from typing import Any

from zmqbridge.abc import Backend
from zmqbridge.connections.base import Connection, Owner
from zmqbridge.connections.following import Following
from zmqbridge.decoding import Decoder
from zmqbridge.errors import LocalProtocolError
from zmqbridge.options import SocketOptions, check_options
from zmqbridge.presence.routes import PeerChange, Routes, RoutesDecoder

__all__ = ["Routed"]


class Routed(Connection):
    """A connection that knows its peers by routing id."""

    _routes: Routes | None = None

    def __init__(
        self, context: Owner, socket_type: int, *, options: SocketOptions[Any] | None = None, **arguments: Any
    ) -> None:
        given = check_options(options)
        self._tracing = bool(context.watch if given.watch is None else given.watch)
        super().__init__(context, socket_type, options=given, **arguments)
        if self._tracing:
            link = self._link
            self._routes = self._noting.noted = Routes(self._channel.bell.ring, link.call_later)
            link.listen(self._routes.tell)

    def _watching(self, decoder: Decoder[Any, Any]) -> Decoder[Any, Any]:
        """Return a decoder that takes note of the peers as well, where they are watched."""
        if not self._tracing:
            return decoder
        self._noting: RoutesDecoder[Any] = RoutesDecoder(decoder)
        return self._noting

    @property
    def peers(self) -> frozenset[bytes]:  # type: ignore[override]  # a router names them
        """The routing ids of the peers that have said something, and are there; :attr:`connected` counts all.

        Those within this process are not among them, for libzmq does not say when they go.

        Raises:
            LocalProtocolError: if the connection is not watched.
        """
        self._link.attach()
        return self._known().peers

    def peer_changes(self) -> Following[PeerChange]:
        """Iterate over which peers come and go, with ``async for``, from the beginning on.

        A peer comes with its first message, and goes with its connection. Whoever comes late gets one change first
        that says how many are gone. The iteration ends when the connection is closed.

        Raises:
            LocalProtocolError: if the connection is not watched.
        """
        return Following(self._link, self._known().changes, lambda count: PeerChange(left_out=count), self._begin)

    def _begin(self, backend: Backend) -> None:
        self._link.attach(backend)

    def _known(self) -> Routes:
        if self._routes is None:
            raise LocalProtocolError(f"{self!r} is not watched; make it with options=SocketOptions(watch=True)")
        return self._routes
