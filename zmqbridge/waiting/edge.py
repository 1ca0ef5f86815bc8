"""Whether the descriptor's edge may have been eaten, and who must then look.

The facts. Any call on the socket may process libzmq's commands and so use up the edge that the leader waits for. What
they said is not said again.

The design. Whoever has touched the socket calls :meth:`Edge.touch`. It notes that the edge is *stale*: the leader must
look before it waits for the descriptor. The leader waits only while it is not, so it need be woken only where it was
not stale so far: a thousand sends in one turn of the loop cost one wake, and one look.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["Edge", "Wakeable"]


class Wakeable(Protocol):
    """What can be woken: the leader, or the waiter that it waits on."""

    def wake(self) -> None: ...


class Edge:
    """What stands between a call on the socket and the leader's wait. It has a twin in C.

    Attributes:
        stale: some call may have eaten the edge since the last look that found nothing more.
        leader: who waits for the descriptor; ``None`` for nobody.
    """

    __slots__ = ("leader", "stale")

    def __init__(self) -> None:
        self.stale: bool = True
        self.leader: Wakeable | None = None

    def touch(self) -> None:
        """The socket was touched: the leader looks again before it waits."""
        if not self.stale:
            self.stale = True
            if self.leader is not None:
                self.leader.wake()
