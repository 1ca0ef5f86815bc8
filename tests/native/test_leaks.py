"""Nothing stays behind: neither of what was sent and received, nor of what failed."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.native.blocks import blocks_left
from tests.native.books import Loop, ignore, new_at_once, new_attempt, new_inbox
from tests.opened import OpenedSockets
from tests.waiting.awaiting import drive
from tests.waiting.bells import Bell
from zmqbridge.framing import Publication
from zmqbridge.socket import FastSocket, traced


class Portless:
    """What has a port that is none."""

    port = object()


@pytest.fixture
def pair(opened: OpenedSockets, extension: Any) -> tuple[FastSocket, FastSocket]:
    """Two sockets of the extension that are connected with each other."""
    one, other = opened.pair(FastSocket)
    assert isinstance(one, FastSocket)
    assert isinstance(other, FastSocket)
    return one, other


def test_frames(pair: tuple[FastSocket, FastSocket]) -> None:
    """Ten thousand frames later as many blocks of memory are in use as before."""
    one, other = pair

    def exchange(rounds: int) -> None:
        for number in range(rounds):
            other.views_from = 2000 if number % 2 else sys.maxsize
            assert one.send([b"%d" % number, b"x" * 100, b"", b"y" * 2000, b"z"])
            (message,), drained = other.receive(256)
            assert (len(message), drained) == (5, True)
            with pytest.raises(TypeError):
                one.port.send([b"x", 5])
            one.send_frame(b"", 0)  # the end of it
            other.receive(256)

    assert blocks_left(__file__, exchange, 2000) < 20


def test_origins(opened: OpenedSockets, extension: Any) -> None:
    """Ten thousand messages that said whose they are leave nothing behind but the latest of their origins."""
    one, other = opened.pair(traced(FastSocket), "tcp://127.0.0.1:*")
    one.notes_sources = False
    one.note_origins(judged=True)

    def exchange(rounds: int) -> None:
        for number in range(rounds):
            one.max_frames = 1 + number % 2
            assert other.send([b"%d" % number, b"x" * 100])
            while not one.receive(256)[0] and not one.unfit:
                one.raw.poll(1000)
            one.unfit.clear()

    assert blocks_left(__file__, exchange, 2000) < 20


def test_large_frames(pair: tuple[FastSocket, FastSocket]) -> None:
    """What libzmq sent from an object's own memory, or refused, is let go of."""
    one, other = pair

    def exchange(rounds: int) -> None:
        for number in range(rounds):
            assert one.send([b"%d" % number, b"x" * 70_000])
            assert len(other.receive(256)[0]) == 1
            one.events()

    assert blocks_left(__file__, exchange, 300) < 20


