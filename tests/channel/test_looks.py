"""What a look finds, and whom it tells; on models of libzmq and of a loop."""

from __future__ import annotations

from typing import Any

import pytest

from tests.model.libzmq import ModelSocket, Wire
from tests.model.loop import ModelBackend, Task
from tests.waiting.bells import Bell
from zmqbridge.channel import Channel, Outbox
from zmqbridge.decoding import FramesDecoder
from zmqbridge.errors import ConnectionClosed, LocalProtocolError
from zmqbridge.protocols import Faults

FD = 7


class Place:
    """A channel on a model of a socket that has room for so many messages."""

    def __init__(self, credit: int) -> None:
        self.wire = Wire(credit)
        self.backend = ModelBackend(lambda fd: self.wire.readable)
        self.socket = ModelSocket(self.wire, FD)
        self.channel: Channel[list[bytes]] = Channel(
            self.socket, lambda: self.backend, FramesDecoder(), Faults(), lambda: "the model", 256
        )
        self.outbox = Outbox(self.channel)
        self.channel.enter()


@pytest.fixture
def place() -> Place:
    """A channel whose peer has no room."""
    return Place(0)


def waits(task: Task) -> tuple[int | None, bool]:
    """For which descriptor a task waits, and whether for some time only."""
    assert task.waits is not None
    return task.waits.fd, task.waits.deadline is not None


def test_the_edge_is_stale_while_a_look_runs(place: Place) -> None:
    """While a look runs the edge is stale, for each of its calls may eat it; afterwards it is not."""
    channel, leader = place.channel, Bell()
    channel.look()
    seen = [channel.edge.stale]
    channel.edge.leader = leader
    place.wire.between = lambda: seen.append(channel.edge.stale)
    channel.look(receiving=True)
    seen.append(channel.edge.stale)
    assert (seen[0], set(seen[1:-1]), seen[-1]) == (False, {True}, False)
    assert leader.rung == 0


def test_a_look_that_fails(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that fails may have eaten the edge: whoever leads looks again before it waits."""
    channel = place.channel
    channel.look()

    def receive(limit: int) -> Any:
        raise LocalProtocolError("it is not the turn of this")

    monkeypatch.setattr(place.socket, "receive", receive)
    with pytest.raises(LocalProtocolError):
        channel.look(receiving=True)
    assert channel.edge.stale


def test_nobody_wants_anything(place: Place) -> None:
    """A look for which nobody reads, and nobody waits for room, silences the descriptor all the same."""
    place.wire.arrive([b"x"])
    readable = [place.wire.readable]
    place.channel.look()
    readable.append(place.wire.readable)
    assert (readable, place.wire.unread) == ([True, False], 1)


def test_a_socket_that_tells_nothing_of_room(place: Place) -> None:
    """Where POLLOUT says nothing of the one peer that matters, whoever waits for room tries at each look."""
    waiting, told = place.channel.lot.park_writer(b"a peer"), []
    place.channel.look()
    told.append(waiting.served)
    place.socket.tells_room = False
    place.channel.look()
    told.append(waiting.served)
    assert told == [False, True]


@pytest.mark.parametrize("tells_room", [True, False])
def test_a_send_parks_behind_a_receive(place: Place, tells_room: bool) -> None:
    """A receive that waits for the descriptor looks again after some time where that may say nothing of room."""
    place.socket.tells_room = tells_room
    receiving = place.backend.spawn("receive", place.channel.receive(checkpoint=False))
    place.backend.settle()
    assert waits(receiving) == (FD, False)
    place.backend.spawn("send", place.outbox.send((b"x",), b"a peer"))
    place.backend.settle()
    assert waits(receiving) == (FD, not tells_room)


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("pending", [True, False])
def test_a_refused_send(place: Place, pending: bool, wanted: bool) -> None:
    """A refused send has the leader look only if there is something to receive, and somebody who wants it."""
    channel, leader = place.channel, Bell()
    (channel.lot.park_reader if wanted else channel.lot.park_writer)()
    channel.edge.stale = False
    channel.edge.leader = leader
    if pending:
        place.wire.arrive([b"x"])
    assert not place.outbox.attempt.send((b"y",))
    assert channel.edge.stale == bool(leader.rung) == (pending and wanted)


def test_closed_by_other_code(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The descriptor of a socket that other code has closed is released: its number may be another's at once."""
    released: list[int] = []
    monkeypatch.setattr(place.backend, "release", released.append)
    place.channel.ended_by(ConnectionClosed("the socket was closed by other code"))
    assert released == [FD]
