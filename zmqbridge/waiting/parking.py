"""Who is parked on one socket, who leads, and who is woken next: the parking lot.

The facts. A ZeroMQ socket has one descriptor, and on trio one task may wait for
it. Its events carry no addressee: whoever reads takes what is there for all.

The consequence. Among the operations parked on a socket exactly one, the
*leader*, waits for the descriptor; it reads for everyone. When it leaves, for
whatever reason, another must take over at once, or the rest hang.

The design. Every parked operation is a :class:`Parked`, of one of five kinds:

- a *reader* waits for any one message. When messages are there, the readers that
  came first are *granted* one each, reserved in the :class:`~zmqbridge.waiting.inbox.Inbox` until they run.
  Where nothing may be read ahead, the one that came first is *told to try* instead.
- a *watcher* waits for something of its own (a reply), and is *answered* by name.
- an *onlooker* waits until there is a message to receive, and takes none. It is *told* when one is free.
- an *attendant* waits for nothing of its own: it is there to lead, on behalf of a program that is
  called and awaits nothing.
- a *writer* waits for room in its *lane*: the one lane of most sockets, or one for
  each peer of a router, where one peer's queue is full while another's is not. The
  head of a lane is *told to try*; when it leaves, the next head is.

A parked operation is *served* once it was granted a message, answered, or told to try. The states, and what moves a
parked operation from one to the next:

============  ===========================================  ============================================================
state         what happens                                 what follows
============  ===========================================  ============================================================
parked        nobody leads                                 it **leads**: it waits for the descriptor
parked        it leads, and another parks                  nothing: who leads goes on leading
parked        a message is free (reader)                   granted, woken; it is no candidate to lead any more
parked        there may be a message (first reader)        told to try, woken; still a candidate, for it may fail
parked        its reply came (watcher)                     answered, woken; no candidate any more
parked        a message is free (onlooker)                 told, woken; still a candidate, for others may take it
parked        there may be room (head of a lane)           told to try, woken; still a candidate, for it may fail
parked        it leaves                                    gone
served        it runs (reader), and others are before it   nothing: it is woken when it is its turn
served        it runs (reader, watcher)                    it takes what is its own, and is gone; the next is woken
served        it runs (reader told to try) and reads       gone; the next reader is told to try
served        it runs (reader told to try) and fails       parked again, the first of the readers
served        it runs (onlooker), and a message is free    gone, and the message as it was
served        it runs (onlooker), and none is              parked again
served        it runs (writer) and sends                   gone; the next head of its lane is told to try
served        it runs (writer) and cannot send             parked again, at the head of its lane
served        it leaves without its message (reader)       gone; its claim ends, the next reader is granted the message
served        it leaves without having tried (writer)      gone; the next head of its lane is told to try
any           it leads and leaves                          the newest candidate leads and is woken, to look for itself
any           the connection ends                          woken, to see that
============  ===========================================  ============================================================

A message is taken, or sent, by the task that asked for it, in the step in which
it runs again, and never on its behalf: so a cancelled operation has had no effect.

The newest candidate is the one promoted to leader: it will be served last, so the
descriptor changes hands as seldom as can be. To park, to serve one, to leave and to be promoted
cost the same whether ten operations are parked or ten thousand; telling the writers to try costs a
step for each lane, and only closing touches everyone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from zmqbridge.waiting.edge import Edge, Wakeable
from zmqbridge.waiting.inbox import Inbox

__all__ = ["Parked", "ParkingLot"]


class Parked:
    """One parked operation.

    Attributes:
        waiter: what it waits on at the moment; ``None`` until it waits for the first time.
        leads: it waits for the descriptor.
        served: what it waits for may be there: it should look when it runs.
        lane: a writer's lane.
    """

    __slots__ = ("lane", "leads", "served", "waiter")

    def __init__(self, lane: Hashable = None) -> None:
        self.waiter: Wakeable | None = None
        self.leads: bool = False
        self.served: bool = False
        self.lane: Hashable = lane

    def wake(self) -> None:
        """Have it run soon."""
        if self.waiter is not None:
            self.waiter.wake()


_Queue = OrderedDict[Parked, None]


class ParkingLot:
    """The operations parked on one socket.

    Args:
        edge: is told who leads.
        inbox: holds the messages that readers are granted.

    Attributes:
        lanes: the writers, by lane, in the order of their coming. An empty lane does not exist.
        reads_always: messages are read while only writers are parked, too. A requester needs it: late
            replies that nobody reads fill the queues until the peer, which makes the room, is stuck in turn.
    """

    __slots__ = ("_candidates", "_edge", "_inbox", "_onlookers", "_readers", "_watchers", "lanes", "reads_always")

    def __init__(self, edge: Edge, inbox: Inbox[Any]) -> None:
        self._edge = edge
        self._inbox = inbox
        self.reads_always: bool = False
        self.lanes: dict[Hashable, _Queue] = {}
        self._readers: _Queue = OrderedDict()
        self._watchers: _Queue = OrderedDict()
        self._onlookers: _Queue = OrderedDict()
        self._candidates: _Queue = OrderedDict()

    @property
    def has_readers(self) -> bool:
        """Some reader is parked and not yet served."""
        return bool(self._readers)

    @property
    def wants_input(self) -> bool:
        """Messages are to be read, because somebody is parked who needs them or in any case."""
        return self.reads_always or bool(self._readers or self._watchers or self._onlookers)

    @property
    def watchers(self) -> int:
        """How many watchers are parked and not yet answered."""
        return len(self._watchers)

    @property
    def writers(self) -> int:
        """How many writers are parked."""
        return sum(map(len, self.lanes.values()))

    @property
    def parked(self) -> int:
        """How many operations are parked and not yet served with a message."""
        return len(self._candidates)

    # --- parking ---

    def park_reader(self) -> Parked:
        """Park an operation that waits for any message."""
        parked = Parked()
        self._readers[parked] = None
        self._park(parked)
        return parked

    def park_watcher(self, parked: Parked) -> None:
        """Park an operation that waits for something of its own, to be told by :meth:`answer`."""
        self._watchers[parked] = None
        self._park(parked)

    def park_onlooker(self) -> Parked:
        """Park an operation that waits until a message is free, and takes none."""
        parked = Parked()
        self._onlookers[parked] = None
        self._park(parked)
        return parked

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
        if self._edge.leader is None:
            self._appoint(parked)

    def _appoint(self, parked: Parked | None) -> None:
        self._edge.leader = parked
        if parked is not None:
            parked.leads = True

    # --- serving ---

    def grant(self) -> None:
        """Reserve what is free for the readers that came first, as far as it goes, and wake these."""
        while self._readers and self._inbox.has_free():
            parked, _ = self._readers.popitem(last=False)
            self._inbox.grant(parked)
            self._serve(parked)
        if self._onlookers and self._inbox.has_free():
            self._tell_onlookers()

    def answer(self, parked: Parked) -> None:
        """Wake a watcher: what it waits for is there."""
        self._watchers.pop(parked, None)
        self._serve(parked)

    def _serve(self, parked: Parked) -> None:
        self._candidates.pop(parked, None)
        parked.served = True
        parked.wake()

    def let_reader_try(self) -> None:
        """Tell the reader that came first to try, or else all onlookers: there may be a message, and nothing is read
        ahead for it."""
        head = next(iter(self._readers), None)
        if head is None:
            self._tell_onlookers()
        else:
            head.served = True
            head.wake()

    def _tell_onlookers(self) -> None:
        for parked in self._onlookers:
            parked.served = True
            parked.wake()

    def let_writers_try(self) -> None:
        """Tell the head of each lane to try: there may be room."""
        for lane in self.lanes.values():
            self._let_try(lane)

    @staticmethod
    def _let_try(lane: _Queue) -> None:
        head = next(iter(lane))
        head.served = True
        head.wake()

    # --- leaving ---

    def leave_reader(self, parked: Parked) -> None:
        """A reader goes; what it was granted and has not taken, or might have read, is the next one's."""
        told = parked in self._readers and parked.served
        self._readers.pop(parked, None)
        self._inbox.revoke(parked)
        self.grant()
        self._leave(parked)
        if told:
            self.let_reader_try()

    def leave_watcher(self, parked: Parked) -> None:
        """A watcher goes, whether answered or not."""
        self._watchers.pop(parked, None)
        self._leave(parked)

    def leave_onlooker(self, parked: Parked) -> None:
        """An onlooker goes."""
        self._onlookers.pop(parked, None)
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
            self._appoint(next(reversed(self._candidates), None))
            if self._edge.leader is not None:
                self._edge.leader.wake()

    def wake_all(self) -> None:
        """Wake everyone, served readers included, to find that the connection is closed, or a peer gone."""
        self._inbox.wake_all()
        for parked in [*self._readers, *self._watchers, *self._candidates]:
            parked.wake()
