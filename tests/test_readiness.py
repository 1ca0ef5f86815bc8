"""The books of who is parked, on their own; and against a model, under any order of events."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from zmqbridge.readiness import Parked, Readiness


class Bell:
    """A waiter that counts how often it is woken."""

    def __init__(self) -> None:
        self.rung = 0

    def wake(self) -> None:
        self.rung += 1


def waiting(parked: Parked) -> Bell:
    """Give a parked operation something to wait on."""
    bell = Bell()
    parked.waiter = bell
    return bell


def test_first_leads_and_newest_follows() -> None:
    """The first to park leads; when it leaves, the newest is promoted and woken."""
    readiness = Readiness()
    first, second, third = (readiness.park_reader() for _ in range(3))
    bells = [waiting(parked) for parked in (first, second, third)]
    assert (readiness.leader, first.leads, readiness.parked) == (first, True, 3)
    readiness.leave_reader(first, 0)
    assert (readiness.leader, third.leads) == (third, True)
    assert [bell.rung for bell in bells] == [0, 0, 1]
    readiness.leave_reader(second, 0)
    readiness.leave_reader(third, 0)
    assert readiness.leader is None
    assert not readiness.wants_input


def test_readers_are_served_in_turn() -> None:
    """Messages are reserved for the readers that came first, and nobody is served twice."""
    readiness = Readiness()
    readers = [readiness.park_reader() for _ in range(3)]
    bells = [waiting(parked) for parked in readers]
    readiness.serve_readers(2)
    readiness.serve_readers(2)
    assert [parked.served for parked in readers] == [True, True, False]
    assert [bell.rung for bell in bells] == [1, 1, 0]
    assert (readiness.reserved, readiness.has_readers) == (2, True)


def test_a_reservation_passes_on() -> None:
    """A served reader that leaves without its message leaves it to the next."""
    readiness = Readiness()
    first, second = readiness.park_reader(), readiness.park_reader()
    readiness.serve_readers(1)
    readiness.leave_reader(first, 1)
    assert (second.served, readiness.reserved) == (True, 1)
    readiness.leave_reader(second, 0)
    assert readiness.reserved == 0


def test_watchers_are_served_by_name() -> None:
    """A watcher is woken for itself alone; serving one that is gone does nothing."""
    readiness = Readiness()
    first, second = Parked(), Parked()
    readiness.park_watcher(first)
    readiness.park_watcher(second)
    bells = [waiting(first), waiting(second)]
    assert (readiness.watchers, readiness.wants_input) == (2, True)
    readiness.serve(second)
    assert [bell.rung for bell in bells] == [0, 1]
    assert (second.served, readiness.watchers) == (True, 1)
    readiness.leave_watcher(second)
    readiness.leave_watcher(first)
    readiness.serve(first)
    assert readiness.parked == 0


def test_writers_try_one_at_a_time_in_each_lane() -> None:
    """The head of each lane may try; when it leaves after that, the next may."""
    readiness = Readiness()
    first, second, other = readiness.park_writer("a"), readiness.park_writer("a"), readiness.park_writer("b")
    readiness.let_writers_try()
    assert [parked.served for parked in (first, second, other)] == [True, False, True]
    readiness.leave_writer(first)
    assert second.served
    assert list(readiness.lanes) == ["a", "b"]
    readiness.leave_writer(other)
    assert list(readiness.lanes) == ["a"]
    assert not readiness.wants_input


def test_a_writer_that_never_tried_passes_nothing_on() -> None:
    """A writer that gives up before it was told of room tells nobody of room."""
    readiness = Readiness()
    first, second = readiness.park_writer(), readiness.park_writer()
    readiness.leave_writer(first)
    assert not second.served


def test_wake_all() -> None:
    """Everybody is woken, those already served and not yet run as well."""
    readiness = Readiness()
    served, reader, watcher = readiness.park_reader(), readiness.park_reader(), Parked()
    readiness.park_watcher(watcher)
    writer = readiness.park_writer()
    readiness.serve_readers(1)
    bells = [waiting(parked) for parked in (reader, watcher, writer)]
    readiness.wake_all()
    assert all(bell.rung for bell in bells)
    assert served.served


class Books(RuleBasedStateMachine):
    """Readers and writers come, are served, take and leave in any order; messages come at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.readiness = Readiness()
        self.messages = 0
        self.readers: list[Parked] = []
        self.writers: list[Parked] = []

    @rule()
    def park_reader(self) -> None:
        if self.messages - self.readiness.reserved > 0:
            self.messages -= 1
        else:
            self.readers.append(self.readiness.park_reader())

    @rule(lane=st.integers(0, 2))
    def park_writer(self, lane: int) -> None:
        self.writers.append(self.readiness.park_writer(lane))

    @rule(count=st.integers(1, 5))
    def messages_come(self, count: int) -> None:
        self.messages += count
        self.readiness.serve_readers(self.messages)

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def reader_runs(self, data: st.DataObject) -> None:
        reader = data.draw(st.sampled_from(self.readers))
        if reader.served:
            self.readers.remove(reader)
            self.messages -= 1
            self.readiness.leave_reader(reader, self.messages)

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def reader_is_cancelled(self, data: st.DataObject) -> None:
        reader = data.draw(st.sampled_from(self.readers))
        self.readers.remove(reader)
        self.readiness.leave_reader(reader, self.messages)

    @precondition(lambda self: self.writers)
    @rule(data=st.data())
    def writer_leaves(self, data: st.DataObject) -> None:
        writer = data.draw(st.sampled_from(self.writers))
        self.writers.remove(writer)
        self.readiness.leave_writer(writer)

    @rule()
    def room(self) -> None:
        self.readiness.let_writers_try()

    @invariant()
    def no_message_waits_beside_a_reader(self) -> None:
        served = [reader for reader in self.readers if reader.served]
        assert self.readiness.reserved == len(served) <= self.messages
        if self.readiness.has_readers:
            assert self.messages == self.readiness.reserved

    @invariant()
    def the_first_are_served_first(self) -> None:
        served = [reader.served for reader in self.readers]
        assert served == sorted(served, reverse=True)

    @invariant()
    def somebody_leads_while_anybody_waits(self) -> None:
        waiting = [reader for reader in self.readers if not reader.served] + self.writers
        leaders = [parked for parked in self.readers + self.writers if parked.leads]
        assert len(leaders) <= 1
        assert self.readiness.leader in [*leaders, None]
        if waiting:
            assert leaders


Books.TestCase.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
TestBooks = Books.TestCase
