"""Who may touch a socket: the thread that it belongs to, while it is open, and no forked child.

The facts. A ZeroMQ socket is used from one thread. It is closed by this program, or ended under it with its
context; and in the child of a fork no socket of the parent works.

The consequence. Every call on a connection asks first. It is asked for each message, so it must cost next to nothing.

The design. The answer is one number, :attr:`Ownership.owner`: the thread that may touch the socket now, or 0 for
none. Whoever asks compares it with ``get_ident()``. :class:`Guard` alone changes it, in the same step as what it
follows from, so it is never out of date:

==========  ===========================  ===================  ==============================================
state       the thread                   ``owner``            who calls
==========  ===========================  ===================  ==============================================
open        none so far                  0                    :meth:`Guard.check` makes it the caller's
open        its loop's                   that thread          passes from that thread, raises from any other
open        that used it first           that thread          likewise
open        that made it for a loop      that thread          likewise, and the loop's thread may take it over
            that was still to run
closed      as it was                    0                    raises ``ConnectionClosed``
terminated  as it was                    0                    raises ``ContextTerminated``
forked      as it was                    0                    raises ``LocalProtocolError``
==========  ===========================  ===================  ==============================================
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from threading import get_ident

from zmqbridge.errors import LocalProtocolError
from zmqbridge.protocols import ConnectionState, State

__all__ = ["Guard", "Ownership"]


class Ownership:
    """Which thread may touch the socket now. It has a twin in C.

    Attributes:
        owner: the thread's ident; 0 for none.
    """

    __slots__ = ("owner",)

    def __init__(self) -> None:
        self.owner: int = 0


class Guard:
    """The life of a connection and the thread that it belongs to.

    Args:
        ownership: what tells others the answer.
        describe: names the connection in errors.
    """

    def __init__(self, ownership: Ownership, describe: Callable[[], str]) -> None:
        self.ownership = ownership
        self._life = ConnectionState()
        self._thread = 0
        self._describe = describe
        self._runs_here: Callable[[], bool | None] | None = None

    @property
    def state(self) -> State:
        """Where the connection is in its life."""
        return self._life.state

    @property
    def open(self) -> bool:
        """Whether it can still be used."""
        return self._life.state is State.OPEN

    def settle(self, runs_here: Callable[[], bool | None]) -> None:
        """The connection is made in the calling thread, which it belongs to if the loop runs there.

        Args:
            runs_here: whether the loop runs in the calling thread; ``None`` if it is still to run, and may be here.
        """
        runs = runs_here()
        if runs is None:
            self._runs_here = runs_here
        if runs is not False:
            self.adopt()

    def check(self) -> None:
        """Return if the caller may touch the socket now.

        Raises:
            ConnectionClosed, ContextTerminated: if it is too late.
            LocalProtocolError: from another thread than the first caller's, or in a forked child.
        """
        if self.ownership.owner != get_ident():
            self._life.check()
            self.check_thread()

    def check_open(self) -> None:
        """Return if the connection is open, whichever thread asks.

        Raises:
            ConnectionClosed, ContextTerminated, LocalProtocolError: as :meth:`check`.
        """
        self._life.check()

    def check_thread(self) -> None:
        """Return if the connection belongs to the calling thread, or to none so far, and then to this one.

        Raises:
            LocalProtocolError: if it belongs to another.
        """
        if self._thread not in (0, get_ident()) and not (self._runs_here and self._runs_here()):
            raise LocalProtocolError(
                f"{self._describe()} belongs to another thread (ident {self._thread}); a ZeroMQ socket is used "
                "from one thread: hand the work to the loop that runs there"
            )
        self.adopt()

    def adopt(self) -> None:
        """From now on the connection belongs to the calling thread."""
        self._thread = get_ident()
        self._tell()

    def inherit(self) -> bool:
        """Take over what belongs to a thread that has ended; return whether it is the calling thread's now."""
        if self._thread not in {thread.ident for thread in threading.enumerate()}:
            self.adopt()
        return self._thread == get_ident()

    def close(self, *reason: str) -> bool:
        """This program, or other code in it, closes the connection; return whether it was not closed so far.

        Args:
            reason: what every operation says from now on, where it is not the usual.

        Raises:
            LocalProtocolError: in the child of a fork.
        """
        was_open = self._life.close(*reason)
        self._tell()
        return was_open

    def terminate(self) -> None:
        """The context was terminated under the connection."""
        self._life.terminate()
        self._tell()

    def fork(self) -> None:
        """This process is the child of a fork, and the connection its parent's."""
        self._life.fork()
        self._tell()

    def _tell(self) -> None:
        self.ownership.owner = self._thread if self.open else 0
