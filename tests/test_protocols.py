"""The state machines, on their own: no socket, no loop."""

from __future__ import annotations

import itertools
import uuid
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.size import of_whole
from zmqbridge.decoding import FramesDecoder
from zmqbridge.errors import ConnectionClosed, ContextTerminated, LocalProtocolError, RemoteProtocolError
from zmqbridge.framing import Envelope, Publication
from zmqbridge.protocols import (
    ConnectionState,
    Faults,
    PendingRequest,
    ReplierProtocol,
    RequesterProtocol,
    State,
    SubscriberProtocol,
    request_ids,
)
from zmqbridge_twisted.unanswered import Unanswered


def test_connection_open_then_closed() -> None:
    """An open connection passes the check; a closed one raises, and closing again changes nothing."""
    connection = ConnectionState()
    connection.check()
    assert connection.close()
    assert not connection.close()
    connection.terminate()
    assert connection.state is State.CLOSED
    with pytest.raises(ConnectionClosed):
        connection.check()


def test_connection_terminated() -> None:
    """A terminated connection says so until it is closed."""
    connection = ConnectionState()
    connection.terminate()
    with pytest.raises(ContextTerminated):
        connection.check()
    assert connection.close()
    with pytest.raises(ConnectionClosed):
        connection.check()


def test_connection_forked() -> None:
    """In a forked child the parent's connection raises, and cannot be closed either."""
    connection = ConnectionState()
    connection.fork()
    with pytest.raises(LocalProtocolError, match="before the process forked"):
        connection.check()
    with pytest.raises(LocalProtocolError, match="before the process forked"):
        connection.close()


def test_faults_are_told_once_in_a_while() -> None:
    """However many faults come, they are told at most once in ten seconds, and each is counted once."""
    faults = Faults()
    assert faults.untold(now=0) == 0
    for number in range(100):
        faults.count(RemoteProtocolError(str(number)))
    assert faults.untold(now=1) == 100
    faults.count(RemoteProtocolError("one more"))
    assert faults.untold(now=2) == 0
    assert faults.untold(now=11) == 1
    assert faults.untold(now=30) == 0
    assert (faults.malformed, faults.latest) == (101, "one more")


def test_subscriber_counts_equal_subscriptions() -> None:
    """Each subscription needs its own end, as libzmq has it."""
    subscriber = SubscriberProtocol(Faults())
    assert subscriber.subscribe("a") == subscriber.subscribe(b"a") == b"a"
    subscriber.subscribe("b")
    assert subscriber.unsubscribe("a") == b"a"
    assert set(subscriber.tags) == {b"a", b"b"}
    subscriber.unsubscribe("a")
    assert set(subscriber.tags) == {b"b"}
    with pytest.raises(LocalProtocolError, match=r"not subscribed to b'a'; subscribed are b'b'"):
        subscriber.unsubscribe("a")
    assert set(subscriber.tags) == {b"b"}


def test_subscriber_leaves_out_what_is_malformed() -> None:
    """Of a batch the publications are returned in order, and the rest is counted."""
    subscriber = SubscriberProtocol(Faults())
    batch = [[b"a\x001"], [b"of", b"three", b"frames"], [b"b", b"2"], [b"", b"", b""], [b"\0"]]
    assert subscriber.receive(batch) == [(b"a", b"1"), (b"b", b"2"), (b"", b"")]
    assert subscriber.faults.malformed == 2


READ = Publication(b"read", b"already")


class TooLarge(bytes):
    """A frame for whose parts there is no memory."""

    def partition(self, separator: Any) -> Any:
        raise MemoryError


@pytest.mark.parametrize(
    ("batch", "read", "malformed"),
    [
        ([], [], 0),
        ([b"a\x001", b"\0"], [(b"a", b"1"), (b"", b"")], 0),
        ([READ, READ], [READ, READ], 0),
        ([b"a\x001", b"untagged"], [(b"a", b"1"), (b"", b"untagged")], 0),
        ([b"untagged", b""], [(b"", b"untagged"), (b"", b"")], 0),
        ([[b"", b"", b""]], [], 1),
        (
            [READ, b"a\x001", [b"b", b"2"], [b"untagged"], [b"", b"", b""], READ],
            [READ, (b"a", b"1"), (b"b", b"2"), (b"", b"untagged"), READ],
            1,
        ),
        (
            [memoryview(b"a\x001"), [memoryview(b"b\x002")], memoryview(b"untagged"), memoryview(b"")],
            [(b"a", b"1"), (b"b", b"2"), (b"", b"untagged"), (b"", b"")],
            0,
        ),
        ([[b"a\x001"], [b"two", b"frames"]], [(b"a", b"1"), (b"two", b"frames")], 0),
        ([b"a\x001", TooLarge(b"b\x002"), b"c\x003"], [(b"a", b"1"), (b"c", b"3")], 1),
    ],
    ids=["none", "bare", "read already", "untagged", "none tagged", "none", "all kinds", "views", "lists", "no memory"],
)
def test_subscriber_decodes(batch: list[Any], read: list[Any] | None, malformed: int) -> None:
    """However messages come, as bare frames, as lists or read already, they decode to the same, and answer nobody."""
    subscriber = SubscriberProtocol(Faults())
    as_it_came = list(batch)
    items, answered = subscriber.decode(batch)
    assert items == ([READ, (b"a", b"1"), (b"b", b"2"), READ] if read is None else read)
    assert all(type(item) is Publication for item in items)
    assert answered == ()
    assert subscriber.faults.malformed == malformed
    assert batch == as_it_came
    assert subscriber.single is Publication


