"""How much one turn of the loop may do on one socket.

The facts. Whoever awaits an operation that need not wait is not interrupted: without a limit, a program that receives
from a flood, or sends where there is always room, would never let its loop run.

The design. A turn allows all tasks together so many messages read and as many sent; both come back when
the loop has run. They are two, and a send that has waited for its turn is free: so a thousand tasks that are answered,
a batch a turn, may each ask again in the turn in which they run. Were there one limit, or were those who
waited to use up what the others need, each would wait one turn more, again and again. A look counts as one read though
it reads nothing, or a loop of looks would have no end.

Where the backend's rule is strict (trio), each operation is a checkpoint as well, so nothing is done at once: a turn is
*lenient* only where it is not. A pump bounds its own turns; what it reads for has no limit here.
"""

from __future__ import annotations

from sys import maxsize

__all__ = ["TURN_LIMIT", "Turn", "check_turn_limit"]

TURN_LIMIT = 256


def check_turn_limit(limit: int) -> int:
    """Return the limit if it can be one.

    Raises:
        ValueError: if a turn could not do anything.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise ValueError(f"turn_limit={limit!r} lets nothing be read or sent; it is a number of messages, 1 or more")
    return limit


class Turn:
    """What is left of one turn of the loop. It has a twin in C.

    Attributes:
        limit: messages that one turn may read, and as many that it may send.
        reads: how many it may still read; may fall below zero by what one batch holds.
        sends: how many it may still send; likewise.
        lenient: an operation that need not wait makes no checkpoint.
        number: which turn it is.
    """

    __slots__ = ("lenient", "limit", "number", "reads", "sends")

    def __init__(self, limit: int) -> None:
        self.limit: int = limit
        self.reads: int = limit
        self.sends: int = limit
        self.lenient: bool = False
        self.number: int = 0

    def begin(self) -> None:
        """The loop has run: everything may be done again."""
        self.number += 1
        self.reads = self.sends = self.limit

    def unlimit(self) -> None:
        """From now on somebody else bounds the turns."""
        self.limit = maxsize
        self.begin()
