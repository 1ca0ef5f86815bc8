"""One socket shared by many tasks: who reads for whom, and when.

This is the module that turns a :class:`~zmqbridge.socket.Socket`, which never waits, and the books of
:mod:`zmqbridge.waiting` into operations that a task can await. It knows the event loop only through
:mod:`zmqbridge.abc`.

Whoever awaits, pumps: there is no background task. Of the parked operations one leads; it waits for the descriptor
and reads for all. The rules (the numbers are those of the facts in :mod:`zmqbridge.socket`):

- The leader waits for the descriptor, to become readable, whatever is waited for (1).
- It waits only while the edge is not stale: any call may have eaten it, so after a call it looks again first (2).
- A look reads a batch. If the batch was not the end, the edge stays stale (3).
- While writers are parked, or nobody wants input, a look reads EVENTS as well, or room that came is not seen; and what
  came in between leaves the edge stale (2).
- On a socket whose POLLOUT says nothing (5) the writers try at each look. One edge may be eaten between two such tries,
  in a window of well under a microsecond; so while writers are parked on such a socket the leader also looks every
  :data:`LOOK_AGAIN` seconds, and less often the more lanes there are to try.
- No await stands between taking a message and returning it. So a cancelled operation has had no effect, and the task
  that comes next finds the message. Cancellation is handled by ``finally`` alone.
- Messages are read ahead by at most one batch, and only while somebody receives; :mod:`zmqbridge.channel.beyond` has
  the one exception. Where the backend's rule is strict, the checkpoint comes before the read.
- The descriptor is released before the socket is closed (7).

What the leader does when it waits once, :meth:`Channel._lead`:

=========  ==================  ========================================================================
the edge   reads of this turn  it
=========  ==================  ========================================================================
stale      some                looks; if the edge is stale still, lets the loop run once
stale      none                lets the loop run once
as it was                      waits for the descriptor, a wake or the deadline; a turn begins; it looks
=========  ==================  ========================================================================
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from zmqbridge.abc import Backend
from zmqbridge.channel.beyond import LOOK_AGAIN
from zmqbridge.channel.intake import Intake
from zmqbridge.channel.units import Units, units_for
from zmqbridge.decoding import Decoder
from zmqbridge.errors import ConnectionClosed, ContextTerminated, WouldBlock
from zmqbridge.presence.bell import Bell
from zmqbridge.protocols import Faults
from zmqbridge.socket import POLLIN, POLLOUT, Socket
from zmqbridge.waiting.edge import Edge
from zmqbridge.waiting.guard import Guard
from zmqbridge.waiting.inbox import NOTHING, Inbox
from zmqbridge.waiting.parking import Parked, ParkingLot
from zmqbridge.waiting.turn import Turn

__all__ = ["LOOK_AGAIN", "Channel", "DeadlinePassed"]

# Batches: somewhat more than libzmq holds for one peer by default, and no flood keeps a request from timing out.
CATCH_UP = 8

Item = TypeVar("Item")

_open_channels: WeakSet[Channel[Any]] = WeakSet()


def _close_in_child() -> None:
    """In the child of a fork: what was read ahead is the parent's, and every operation raises."""
    for channel in _open_channels:
        channel.guard.fork()
        channel.inbox.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)


class DeadlinePassed(Exception):
    """An operation's deadline passed before it had any effect."""