def test_requester_decodes() -> None:
    """Replies are nobody's items: they answer whoever waits for them."""
    requester: RequesterProtocol[str] = RequesterProtocol(Faults())
    first, second = requester.begin([b"?"], "first"), requester.begin([b"?"], "second")
    batch = [[second.id, b"", b"!"], [b"malformed"], [b"x" * 16, b"", b"forged"], [first.id, b""]]
    assert requester.decode(batch) == ((), ["second", "first"])
    assert (first.reply, second.reply) == ([], [b"!"])
    assert (requester.unmatched, requester.faults.malformed) == (1, 1)
    assert requester.decode([]) == ((), [])
    assert requester.single is None


def test_replier_decodes() -> None:
    """Requests are items, and no answers."""
    replier = ReplierProtocol(Faults())
    envelopes, answered = replier.decode([[b"p", b"id", b"", b"x"], [b"junk"]])
    assert (envelopes, answered) == ([([b"p"], b"id", [b"x"])], ())
    assert replier.faults.malformed == 1
    assert replier.single is None


def test_frames_decode_to_themselves() -> None:
    """Where the program reads the frames, they are left as they are."""
    decoder = FramesDecoder()
    messages = [[b"a"], [b"", b"b"]]
    assert decoder.decode(messages) == (messages, ())
    assert decoder.single is None


def test_requester_matches_replies_to_their_requests() -> None:
    """Replies find their own requests in any order; what finds none is counted."""
    requester: RequesterProtocol[int] = RequesterProtocol(Faults())
    first, second, third = (requester.begin([b"%d" % number], number) for number in range(3))
    assert first.frames == [first.id, b"", b"0"]
    assert len(requester) == 3
    requester.end(third)
    batch = [
        [second.id, b"", b"two"],
        [b"malformed"],
        [third.id, b"", b"late"],
        [b"x" * 16, b"", b"forged"],
        [first.id, b""],
        [second.id, b"", b"repeated"],
    ]
    assert requester.receive(batch) == [second, first]
    assert (first.reply, second.reply, third.reply) == ([], [b"two"], None)
    assert (requester.unmatched, requester.faults.malformed, len(requester)) == (3, 1, 0)
    requester.end(first)


def test_replier_reads_requests() -> None:
    """Of a batch the requests are returned in order, and the rest is counted."""
    replier = ReplierProtocol(Faults())
    envelopes = replier.receive([[b"p", b"id", b"", b"x"], [b"junk"], [b"p", b"", b"y"]])
    assert envelopes == [([b"p"], b"id", [b"x"]), ([], b"p", [b"y"])]
    assert replier.faults.malformed == 1


