"""The books of who is parked, in Python and in C, under any order of events."""

from __future__ import annotations

from threading import get_ident

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.size import of_whole
from tests.waiting.bells import Bell, waiting
from zmqbridge.channel.units import Units
from zmqbridge.waiting.inbox import NOTHING
from zmqbridge.waiting.parking import Parked, ParkingLot


class Books(RuleBasedStateMachine):
    """Readers, watchers and writers come, are served, run and leave in any order; messages come at any time.

    Messages are numbers, in the order in which they came, and readers are numbered in the order of their calls.
    """

    def __init__(self, units: Units) -> None:
        super().__init__()
        ownership = units.Ownership()
        ownership.owner = get_ident()
        self.edge, self.inbox = units.Edge(), units.Inbox(ownership)
        self.lot = ParkingLot(self.edge, self.inbox)
        self.arrived = 0
        self.handed_over = 0
        self.calls = 0
        self.latest_served = 0
        self.readers: dict[Parked, int] = {}
        self.watchers: list[Parked] = []
        self.writers: list[Parked] = []
        self.bells: dict[Parked, Bell] = {}

    def took(self, item: int, call: int | None = None) -> None:
        """A call has its message: the oldest that was there; of those that waited no later call had one before."""
        assert item == self.handed_over
        self.handed_over += 1
        if call is None:
            return
        assert call > self.latest_served
        self.latest_served = call

    def parks(self, parked: Parked) -> None:
        self.bells[parked] = waiting(parked)

    @rule()
    def receive(self) -> None:
        self.calls += 1
        item = self.inbox.take_free()
        if item is not NOTHING:
            self.took(item)
        else:
            parked = self.lot.park_reader()
            self.parks(parked)
            self.readers[parked] = self.calls

    @rule(limit=st.integers(1, 3))
    def receive_many(self, limit: int) -> None:
        for item in self.inbox.take_many(limit):
            self.took(item)

    @rule()
    def park_watcher(self) -> None:
        parked = Parked()
        self.lot.park_watcher(parked)
        self.parks(parked)
        self.watchers.append(parked)

    @rule(lane=st.integers(0, 2))
    def park_writer(self, lane: int) -> None:
        self.writers.append(self.lot.park_writer(lane))
        self.parks(self.writers[-1])

    @rule(count=st.integers(0, 5))
    def messages_come(self, count: int) -> None:
        self.inbox.put(range(self.arrived, self.arrived + count))
        self.arrived += count
        self.lot.grant()

    @precondition(lambda self: self.watchers)
    @rule(data=st.data())
    def reply_comes(self, data: st.DataObject) -> None:
        self.lot.answer(data.draw(st.sampled_from(self.watchers)))

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def reader_runs(self, data: st.DataObject) -> None:
        reader = data.draw(st.sampled_from(list(self.readers)))
        if self.inbox.is_first(reader):
            self.took(self.inbox.take(reader), self.readers.pop(reader))
            self.lot.leave_reader(reader)
        else:
            self.parks(reader)  # it waits on

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def reader_is_cancelled(self, data: st.DataObject) -> None:
        reader = data.draw(st.sampled_from(list(self.readers)))
        del self.readers[reader]
        self.lot.leave_reader(reader)

    @precondition(lambda self: self.watchers)
    @rule(data=st.data())
    def watcher_leaves(self, data: st.DataObject) -> None:
        watcher = data.draw(st.sampled_from(self.watchers))
        self.watchers.remove(watcher)
        self.lot.leave_watcher(watcher)

    @precondition(lambda self: self.writers)
    @rule(data=st.data())
    def writer_leaves(self, data: st.DataObject) -> None:
        writer = data.draw(st.sampled_from(self.writers))
        self.writers.remove(writer)
        self.lot.leave_writer(writer)

    @precondition(lambda self: self.writers)
    @rule(data=st.data())
    def writer_has_no_room(self, data: st.DataObject) -> None:
        writer = data.draw(st.sampled_from(self.writers))
        writer.served = False
        self.parks(writer)

    @rule()
    def room(self) -> None:
        self.lot.let_writers_try()

    @rule()
    def dropped(self) -> None:
        """The child of a fork: what was read ahead is its parent's, and nobody is parked there."""
        if not self.readers:
            self.handed_over += self.inbox.clear()

    @invariant()
    def no_message_waits_beside_a_reader(self) -> None:
        """A reader that comes while others have claims is granted what is free as soon as one of these goes."""
        granted = [reader for reader in self.readers if reader.served]
        there = self.arrived - self.handed_over
        assert len(self.inbox) == there
        assert self.inbox.reserved == len(granted) <= there
        assert self.inbox.has_free() == (there > len(granted))
        if self.lot.has_readers:
            assert not self.inbox.has_free() or granted

    @invariant()
    def the_first_are_granted_first(self) -> None:
        granted = [reader.served for reader in self.readers]
        assert granted == sorted(granted, reverse=True)

    @invariant()
    def one_is_first_and_has_been_woken(self) -> None:
        granted = [reader for reader in self.readers if reader.served]
        firsts = [reader for reader in self.readers if self.inbox.is_first(reader)]
        assert firsts == granted[:1]
        assert all(self.bells[reader].rung for reader in firsts)

    @invariant()
    def who_may_try_has_been_woken(self) -> None:
        assert all(self.bells[writer].rung for writer in self.writers if writer.served)
        assert all(self.bells[watcher].rung for watcher in self.watchers if watcher.served)

    @invariant()
    def somebody_leads_while_anybody_waits(self) -> None:
        everybody = [*self.readers, *self.watchers, *self.writers]
        unserved = [parked for parked in [*self.readers, *self.watchers] if not parked.served] + self.writers
        leaders = [parked for parked in everybody if parked.leads]
        assert len(leaders) <= 1
        assert self.edge.leader in [*leaders, None]
        if unserved:
            assert leaders
        assert self.lot.parked == len(unserved)

    def teardown(self) -> None:
        """All of them are woken at the end, and each that has a message takes it."""
        for parked in [*self.readers, *self.watchers, *self.writers]:
            self.parks(parked)
        self.lot.wake_all()
        for parked in [*self.readers, *self.watchers, *self.writers]:
            assert self.bells[parked].rung or (parked in self.watchers and parked.served)
        for reader, call in list(self.readers.items()):
            if self.inbox.is_first(reader):
                self.took(self.inbox.take(reader), call)
            self.lot.leave_reader(reader)
        assert self.inbox.reserved == 0


def test_any_order(units: Units) -> None:
    """Messages are handed over in order, to the calls that wait in theirs, and whoever can go on has been woken."""

    class BooksOfUnits(Books):
        def __init__(self) -> None:
            super().__init__(units)

    limits = settings(max_examples=of_whole(50), stateful_step_count=30, deadline=None)
    run_state_machine_as_test(BooksOfUnits, settings=limits)
