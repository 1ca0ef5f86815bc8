"""Which peers of a router are there: by the connections that their messages came by, and what is said of these."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from zmqbridge.presence.events import Event, EventKind
from zmqbridge.presence.routes import LOOK_AGAIN, PeerChange, Routes
from zmqbridge.socket import Source


class World:
    """Descriptors that are there, calls that are to come, and how often a change was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, Callable[[], object]]] = []
        self.told = 0
        self.routes = Routes(self._tell, lambda seconds, call: self.calls.append((seconds, call)))

    def _tell(self) -> None:
        self.told += 1

    def changes(self) -> list[tuple[bytes, bool]]:
        changes, left_out, _ = self.routes.changes.read(0)
        assert left_out == 0
        assert self.told == len(changes)
        return [(change.peer, change.connected) for change in changes]


def gone(fd: int) -> Event:
    """What libzmq says of a descriptor that is gone."""
    return Event(EventKind.DISCONNECTED, "tcp://127.0.0.1:5555", fd=fd)


CLOSED = Source(1_000_000, 5)


def open_source() -> Source:
    """A connection that is there."""
    return Source.of(socket.socket().detach())


def test_comes_and_goes() -> None:
    """A peer comes with its first message and goes with its connection; what is said twice is told once."""
    world = World()
    for _ in range(3):
        world.routes(b"a", CLOSED)
    assert world.routes.peers == {b"a"}
    world.routes.tell([gone(7), gone(CLOSED.fd), gone(CLOSED.fd)])
    assert world.routes.peers == frozenset()
    assert world.changes() == [(b"a", True), (b"a", False)]
    assert PeerChange() == PeerChange(b"", False, 0)


def test_a_peer_without_a_connection() -> None:
    """One of whom libzmq does not say by which connection it came is not named."""
    world = World()
    world.routes(b"a", None)
    assert world.routes.peers == frozenset()
    assert world.changes() == []


def test_a_descriptor_that_another_has() -> None:
    """Where another peer has the descriptor, the former one is gone, and what is said of it later is of nobody."""
    world = World()
    source = open_source()
    world.routes(b"a", Source(source.fd, source.inode + 1))
    world.routes(b"b", source)
    assert world.changes() == [(b"a", True), (b"a", False), (b"b", True)]
    world.routes.tell([gone(source.fd)])
    while world.calls:
        world.calls.pop()[1]()
    assert world.routes.peers == {b"b"}
    os.close(source.fd)


def test_a_descriptor_that_is_not_closed_yet() -> None:
    """Where the descriptor is still the connection's, it is looked at again, so many times, and then left."""
    world = World()
    source = open_source()
    world.routes(b"a", source)
    world.routes.tell([gone(source.fd)])
    seconds, call = world.calls.pop()
    assert seconds == LOOK_AGAIN[0]
    assert world.routes.peers == {b"a"}
    os.close(source.fd)
    call()
    assert world.changes() == [(b"a", True), (b"a", False)]
    source = open_source()
    world.routes(b"b", source)
    world.routes.tell([gone(source.fd)])
    waits = []
    while world.calls:
        seconds, call = world.calls.pop()
        waits.append(seconds)
        call()
    assert tuple(waits) == LOOK_AGAIN
    assert world.routes.peers == {b"b"}
    os.close(source.fd)


def test_a_message_of_a_closed_connection() -> None:
    """What is read late, when nothing or a file is at the descriptor, tells of nobody who is there."""
    world = World()
    source = open_source()
    world.routes(b"a", source)
    os.close(source.fd)
    world.routes(b"a", Source.of(source.fd))
    assert world.changes() == [(b"a", True)]
    world.routes.tell([gone(source.fd)])
    descriptor = os.open(os.devnull, os.O_RDONLY)
    for peer in (b"a", b"b"):
        world.routes(peer, Source.of(source.fd))
        world.routes(peer, Source.of(descriptor))
    os.close(descriptor)
    assert world.changes() == [(b"a", True), (b"a", False)]


def test_a_message_that_is_read_when_another_has_the_descriptor() -> None:
    """A peer's last message, read when another peer has its descriptor and has spoken, takes nothing from that."""
    world = World()
    source = open_source()
    world.routes(b"a", Source(source.fd, source.inode + 1))
    for _ in range(2):
        world.routes(b"b", source)
        world.routes(b"a", source)
    assert world.changes() == [(b"a", True), (b"a", False), (b"b", True)]
    world.routes(b"c", source)  # b's was the late one: a connection has one peer
    assert world.routes.peers == {b"c"}
    os.close(source.fd)


def test_a_first_message_between_the_news_and_the_end() -> None:
    """A peer whose first message is read after it is said to be gone, and before it is closed, is looked at again."""
    world = World()
    source = open_source()
    world.routes.tell([gone(source.fd)])
    world.routes(b"a", source)
    os.close(source.fd)
    world.calls.pop()[1]()
    assert world.changes() == [(b"a", True), (b"a", False)]


def test_a_peer_that_comes_back() -> None:
    """A peer whose messages come by another connection is the same peer, whatever is said of the former one."""
    world = World()
    source = open_source()
    world.routes(b"a", CLOSED)
    world.routes(b"a", source)
    world.routes.tell([gone(CLOSED.fd)])
    assert world.changes() == [(b"a", True)]
    os.close(source.fd)


def test_events_that_were_left_out() -> None:
    """Where it is not known what was said, each connection is looked at."""
    world = World()
    source = open_source()
    world.routes(b"a", CLOSED)
    world.routes(b"b", source)
    world.routes.tell([Event(EventKind.LEFT_OUT, left_out=5)])
    assert world.routes.peers == {b"b"}
    assert world.calls == []
    os.close(source.fd)
