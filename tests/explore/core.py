"""The connections that are explored, opened on a model of a socket: the one place that knows how the core is made.

Whoever changes the core's insides changes this file, and nothing else of the search.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import zmqbridge
from tests.explore.fingerprint import Plan
from tests.explore.loop import Loop
from tests.explore.peer import Pipe
from tests.model.libzmq import ModelSocket
from tests.model.loop import ModelBackend, Task
from zmqbridge import _channel
from zmqbridge.connections import Connection, Dealer, Requester
from zmqbridge.readiness import Parked, Readiness

__all__ = ["FD", "PLAN", "Opened", "open_dealer", "open_requester"]

FD = 7

BATCH = _channel.BATCH

PLAN = Plan(
    packages=("zmqbridge", "tests."),
    # Counters that only tell; the owner; the way to the loop and back; what the search notes for itself.
    without={
        *(f"Channel.{name}" for name in ("sent", "accepted", "batch", "faults")),
        *(f"Channel.{name}" for name in ("_get_backend", "_accept", "_describe", "_backend")),
        *(f"{kind}.{name}" for kind in ("Dealer", "Requester") for name in ("_context", "_endpoints", "_faults")),
        *(f"RequesterProtocol.{name}" for name in ("unmatched", "faults", "_ids")),
        *(f"ModelSocket.{name}" for name in ("raw", "fd", "type_name", "tells_room", "receives", "publication")),
        *(f"ModelSocket.{name}" for name in ("_swallows", "_recv", "_get", "send_frame", "views_from", "shared_from")),
        "Readiness.reads_always",
        "ModelWaiter._backend",
    },
    # A turn's number is compared with the one before an await, and with no other.
    names={"turn", "_turn"},
    opaque={Pipe, ModelBackend, Task},
    single={_channel.Channel, Dealer, Requester, ModelSocket, Loop},
)


class ModelContext(zmqbridge.Context):
    """A context whose sockets are models."""

    def __init__(self, backend: ModelBackend) -> None:
        super().__init__(backend)
        self.pipe: Pipe | None = None

    def _open_socket(self, socket_type: int) -> ModelSocket:
        assert self.pipe is not None
        return ModelSocket(self.pipe, FD)

    def forget(self) -> None:
        """What was opened is dropped as it is, and never closed; turns are as long as ever."""
        self._connections.clear()
        _channel.BATCH = BATCH


class Ids(Iterator[bytes]):
    """A requester's ids, the same each time."""

    def __init__(self) -> None:
        self._next = 0

    def __next__(self) -> bytes:
        self._next += 1
        return b"%016d" % self._next


class Opened:
    """A connection whose turns have so many messages, and what is known of its inside."""

    def __init__(self, connection: Connection, turn: int) -> None:
        self.connection: Any = connection
        channel = connection._channel
        self._channel = channel
        # Read when a turn begins, so the latest that was opened is the one that may be used.
        _channel.BATCH = channel.batch = channel._reads_left = channel._sends_left = turn

    @property
    def roots(self) -> list[object]:
        """All that the future depends on can be reached from these, the tasks and the pipe aside."""
        return [self._channel, getattr(self.connection, "_protocol", None)]

    def read_ahead(self) -> list[Any]:
        """Return the messages that are taken off the socket, and by nobody yet, oldest first."""
        return list(self._channel.buffer)

    def reserved(self) -> int:
        """Return how many messages are kept for receives that were told of them."""
        return self._channel.readiness.reserved

    @staticmethod
    def told(body: Any) -> bool:
        """Whether a task's coroutine is a receive that was told of its message, and has not run since."""
        while body is not None:
            frame = getattr(body, "cr_frame", None)
            if frame is None:
                return False
            if frame.f_code is RECEIVING:
                return any(type(item) is Parked and item.served for item in gc.get_referents(body))
            body = body.cr_await
        return False


RECEIVING = _channel.Channel.wait_for_item.__code__


def open_dealer(context: ModelContext, pipe: Pipe, turn: int) -> Opened:
    """Return a new dealer on a pipe."""
    context.pipe = pipe
    dealer: Dealer = context.dealer()
    return Opened(dealer, turn)


def open_requester(context: ModelContext, pipe: Pipe, turn: int) -> Opened:
    """Return a new requester on a pipe."""
    context.pipe = pipe
    requester: Requester = context.requester()
    requester._protocol._ids = Ids()
    return Opened(requester, turn)


def take_out_the_look(replace: Callable[[object, str, object], object]) -> None:
    """Have nobody look again after a call that may have eaten the edge.

    Args:
        replace: sets an attribute, as ``pytest.MonkeyPatch.setattr`` does.
    """
    replace(_channel.Channel, "touched", lambda channel: None)


def take_out_the_succession(replace: Callable[[object, str, object], object]) -> None:
    """Have nobody take over when the leader leaves."""
    lead = Readiness._lead
    replace(Readiness, "_lead", lambda readiness, parked: lead(readiness, parked if readiness.leader is None else None))
