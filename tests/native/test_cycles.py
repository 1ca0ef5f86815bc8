"""What holds itself is collected, with all that it holds; and what the collector runs harms nothing in use."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import zmq

import zmqbridge
from tests.native.books import Loop, ignore, new_at_once, new_attempt, new_inbox
from tests.opened import OpenedSockets
from tests.waiting.bells import Bell
from zmqbridge.socket import FastSocket
from zmqbridge.waiting.parking import ParkingLot


class Witness:
    """Tells that it is gone."""

    def __init__(self, gone: list[bool]) -> None:
        self._gone = gone
        self.holds: Any = None

    def __del__(self) -> None:
        self._gone.append(True)

    def __call__(self, *_: object) -> None:
        """Told of something."""

    def wake(self) -> None:
        """Woken."""


@contextmanager
def collected() -> Iterator[list[bool]]:
    """Give a list to a witness, and see that it is gone, though it was in a cycle."""
    gone: list[bool] = []
    gc.collect()
    gc.disable()
    try:
        yield gone
        assert gone == []
        gc.collect()
        assert gone == [True]
    finally:
        gc.enable()


def in_inbox(extension: Any, witness: Witness) -> Any:
    inbox = new_inbox(extension)
    inbox.put([inbox, witness])
    return inbox


def with_claim(extension: Any, witness: Witness) -> Any:
    inbox = new_inbox(extension)
    inbox.put([1])
    inbox.grant(witness)
    return inbox


def in_edge(extension: Any, witness: Witness) -> Any:
    edge = extension.Edge()
    edge.leader = witness
    return edge


def in_port(extension: Any, witness: Witness) -> Any:
    port = extension.Port(1, True, True, witness)
    port.closed = True
    return port


def in_items(extension: Any, witness: Witness) -> Any:
    return extension.Items(new_inbox(extension), witness)


def in_inbox_of_items(extension: Any, witness: Witness) -> Any:
    inbox = new_inbox(extension)
    items = extension.Items(inbox, ignore)
    inbox.put([items, witness])
    return items


@pytest.mark.parametrize(
    "made", [in_inbox, with_claim, in_edge, in_port, in_items, in_inbox_of_items], ids=lambda made: made.__name__
)
def test_cycles(extension: Any, made: Callable[[Any, Witness], Any]) -> None:
    """A cycle through any of the books is collected."""

    def abandon(gone: list[bool]) -> None:
        witness = Witness(gone)
        witness.holds = made(extension, witness)

    with collected() as gone:
        abandon(gone)


def test_an_attempt_in_a_cycle(opened: OpenedSockets, extension: Any) -> None:
    """An attempt that holds itself, by whoever is told of the end, is collected with the books that it holds."""
    socket = opened.open(FastSocket, zmq.PAIR)

    def abandon(gone: list[bool]) -> None:
        witness = Witness(gone)
        witness.holds = new_attempt(extension, socket, witness)

    with collected() as gone:
        abandon(gone)


@pytest.mark.parametrize("held", ["last", "loop"])
def test_what_serves_at_once_in_a_cycle(opened: OpenedSockets, extension: Any, held: str) -> None:
    """What serves at once and holds itself, by its loop or by whoever makes futures, is collected."""
    socket = opened.open(FastSocket, zmq.PAIR)

    def abandon(gone: list[bool]) -> None:
        witness: Any = Witness(gone)
        witness.is_running = witness
        loop, last = (witness, ignore) if held == "loop" else (Loop(), witness)
        witness.holds = new_at_once(extension, socket, loop, last)

    with collected() as gone:
        abandon(gone)


def test_an_attempt_in_a_cycle_of_its_lot(opened: OpenedSockets, extension: Any) -> None:
    """An attempt that holds itself by its lot, or by its edge, is collected."""
    socket = opened.open(FastSocket, zmq.PAIR)

    def abandon(gone: list[bool]) -> None:
        ownership, turn, edge = extension.Ownership(), extension.Turn(1), extension.Edge()
        inbox = extension.Inbox(ownership)
        lot = ParkingLot(edge, inbox)
        attempt = extension.Attempt(socket, ownership, turn, edge, lot, ignore)
        lot.lanes[attempt] = None  # type: ignore[assignment]
        edge.leader = attempt
        inbox.put([attempt, Witness(gone)])

    with collected() as gone:
        abandon(gone)


def test_a_socket_in_a_cycle(extension: Any) -> None:
    """A socket that holds itself is collected, once it is closed."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()

    def abandon(gone: list[bool]) -> None:
        socket: Any = FastSocket(context, zmq.PAIR)
        socket.witness = Witness(gone)
        socket.witness.holds = socket
        socket.close(0)

    with collected() as gone:
        abandon(gone)
    context.term()


def test_an_item_that_waits_in_a_cycle(extension: Any) -> None:
    """A wait that nobody will end, and has a way back to itself, is collected with all that it holds."""

    class Task(Witness):
        def __await__(self) -> Generator[None, None, None]:
            yield

    def abandon(gone: list[bool]) -> None:
        task = Task(gone)

        async def wait() -> None:
            await task

        inbox = new_inbox(extension)
        inbox.put([1])
        task.holds = extension.Items(inbox, wait).__anext__()
        inbox.clear()
        assert next(task.holds) is None

    with collected() as gone:
        abandon(gone)


def test_closed_by_the_garbage_collector(opened: OpenedSockets, extension: Any) -> None:
    """What the collector runs cannot close the socket in the middle of a batch."""
    one, other = opened.pair(FastSocket)
    for _ in range(200):
        assert one.send([b"a", b"b"])

    class Garbage:
        def __init__(self) -> None:
            self.cycle = self

        def __del__(self) -> None:
            other.close(0)

    threshold = gc.get_threshold()
    gc.collect()
    Garbage()
    gc.set_threshold(100)
    try:
        messages, _ = other.receive(200)
    finally:
        gc.set_threshold(*threshold)
    gc.collect()
    assert messages == [[b"a", b"b"]] * 200
    with pytest.raises(zmqbridge.ConnectionClosed):
        other.receive(1)


def test_an_inbox_that_the_garbage_uses(extension: Any) -> None:
    """What the collector runs may use the inbox that it is collected with: nothing crashes, and it is collected."""
    taken: list[object] = []

    class User:
        def __init__(self, inbox: Any) -> None:
            self.inbox = inbox

        def __del__(self) -> None:
            taken.extend(self.inbox.take_many(1))
            self.inbox.grant(Bell())
            self.inbox.put([2])
            self.inbox.revoke(Bell())
            self.inbox.wake_all()

    def abandon() -> None:
        inbox = new_inbox(extension)
        inbox.put([1, User(inbox)])

    abandon()
    gc.collect()
    assert taken == [1]