def test_publications(pair: tuple[FastSocket, FastSocket]) -> None:
    """Neither those that were read nor those of a batch that could not be read stay behind."""
    one, other = pair
    messages = [*([b"tag %d\0message" % (number // 2)] for number in range(6)), [b"none"]]
    other.single = Publication

    def exchange(rounds: int) -> None:
        for _ in range(rounds):
            for message in messages:
                assert one.send(message)
            received, drained = other.receive(len(messages) + 1)
            assert (len(received), drained) == (7, True)

    assert blocks_left(__file__, exchange, 2000) < 20


def test_attempts(pair: tuple[FastSocket, FastSocket], extension: Any) -> None:
    """Attempts that succeed, that are no message, that are refused and that fail leave nothing."""
    one, other = pair
    attempt = new_attempt(extension, one)
    closed = FastSocket(one.raw.context, 0)
    closed.raw.close()

    def exchange(rounds: int) -> None:
        failing = new_attempt(extension, closed)
        for number in range(rounds):
            assert attempt.send([b"%d" % number])
            assert attempt.at_once([b"a", bytearray(b"b")])
            assert attempt.many([b"a", [b"b"], bytearray(b"c")], 0, 3) == 3
            for wrong in ("text", [], [b"a", 5]):
                with pytest.raises(Exception):  # noqa: B017, PT011
                    attempt.at_once(wrong)
                with pytest.raises(Exception):  # noqa: B017, PT011
                    attempt.many([b"sent", wrong], 0, 2)
            with pytest.raises(Exception):  # noqa: B017, PT011
                failing.at_once(b"a")
            received = other.receive(256)[0]
            assert len(received) == 8

    assert blocks_left(__file__, exchange, 300) < 20


def test_at_once(pair: tuple[FastSocket, FastSocket], extension: Any) -> None:
    """What was sent and received at once, what was not, and the loops that were left, are let go of."""

    def exchange(rounds: int) -> None:
        sender, receiver = (new_at_once(extension, socket, Loop()) for socket in pair)
        for _ in range(rounds):
            sender.move(Loop())
            assert sender.send_frame(b"a" * 100).done()
            assert sender.send_message([b"a", bytearray(b"b")]) is None
            assert sender.send_message([bytearray(b"a"), b"b"]).done()
            assert sender.send_message(["text", b"b"]) is None
            assert receiver.receive_frame().result() == b"a" * 100
            assert receiver.receive_message().result() == [b"a", b"b"]
            for receive in (receiver.receive_frame, receiver.receive_message):
                assert receive() is None
                receiver.flows = True
            assert sender.sent([]).result() == []
            with pytest.raises(AttributeError):
                sender.move(object())

    assert blocks_left(__file__, exchange, 1000) < 100


def test_inboxes(extension: Any) -> None:
    """Items that were taken, claimed, given up and dropped are gone, and so are inboxes with items and claims."""

    def exchange(rounds: int) -> None:
        kept = new_inbox(extension)
        for _ in range(rounds):
            for inbox in (kept, new_inbox(extension)):
                first, second = Bell(), Bell()
                inbox.put([object() for _ in range(10)])
                inbox.take_free()
                inbox.take_many(3)
                inbox.grant(first)
                inbox.grant(second)
                inbox.take(first)
                inbox.revoke(second)
                inbox.grant(second)
                with pytest.raises(TypeError):
                    inbox.put(5)
            kept.clear()

    assert blocks_left(__file__, exchange, 1000) < 20


def test_wakes(extension: Any) -> None:
    """Whoever is woken is held no longer than that."""
    inbox, first, second = new_inbox(extension), Bell(), Bell()
    before = sys.getrefcount(first), sys.getrefcount(second)
    for _ in range(3):
        inbox.put([1, 2])
        inbox.grant(first)
        inbox.grant(second)
        inbox.wake_all()
        inbox.take(first)
        inbox.revoke(second)
        inbox.clear()
    assert (sys.getrefcount(first), sys.getrefcount(second)) == before
    assert (first.rung, second.rung) == (3, 6)


def test_items(extension: Any) -> None:
    """An iterator, what it gave, and a cycle through it are all gone when nobody has them."""

    async def wait() -> None:
        """Nobody gets here."""

    def exchange(rounds: int) -> None:
        for _ in range(rounds):
            inbox = new_inbox(extension)
            inbox.put([object() for _ in range(5)])
            items = extension.Items(inbox, wait)
            inbox.put([items])
            drive(anext(items))
            drive(anext(items))
            items.__anext__()

    assert blocks_left(__file__, exchange, 2000) < 20


def test_edges(extension: Any) -> None:
    """Whoever leads is let go of with the edge, woken or not."""

    def exchange(rounds: int) -> None:
        for _ in range(rounds):
            edge = extension.Edge()
            for _ in range(3):
                edge.leader = Bell()
                edge.stale = False
                edge.touch()

    assert blocks_left(__file__, exchange, 2000) < 20


def test_what_was_not_made(extension: Any, opened: OpenedSockets) -> None:
    """What could not be made for wrong arguments holds none of the right ones."""
    socket: Any = opened.open(FastSocket, 0)
    ownership, turn, edge, lot = extension.Ownership(), extension.Turn(1), extension.Edge(), object()
    attempt = new_attempt(extension, socket)
    makers: list[Any] = [
        lambda: extension.Port("1", True, True, ignore),
        lambda: extension.Items(ownership, ignore),
        lambda: extension.Attempt(socket, ownership, turn, edge, lot, ignore),
        lambda: extension.Attempt(lot, ownership, turn, edge, lot, ignore),
        lambda: extension.Attempt(socket, ownership, turn, turn, lot, ignore),
        lambda: extension.AtOnce(attempt, lot, ownership, turn, edge, ignore, ignore),
        lambda: extension.AtOnce(attempt, Portless, ownership, turn, edge, ignore, ignore),
        lambda: extension.AtOnce(lot, socket, ownership, turn, edge, ignore, ignore),
        lambda: extension.AtOnce(attempt, socket, ownership, turn, turn, ignore, ignore),
        lambda: extension.AtOnce(attempt, socket, ownership, turn, edge, ignore),
    ]
    held = [socket, socket.port, ownership, turn, edge, lot, ignore, attempt, Portless.port]

    def counts() -> list[int]:
        return [sys.getrefcount(thing) for thing in held]

    before = counts()
    for make in makers:
        with pytest.raises((TypeError, AttributeError)):
            make()
        assert counts() == before
