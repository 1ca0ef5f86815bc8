"""The life of a connection, and what peers got wrong in the course of it. Pure.

A connection's life is short to tell. It begins *open*. It ends once, and stays
so: *closed* by this program, *terminated* under it with the ZeroMQ context, or *forked*, in the
child of a fork, where no ZeroMQ socket works. In these every operation raises, each with its own
error.
"""

from __future__ import annotations

from enum import Enum

from zmqbridge.bursts import Burst
from zmqbridge.errors import ConnectionClosed, ContextTerminated, LocalProtocolError, RemoteProtocolError
from zmqbridge.framing import NO_MEMORY

__all__ = ["ConnectionState", "Faults", "State"]


class State(Enum):
    """Where a connection is in its life."""

    OPEN = "open"
    CLOSED = "closed"
    TERMINATED = "terminated"
    FORKED = "forked"


class ConnectionState:
    """A connection's life: open, then closed, terminated or forked for good."""

    __slots__ = ("_reason", "state")

    def __init__(self) -> None:
        self.state: State = State.OPEN
        self._reason = ""

    def close(self, reason: str = "the connection is closed; open another one from its context") -> bool:
        """This program closes the connection; return whether it was open or terminated till now.

        Args:
            reason: what every operation says from now on.

        Raises:
            LocalProtocolError: in the child of a fork.
        """
        if self.state is State.FORKED:
            self.check()
        if self.state is State.CLOSED:
            return False
        self.state = State.CLOSED
        self._reason = reason
        return True

    def terminate(self) -> None:
        """The context was terminated under an open connection."""
        if self.state is State.OPEN:
            self.state = State.TERMINATED

    def fork(self) -> None:
        """This process is the child of a fork, and the connection its parent's."""
        self.state = State.FORKED

    def check(self) -> None:
        """Return if the connection is open.

        Raises:
            ConnectionClosed: if it was closed.
            ContextTerminated: if its context was terminated.
            LocalProtocolError: if it was opened before the process forked.
        """
        if self.state is State.OPEN:
            return
        if self.state is State.CLOSED:
            raise ConnectionClosed(self._reason)
        if self.state is State.FORKED:
            raise LocalProtocolError(
                "the connection was opened before the process forked; ZeroMQ sockets do not survive a fork: "
                "open a new Context in the child"
            )
        raise ContextTerminated("the ZeroMQ context was terminated while the connection was open; close the connection")


class Faults(Burst):
    """What peers got wrong on one connection, counted, and told once in a while.

    Attributes:
        latest: what was wrong with the latest of them. The words alone: an exception would
            keep the frames of its message alive.
    """

    __slots__ = ("latest",)

    def __init__(self) -> None:
        super().__init__()
        self.latest: str = ""

    @property
    def malformed(self) -> int:
        """Messages dropped because their frames made no sense, were too many, or found no memory."""
        return self.total

    def count(self, error: RemoteProtocolError | MemoryError) -> None:
        """Count a message that made no sense, or found no memory."""
        self.total: int = self.total + 1
        self.latest = NO_MEMORY if isinstance(error, MemoryError) else str(error)
