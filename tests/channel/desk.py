"""An attempt on a real socket, with all that it charges, tells and touches."""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import Any

from tests.waiting.bells import Bell
from zmqbridge.channel.units import Units
from zmqbridge.errors import ZmqBridgeError
from zmqbridge.socket import Socket
from zmqbridge.waiting.parking import ParkingLot

__all__ = ["LIMIT", "Desk", "Outcome"]

LIMIT = 10

Outcome = dict[str, int]


class Desk:
    """The attempt, and what is told of it.

    Args:
        units: what the books are made of.
        socket: what it sends on.
        peer: what receives it.
        lot: another lot than one where nobody is parked.
        ended: called with what ended the socket, beside being noted.
    """

    def __init__(
        self,
        units: Units,
        socket: Socket,
        peer: Socket,
        *,
        lot: Any = None,
        ended: Callable[[ZmqBridgeError], None] = lambda _: None,
    ) -> None:
        def told(error: ZmqBridgeError) -> None:
            self.ends.append(error)
            ended(error)

        self.socket, self.peer = socket, peer
        self.ownership, self.turn, self.edge = units.Ownership(), units.Turn(LIMIT), units.Edge()
        self.ownership.owner = get_ident()
        self.turn.lenient = True
        self.leader = self.edge.leader = Bell()
        self.edge.stale = False
        self.ends: list[ZmqBridgeError] = []
        self.lot = ParkingLot(self.edge, units.Inbox(self.ownership)) if lot is None else lot
        self.attempt = units.Attempt(socket, self.ownership, self.turn, self.edge, self.lot, told)

    def outcome(self) -> Outcome:
        """Return how many sends were charged and counted, and whether the leader was told to look."""
        assert self.leader.rung == self.edge.stale
        return {"charged": LIMIT - self.turn.sends, "counted": self.attempt.sent, "looks": self.leader.rung}

    def received(self) -> list[list[bytes]]:
        """Return all that has reached the peer."""
        messages: list[list[bytes]] = self.peer.receive(1000)[0]
        return messages

    def fill(self) -> None:
        """Send until there is no more room, past the attempt."""
        while self.socket.send([b"fill"]):
            pass
        assert self.attempt.sent == 0
