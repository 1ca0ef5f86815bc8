"""Where memory runs out, nothing crashes, and nothing that was there is lost."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
import zmq

from tests.native.books import new_attempt, new_inbox
from tests.opened import OpenedSockets
from zmqbridge.errors import ConnectionClosed
from zmqbridge.framing import Publication
from zmqbridge.socket import FastSocket

ALLOWED = range(40)

NO_MEMORY = object()

Short = Callable[..., Any]


@pytest.fixture
def short_of_memory() -> Short:
    """Calls something whose requests for memory are granted, so many of them, but for the one after these.

    It returns what the call returns, or :data:`NO_MEMORY`.
    """
    memory: Any = pytest.importorskip("_testcapi", reason="this Python has no tests of its own")

    def call(allowed: int, function: Callable[..., Any], *arguments: Any) -> Any:
        result = NO_MEMORY
        memory.set_nomemory(allowed, allowed + 1)
        try:
            result = function(*arguments)
        except MemoryError:
            pass
        finally:
            memory.remove_mem_hooks()
        return result

    return call


@pytest.mark.parametrize(
    ("message", "views_from", "single"),
    [
        ([b"a" * 100, b"b" * 100, b"c" * 100], 0, None),
        ([b"a" * 100, b"b" * 100, b"c" * 100], 1, None),
        ([b"a" * 100, b"b" * 100, b"c" * 100], sys.maxsize, None),
        ([b"tag\0" + b"a" * 100], sys.maxsize, Publication),
    ],
    ids=["views", "views of what is not empty", "bytes", "publications"],
)
def test_receiving(
    opened: OpenedSockets, extension: Any, short_of_memory: Short, message: list[bytes], views_from: int, single: Any
) -> None:
    """Where memory runs out while a message is read, that message is lost, and the next one is whole."""
    one, other = opened.pair(FastSocket)
    assert isinstance(other, FastSocket)
    outcomes = set()
    for allowed in ALLOWED:
        assert one.send(message)
        assert one.send([b"whole", b"message"])
        read = short_of_memory(allowed, other.port.receive, 2, 1 << 20, views_from, single, sys.maxsize)
        received = [] if read is NO_MEMORY else read[0]
        received += other.receive(2)[0]
        left_out = other.unfit.count("a message for which there was no memory")
        other.unfit.clear()
        outcomes.add(left_out)
        assert len(received) == 2 - left_out
        assert received[-1] == [b"whole", b"message"] or left_out
    assert outcomes == {0, 1}


def test_receiving_behind_messages(opened: OpenedSockets, extension: Any, short_of_memory: Short) -> None:
    """Where memory runs out in a batch, the one message is left out, which is told, and no other is lost."""
    one, other = opened.pair(FastSocket)
    assert isinstance(other, FastSocket)
    outcomes = set()
    for allowed in range(60):
        for number in range(5):
            assert one.send([b"%d" % number * 100])
        read = short_of_memory(allowed, other.port.receive, 5, 1 << 20, sys.maxsize, None, sys.maxsize)
        received = [] if read is NO_MEMORY else read[0]
        received += other.receive(10)[0]
        outcomes.add(len(other.unfit))
        assert len(received) == 5 - len(other.unfit)
        assert received == sorted(received)
        other.unfit.clear()
    assert outcomes == {0, 1}


def test_putting(extension: Any, short_of_memory: Short) -> None:
    """An inbox that cannot take more items has all that it had, in order, and takes more when there is memory."""
    outcomes = set()
    for allowed in ALLOWED:
        inbox = new_inbox(extension)
        inbox.put(range(300))
        assert inbox.take_many(200) == list(range(200))
        more = [object()] * 1000
        put = [] if short_of_memory(allowed, inbox.put, more) is NO_MEMORY else more
        outcomes.add(len(put))
        inbox.put(["last"])
        assert len(inbox) == 101 + len(put)
        assert inbox.take_many(10_000) == [*range(200, 300), *put, "last"]
    assert outcomes == {0, 1000}


def test_taking(extension: Any, short_of_memory: Short) -> None:
    """Items that cannot be taken stay, and those that were are not lost for them."""
    outcomes = set()
    for allowed in range(80):
        inbox = new_inbox(extension)
        items = list(range(1000, 3000))
        inbox.put(items)
        taken = short_of_memory(allowed, inbox.take_many, 1500)
        if taken is NO_MEMORY:
            taken = []
        outcomes.add("all" if len(taken) == 1500 else "some" if taken else "none")
        assert taken + inbox.take_many(10_000) == items
    assert outcomes == {"none", "some", "all"}


class Wakeable:
    """What can be woken, and asks for no memory."""

    __slots__ = ()

    def wake(self) -> None:
        """Nothing."""


def test_claims(extension: Any, short_of_memory: Short) -> None:
    """A claim that cannot be noted is none, and those before it are as they were."""
    inbox = new_inbox(extension)
    inbox.put(range(100))
    claimants = [Wakeable() for _ in range(100)]
    granted = [
        claimant
        for number, claimant in enumerate(claimants)
        if short_of_memory(1000 * (number % 2), inbox.grant, claimant) is not NO_MEMORY
    ]
    assert 0 < len(granted) < 100
    assert inbox.reserved == len(granted)
    assert [inbox.take(claimant) for claimant in granted] == list(range(len(granted)))
    assert inbox.take_many(100) == list(range(len(granted), 100))


MESSAGES: list[Any] = [b"a", [b"a", b"b"], bytearray(b"a"), [b"a", bytearray(b"b")], [b"large" * 20_000]]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: f"{type(message).__name__} of {len(message)}")
@pytest.mark.parametrize("how", ["at_once", "many"])
def test_sending(opened: OpenedSockets, extension: Any, short_of_memory: Short, message: Any, how: str) -> None:
    """Where memory runs out as a message is sent, it was sent whole, or was not sent and is not counted."""
    one, other = opened.pair(FastSocket)
    attempt = new_attempt(extension, one)
    frames = [bytes(frame) for frame in message] if isinstance(message, list) else [bytes(message)]
    arguments = (message,) if how == "at_once" else ([message], 0, 1)
    sent: Any = None
    for allowed in range(20):
        before = attempt.sent
        sent = short_of_memory(allowed, getattr(attempt, how), *arguments)
        assert other.receive(10)[0] == [frames] * (attempt.sent - before)
        if sent is not NO_MEMORY:
            assert attempt.sent - before == sent == 1
    assert sent == 1


def test_failing(opened: OpenedSockets, extension: Any, short_of_memory: Short) -> None:
    """Where memory runs out as an error is made, that is raised, and the send is accounted for all the same."""
    one = opened.open(FastSocket, zmq.PAIR)
    one.raw.close()
    attempt = new_attempt(extension, one)
    outcomes = set()

    def send() -> bool:
        try:
            attempt.send((b"a",))
        except (ConnectionClosed, SystemError):  # Python 3.11 has no better one where it cannot call a function
            return True
        return False

    for allowed in ALLOWED:
        closed = short_of_memory(allowed, send)
        assert closed is not False
        outcomes.add(closed)
    assert outcomes == {True, NO_MEMORY}
    assert attempt.sent == 0


def test_making(opened: OpenedSockets, extension: Any, short_of_memory: Short) -> None:
    """Where memory runs out as the books are made, they are not, and nothing is left half made."""
    one = opened.open(FastSocket, zmq.PAIR)
    whole = new_attempt(extension, one)
    outcomes = {short_of_memory(allowed, new_attempt, extension, one) is not NO_MEMORY for allowed in ALLOWED}
    assert outcomes == {True, False}
    assert whole.send((b"a",)) is False
