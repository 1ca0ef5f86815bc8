"""Who is parked on one socket, who holds its descriptor, and who is woken next.

The facts. A ZeroMQ socket has one descriptor, and on trio one task may wait for
it. Its events carry no addressee: whoever reads takes what is there for all.

The consequence. Among the operations parked on a socket exactly one, the
*leader*, holds the descriptor; it reads for everyone. When it leaves, for
whatever reason, another must take over at once, or the rest hang.

The design. Every parked operation is a :class:`Parked`, of one of four kinds:

- a *reader* waits for any one message. When messages are there, the readers that
  came first are *served*: one message each is reserved for them until they run,
  so that nobody who comes later can take it. A served reader that is cancelled
  before it runs gives its reservation to the next.
- a *watcher* waits for something of its own (a reply), and is served by name.
- an *attendant* waits for nothing of its own: it is there to lead, on behalf of a program that is
  called and awaits nothing.
- a *writer* waits for room in its *lane*: the one lane of most sockets, or one for
  each peer of a router, where one peer's queue is full while another's is not. The
  head of a lane is told to try; when it leaves, the next head is.

A message is taken, or sent, by the task that asked for it, in the step in which
it runs again, and never on its behalf: so a cancelled operation has had no effect.

The newest operation is the one promoted to leader: it will be served last, so the
descriptor changes hands as seldom as can be. To park, to serve one, to leave and to be promoted
cost the same whether ten operations are parked or ten thousand; letting the writers try costs a
step for each lane, and only closing touches everyone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Protocol

__all__ = ["Parked", "Readiness", "Wakeable"]


class Wakeable(Protocol):
    """The half of a :class:`zmqbridge.abc.Waiter` that this module needs."""

    def wake(self) -> None: ...


class Parked:
    """One parked operation.

    Attributes:
        waiter: what it waits on at the moment; ``None`` until it waits for the first time.
        leads: it holds the descriptor.
        served: what it waits for may be there: it should look when it runs.
    """

    __slots__ = ("lane", "leads", "served", "waiter")

    def __init__(self, lane: Hashable = None) -> None:
        self.waiter: Wakeable | None = None
        self.leads = False
        self.served = False
        self.lane = lane

    def wake(self) -> None:
        if self.waiter is not None:
            self.waiter.wake()


_Queue = OrderedDict[Parked, None]


class Readiness:
    """The operations parked on one socket.

    Attributes:
        leader: the operation that holds the descriptor, if any is parked.
        reserved: how many messages are reserved for readers that have not run yet.
        lanes: the writers, by lane, in the order of their coming. An empty lane does not exist.
        reads_always: messages are read while only writers are parked, too. A requester needs it: late
            replies that nobody reads fill the queues until the peer, which makes the room, is stuck in turn.
    """

    __slots__ = ("_candidates", "_readers", "_watchers", "lanes", "leader", "reads_always", "reserved")

    def __init__(self) -> None:
        self.leader: Parked | None = None
        self.reserved = 0
        self.reads_always = False
        self.lanes: dict[Hashable, _Queue] = {}
        self._readers: _Queue = OrderedDict()
        self._watchers: _Queue = OrderedDict()
        self._candidates: _Queue = OrderedDict()

    @property
    def has_readers(self) -> bool:
        """Some reader is parked and not yet served."""
        return bool(self._readers)

    @property
    def wants_input(self) -> bool:
        """Messages are to be read, because somebody is parked who needs them or in any case."""
        return self.reads_always or bool(self._readers or self._watchers)

    @property
    def watchers(self) -> int:
        """How many watchers are parked and not yet served."""
        return len(self._watchers)

    @property
    def parked(self) -> int:
        """How many operations are parked and not yet served with a message."""
        return len(self._candidates)

    def park_reader(self) -> Parked:
        """Park an operation that waits for any message."""
        parked = Parked()
        self._readers[parked] = None
        self._park(parked)
        return parked

    def park_watcher(self, parked: Parked) -> None:
        """Park an operation that waits for something of its own, to be served with :meth:`serve`."""
        self._watchers[parked] = None
        self._park(parked)

    def park_attendant(self, parked: Parked) -> None:
        """Park an operation that wants nothing but to lead; it goes as a watcher does."""
        self._park(parked)

    def park_writer(self, lane: Hashable = None) -> Parked:
        """Park an operation that waits for room in a lane."""
        parked = Parked(lane)
        self.lanes.setdefault(lane, OrderedDict())[parked] = None
        self._park(parked)
        return parked

    def _park(self, parked: Parked) -> None:
        self._candidates[parked] = None
        if self.leader is None:
            self._lead(parked)

    def _lead(self, parked: Parked | None) -> None:
        self.leader = parked
        if parked is not None:
            parked.leads = True

    def serve_readers(self, messages: int) -> None:
        """Reserve messages for the readers that came first, as far as they go, and wake these.

        Args:
            messages: how many are there, those already reserved included.
        """
        while self._readers and messages > self.reserved:
            parked, _ = self._readers.popitem(last=False)
            self.reserved += 1
            self._served(parked)

    def serve(self, parked: Parked) -> None:
        """Wake a watcher: what it waits for is there."""
        self._watchers.pop(parked, None)
        self._served(parked)

    def _served(self, parked: Parked) -> None:
        self._candidates.pop(parked, None)
        parked.served = True
        parked.wake()

    def claim(self, parked: Parked) -> None:
        """A served reader runs and takes its message: the reservation is used up."""
        parked.served = False
        self.reserved -= 1

    def let_writers_try(self) -> None:
        """Wake the head of each lane: there may be room."""
        for lane in self.lanes.values():
            self._let_try(lane)

    @staticmethod
    def _let_try(lane: _Queue) -> None:
        head = next(iter(lane))
        head.served = True
        head.wake()

    def leave_reader(self, parked: Parked, messages: int) -> None:
        """A reader goes, whether with a message or without.

        Args:
            parked: the reader.
            messages: how many messages are there, for the next reader if this one was served
                and did not claim.
        """
        self._readers.pop(parked, None)
        if parked.served:
            self.claim(parked)
            self.serve_readers(messages)
        self._leave(parked)

    def leave_watcher(self, parked: Parked) -> None:
        """A watcher goes, whether served or not."""
        self._watchers.pop(parked, None)
        self._leave(parked)

    def leave_writer(self, parked: Parked) -> None:
        """A writer goes, whether it sent or not; the next in its lane may try."""
        lane = self.lanes[parked.lane]
        del lane[parked]
        self._leave(parked)
        if not lane:
            del self.lanes[parked.lane]
        elif parked.served:
            self._let_try(lane)

    def _leave(self, parked: Parked) -> None:
        self._candidates.pop(parked, None)
        if parked.leads:
            parked.leads = False
            self._lead(next(reversed(self._candidates), None))
            if self.leader is not None:
                self.leader.wake()

    def wake_all(self) -> None:
        """Wake everyone, served readers included, to find that the connection is closed."""
        for parked in [*self._readers, *self._watchers, *self._candidates]:
            parked.wake()
