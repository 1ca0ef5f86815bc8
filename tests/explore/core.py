"""The connections that are explored, opened on a model of a socket: the one place that knows how the core is made.

Whoever changes the core's insides changes this file, and nothing else of the search.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import zmq

import zmqbridge
from tests.explore.fingerprint import Plan
from tests.explore.loop import Loop
from tests.explore.peer import Pipe
from tests.model.libzmq import ModelSocket
from tests.model.loop import ModelBackend, Task
from zmqbridge.channel import Channel
from zmqbridge.connections import Connection, Dealer, Requester
from zmqbridge.home import Home
from zmqbridge.waiting.edge import Edge
from zmqbridge.waiting.parking import Parked, ParkingLot

__all__ = ["FD", "PLAN", "Opened", "open_dealer", "open_requester"]

FD = 7

PLAN = Plan(
    packages=("zmqbridge", "tests."),
    # Counters that only tell; the owner; the way to the loop and back; what the search notes for itself.
    without={
        *(f"Channel.{name}" for name in ("units", "describe")),
        *(f"Channel.{name}" for name in ("_get_backend", "_backend")),
        *(f"Attempt.{name}" for name in ("sent", "_ended")),
        "Guard._describe",
        *(f"{kind}.{name}" for kind in ("Dealer", "Requester") for name in ("_context", "_link", "_faults")),
        *(f"RequesterProtocol.{name}" for name in ("unmatched", "probes", "faults", "_ids")),
        *(
            f"ModelSocket.{name}"
            for name in ("raw", "fd", "type_name", "tells_room", "receives", "hides_ends", "single")
        ),
        *(f"ModelSocket.{name}" for name in ("_swallows", "_recv", "_get", "send_frame", "views_from")),
        *(f"ModelSocket.{name}" for name in ("max_frames", "unfit")),
        *(f"Intake.{name}" for name in ("arrived", "batch", "beyond", "_faults", "_decoder", "_describe")),
        "ParkingLot.reads_always",
        "ModelWaiter._backend",
    },
    # A turn's number is compared with the one before an await, and with no other.
    names={"number"},
    opaque={Pipe, ModelBackend, Task},
    single={Channel, Dealer, Requester, ModelSocket, Loop},
)


class ModelHome(Home):
    """A home whose sockets are models."""

    pipe: Pipe

    def open_socket(self, socket_type: int, linger: float, *, tracing: bool = False) -> ModelSocket:
        return ModelSocket(self.pipe, FD)


class ModelContext(zmqbridge.Context):
    """A context whose sockets are models."""

    def __init__(self, backend: ModelBackend) -> None:
        super().__init__(backend)
        self._home: ModelHome = ModelHome(zmq.Context, name="model")

    def forget(self) -> None:
        """What was opened is dropped as it is, and never closed."""
        self._home.links.clear()


class Ids(Iterator[bytes]):
    """A requester's ids, the same each time."""

    def __init__(self) -> None:
        self._next = 0

    def __next__(self) -> bytes:
        self._next += 1
        return b"%016d" % self._next


class Opened:
    """A connection whose turns have so many messages, and what is known of its inside."""

    def __init__(self, connection: Connection) -> None:
        self.connection: Any = connection
        self._channel = connection._channel
        self._outbox = connection._outbox

    @property
    def roots(self) -> list[object]:
        """All that the future depends on can be reached from these, the tasks and the pipe aside."""
        return [self._channel, self._outbox, getattr(self.connection, "_protocol", None)]

    def read_ahead(self) -> list[Any]:
        """Return the messages that are taken off the socket, and by nobody yet, oldest first."""
        inbox: Any = self._channel.inbox
        return [*inbox.free, *inbox._held]

    def reserved(self) -> int:
        """Return how many messages are kept for receives that were told of them."""
        return self._channel.inbox.reserved

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


RECEIVING = Channel.receive.__code__


def open_dealer(context: ModelContext, pipe: Pipe, turn: int) -> Opened:
    """Return a new dealer on a pipe."""
    context._home.pipe = pipe
    context.turn_limit = turn
    dealer: Dealer = context.dealer()
    return Opened(dealer)


def open_requester(context: ModelContext, pipe: Pipe, turn: int) -> Opened:
    """Return a new requester on a pipe."""
    context._home.pipe = pipe
    context.turn_limit = turn
    requester: Requester = context.requester()
    requester._protocol._ids = Ids()
    return Opened(requester)


def take_out_the_look(replace: Callable[[object, str, object], object]) -> None:
    """Have nobody look again after a call that may have eaten the edge.

    Args:
        replace: sets an attribute, as ``pytest.MonkeyPatch.setattr`` does.
    """
    replace(Edge, "touch", lambda edge: None)


def take_out_the_succession(replace: Callable[[object, str, object], object]) -> None:
    """Have nobody take over when the leader leaves."""
    appoint = ParkingLot._appoint

    def appoint_the_first(lot: ParkingLot, parked: Parked | None) -> None:
        appoint(lot, parked if lot._edge.leader is None else None)

    replace(ParkingLot, "_appoint", appoint_the_first)
