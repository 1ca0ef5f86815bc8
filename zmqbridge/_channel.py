"""One socket shared by many tasks: who waits, who reads for whom, and when.

This is the module that turns :class:`~zmqbridge._socket.Socket`, which never waits, and
:class:`~zmqbridge.readiness.Readiness`, which only keeps the books, into operations
that a task can await. It knows the event loop only through :mod:`zmqbridge.abc`.

Whoever awaits, pumps: there is no background task. Of the parked operations one leads;
it holds the descriptor and reads for all. These are the rules, and where they live:

- The leader waits for the descriptor only when all that earlier calls said has been acted
  on (:attr:`Channel._stale` is false). Any call that touches the socket may have eaten
  the edge that the leader waits for, so after it the leader is woken to look again
  (:meth:`Channel._touched`); a wake is idempotent, so a thousand sends in one turn of the
  loop cost one look.
- A failed send makes its own look (rule 4 of the socket), so it wakes the leader only if
  there is something to receive. Were it to wake it in any case, a full peer of a router
  would be tried, and fail, in a circle without end.
- On a socket whose POLLOUT says nothing (rule 5) the writers try at each edge. One edge
  may be eaten between two such tries, in a window of well under a microsecond; so while
  writers are parked on such a socket the leader also looks every :data:`LOOK_AGAIN` seconds, and
  less often the more lanes there are to try.
- No await stands between taking a message and returning it, nor between sending one
  and returning. So a cancelled operation has had no effect, and the task that comes next
  finds the message. Cancellation is handled by ``finally`` alone.
- Messages are read ahead by at most one batch, and only while somebody receives. A batch
  is :data:`BATCH` messages, or fewer where the receive high-water mark is lower.
- Between two batches the loop runs. A turn of it allows all tasks together a batch's worth of messages read
  (:attr:`Channel._reads_left`) and as many sends (:attr:`Channel._sends_left`); both come back when the loop has run.
  They are two, and a send that has waited for its turn is free, so that a thousand tasks that are answered, a batch a
  turn, may each ask again in the turn in which they run: were there one, or were those who waited to use up what the
  others need, each would wait one turn more, again and again. Where the backend's rule is strict (trio), each
  operation is a checkpoint as well. A channel that a pump reads has no such limit: the pump bounds its own turns.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from sys import maxsize
from threading import get_ident
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from zmqbridge._socket import NOBLOCK, POLLIN, POLLOUT, Refused, Socket
from zmqbridge.abc import Backend
from zmqbridge.errors import ConnectionClosed, ContextTerminated, LocalProtocolError, WouldBlock, ZmqBridgeError
from zmqbridge.framing import Message, frames_of
from zmqbridge.protocols import ConnectionState, Faults, State
from zmqbridge.readiness import Parked, Readiness

__all__ = ["BATCH", "Channel", "DeadlinePassed"]

logger = logging.getLogger("zmqbridge")

BATCH = 256
LOOK_AGAIN = 0.05

# Batches: somewhat more than libzmq holds for one peer by default, and no flood keeps a request from timing out.
CATCH_UP = 8

Item = TypeVar("Item")
Frames = list[bytes]


_open_channels: WeakSet[Channel[Any]] = WeakSet()


def _close_in_child() -> None:
    """In the child of a fork: what was read ahead is the parent's, and every operation raises."""
    for channel in _open_channels:
        channel.state.fork()
        channel.settle()
        channel.buffer.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)


class DeadlinePassed(Exception):
    """An operation's deadline passed before it had any effect."""


