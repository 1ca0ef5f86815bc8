"""The books in C, as a case needs them."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable
from threading import get_ident
from typing import Any

from zmqbridge.socket import Socket
from zmqbridge.waiting.parking import ParkingLot

__all__ = ["Loop", "ignore", "new_at_once", "new_attempt", "new_inbox"]


def ignore(*_: object) -> None:
    """What is told is of no interest."""


def new_inbox(extension: Any) -> Any:
    """Return an inbox in C that belongs to this thread."""
    ownership = extension.Ownership()
    ownership.owner = get_ident()
    return extension.Inbox(ownership)


def new_attempt(extension: Any, socket: Socket, ended: Callable[[Any], None] = ignore) -> Any:
    """Return an attempt in C of sends on a socket, from this thread, in a turn without end."""
    ownership, turn, edge = extension.Ownership(), extension.Turn(1), extension.Edge()
    ownership.owner = get_ident()
    turn.lenient = True
    turn.unlimit()
    return extension.Attempt(socket, ownership, turn, edge, ParkingLot(edge, extension.Inbox(ownership)), ended)


class Loop:
    """As much of a loop that runs as a future that is done needs."""

    def is_running(self) -> bool:
        return True

    def get_debug(self) -> bool:
        return False


def new_at_once(extension: Any, socket: Socket, loop: Any, last: Callable[[], Any] = ignore) -> Any:
    """Return what serves at once in C on a socket, from this thread, in a turn without end."""
    ownership, turn, edge = extension.Ownership(), extension.Turn(1), extension.Edge()
    ownership.owner = get_ident()
    turn.unlimit()
    at_once = extension.AtOnce(new_attempt(extension, socket), socket, ownership, turn, edge, Future, last)
    at_once.move(loop)
    at_once.flows = True
    return at_once
