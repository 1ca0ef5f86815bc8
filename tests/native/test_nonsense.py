"""Nonsense raises, and does not crash; what was in use stays in use."""

from __future__ import annotations

import sys
import time
from threading import get_ident
from typing import Any

import pytest
import zmq

from tests.native.books import ignore, new_attempt, new_inbox
from tests.opened import OpenedSockets
from zmqbridge.framing import Publication
from zmqbridge.socket import FastSocket
from zmqbridge.waiting.parking import ParkingLot


@pytest.fixture
def socket(opened: OpenedSockets, extension: Any) -> FastSocket:
    """A socket of the extension."""
    socket = opened.open(FastSocket, zmq.PAIR)
    assert isinstance(socket, FastSocket)
    return socket


@pytest.mark.parametrize("frames", [["x", b"y"], [None], 5, None, "text", {b"x"}, bytearray(b"x")], ids=repr)
def test_frames(socket: FastSocket, frames: Any) -> None:
    """What is no bytes is a TypeError of the extension too; it never reads what is not there."""
    with pytest.raises(TypeError):
        socket.port.send(frames)


def test_addresses(socket: FastSocket, extension: Any) -> None:
    """Addresses that are missing or zero are refused before anything is called, and those in use stay in use."""
    with pytest.raises(KeyError):
        extension.use({}, 1, 1, b"~")
    with pytest.raises(ValueError, match="the address of zmq_msg_init is zero"):
        extension.use({"zmq_msg_init": 0}, 1, 1, b"~")
    nonsense: list[Any] = [(), ({},), ({}, 1), ({}, "1", 1), (5, 1, 1), ({"zmq_msg_init": "x"}, 1, 1), ({}, 1, 1, 1)]
    for wrong in nonsense:
        with pytest.raises((TypeError, KeyError)):
            extension.use(*wrong)
    assert socket.receive(1) == ([], True)


@pytest.mark.parametrize("single", [5, int, list, Publication(b"a", b"b"), bytes, object(), type, time.struct_time])
def test_publications(opened: OpenedSockets, socket: FastSocket, single: Any) -> None:
    """What is no class of tuples, or is one with fields of its own, is an error and no crash."""
    peer = opened.open(FastSocket, zmq.PAIR)
    peer.connect(socket.bind("inproc://nonsense").address)
    assert peer.send([b"tag\0message"])
    with pytest.raises(TypeError, match="publications are received as a named tuple"):
        socket.port.receive(1, 1, sys.maxsize, single, sys.maxsize)
    assert socket.receive(2) == ([[b"tag\0message"]], True)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (1,),
        (1, 1, 1, None),
        (1, 1, 1, None, 1, 1),
        ("1", 1, 1, None, 1),
        (1.0, 1, 1, None, 1),
        (1, 1, 1, None, 2**70),
    ],
    ids=repr,
)
def test_receiving(socket: FastSocket, arguments: tuple[Any, ...]) -> None:
    """A batch needs numbers."""
    with pytest.raises((TypeError, OverflowError)):
        socket.port.receive(*arguments)


@pytest.mark.parametrize("limits", [(0, 1), (-1, 1), (1, 0), (1, -5), (-sys.maxsize - 1, -sys.maxsize - 1)])
def test_receiving_nothing(socket: FastSocket, limits: tuple[int, int]) -> None:
    """A batch that may not hold anything reads nothing, and does not say that it came to the end."""
    assert socket.port.receive(*limits, 1, None, 1) == ([], 0)


def test_ports(extension: Any) -> None:
    """A port needs the address of a socket."""
    for wrong in ((), (1, 2, 3), (1, 2, 3, 4, 5)):
        with pytest.raises(TypeError):
            extension.Port(*wrong)
    with pytest.raises(ValueError, match="the address of the socket is zero"):
        extension.Port(0, True, True, ignore)
    with pytest.raises(TypeError):
        extension.Port("1", True, True, ignore)
    with pytest.raises(OverflowError):
        extension.Port(1 << 70, True, True, ignore)


def test_a_port_that_is_closed_is_touched_no_more(extension: Any) -> None:
    """A port that is closed calls nothing at its address, whatever that is."""
    port = extension.Port(1, True, True, lambda message, number: (_ for _ in ()).throw(OSError(number)))
    port.closed = True
    assert port.events() == -zmq.ENOTSOCK
    assert port.receive(1, 1, 1, None, 1) == ([], zmq.ENOTSOCK)
    with pytest.raises(OSError, match=str(int(zmq.ENOTSOCK))):
        port.send([b"x"])
    with pytest.raises(AttributeError):
        port.input_pending = True
    with pytest.raises(TypeError):
        port.closed = "yes"


def test_a_failure_that_raises_nothing(extension: Any) -> None:
    """Whatever is called to raise and does not, the send has failed all the same."""
    port = extension.Port(1, True, True, ignore)
    port.closed = True
    with pytest.raises(SystemError, match="raised nothing"):
        port.send([b"x"])


