"""Many sends: in order, each an attempt of its own, up to a limit or to the first that is refused."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

import pytest
import zmq

import zmqbridge
from tests.channel.conftest import OpenDesk
from tests.channel.desk import LIMIT, Desk
from tests.forcing import before_sends
from zmqbridge.socket import POLLIN


def test_many(desk: Desk) -> None:
    """Messages are sent in order, from an index on, up to a limit or to the last."""
    messages: list[Any] = [b"%d" % number for number in range(10)]
    many = desk.attempt.many
    assert [many(messages, 2, 4), many(messages, 6, 100), many(messages, 10, 100), many([], 0, 100)] == [4, 4, 0, 0]
    assert many(messages, 0, 0) == 0
    assert many(messages, 9, sys.maxsize) == 1
    assert desk.received() == [[b"%d" % number] for number in [*range(2, 10), 9]]
    assert desk.outcome() == {"charged": 9, "counted": 9, "looks": 1}


def test_messages_that_need_conversion(desk: Desk) -> None:
    """Each message is sent as its frames, whatever it is."""
    messages: list[Any] = [b"a", bytearray(b"b"), [b"c", memoryview(b"d")], (b"e",), [b"f", b""]]
    assert desk.attempt.many(messages, 0, 100) == 5
    assert desk.received() == [[b"a"], [b"b"], [b"c", b"d"], [b"e"], [b"f", b""]]
    assert desk.outcome() == {"charged": 5, "counted": 5, "looks": 1}


@pytest.mark.parametrize(
    ("wrong", "error"),
    [("text", TypeError), (5, TypeError), (None, TypeError), ([], zmqbridge.LocalProtocolError)],
    ids=repr,
)
def test_one_that_is_no_message(desk: Desk, wrong: Any, error: type[Exception]) -> None:
    """One that is no message ends it; those before it were sent, and none behind it."""
    with pytest.raises(error):
        desk.attempt.many([b"a", b"b", wrong, b"c"], 0, 100)
    assert desk.received() == [[b"a"], [b"b"]]
    assert desk.outcome() == {"charged": 2, "counted": 2, "looks": 1}


def test_no_room(open_desk: OpenDesk) -> None:
    """It ends where there is no more room, and says how much was sent; the one that was refused is charged too."""
    desk = open_desk()
    messages: list[Any] = [b"%d" % number for number in range(1000)]
    received: list[list[bytes]] = []
    sent = refused = 0
    while sent < len(messages):
        first = desk.attempt.many(messages, sent, 256)
        sent += first
        if sent < len(messages) and first < 256:
            refused += 1
            assert desk.attempt.many(messages, sent, 256) == 0
            refused += 1
            while desk.peer.events() & POLLIN:
                received += desk.received()
    while desk.peer.events() & POLLIN:
        received += desk.received()
    assert received == [[message] for message in messages]
    assert desk.attempt.sent == 1000
    assert desk.turn.sends == LIMIT - 1000 - refused


def test_failed(desk: Desk) -> None:
    """A failure ends it, and those before it were sent and counted."""
    numbers = [int(zmq.ETERM), 0, 0]
    with before_sends(desk.socket, lambda _: numbers.pop()), pytest.raises(zmqbridge.ContextTerminated) as raised:
        desk.attempt.many([b"a", b"b", b"c", b"d"], 0, 100)
    assert desk.ends == [raised.value]
    assert desk.received() == [[b"a"], [b"b"]]
    assert desk.outcome() == {"charged": 3, "counted": 2, "looks": 1}


def test_a_list_that_shrinks(desk: Desk) -> None:
    """Code that the sends call may change the list: what is no more there is not sent."""

    class Clearing:
        def wake(self) -> None:
            del messages[2:]

    messages: list[Any] = [b"%d" % number for number in range(5)]
    desk.edge.leader = Clearing()
    with suppress(IndexError):  # the list is the caller's own
        desk.attempt.many(messages, 0, 5)
    assert desk.received() == [[b"0"], [b"1"]]
