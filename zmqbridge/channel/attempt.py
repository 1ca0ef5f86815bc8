"""The one function that attempts a send: it always accounts for it, and it always looks.

The facts (their numbers are those of :mod:`zmqbridge.socket`). A send may process libzmq's commands, whether it is
accepted, refused or fails, and so eat the edge that the leader waits for (2). Each send, accepted or not, takes time of
its turn.

The consequence. Whoever calls libzmq to send must do three things afterwards, whatever came of it: charge the turn,
count what was sent, and have the leader look again. One copy of that which forgets one of them is a hang.

The design. :meth:`Attempt.send` is the only place that calls :meth:`~zmqbridge.socket.Socket.send`; all else
wraps it. A send that was accepted, or raised, touches the edge. A send that was refused has read EVENTS itself (5), so
the leader need look only if there is something to receive and somebody who wants it: were it woken in any case, a
router's full peer would be tried, and fail, in a circle without end.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from threading import get_ident

from zmqbridge.errors import ConnectionClosed, ContextTerminated
from zmqbridge.framing import Message, frames_of
from zmqbridge.socket import Socket
from zmqbridge.waiting.edge import Edge
from zmqbridge.waiting.guard import Ownership
from zmqbridge.waiting.parking import ParkingLot
from zmqbridge.waiting.turn import Turn

__all__ = ["Attempt"]


class Attempt:
    """Attempts sends on one socket. It has a twin in C.

    Args:
        socket: what it sends on.
        ownership: whose thread may.
        turn: is charged.
        edge: is touched.
        lot: knows who waits for room, and whether messages are wanted.
        ended: called with the error if other code ended the socket.

    Attributes:
        sent: messages that libzmq took.
    """

    __slots__ = ("_edge", "_ended", "_lanes", "_lot", "_ownership", "_socket", "_turn", "sent")

    def __init__(
        self,
        socket: Socket,
        ownership: Ownership,
        turn: Turn,
        edge: Edge,
        lot: ParkingLot,
        ended: Callable[[ContextTerminated | ConnectionClosed], None],
    ) -> None:
        self.sent: int = 0
        self._socket = socket
        self._ownership = ownership
        self._turn = turn
        self._edge = edge
        self._lot = lot
        self._lanes = lot.lanes
        self._ended = ended

    def send(self, frames: Sequence[bytes]) -> bool:
        """Send a message whole, if there is room; return whether it was sent.

        Raises:
            PeerUnreachable: if a router has no such peer.
        """
        look = True
        try:
            sent = self._socket.send(frames)
            if sent:
                self.sent += 1
            else:
                look = self._socket.input_pending and self._lot.wants_input
        except (ContextTerminated, ConnectionClosed) as error:
            self._ended(error)
            raise
        finally:
            self._turn.sends -= 1
            if look and not self._edge.stale:
                self._edge.touch()
        return sent

    def at_once(self, message: Message, lane: Hashable = None) -> bool:
        """Send a message where nothing is to be asked or waited for first; return whether it was sent.

        That is: on the socket's own thread, in a lenient turn with sends left, and nobody waits in the lane.

        Args:
            message: as a caller gave it.
            lane: behind whom it must not go ahead.

        Raises:
            PeerUnreachable: if a router has no such peer.
            TypeError, LocalProtocolError: if it is no message.
        """
        turn = self._turn
        if turn.sends <= 0 or not turn.lenient or lane in self._lanes or self._ownership.owner != get_ident():
            return False
        return self.send((message,) if type(message) is bytes else frames_of(message))

    def many(self, messages: list[Message], start: int, limit: int) -> int:
        """Send messages from an index on, up to the first that is refused.

        Args:
            messages: as a caller gave them.
            start: the index of the first.
            limit: how many at most.

        Returns:
            How many were sent.

        Raises:
            TypeError, LocalProtocolError: if one of them is no message; those before it were sent.
        """
        for index in range(start, min(start + limit, len(messages))):
            if not self.send(frames_of(messages[index])):
                return index - start
        return min(limit, len(messages) - start)
