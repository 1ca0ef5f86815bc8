"""What need not wait, in one call: what is asked first, what is charged, and what is left to the whole way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import zmq

from tests.channel.conftest import OpenDesk
from tests.channel.desk import Desk
from tests.waiting.threads import in_a_thread
from zmqbridge_asyncio.at_once import AtOnce, unit_for

LIMIT = 3


class Loop:
    """As much of a loop as a future that is done needs."""

    def __init__(self) -> None:
        self.running = True

    def is_running(self) -> bool:
        return self.running

    def get_debug(self) -> bool:
        return False


class Last(asyncio.Future[Any]):
    """The future of a turn's last send."""


class Counter:
    """What serves at once, with all that it asks and charges."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.loop: Any = Loop()
        self.turn: Any = type(desk.turn)(LIMIT)
        desk.turn.unlimit()
        self.at_once = self.make()
        self.move(self.loop)

    def move(self, loop: Any) -> None:
        self.at_once.move(loop)

    def make(self) -> AtOnce:
        desk = self.desk
        return unit_for(desk.attempt)(
            desk.attempt, desk.socket, desk.ownership, self.turn, desk.edge, asyncio.Future, self.last
        )

    def last(self) -> Last:
        return Last(loop=self.loop)

    def left(self) -> tuple[int, int]:
        """Return how many messages may still be received, and sent."""
        return self.turn.reads, self.turn.sends


@pytest.fixture
def counter(open_desk: OpenDesk) -> Counter:
    """One whose socket is connected with another."""
    return Counter(open_desk())


def arrive(counter: Counter, *messages: list[bytes]) -> None:
    """Have messages come, over inproc: they are there."""
    for message in messages:
        assert counter.desk.peer.send(message)
    counter.at_once.flows = True


@pytest.mark.parametrize(
    ("name", "given", "frames"),
    [
        ("send_frame", b"a", [b"a"]),
        ("send_frame", b"", [b""]),
        ("send_message", [b"a", b"b"], [b"a", b"b"]),
        ("send_message", (b"a",), [b"a"]),
        ("send_message", [bytearray(b"a"), memoryview(b"b"), b"c"], [b"a", b"b", b"c"]),
    ],
)
def test_sending(counter: Counter, name: str, given: Any, frames: list[bytes]) -> None:
    """What is plain is sent, counted, charged, and its future is done, with nothing for a result."""
    future = getattr(counter.at_once, name)(given)
    assert type(future) is asyncio.Future
    assert future.get_loop() is counter.loop
    assert future.done()
    assert future.result() is None
    assert counter.left() == (LIMIT, LIMIT - 1)
    assert (counter.desk.attempt.sent, counter.desk.leader.rung) == (1, 1)
    assert counter.desk.received() == [frames]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("send_frame", bytearray(b"a")),
        ("send_frame", [b"a"]),
        ("send_frame", "text"),
        ("send_frame", zmq.Frame(b"a")),
        ("send_message", b"a"),
        ("send_message", []),
        ("send_message", ()),
        ("send_message", iter([b"a"])),
        ("send_message", [b"a", bytearray(b"b")]),
        ("send_message", ["text", b"b"]),
        ("send_message", [5, b"b"]),
        ("send_message", None),
    ],
)
def test_what_is_left_to_pyzmq(counter: Counter, name: str, given: Any) -> None:
    """What is not plain is left to the whole way, before anything is sent or charged."""
    assert getattr(counter.at_once, name)(given) is None
    assert counter.left() == (LIMIT, LIMIT)
    assert counter.desk.received() == []


def without_a_loop(counter: Counter) -> None:
    counter.at_once = counter.make()


def on_a_loop_that_stopped(counter: Counter) -> None:
    counter.loop.running = False


def when_nobody_may(counter: Counter) -> None:
    counter.desk.ownership.owner = 0


def when_the_turn_was_spent(counter: Counter) -> None:
    counter.at_once.spent = True


def when_somebody_waits(counter: Counter) -> None:
    counter.desk.lot.park_writer()


@pytest.mark.parametrize(
    "hindered",
    [without_a_loop, on_a_loop_that_stopped, when_nobody_may, when_the_turn_was_spent, when_somebody_waits],
    ids=lambda hindered: hindered.__name__,
)
def test_no_sends_now(counter: Counter, hindered: Callable[[Counter], None]) -> None:
    """Where something is to be asked or waited for first, nothing is sent at once."""
    hindered(counter)
    assert counter.at_once.send_frame(b"a") is None
    assert counter.at_once.send_message([b"a"]) is None
    assert counter.left() == (LIMIT, LIMIT)
    assert counter.desk.received() == []


def test_another_thread(counter: Counter) -> None:
    """From another thread nothing is sent or received at once."""
    arrive(counter, [b"a"])
    assert in_a_thread(lambda: counter.at_once.send_frame(b"a")) is None
    assert in_a_thread(counter.at_once.receive_message) is None
    assert in_a_thread(counter.at_once.receive_frame) is None
    assert counter.at_once.flows
    assert counter.left() == (LIMIT, LIMIT)


def test_no_room(open_desk: OpenDesk) -> None:
    """What libzmq refuses is left to the whole way, and costs nothing of the turn."""
    counter = Counter(open_desk(joined=False))
    assert counter.at_once.send_frame(b"a") is None
    assert counter.at_once.send_message([b"a", b"b"]) is None
    assert counter.left() == (LIMIT, LIMIT)


def test_an_error_of_sending(open_desk: OpenDesk) -> None:
    """What libzmq will not send is left to the whole way, which says why."""
    counter = Counter(open_desk(zmq.ROUTER, zmq.DEALER))
    assert counter.at_once.send_message([b"nobody", b"x"]) is None
    assert counter.left() == (LIMIT, LIMIT)


def test_a_closed_socket(counter: Counter) -> None:
    """On a socket that was closed nothing is done at once."""
    counter.desk.socket.raw.close(0)
    counter.at_once.flows = True
    assert counter.at_once.send_frame(b"a") is None
    assert counter.at_once.receive_frame() is None
    counter.at_once.flows = True
    assert counter.at_once.receive_message() is None
    assert not counter.at_once.flows


def test_the_last_of_a_turn(counter: Counter) -> None:
    """The send that leaves nothing of its turn has the future of one that is the last, and so has each after it."""
    kinds = [type(counter.at_once.send_frame(b"a")) for _ in range(LIMIT + 2)]
    assert kinds == [asyncio.Future] * (LIMIT - 1) + [Last] * 3
    counter.turn.begin()
    assert type(counter.at_once.send_message([b"a"])) is asyncio.Future


def test_what_was_sent_otherwise(counter: Counter) -> None:
    """A send that the whole way has done is charged, and its future has its result."""
    future = counter.at_once.sent("tracker")
    assert future.result() == "tracker"
    assert counter.left() == (LIMIT, LIMIT - 1)


def test_receiving(counter: Counter) -> None:
    """A message is received as a list of its frames, a frame as bytes; each is charged, and touches the edge."""
    arrive(counter, [b"a", b"b"], [b"c"], [b"d", b"e"])
    message = counter.at_once.receive_message()
    frame = counter.at_once.receive_frame()
    half = counter.at_once.receive_frame()
    assert message is not None
    assert frame is not None
    assert half is not None
    assert type(message) is asyncio.Future
    assert message.get_loop() is counter.loop
    assert (message.result(), frame.result(), half.result()) == ([b"a", b"b"], b"c", b"d")
    assert counter.left() == (0, LIMIT)
    assert counter.desk.leader.rung == 1
    counter.turn.begin()
    rest = counter.at_once.receive_message()
    assert rest is not None
    assert rest.result() == [b"e"]


def test_nothing_to_receive(counter: Counter) -> None:
    """Where nothing is there, that is noted, and the next receive does not try."""
    for receive in (counter.at_once.receive_message, counter.at_once.receive_frame):
        arrive(counter)
        assert receive() is None
        assert not counter.at_once.flows
    assert counter.desk.peer.send([b"a"])
    assert counter.at_once.receive_message() is None
    assert counter.left() == (LIMIT, LIMIT)
    counter.at_once.flows = True
    received = counter.at_once.receive_message()
    assert received is not None
    assert received.result() == [b"a"]


@pytest.mark.parametrize(
    "hindered", [without_a_loop, on_a_loop_that_stopped, when_nobody_may], ids=lambda hindered: hindered.__name__
)
def test_no_receives_now(counter: Counter, hindered: Callable[[Counter], None]) -> None:
    """Where something is to be asked first nothing is received, and what is there stays there."""
    hindered(counter)
    arrive(counter, [b"a"])
    assert counter.at_once.receive_message() is None
    assert counter.at_once.receive_frame() is None
    assert counter.desk.socket.receive(1)[0] == [[b"a"]]


def test_one_turn_receives_so_many(counter: Counter) -> None:
    """When the turn has no reads left, what is there stays there, and the flow has not ended."""
    arrive(counter, *([b"%d" % number] for number in range(LIMIT + 1)))
    received = [counter.at_once.receive_frame() for _ in range(LIMIT + 1)]
    assert [future is not None for future in received] == [True] * LIMIT + [False]
    assert counter.at_once.flows
    counter.turn.begin()
    last = counter.at_once.receive_message()
    assert last is not None
    assert last.result() == [b"%d" % LIMIT]


@pytest.mark.parametrize("size", [0, 1, 5000], ids="{} frames".format)
def test_a_long_message(counter: Counter, size: int) -> None:
    """A message is received whole, however many frames it has."""
    frames = [b"%d" % number for number in range(size)] + [b"x" * 2_000_000]
    arrive(counter, frames)
    received = counter.at_once.receive_message()
    assert received is not None
    assert received.result() == frames


def test_another_loop(counter: Counter) -> None:
    """After a move the futures are the other loop's."""
    other: Any = Loop()
    counter.loop.running = False
    counter.move(other)
    future = counter.at_once.send_frame(b"a")
    assert future is not None
    assert future.get_loop() is other