class Channel(Generic[Item]):
    """The operations of many tasks on one socket.

    Attributes:
        socket: what it all happens on.
        readiness: the parked operations.
        faults: what peers got wrong.
        state: whether the connection is open.
        buffer: what has been read ahead: items for the caller, oldest first.
        sent: messages that libzmq took.
        accepted: messages received that made sense, without those dropped unread by closing.
        batch: how many messages are read ahead at most.
    """

    def __init__(
        self,
        socket: Socket,
        get_backend: Callable[[], Backend],
        accept: Callable[[list[Frames]], Iterable[Item]],
        faults: Faults,
        describe: Callable[[], str],
    ) -> None:
        self.socket = socket
        self.readiness = Readiness()
        self.state = ConnectionState()
        self.faults = faults
        self.buffer: deque[Item] = deque()
        self.sent = 0
        self.accepted = 0
        self.batch = BATCH
        self._get_backend = get_backend
        self._accept = accept
        self._describe = describe
        self._backend: Backend | None = None
        self._thread: int | None = None
        self._reads_left = self._sends_left = BATCH
        self._turn = 0
        self._stale = True
        # The thread that needs no look at the state, and no checkpoint where nothing is waited for; or None.
        self._unchecked: int | None = None
        self._lanes = self.readiness.lanes
        _open_channels.add(self)

    # --- misuse ---

    def check_caller(self) -> None:
        """Return if the caller may touch the socket now.

        Raises:
            ConnectionClosed, ContextTerminated: if it is too late.
            LocalProtocolError: from another thread than the first caller's, or in a forked child.
        """
        if self.state.state is not State.OPEN:
            self.state.check()
        if self._thread != get_ident():
            self.check_thread()

    def check_thread(self) -> None:
        """Return if the channel belongs to the calling thread, or to none so far, and then to this one.

        Raises:
            LocalProtocolError: if it belongs to another.
        """
        if self._thread != get_ident():
            if self._thread is not None:
                raise LocalProtocolError(
                    f"{self._describe()} belongs to another thread (ident {self._thread}); a ZeroMQ socket is used "
                    "from one thread: hand the work to the loop that runs there"
                )
            self._thread = get_ident()
            self.settle()

    def own(self) -> None:
        """From now on the channel belongs to the calling thread, which is its loop's."""
        thread = get_ident()
        if self._thread != thread:
            self._thread = thread
            self.settle()

    def inherit(self) -> bool:
        """Take over the channel of a thread that has ended; return whether it is the calling thread's now."""
        if self._thread not in {thread.ident for thread in threading.enumerate()}:
            self.own()
        return self._thread == get_ident()

    def attend(self) -> None:
        """From now on somebody reads who is called, and bounds his own turns: sends are calls, and have no limit."""
        if self._backend is None:
            self._backend = self._get_backend()
        self._reads_left = self._sends_left = maxsize
        self.settle()

    def settle(self) -> None:
        """Note what need not be asked for each message: call it when the state or the thread has changed."""
        lenient = self._backend is not None and not self._backend.strict_checkpoints
        self._unchecked = self._thread if lenient and self.state.state is State.OPEN else None

    def _enter(self) -> Backend:
        if self._unchecked != get_ident():
            self.check_caller()
        if self._backend is None:
            self._backend = self._get_backend()
            self.settle()
        return self._backend

    # --- receiving ---

    async def wait_for_item(self, *, checkpoint: bool) -> None:
        """Return when an item is there that the caller may take with :meth:`take`, at once.

        Args:
            checkpoint: make a checkpoint in any case where the backend's rule is strict.
        """
        # What follows, where that is only to return: without its calls.
        if self._unchecked == get_ident() and len(self.buffer) > self.readiness.reserved:
            return
        backend = self._enter()
        if self._has_item(may_read=self._reads_left > 0):
            if not (checkpoint and backend.strict_checkpoints):
                return
            await self._checkpoint(backend)
            self.check_caller()
            if self._has_item(may_read=self._reads_left > 0):
                return
        parked = self.readiness.park_reader()
        taking = 0
        try:
            while not parked.served:
                await self._park(backend, parked, None)
            taking = 1
        finally:
            self.readiness.leave_reader(parked, len(self.buffer) - taking)

    def take(self) -> Item:
        """Return the oldest item; call it only when one is known to be free."""
        return self.buffer.popleft()

    def take_many(self, limit: int) -> list[Item]:
        """Return the oldest items, ``limit`` of them at most; call it as :meth:`take`."""
        free = self.free_items()
        if free == len(self.buffer) <= limit:
            items = list(self.buffer)
            self.buffer.clear()
            return items
        return [self.buffer.popleft() for _ in range(min(free, limit))]

    def free_items(self) -> int:
        """How many items are read ahead and reserved for nobody."""
        return len(self.buffer) - self.readiness.reserved

    def _has_item(self, *, may_read: bool = True) -> bool:
        if self.free_items() > 0:
            return True
        if not may_read or self.readiness.has_readers:
            return False
        self.serve(receiving=True)
        return self.free_items() > 0

    def receive_nowait(self) -> Item:
        """Return the oldest item.

        Raises:
            WouldBlock: if there is none, or others wait for it.
        """
        self.check_caller()
        if self._has_item():
            return self.take()
        raise WouldBlock(f"{self._describe()} has nothing to receive now; await receive() to wait for it")

    # --- sending ---

    def send_at_once(self, message: Message) -> bool:
        """Send a message in the one lane of most sockets if :meth:`send` would neither wait nor make a checkpoint.

        Returns:
            Whether it was sent.
        """
        if self._sends_left <= 0 or self._unchecked != get_ident() or self._lanes:
            return False
        socket = self.socket
        if type(message) is not bytes or len(message) >= socket.shared_from:
            return self._try_send(frames_of(message), once=True)
        # What _try_send() does, without its calls; send() will say why it was refused.
        try:
            socket.send_frame(message, NOBLOCK)
        except Refused:
            return False
        self._sends_left -= 1
        self.sent += 1
        self._stale = True
        leader = self.readiness.leader
        if leader is not None:
            leader.wake()
        return True

    def send_frames_at_once(self, frames: Sequence[bytes], lane: Hashable = None) -> bool:
        """Send a message as :meth:`send_at_once` does, its frames bytes already, in any lane.

        Raises:
            PeerUnreachable: if a router has no such peer.
        """
        if self._sends_left <= 0 or self._unchecked != get_ident() or lane in self._lanes:
            return False
        return self._try_send(frames, once=True)

    async def send(self, frames: Sequence[bytes], lane: Hashable = None, deadline: float | None = None) -> None:
        """Send a message when there is room, behind all that wait for room in the same lane.

        Raises:
            DeadlinePassed: if there was no room in time; then nothing was sent.
            PeerUnreachable: if a router has no such peer.
        """
        backend = self._enter()
        if self._sends_left <= 0 or backend.strict_checkpoints:
            await self._checkpoint(backend)
            self.check_caller()
            self._sends_left += 1
        if lane not in self.readiness.lanes and self._try_send(frames):
            return
        await self.send_in_turn(frames, lane, deadline)

    async def send_in_turn(self, frames: Sequence[bytes], lane: Hashable = None, deadline: float | None = None) -> None:
        """Park at once, and send when there is room: for what :meth:`send_nowait` refused.

        Raises:
            DeadlinePassed, PeerUnreachable: as :meth:`send`.
        """
        backend = self._enter()
        parked = self.readiness.park_writer(lane)
        if not self.socket.tells_room:
            self._wake_leader()  # it did not look again by itself so far
        try:
            while True:
                if deadline is not None and backend.current_time() >= deadline:
                    raise DeadlinePassed
                if parked.served:
                    if self._try_send(frames):
                        return
                    parked.served = False
                await self._park(backend, parked, deadline)
        finally:
            self.readiness.leave_writer(parked)

    async def send_many(self, messages: Iterable[Message]) -> None:
        """Send messages one after another, as :meth:`send` does, with less work for each."""
        backend = self._enter()
        if backend.strict_checkpoints:
            await self._checkpoint(backend)
            self.check_caller()
        if isinstance(messages, (list, tuple)):
            await self._send_list(list(messages))
            return
        lanes = self.readiness.lanes
        for message in messages:
            frames = frames_of(message)
            if self._sends_left <= 0 or lanes or not self._try_send(frames):
                await self.send(frames)
                self.check_caller()

    async def _send_list(self, messages: list[Message]) -> None:
        start = 0
        while start < len(messages):
            if self._sends_left > 0 and not self.readiness.lanes:
                start += self._send_batch(messages, start, self._sends_left)
                if start == len(messages):
                    return
            await self.send(frames_of(messages[start]))
            self.check_caller()
            start += 1

    def _send_batch(self, messages: list[Message], start: int, limit: int) -> int:
        """Send what there is room for; return how many."""
        try:
            sent = self.socket.send_batch(messages, start, limit)
        except (ContextTerminated, ConnectionClosed) as error:
            self._ended_by(error)
            raise
        self._sends_left -= sent
        self.sent += sent
        self.touched()
        return sent

    def send_many_nowait(self, messages: list[Message]) -> None:
        """Send messages now, as :meth:`send_nowait` does.

        Raises:
            WouldBlock: if there is no room, or others wait for it; those before that were sent.
        """
        start = 0
        while start < len(messages):
            self.check_caller()
            if not self.readiness.lanes:
                start += self._send_batch(messages, start, BATCH)
            if start < len(messages):
                self.send_nowait(frames_of(messages[start]))
                start += 1

    def send_nowait(self, frames: Sequence[bytes], lane: Hashable = None) -> None:
        """Send a message now.

        Raises:
            WouldBlock: if there is no room, or others wait for it in the same lane.
            PeerUnreachable: if a router has no such peer.
        """
        self.check_caller()
        if lane in self.readiness.lanes or not self._try_send(frames):
            raise WouldBlock(
                f"{self._describe()} is at its high-water mark, or has no peer; await send() to wait for room"
            )

    def _try_send(self, frames: Sequence[bytes], *, once: bool = False) -> bool:
        try:
            sent = self.socket.try_once(frames) if once else self.socket.send(frames)
        except (ContextTerminated, ConnectionClosed) as error:
            self._ended_by(error)
            raise
        except ZmqBridgeError:
            self.touched()
            raise
        self._sends_left -= 1
        if sent:
            self.sent += 1
            self.touched()
        elif self.socket.input_pending and self.readiness.wants_input:
            self.touched()
        return sent

    # --- waiting for something of one's own ---

    async def wait_until_served(self, parked: Parked, deadline: float | None) -> None:
        """Wait for what :meth:`Readiness.serve` says has come.

        Raises:
            DeadlinePassed: if it did not come in time.
        """
        backend = self._enter()
        self.readiness.park_watcher(parked)
        try:
            while not parked.served:
                if deadline is not None and backend.current_time() >= deadline:
                    if not await self._catch_up(backend, parked):
                        raise DeadlinePassed
                elif parked.leads:
                    await self._park(backend, parked, deadline)
                else:
                    # What _park() does for all but the leader, without its coroutine.
                    waiter = parked.waiter = backend.create_waiter()
                    await waiter.wait(None, deadline)
                    if self._unchecked != get_ident():
                        self.check_caller()
        finally:
            self.readiness.leave_watcher(parked)

    async def _catch_up(self, backend: Backend, parked: Parked) -> bool:
        """Read what may have come in time and lie unread, the loop having been blocked till now.

        Returns:
            Whether what was waited for was there.
        """
        for _ in range(CATCH_UP):
            self.serve()
            if parked.served or not self._stale:
                break
            await self._checkpoint(backend)
            self.check_caller()
        return parked.served

    # --- parking and pumping ---

    async def _park(self, backend: Backend, parked: Parked, deadline: float | None) -> None:
        """Wait once: for a wake, the descriptor, or the deadline; the leader reads for all."""
        leads = parked.leads
        if leads and self._stale:
            if self._reads_left > 0:
                self._reads_left -= 1  # a look costs something though it reads nothing
                self.serve()
                if parked.served:
                    return
            if self._stale:
                await self._checkpoint(backend)
                self.check_caller()
                return
        patience = self.patience() if leads else None
        if patience is not None:
            soon = backend.current_time() + patience
            deadline = soon if deadline is None else min(soon, deadline)
        waiter = parked.waiter = backend.create_waiter()
        await waiter.wait(self.socket.fd if leads else None, deadline)
        if leads:
            self._reads_left = self._sends_left = BATCH
        self.check_caller()
        if leads and not parked.served:
            self.serve()

    def patience(self) -> float | None:
        """How many seconds the leader may wait for the descriptor before it looks again; ``None`` is for ever."""
        if self.readiness.lanes and not self.socket.tells_room:
            return LOOK_AGAIN * max(1, len(self.readiness.lanes) / 10)
        return None

    async def _checkpoint(self, backend: Backend) -> None:
        turn = self._turn
        await backend.checkpoint()
        if turn == self._turn:
            # The first of those that waited for this turn: the batch is for all of them together.
            self._turn += 1
            self._reads_left = self._sends_left = BATCH

    @contextmanager
    def touching(self) -> Iterator[Socket]:
        """Check the caller, lend the socket for any call that is not a send or a receive, and look again."""
        self.check_caller()
        try:
            yield self.socket
        finally:
            self.touched()

    def touched(self) -> None:
        """The socket was touched: whoever waits for its descriptor must look again."""
        self._stale = True
        self._wake_leader()

    def _wake_leader(self) -> None:
        leader = self.readiness.leader
        if leader is not None:
            leader.wake()

    def serve(self, *, receiving: bool = False) -> None:
        """Read what is there, give it to whom it is for, and let writers try where there is room.

        Args:
            receiving: the caller wants a message though it is not parked.

        Raises:
            ContextTerminated, ConnectionClosed: if other code ended the socket; all are woken then.
        """
        readiness = self.readiness
        reading = receiving or readiness.wants_input
        stale = False
        try:
            if reading:
                stale = not self._read()
            if readiness.lanes or not reading:
                events = self.socket.events()
                if events & POLLOUT or not self.socket.tells_room:
                    readiness.let_writers_try()
                if events & POLLIN and reading:
                    stale = True  # it came since the batch was read, and its edge is gone
        except (ContextTerminated, ConnectionClosed) as error:
            self._ended_by(error)
            raise
        self._stale = stale
        if stale:
            self._wake_leader()

    def _read(self) -> bool:
        """Read a batch; return whether nothing was left behind."""
        room = self.batch - len(self.buffer)
        if room <= 0:
            return False
        messages, drained = self.socket.drain(room)
        if messages:
            self._reads_left -= len(messages)
            malformed = self.faults.malformed
            self.buffer.extend(self._accept(messages))
            malformed = self.faults.malformed - malformed
            self.accepted += len(messages) - malformed
            if malformed:
                self._report_faults()
            self.readiness.serve_readers(len(self.buffer))
        return drained

    def _report_faults(self) -> None:
        count = self.faults.untold(time.monotonic())
        if count:
            logger.warning(
                "%s dropped %d malformed message(s); the latest: %s",
                self._describe(),
                count,
                self.faults.latest,
            )

    # --- the end ---

    def _ended_by(self, error: ContextTerminated | ConnectionClosed) -> None:
        """Other code terminated the context or closed the socket: nobody may wait for it any more."""
        if isinstance(error, ContextTerminated):
            self.state.terminate()
        else:
            self.state.close()
            self._release()
        self.settle()
        self.readiness.wake_all()

    def close(self) -> bool:
        """Close the socket and wake whoever is parked; return whether it was open."""
        self.check_thread()
        if not self.state.close():
            return False
        self.settle()
        _open_channels.discard(self)
        self.accepted -= len(self.buffer)
        self.buffer.clear()
        self.readiness.wake_all()
        self._release()
        self.socket.close()
        return True

    def _release(self) -> None:
        if self._backend is not None:
            self._backend.release(self.socket.fd)