class Channel(Generic[Item]):
    """The operations of many tasks on one socket.

    Args:
        socket: what it all happens on.
        get_backend: returns the loop's backend; called when something is first awaited.
        decoder: turns messages into items for the callers, and answers to those who wait for one.
        faults: what peers got wrong, as the decoder counts it.
        describe: names the connection in errors.
        turn_limit: how much one turn of the loop may do.

    Attributes:
        guard: says whether the caller may touch the socket.
        turn: what is left of this turn of the loop.
        edge: whether the leader must look before it waits.
        inbox: what has been read ahead, and what of it is reserved.
        lot: the parked operations.
        units: what these books are made of.
        dropped: items that closing dropped unread.
        intake: reads from the socket.
        bell: is rung when the socket ends, for those who wait for anything but messages.
        by_turns: nothing is read ahead: only the newest message counts, or what is done about one changes the next.
    """

    def __init__(
        self,
        socket: Socket,
        get_backend: Callable[[], Backend],
        decoder: Decoder[Item, Parked],
        faults: Faults,
        describe: Callable[[], str],
        turn_limit: int,
    ) -> None:
        self.units: Units = units_for(socket)
        ownership = self.units.Ownership()
        self.socket = socket
        self.guard: Guard = Guard(ownership, describe)
        self.turn: Turn = self.units.Turn(turn_limit)
        self.edge: Edge = self.units.Edge()
        self.inbox: Inbox[Item] = self.units.Inbox(ownership)
        self.lot: ParkingLot = ParkingLot(self.edge, self.inbox)
        self.describe = describe
        self.dropped: int = 0
        self.intake: Intake[Item] = Intake(socket, decoder, faults, self.turn, self.inbox, self.lot, describe)
        self.bell: Bell = Bell()
        self.by_turns = False
        self._get_backend = get_backend
        self._backend: Backend | None = None
        self._attended = False
        _open_channels.add(self)

    @property
    def waiting(self) -> int:
        """How many operations wait; he who reads for a program that is called is none."""
        return self.lot.writers if self._attended else self.lot.parked

    def enter(self) -> Backend:
        """Check the caller, and return the loop's backend.

        Raises:
            ConnectionClosed, ContextTerminated, LocalProtocolError: as :meth:`Guard.check`.
        """
        self.guard.check()
        if self._backend is None:
            self._backend = self._get_backend()
            self.turn.lenient = not self._backend.strict_checkpoints
        return self._backend

    def enter_open(self) -> Backend | None:
        """The same; ``None`` where the connection is closed."""
        try:
            return self.enter()
        except ConnectionClosed:
            return None

    # --- receiving ---

    async def receive(self, *, checkpoint: bool) -> Item:
        """Return the oldest item that is for the caller, waiting for it.

        Args:
            checkpoint: make a checkpoint in any case where the backend's rule is strict.
        """
        backend = self.enter()
        if checkpoint and backend.strict_checkpoints:
            await self.checkpoint(backend)
            self.guard.check()
        may_read = self.turn.reads > 0
        item = self._take(may_read=may_read)
        if item is not NOTHING:
            return item
        if not may_read:
            self.edge.touch()  # a leader that wanted no input so far may have eaten the edge of what is there
        parked = self.lot.park_reader()
        try:
            while not self.inbox.is_first(parked):
                await self.wait(backend, parked, None)
                self.guard.check()
                if self.by_turns and parked.served:
                    parked.served = False
                    self.look(receiving=True)
            return self.inbox.take(parked)
        finally:
            self.lot.leave_reader(parked)

    def receive_nowait(self) -> Item:
        """Return the oldest item.

        Raises:
            WouldBlock: if there is none, or others wait for it.
        """
        self.guard.check()
        item = self._take(may_read=True)
        if item is NOTHING:
            raise WouldBlock(f"{self.describe()} has nothing to receive now; await receive() to wait for it")
        return item

    def _take(self, *, may_read: bool) -> Item:
        item = self.inbox.take_free()
        if item is NOTHING and may_read and not self.lot.has_readers:
            self.look(receiving=True)
            item = self.inbox.take_free()
        return item

    # --- waiting for something of one's own ---

    async def wait_for_answer(self, parked: Parked, deadline: float | None) -> None:
        """Wait until the decoder has said that the answer of this one has come.

        Raises:
            DeadlinePassed: if it did not come in time.
        """
        backend = self.enter()
        self.lot.park_watcher(parked)
        try:
            while not parked.served:
                if deadline is None or backend.current_time() < deadline:
                    await self.wait(backend, parked, deadline)
                    self.guard.check()
                elif not await self._catch_up(backend, parked):
                    raise DeadlinePassed
        finally:
            self.lot.leave_watcher(parked)

    async def _catch_up(self, backend: Backend, parked: Parked) -> bool:
        """Read what may have come in time and lie unread, the loop having been blocked till now.

        Returns:
            Whether what was waited for was there.
        """
        for _ in range(CATCH_UP):
            self.look()
            if parked.served or not self.edge.stale:
                break
            await self.checkpoint(backend)
            self.guard.check()
        return parked.served

    # --- waiting and looking ---

    def wait(self, backend: Backend, parked: Parked, deadline: float | None) -> Awaitable[None]:
        """Wait once, for a wake or the deadline, and the leader for the descriptor too; it looks for all.

        Whoever awaits this must then call :meth:`Guard.check`.
        """
        if parked.leads:
            return self._lead(backend, parked, deadline)
        waiter = parked.waiter = backend.create_waiter()
        return waiter.wait(None, deadline)

    async def _lead(self, backend: Backend, parked: Parked, deadline: float | None) -> None:
        if self.edge.stale:
            if self.turn.reads > 0:
                self.turn.reads -= 1
                self.look()
                if parked.served:
                    return
            if self.edge.stale:
                await self.checkpoint(backend)
                return
        patience = self.patience()
        if patience is not None:
            soon = backend.current_time() + patience
            deadline = soon if deadline is None else min(soon, deadline)
        waiter = parked.waiter = backend.create_waiter()
        await waiter.wait(self.socket.fd, deadline)
        self.turn.begin()
        self.guard.check()
        if not parked.served:
            self.look()

    def patience(self) -> float | None:
        """How many seconds the leader may wait for the descriptor before it looks again; ``None`` is for ever."""
        if self.lot.lanes and (not self.socket.tells_room or self.intake.beyond.serves):
            return LOOK_AGAIN * max(1, len(self.lot.lanes) / 10)
        return None

    def writer_parked(self) -> None:
        """A writer has parked: the leader may have had no reason so far to look for room, or to look again soon."""
        if self.intake.beyond.serves and self.lot.writers == 1:
            self.intake.beyond.begin(self._now())
        if self.edge.leader is not None and (self.edge.stale or self.patience() is not None):
            self.edge.leader.wake()

    async def checkpoint(self, backend: Backend) -> None:
        """Let the loop run once; the first of those who waited for it begins the next turn, for all of them."""
        number = self.turn.number
        await backend.checkpoint()
        if number == self.turn.number:
            self.turn.begin()

    @contextmanager
    def touching(self) -> Iterator[Socket]:
        """Check the caller, lend the socket for any call that is not a send or a receive, and look again."""
        self.guard.check()
        try:
            yield self.socket
        finally:
            self.edge.touch()

    def look(self, *, receiving: bool = False) -> None:
        """Read what is there, give it to whom it is for, and let writers try where there is room.

        Args:
            receiving: the caller wants a message though it is not parked.

        Raises:
            ContextTerminated, ConnectionClosed: if other code ended the socket; all are woken then.
        """
        edge, lot, socket = self.edge, self.lot, self.socket
        wanted = receiving or lot.wants_input
        reading = receiving or (wanted and not self.by_turns)
        edge.stale = False  # whoever touches the socket meanwhile, in a signal's handler, says so
        try:
            again = reading and not self.intake.read()
            if lot.lanes or not reading:
                events = socket.events()
                if events & POLLOUT or not socket.tells_room:
                    lot.let_writers_try()
                if events & POLLIN and wanted:
                    # What came since the batch was read has its edge gone.
                    again = reading or self._let_read()
                elif events & POLLIN and lot.lanes and self.intake.beyond.serves:
                    self.intake.read_beyond(self._now())
        except BaseException as error:
            edge.touch()
            if isinstance(error, (ContextTerminated, ConnectionClosed)):
                self.ended_by(error)
            raise
        if again:
            edge.touch()

    def _now(self) -> float:
        return 0.0 if self._backend is None else self._backend.current_time()

    def _let_read(self) -> bool:
        """Where nothing is read ahead, have a message read by whom it is for; return whether to look again."""
        if self._attended:
            return not self.intake.read()
        self.lot.let_reader_try()
        return False

    # --- the end ---

    def attend(self) -> None:
        """From now on somebody reads who is called, and bounds his own turns: sends are calls, and have no limit."""
        self._attended = True
        if self._backend is None:
            self._backend = self._get_backend()
        self.turn.lenient = True
        self.turn.unlimit()

    def unattend(self, limit: int) -> None:
        """Nobody reads who is called any more: turns have a limit again."""
        self._attended = False
        self.turn.limit = limit
        self.turn.begin()

    def ended_by(self, error: ContextTerminated | ConnectionClosed) -> None:
        """Other code terminated the context or closed the socket: nobody may wait for it any more."""
        if isinstance(error, ContextTerminated):
            self.guard.terminate()
        else:
            self.guard.close()
            self._release()
            self.socket.close()  # where it is only of no use any more
        self._wake_all()

    def close(self) -> bool:
        """Close the socket and wake whoever is parked; return whether it was open."""
        self.guard.check_thread()
        if not self.guard.close():
            return False
        _open_channels.discard(self)
        self._wake_all()
        self.dropped += self.inbox.clear()
        self._release()
        self.socket.close()
        return True

    def _wake_all(self) -> None:
        self.lot.wake_all()
        self.bell.ring()

    def _release(self) -> None:
        if self._backend is not None:
            self._backend.release(self.socket.fd)
