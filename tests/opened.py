"""Sockets that are closed when a case is over, and their context with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import zmq

from zmqbridge.socket import Socket

__all__ = ["OpenedSockets", "opened"]


class OpenedSockets:
    """Opens sockets of one context."""

    def __init__(self) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._sockets: list[Socket] = []

    def open(self, kind: type[Socket], socket_type: int) -> Socket:
        """Return a new socket."""
        self._sockets.append(kind(self.context, socket_type))
        return self._sockets[-1]

    def pair(self, kind: type[Socket], address: str = "inproc://pair") -> tuple[Socket, Socket]:
        """Return two PAIR sockets that are connected with each other."""
        return self.joined(kind, zmq.PAIR, zmq.PAIR, address)

    def joined(
        self, kind: type[Socket], binds: int, connects: int, address: str = "inproc://joined"
    ) -> tuple[Socket, Socket]:
        """Return two sockets of these types, the second connected to the first."""
        one, other = self.open(kind, binds), self.open(kind, connects)
        other.connect(one.bind(address).address)
        return one, other

    def close(self) -> None:
        """Close all of them, and end the context."""
        for socket in self._sockets:
            socket.close(0)
        self.context.term()


@pytest.fixture
def opened() -> Iterator[Any]:
    """Opens sockets; all are closed in the end."""
    opened = OpenedSockets()
    yield opened
    opened.close()
