"""What a look finds, and whom it tells; on models of libzmq and of a loop."""

from __future__ import annotations

from typing import Any

import pytest

from tests.channel.placed import FD, Place
from tests.model.loop import Task
from tests.waiting.bells import Bell, waiting
from zmqbridge.errors import ConnectionClosed, ContextTerminated, LocalProtocolError
from zmqbridge.protocols import State
from zmqbridge.waiting.inbox import NOTHING


@pytest.fixture
def place() -> Place:
    """A channel whose peer has no room."""
    place = Place()
    place.channel.enter()
    return place


def waits(task: Task) -> tuple[int | None, bool]:
    """For which descriptor a task waits, and whether for some time only."""
    assert task.waits is not None
    return task.waits.fd, task.waits.deadline is not None


def test_touched_while_a_look_runs(place: Place) -> None:
    """Whoever touches the socket in the middle of a look, as a signal's handler may, has it looked at once more."""
    channel, leader = place.channel, Bell()
    channel.look()
    channel.look(receiving=True)
    seen = [channel.edge.stale]
    channel.edge.leader = leader
    place.wire.between = channel.edge.touch
    channel.look(receiving=True)
    seen.append(channel.edge.stale)
    assert (seen, leader.rung) == ([False, True], 1)


def test_no_reads_left() -> None:
    """A receive that may not read any more in its turn looks in the next, though nothing makes the descriptor readable.

    So does whoever leads and finds the edge stale: it looks before it waits.
    """
    place = Place(turn_limit=1)
    for number in range(2):
        place.wire.arrive([b"%d" % number])
    receiving = [place.backend.spawn("receive", place.channel.receive(checkpoint=False)) for _ in range(2)]
    for task in receiving:
        place.backend.step(task)
    assert (receiving[0].value, receiving[1].done, place.wire.readable) == ([b"0"], False, False)
    place.backend.step(receiving[1])
    assert receiving[1].value == [b"1"]


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


def test_no_room_to_read() -> None:
    """Where a look has no room to read, since he for whom the last one read has not run yet, another look follows."""
    place = Place(turn_limit=1)
    backend = place.backend
    receiving = [backend.spawn("receive", place.channel.receive(checkpoint=False)) for _ in range(3)]
    backend.settle()
    place.wire.arrive([b"0"])
    backend.settle()
    *_, leader = receiving
    assert leader.waits is not None
    assert leader.waits.fd == FD
    for number in range(1, 3):
        place.wire.arrive([b"%d" % number])
    backend.poll()
    for _ in range(2):
        backend.step(leader)  # it reads for another, who does not run; then there is no room
    backend.settle()
    assert [task.value for task in receiving] == [[b"0"], [b"1"], [b"2"]]


@pytest.mark.parametrize("found_by", ["a look", "a send"])
def test_the_context_is_terminated(place: Place, found_by: str) -> None:
    """Whoever finds that the context was terminated tells all that wait, and nothing is given out any more."""
    channel = place.channel
    channel.inbox.put([[b"read ahead"]])
    reader, writer = waiting(channel.lot.park_reader()), waiting(channel.lot.park_writer())
    place.wire.end()
    place.wire.sends_process = lambda: True
    with pytest.raises(ContextTerminated):
        channel.look() if found_by == "a look" else place.outbox.attempt.send((b"x",))
    assert reader.rung
    assert writer.rung
    assert channel.guard.state is State.TERMINATED
    assert channel.inbox.take_free() is NOTHING


def test_closed_by_other_code(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The descriptor of a socket that other code has closed is released: its number may be another's at once."""
    released: list[int] = []
    monkeypatch.setattr(place.backend, "release", released.append)
    place.channel.ended_by(ConnectionClosed("the socket was closed by other code"))
    assert released == [FD]


def test_closed(place: Place) -> None:
    """All that wait see that the channel was closed, whoever leads, though there is nothing to look at."""
    tasks = [place.backend.spawn("receive", place.channel.receive(checkpoint=False)) for _ in range(3)]
    place.backend.settle()
    place.channel.close()
    place.backend.settle()
    assert [type(task.error) for task in tasks] == [ConnectionClosed] * 3
