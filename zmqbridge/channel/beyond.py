"""Reading beyond a batch while sends wait, so that the end of a peer is seen.

The facts. A ROUTER, a STREAM or a PAIR refuses a message to a peer whose queue is full, and goes on to do so when the
peer is gone: libzmq forgets a peer only when the last message that came from it was read (``pipe.cpp``: the end of
a pipe lies behind its messages). Nothing makes the descriptor readable then.

The consequence. A program of one task that answers each message reads no more than a batch ahead, and awaits the send
to a peer that is gone, whose last messages it would have to read first: for ever.

The design. While only sends wait on such a socket, and one has waited for :data:`LOOK_AGAIN`
seconds, each look after so many seconds reads one batch more. What libzmq holds from one peer is bounded by the receive
high-water mark (over inproc, by the sender's as well), and it reads from all of them by turns. So once as many messages
as two marks for each peer seen are there, whoever is gone was seen to be, and no more is read: memory is bounded by
twice what libzmq itself may hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from sys import maxsize
from typing import Any

from zmqbridge.socket import Socket

__all__ = ["LOOK_AGAIN", "Beyond"]

LOOK_AGAIN = 0.05


class Beyond:
    """How much may be read beyond a batch.

    Args:
        socket: what is read from.

    Attributes:
        serves: whether the type of the socket needs it.
        mark: messages that libzmq holds from one peer at most; 0 is no limit.
    """

    def __init__(self, socket: Socket) -> None:
        self.serves: bool = socket.hides_ends
        self.mark = 0
        self._due = 0.0
        self._names_peers = socket.type_name in ("ROUTER", "STREAM")
        self._peers: set[Any] = set()

    def begin(self, now: float) -> None:
        """The first send has begun to wait, at this time of the loop."""
        self._due = now + LOOK_AGAIN

    def is_due(self, now: float) -> bool:
        """Whether it is time to read once more; if so, the next time is noted."""
        if now < self._due:
            return False
        self._due = now + LOOK_AGAIN
        return True

    def room(self, buffered: int, batch: int) -> int:
        """Return how many messages may be read now.

        Args:
            buffered: how many were read ahead.
            batch: how many are read ahead where no send waits.
        """
        if buffered <= batch:
            self._peers.clear()
        most = batch + 2 * self.mark * max(1, len(self._peers)) if self.mark else maxsize
        return max(0, min(batch, most - buffered))

    def note(self, messages: Sequence[Any]) -> None:
        """Note whose messages were read."""
        if self._names_peers:
            self._peers.update(bytes(message[0]) for message in messages)
