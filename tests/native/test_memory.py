"""Where memory runs out, nothing crashes, and nothing that was there is lost."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import zmq

from tests.native.books import new_attempt, new_inbox
from tests.opened import OpenedSockets
from zmqbridge.framing import Publication
from zmqbridge.socket import FastSocket

ALLOWED = range(40)


@contextmanager
def no_memory(memory: Any, allowed: int) -> Iterator[None]:
    """Have one request for memory fail, so many after this."""
    memory.set_nomemory(allowed, allowed + 1)
    try:
        yield
    finally:
        memory.remove_mem_hooks()


@pytest.fixture
def memory() -> Any:
    """Python's own means to have memory run out."""
    return pytest.importorskip("_testcapi", reason="this Python has no tests of its own")


@pytest.mark.parametrize(
    ("message", "views_from", "single"),
    [
        ([b"a" * 100, b"b" * 100, b"c" * 100], 0, None),
        ([b"a" * 100, b"b" * 100, b"c" * 100], 1, None),
        ([b"a" * 100, b"b" * 100, b"c" * 100], sys.maxsize, None),
        ([b"tag\0" + b"a" * 100], sys.maxsize, Publication),
    ],
)
def test_receiving(
    opened: OpenedSockets, extension: Any, memory: Any, message: list[bytes], views_from: int, single: Any
) -> None:
    """Where memory runs out while a message is read, that message is lost, and the next one is whole."""
    one, other = opened.pair(FastSocket)
    assert isinstance(other, FastSocket)
    outcomes = set()
    for allowed in ALLOWED:
        assert one.send(message)
        assert one.send([b"whole", b"message"])
        arguments = 1, 1 << 20, views_from, single
        try:
            with no_memory(memory, allowed):
                other.port.receive(*arguments)
            outcomes.add("read")
        except MemoryError:
            outcomes.add("lost")
        rest = other.receive(2)[0]
        assert rest in ([[b"whole", b"message"]], [message, [b"whole", b"message"]])  # it may not have begun
    assert outcomes == {"read", "lost"}


def test_receiving_behind_messages(
    opened: OpenedSockets, extension: Any, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where memory runs out behind messages of a batch, those are not lost, and it is told that one was."""
    one, other = opened.pair(FastSocket)
    told: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: told.append(unraisable.exc_type))
    kept = set()
    for allowed in range(60):
        for number in range(5):
            assert one.send([b"%d" % number * 100])
        received: list[Any] = []
        with no_memory(memory, allowed):
            try:
                received = other.receive(5)[0]
            except MemoryError:
                kept.add(-1)
        kept.add(len(received))
        received += other.receive(10)[0]
        assert len(received) >= 4
        assert received == sorted(received)
    assert kept >= {0, 1, 2, 3, 4, 5}
    assert set(told) == {MemoryError}


def test_putting(extension: Any, memory: Any) -> None:
    """An inbox that cannot take more items has all that it had, in order, and takes more when there is memory."""
    outcomes = set()
    for allowed in ALLOWED:
        inbox = new_inbox(extension)
        inbox.put(range(300))
        assert inbox.take_many(200) == list(range(200))
        more = [object()] * 1000
        with no_memory(memory, allowed):
            try:
                inbox.put(more)
                put = more
            except MemoryError:
                put = []
        outcomes.add(len(put))
        inbox.put(["last"])
        assert len(inbox) == 101 + len(put)
        assert inbox.take_many(10_000) == [*range(200, 300), *put, "last"]
    assert outcomes == {0, 1000}


def test_taking(extension: Any, memory: Any) -> None:
    """Items that cannot be taken stay, and those that were are not lost for them."""
    outcomes = set()
    for allowed in range(80):
        inbox = new_inbox(extension)
        items = list(range(1000, 3000))
        inbox.put(items)
        taken: list[int] = []
        with no_memory(memory, allowed):
            try:
                taken = inbox.take_many(1500)
            except MemoryError:
                outcomes.add("none")
        outcomes.add("all" if len(taken) == 1500 else "some" if taken else "none")
        assert taken + inbox.take_many(10_000) == items
    assert outcomes == {"none", "some", "all"}


def test_claims(extension: Any, memory: Any) -> None:
    """A claim that cannot be noted is none, and those before it are as they were."""
    inbox = new_inbox(extension)
    inbox.put(range(100))
    claimants = [Wakeable() for _ in range(100)]
    outcomes = []
    for number, claimant in enumerate(claimants):
        noted = False
        with no_memory(memory, 1000 * (number % 2)):
            try:
                inbox.grant(claimant)
                noted = True
            except MemoryError:
                pass
        outcomes.append(noted)
    granted = [claimant for claimant, noted in zip(claimants, outcomes, strict=True) if noted]
    assert set(outcomes) == {True, False}
    assert inbox.reserved == len(granted)
    assert [inbox.take(claimant) for claimant in granted] == list(range(len(granted)))
    assert inbox.take_many(100) == list(range(len(granted), 100))


class Wakeable:
    """What can be woken, and asks for no memory."""

    __slots__ = ()

    def wake(self) -> None:
        """Nothing."""


MESSAGES: list[Any] = [b"a", [b"a", b"b"], bytearray(b"a"), [b"a", bytearray(b"b")], [b"large" * 20_000]]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
@pytest.mark.parametrize("how", ["at_once", "many"])
def test_sending(opened: OpenedSockets, extension: Any, memory: Any, message: Any, how: str) -> None:
    """Where memory runs out as a message is sent, it was sent whole, or was not sent and is not counted."""
    one, other = opened.pair(FastSocket)
    attempt = new_attempt(extension, one)
    calls: dict[str, Callable[[], Any]] = {
        "at_once": lambda: attempt.at_once(message),
        "many": lambda: attempt.many([message], 0, 1),
    }
    frames = [bytes(frame) for frame in message] if isinstance(message, list) else [bytes(message)]
    sent = 0
    outcomes = set()
    call = calls[how]
    for allowed in range(12):
        with no_memory(memory, allowed):
            try:
                sent += call()
                outcomes.add("sent")
            except MemoryError:
                outcomes.add("not sent")
        received = other.receive(10)[0]
        assert received == [frames] * attempt.sent
        assert attempt.sent == sent
        attempt = new_attempt(extension, one)
        sent = 0
    assert "sent" in outcomes


@pytest.mark.parametrize("number", [int(zmq.ENOTSOCK)])
def test_failing(opened: OpenedSockets, extension: Any, memory: Any, number: int) -> None:
    """Where memory runs out as an error is made, that is raised, and the send is accounted for all the same."""
    one = opened.open(FastSocket, zmq.PAIR)
    one.raw.close()
    ends: list[Any] = []
    attempt = new_attempt(extension, one, ends.append)
    outcomes = set()
    for allowed in ALLOWED:
        try:
            with no_memory(memory, allowed):
                attempt.send((b"a",))
        except Exception as error:
            outcomes.add(type(error).__name__)
    assert attempt.sent == 0
    assert outcomes >= {"ConnectionClosed", "MemoryError"}


def test_making(opened: OpenedSockets, extension: Any, memory: Any) -> None:
    """Where memory runs out as the books are made, they are not, and nothing is left half made."""
    one = opened.open(FastSocket, zmq.PAIR)
    whole = new_attempt(extension, one)
    outcomes = set()
    for allowed in ALLOWED:
        try:
            with no_memory(memory, allowed):
                new_attempt(extension, one)
            outcomes.add("made")
        except MemoryError:
            outcomes.add("not made")
    assert outcomes == {"made", "not made"}
    assert whole.send((b"a",)) is False
