"""What a publisher with presence knows of its subscribers, and what it answers: counted, bounded, and no more often
than it may be."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqbridge.framing import FRAME_MEMORY, RESERVED
from zmqbridge.presence.echo import ECHO, Allowance, is_echo, new_echo_tag
from zmqbridge.presence.subscriptions import ROOM, SUBSCRIPTION_MEMORY, SubscriptionChange, Subscriptions
from zmqbridge.protocols import Faults
from zmqbridge.socket import Source, Traced


def told(subscriptions: Subscriptions, *frames: bytes) -> list[bytes]:
    """Have subscriptions arrive; return what is to be answered."""
    asked, answered = subscriptions.decode([[frame] for frame in frames])
    assert answered == ()
    return asked


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([b"", b"a", b"ab", b"\0", b"\1", b"b"])), max_size=40))
def test_counts(course: list[tuple[bool, bytes]]) -> None:
    """Equal subscriptions are counted; the end of one that never came changes nothing; each change is told."""
    subscriptions = Subscriptions(Faults())
    counts: Counter[bytes] = Counter()
    changes = []
    for subscribed, tag in course:
        told(subscriptions, bytes([subscribed]) + tag)
        if subscribed or counts[tag]:
            counts[tag] += 1 if subscribed else -1
            changes.append(SubscriptionChange(tag, subscribed, counts[tag]))
    assert subscriptions.counts == {tag: count for tag, count in counts.items() if count}
    assert subscriptions.total == counts.total()
    assert subscriptions.changes.read(0)[0] == changes
    assert subscriptions.passed_over == len(course)


def from_(source: Source, *frames: bytes) -> list[Any]:
    """What a connection sends."""
    messages = []
    for frame in frames:
        message = Traced([frame])
        message.source = source
        messages.append(message)
    return messages


def test_said_twice() -> None:
    """What a connection says twice counts once; it is another one where the descriptor's inode is another."""
    subscriptions = Subscriptions(Faults())
    one, other, later = Source(7, 1), Source(8, 2), Source(7, 3)
    subscriptions.decode(from_(one, b"\1a", b"\1a", b"\1b"))
    subscriptions.decode(from_(other, b"\1a"))
    assert subscriptions.counts == {b"a": 2, b"b": 1}
    subscriptions.decode(from_(one, b"\0a", b"\0a"))
    assert subscriptions.counts == {b"a": 1, b"b": 1}
    told(subscriptions, b"\0b")
    subscriptions.decode(from_(later, b"\1b", b"\1a"))
    assert subscriptions.counts == {b"a": 2, b"b": 1}
    subscriptions.decode(from_(other, b"\0c"))
    assert subscriptions.total == 3


def test_read_late() -> None:
    """What is read when its connection has gone counts, whatever others said that had the same descriptor."""
    subscriptions = Subscriptions(Faults())
    steady, other, closed = Source(7, 1), Source(8, 2), Source(8, -1)
    subscriptions.decode(from_(steady, b"\1a"))
    for _ in range(3):
        subscriptions.decode(from_(closed, b"\1a"))
        assert subscriptions.counts == {b"a": 2}
        told(subscriptions, b"\0a")
    subscriptions.decode(from_(other, b"\1a"))
    subscriptions.decode(from_(closed, b"\0a"))
    assert subscriptions.counts == {b"a": 1}


def test_connections_that_are_gone() -> None:
    """What is known of connections that are gone is forgotten in the end."""
    subscriptions = Subscriptions(Faults())
    for number in range(5000):
        subscriptions.decode(from_(Source(10_000 + number, 1), b"\1a"))
        told(subscriptions, b"\0a")
    assert subscriptions.total == 0
    assert len(subscriptions._of) <= ROOM + 2


def test_hearing() -> None:
    """Those are heard of whose prefix a frame begins with."""
    subscriptions = Subscriptions(Faults())
    told(subscriptions, b"\1", b"\1a", b"\1a", b"\1a\0", b"\1ab", b"\1b")
    assert [subscriptions.hearing(start) for start in (b"", b"a", b"a\0", b"ab\0", b"c")] == [1, 3, 4, 4, 1]


@pytest.mark.parametrize("room", [0, 1, 2, 3])
def test_memory(room: int) -> None:
    """What prefixes take is bounded: those that find no room are not counted, and their number is; room comes back."""
    each = SUBSCRIPTION_MEMORY + FRAME_MEMORY + 1
    subscriptions = Subscriptions(Faults(), memory=room * each)
    tags = [b"a", b"b", b"c", b"d"]
    told(subscriptions, *(b"\1" + tag for tag in tags))
    assert list(subscriptions.counts) == tags[:room]
    assert (subscriptions.total, subscriptions.untold) == (room, 4 - room)
    told(subscriptions, *(b"\0" + tag for tag in tags))
    assert (subscriptions.total, dict(subscriptions.counts)) == (0, {})
    told(subscriptions, *(b"\1" + tag for tag in tags[::-1]))
    assert list(subscriptions.counts) == tags[::-1][:room]


@pytest.mark.parametrize("message", [[b""], [b"\2"], [b"hello"], [b"\1a", b"b"], [b"", b"\1"]], ids=repr)
def test_what_is_none(message: list[bytes]) -> None:
    """What is no subscription is the peer's mistake, and counted."""
    faults = Faults()
    subscriptions = Subscriptions(faults)
    assert subscriptions.decode([message, [b"\1a"]]) == ([], ())
    assert (faults.malformed, subscriptions.passed_over) == (1, 1)
    assert subscriptions.counts == {b"a": 1}


def test_echoes() -> None:
    """An echo tag is answered once, and hidden like all that is reserved; what only looks like one is not answered."""
    subscriptions = Subscriptions(Faults())
    rung: list[Any] = []
    subscriptions.changed = lambda: rung.append(1)
    echo = new_echo_tag()
    assert is_echo(echo)
    assert told(subscriptions, b"\1" + echo, b"\0" + echo) == [echo]
    strange = [ECHO, echo + b"0", echo[:-1], RESERVED, RESERVED + b"other", RESERVED + b"x" * 37]
    assert told(subscriptions, *(b"\1" + tag for tag in strange)) == []
    assert (subscriptions.counts, subscriptions.total, subscriptions.changes.total, rung) == ({}, 0, 0, [])
    told(subscriptions, b"\1" + RESERVED[:-1])
    assert subscriptions.counts == {RESERVED[:-1]: 1}
    assert rung == [1]


@pytest.mark.parametrize("rate", [1, 2, 3])
def test_allowance(rate: int) -> None:
    """So many are answered at once, and as many in each second; what is too many is counted."""
    now = 0.0
    subscriptions = Subscriptions(Faults(), echoes=rate, clock=lambda: now)
    asks = [b"\1" + new_echo_tag() for _ in range(rate + 2)]
    assert len(told(subscriptions, *asks)) == rate
    assert subscriptions.allowance.refused == 2
    now = 1.0 / rate
    assert len(told(subscriptions, *asks)) == 1
    now = 1000.0
    assert len(told(subscriptions, *asks)) == rate


def test_a_clock_that_goes_back() -> None:
    """A clock that goes back gives nothing, and takes nothing."""
    allowance = Allowance(1)
    assert [allowance.take(now) for now in (5.0, 4.0, 4.5, 5.0, 5.1)] == [True, False, False, True, False]