def test_books(extension: Any) -> None:
    """The books take what they are made for."""
    for wrong in ((), ("1",), (1, 2)):
        with pytest.raises(TypeError):
            extension.Turn(*wrong)
    with pytest.raises(OverflowError):
        extension.Turn(1 << 70)
    turn = extension.Turn(1)
    for name in ("limit", "reads", "sends", "number", "lenient"):
        with pytest.raises(TypeError):
            setattr(turn, name, "1")
        with pytest.raises(TypeError):
            delattr(turn, name)
    with pytest.raises(TypeError):
        extension.Edge(1)
    edge = extension.Edge()
    with pytest.raises(TypeError):
        edge.stale = 1
    edge.leader = 5
    edge.stale = False
    with pytest.raises(AttributeError, match="wake"):
        edge.touch()
    del edge.leader
    assert edge.leader is None
    edge.stale = False
    edge.touch()
    ownership = extension.Ownership()
    with pytest.raises(TypeError):
        ownership.owner = "1"
    with pytest.raises(TypeError):
        extension.Ownership(1)
    for made in (turn, edge, ownership):
        with pytest.raises(AttributeError):
            made.anything = 1


def test_inboxes(extension: Any) -> None:
    """An inbox belongs to an ownership; claimants can be woken, and looked up."""
    for wrong in ((), (5,), (extension.Ownership(), 1)):
        with pytest.raises(TypeError):
            extension.Inbox(*wrong)
    inbox = new_inbox(extension)
    inbox.put([1, 2])
    with pytest.raises(TypeError):
        inbox.take_many("1")
    with pytest.raises(OverflowError):
        inbox.take_many(1 << 70)
    with pytest.raises(TypeError):
        inbox.grant([])
    for _ in range(2):
        inbox.grant(5)
        inbox.grant("6")
        with pytest.raises(AttributeError, match="wake"):
            inbox.wake_all()
        with pytest.raises(AttributeError, match="wake"):
            inbox.revoke(5)
        inbox.revoke("6")
    assert inbox.take_many(10) == [1, 2]


def test_items(extension: Any) -> None:
    """What is no inbox of its own is an error and no crash."""

    async def wait() -> None:
        """Nobody gets here."""

    for wrong in ((), (5, wait), ([1], wait), (new_inbox(extension),), (new_inbox(extension), wait, 1)):
        with pytest.raises(TypeError):
            extension.Items(*wrong)
    items = extension.Items(new_inbox(extension), 5)
    with pytest.raises(TypeError):
        items.__anext__()
    for name in ("Next", "Frame"):
        assert getattr(extension, name, None) is None or not callable_without_arguments(getattr(extension, name))


def callable_without_arguments(kind: Any) -> bool:
    """Return whether a class of the extension's own can be made by anyone."""
    try:
        kind()
    except TypeError:
        return False
    return True


def test_attempts(socket: FastSocket, extension: Any) -> None:
    """An attempt takes a socket of the extension, and books in C."""
    ownership, turn, edge = extension.Ownership(), extension.Turn(1), extension.Edge()
    lot = ParkingLot(edge, extension.Inbox(ownership))
    right = socket, ownership, turn, edge, lot, ignore
    extension.Attempt(*right)

    class Without:
        """Has neither a port nor lanes that are any."""

        port = 5
        lanes = ()

    for index in range(5):
        for wrong in (5, None, Without(), object()):
            with pytest.raises((TypeError, AttributeError)):
                extension.Attempt(*right[:index], wrong, *right[index + 1 :])
    for arguments in ((), right[:5], (*right, 1)):
        with pytest.raises(TypeError):
            extension.Attempt(*arguments)


def test_calls_of_attempts(socket: FastSocket, extension: Any) -> None:
    """An attempt's calls take what they are made for."""
    attempt = new_attempt(extension, socket)
    nonsense: list[tuple[Any, Any]] = [
        *((attempt.at_once, wrong) for wrong in ((), (b"a", None, 1))),
        *((attempt.many, wrong) for wrong in ((), ((b"a",), 0, 1), ([b"a"], "0", 1), ([b"a"], 0), ([b"a"], 0, 1, 2))),
        *((attempt.send, wrong) for wrong in ((), (5,), (None,), (["text"],))),
    ]
    for call, arguments in nonsense:
        with pytest.raises(TypeError):
            call(*arguments)
    with pytest.raises(IndexError):
        attempt.many([b"a"], -1, 1)
    assert attempt.many([b"a"], 0, -1) == 0
    assert attempt.many([b"a"], 5, 1) == 0
    assert attempt.many([b"a"], sys.maxsize, sys.maxsize) == 0
    with pytest.raises(AttributeError):
        attempt.sent = 5
    assert attempt.sent == 0


def test_a_thread_that_is_any_number(extension: Any) -> None:
    """An ownership holds any number that a thread may have, and is the caller's only where it is his."""
    ownership = extension.Ownership()
    inbox = extension.Inbox(ownership)
    inbox.put([1])
    largest = (1 << 8 * 8) - 1 if sys.maxsize > 1 << 32 and sys.platform != "win32" else (1 << 32) - 1
    for ident in (1, get_ident() ^ 1, largest):
        ownership.owner = ident
        assert ownership.owner == ident
        assert inbox.take_many(10) == []
