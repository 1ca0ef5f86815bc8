"""The state machines, on their own: no socket, no loop."""

from __future__ import annotations

import itertools
import uuid
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqbridge.errors import ConnectionClosed, ContextTerminated, LocalProtocolError, RemoteProtocolError
from zmqbridge.protocols import (
    ConnectionState,
    Faults,
    ReplierProtocol,
    RequesterProtocol,
    State,
    SubscriberProtocol,
    request_ids,
)


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
    with pytest.raises(LocalProtocolError, match=r"not subscribed to b'a'; subscribed are \[b'b'\]"):
        subscriber.unsubscribe("a")
    assert set(subscriber.tags) == {b"b"}


def test_subscriber_leaves_out_what_is_malformed() -> None:
    """Of a batch the publications are returned in order, and the rest is counted."""
    subscriber = SubscriberProtocol(Faults())
    batch = [[b"a\x001"], [b"junk"], [b"b", b"2"], [b"", b"", b""], [b"\0"]]
    assert subscriber.receive(batch) == [(b"a", b"1"), (b"b", b"2"), (b"", b"")]
    assert subscriber.faults.malformed == 2


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
