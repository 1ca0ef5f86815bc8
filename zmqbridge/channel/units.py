"""The named units of a channel's books: each in Python, the specification, and some with a twin in C.

A channel on a socket of the extension keeps its books with the twins, so that the extension reads and writes them
without a call of Python's. Nothing else differs: the same tests run on both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from zmqbridge import _native
from zmqbridge.channel.attempt import Attempt
from zmqbridge.framing import Envelope, read_envelope
from zmqbridge.socket import FastSocket, Socket
from zmqbridge.waiting.edge import Edge
from zmqbridge.waiting.guard import Ownership
from zmqbridge.waiting.inbox import Inbox, Items
from zmqbridge.waiting.turn import Turn

__all__ = ["PYTHON", "Units", "envelope_reader", "native_units", "units_for"]


class Units(NamedTuple):
    """What a channel makes its books of."""

    Ownership: type[Ownership]
    Turn: type[Turn]
    Edge: type[Edge]
    Inbox: type[Inbox[Any]]
    Items: type[Items[Any]]
    Attempt: type[Attempt]


PYTHON = Units(Ownership, Turn, Edge, Inbox, Items, Attempt)


def native_units() -> Units | None:
    """Return the twins in C, if the extension serves."""
    twins: Any = _native.speedups
    return None if twins is None else Units(*(getattr(twins, name) for name in Units._fields))


def units_for(socket: Socket) -> Units:
    """Return what goes with a socket of this kind."""
    return native_units() or PYTHON if isinstance(socket, FastSocket) else PYTHON


def envelope_reader() -> Callable[[list[bytes]], Envelope]:
    """Return what takes requests apart: the twin in C, if the extension serves."""
    twins: Any = _native.speedups
    reader: Callable[[list[bytes]], Envelope] = read_envelope if twins is None else twins.read_envelope
    return reader