@given(st.binary(min_size=16, max_size=16))
def test_request_ids_are_uuid4(random: bytes) -> None:
    """Whatever the system's random bytes are, each id is a uuid of version 4."""
    for id in itertools.islice(request_ids(lambda size: random * (size // 16)), 300):
        parsed = uuid.UUID(bytes=id)
        assert (parsed.version, parsed.variant) == (4, uuid.RFC_4122)


def test_request_ids_differ() -> None:
    """No id comes twice."""
    counts = Counter(itertools.islice(request_ids(), 10_000))
    assert set(counts.values()) == {1}


# --- any order of calls, beside a model of a few lines ---

TAGS = st.sampled_from(["", "a", b"a", "ab", b"b"])


class Subscribing(RuleBasedStateMachine):
    """A subscriber's tags are a bag: each subscription needs its own end."""

    def __init__(self) -> None:
        super().__init__()
        self.subscriber = SubscriberProtocol(Faults())
        self.model: Counter[bytes] = Counter()

    @rule(tag=TAGS)
    def subscribe(self, tag: str | bytes) -> None:
        prefix = self.subscriber.subscribe(tag)
        assert prefix == (tag.encode() if isinstance(tag, str) else tag)
        self.model[prefix] += 1

    @rule(tag=TAGS)
    def unsubscribe(self, tag: str | bytes) -> None:
        prefix = tag.encode() if isinstance(tag, str) else tag
        if self.model[prefix]:
            assert self.subscriber.unsubscribe(tag) == prefix
            self.model[prefix] -= 1
        else:
            with pytest.raises(LocalProtocolError, match="not subscribed to"):
                self.subscriber.unsubscribe(tag)

    @invariant()
    def each_once(self) -> None:
        assert sorted(self.subscriber.tags) == sorted(+self.model)


class Living(RuleBasedStateMachine):
    """A connection's life ends once; closed and forked are for good, and terminated until it is closed."""

    ERRORS = {
        State.CLOSED: ConnectionClosed,
        State.TERMINATED: ContextTerminated,
        State.FORKED: LocalProtocolError,
    }

    def __init__(self) -> None:
        super().__init__()
        self.connection = ConnectionState()
        self.model = State.OPEN

    @rule()
    def close(self) -> None:
        if self.model is State.FORKED:
            with pytest.raises(LocalProtocolError):
                self.connection.close()
            return
        assert self.connection.close() == (self.model is not State.CLOSED)
        self.model = State.CLOSED

    @rule()
    def terminate(self) -> None:
        self.connection.terminate()
        if self.model is State.OPEN:
            self.model = State.TERMINATED

    @rule()
    def fork(self) -> None:
        self.connection.fork()
        self.model = State.FORKED

    @invariant()
    def checks(self) -> None:
        assert self.connection.state is self.model
        if self.model is State.OPEN:
            self.connection.check()
        else:
            with pytest.raises(self.ERRORS[self.model]):
                self.connection.check()


class Requesting(RuleBasedStateMachine):
    """Each reply finds the one request that it is for, once, and whatever finds none is counted."""

    def __init__(self) -> None:
        super().__init__()
        self.requester: RequesterProtocol[int] = RequesterProtocol(Faults())
        self.begun: list[PendingRequest[int]] = []
        self.pending: set[bytes] = set()
        self.unmatched = self.malformed = 0

    @rule()
    def begin(self) -> None:
        number = len(self.begun)
        self.begun.append(self.requester.begin([b"%d" % number], number))
        self.pending.add(self.begun[-1].id)

    @precondition(lambda self: self.begun)
    @rule(data=st.data())
    def replies(self, data: st.DataObject) -> None:
        batch: list[list[bytes]] = []
        answered: list[PendingRequest[int]] = []
        for kind in data.draw(st.lists(st.sampled_from(["reply", "forged", "malformed"]), max_size=5)):
            if kind == "reply":
                request = data.draw(st.sampled_from(self.begun))
                batch.append([request.id, b"", b"re %d" % request.caller])
                if request.id in self.pending:
                    self.pending.discard(request.id)
                    answered.append(request)
                else:
                    self.unmatched += 1
            elif kind == "forged":
                batch.append([b"x" * 16, b"", b"forged"])
                self.unmatched += 1
            else:
                batch.append([b"malformed"])
                self.malformed += 1
        assert self.requester.receive(batch) == answered
        for request in answered:
            assert request.reply == [b"re %d" % request.caller]

    @precondition(lambda self: self.begun)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from(self.begun))
        self.requester.end(request)
        self.pending.discard(request.id)

    @rule()
    def end_all(self) -> None:
        assert {request.id for request in self.requester.end_all()} == self.pending
        self.pending.clear()

    @invariant()
    def counts(self) -> None:
        counted = (len(self.requester), self.requester.unmatched, self.requester.faults.malformed)
        assert counted == (len(self.pending), self.unmatched, self.malformed)


class Answering(RuleBasedStateMachine):
    """Requests wait for their answers under names of their own: so many at most, and so long."""

    LIMIT = 3
    LIFETIME = 2
    MEMORY = 1 << 20

    def __init__(self) -> None:
        super().__init__()
        self.unanswered = Unanswered()
        self.now = 0
        self.added = 0
        self.model: list[tuple[bytes, int, Envelope]] = []
        self.names: list[bytes] = []
        self.taken = 0

    @rule()
    def time_passes(self) -> None:
        self.now += 1

    @rule(id=st.sampled_from([b"1", b"2"]), route=st.sampled_from([b"a", b"b"]))
    def add(self, id: bytes, route: bytes) -> None:
        name = self.unanswered.add(Envelope([route], id, [b"parts"]), self.now, self.LIMIT, self.LIFETIME, self.MEMORY)
        kept = [known for known, _, _ in self.model]
        assert name not in kept
        assert name == id or id in kept
        self.model.append((name, self.now, Envelope([route], id, [])))
        self.names.append(name)
        self.added += 1
        while len(self.model) > 1 and (len(self.model) > self.LIMIT or self.model[0][1] < self.now - self.LIFETIME):
            self.model.pop(0)

    @precondition(lambda self: self.names)
    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.names))
        expected = next((envelope for known, _, envelope in self.model if known == name), None)
        assert self.unanswered.take(name) == expected
        self.taken += expected is not None
        self.model = [entry for entry in self.model if entry[0] != name]

    @invariant()
    def adds_up(self) -> None:
        assert len(self.unanswered) == len(self.model)
        assert self.added == len(self.model) + self.taken + self.unanswered.forgotten


STEPS = settings(max_examples=of_whole(50), stateful_step_count=30, deadline=None)

TestSubscribing = Subscribing.TestCase
TestSubscribing.settings = STEPS
TestLiving = Living.TestCase
TestLiving.settings = STEPS
TestRequesting = Requesting.TestCase
TestRequesting.settings = STEPS
TestAnswering = Answering.TestCase
TestAnswering.settings = STEPS
