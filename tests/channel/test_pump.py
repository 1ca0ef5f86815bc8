"""The pump reads for a program that is called: it looks when it should, and leaves the loop its turns."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
import zmq

from tests.channel.placed import Place
from zmqbridge.channel import Pump
from zmqbridge.channel.channel import LOOK_AGAIN
from zmqbridge.errors import ContextTerminated, LocalProtocolError, WouldBlock


class Timer:
    """A call that is to come after some seconds."""

    def __init__(self, seconds: float, call: Callable[[], None]) -> None:
        self.seconds = seconds
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class PumpedPlace(Place):
    """A pump on a model of a socket, in a loop whose turns the test takes.

    Attributes:
        soon: what is called in the next turn.
        timers: what is called later.
        delivered: the messages that came to the handler.
        handler: what it does with one.
        ended: what it was told of the end.
        now: the pump's clock.
    """

    def __init__(self, *, receives: bool = True, tells_room: bool = True, turn_limit: int = 256) -> None:
        self.soon: list[Callable[[], None]] = []
        self.timers: list[Timer] = []
        self.delivered: list[bytes] = []
        self.handler: Callable[[], None] = lambda: None
        self.ended: list[type[Exception]] = []
        self.now = 0.0
        super().__init__(1, turn_limit)
        self.socket.receives, self.socket.tells_room = receives, tells_room
        self.pump = Pump(
            self.channel,
            self.deliver,
            lambda error: self.ended.append(type(error)),
            self.soon.append,
            self.call_later,
            lambda: self.now,
        )

    def deliver(self, message: list[bytes]) -> None:
        self.delivered += message
        self.handler()

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(seconds, call))
        return self.timers[-1]

    def arrive(self, *messages: bytes) -> None:
        for message in messages:
            self.wire.arrive([message])

    def turn(self) -> list[bytes]:
        """Run what was to be called in the next turn, and return what that delivered."""
        before = len(self.delivered)
        calls, self.soon[:] = list(self.soon), []
        for call in calls:
            call()
        self.backend.settle()
        return self.delivered[before:]

    def look_at_events(self) -> None:
        with self.channel.touching() as socket:
            socket.events()

    def fill_and_wait(self) -> None:
        """Send what there is room for, and have one more message wait."""
        with suppress(WouldBlock):
            while True:
                self.outbox.send_nowait((b"fills",))
        self.backend.spawn("send", self.outbox.send_in_turn((b"waits",)))
        self.backend.settle()


def test_before_the_first_turn() -> None:
    """A message whose edge was eaten before the first turn is delivered in it."""
    place = PumpedPlace()
    place.arrive(b"early")
    place.wire.get(zmq.EVENTS)
    assert not place.wire.readable
    assert place.turn() == [b"early"]


def test_who_only_sends_is_left_alone() -> None:
    """A pump that does not read looks for nothing while no send waits for room."""
    place = PumpedPlace(receives=False)
    place.outbox.send_nowait((b"x",))
    place.look_at_events()
    assert place.soon == []


def test_room_whose_edge_was_eaten() -> None:
    """A send that waits goes on though other calls ate the edge of its room, and nobody had looked before it waited."""
    place = PumpedPlace(receives=False)
    place.fill_and_wait()
    place.turn()
    assert place.wire.take() == [b"fills"]
    place.look_at_events()
    place.turn()
    assert place.taken == [b"fills", b"waits"]


@pytest.mark.parametrize("receives", [True, False])
def test_the_end_that_a_send_found(receives: bool) -> None:
    """The end of the context that a send finds out is told once, in the next turn."""
    place = PumpedPlace(receives=receives)
    place.turn()
    place.wire.end()
    place.wire.sends_process = lambda: True
    with pytest.raises(ContextTerminated):
        place.outbox.send_nowait((b"x",))
    assert place.ended == []
    place.turn()
    place.turn()
    assert place.ended == [ContextTerminated]


def test_a_forked_child() -> None:
    """In the child of a fork the parent's socket is left alone, and the end is told."""
    place = PumpedPlace()
    place.turn()
    place.arrive(b"the parent's")
    place.channel.guard.fork()
    place.pump.look()
    assert (place.delivered, place.wire.unread, place.ended) == ([], 1, [LocalProtocolError])


def test_a_look_in_a_handler() -> None:
    """A handler that has the pump look is not called within itself."""
    place = PumpedPlace()
    depth = deepest = 0

    def handler() -> None:
        nonlocal depth, deepest
        depth += 1
        deepest = max(deepest, depth)
        place.pump.look()
        depth -= 1

    place.handler = handler
    place.arrive(b"1", b"2", b"3")
    assert place.turn() == [b"1", b"2", b"3"]
    assert deepest == 1


def test_what_comes_in_a_handler() -> None:
    """A message whose edge a handler's call ate is delivered in the same turn."""
    place = PumpedPlace()

    def handler() -> None:
        place.handler = lambda: None
        place.arrive(b"2")
        place.look_at_events()

    place.handler = handler
    place.arrive(b"1")
    assert place.turn() == [b"1", b"2"]


def test_stopped_in_a_handler() -> None:
    """A pump that a handler stops reads nothing of what comes after that."""
    place = PumpedPlace()

    def handler() -> None:
        place.pump.stop()
        place.arrive(b"late")
        place.look_at_events()

    place.handler = handler
    place.arrive(b"1")
    assert [place.turn() for _ in range(2)] == [[b"1"], []]
    assert place.wire.unread == 1


def test_a_turn_delivers_a_batch() -> None:
    """One turn delivers as many messages as its limit, and the rest comes in the next."""
    place = PumpedPlace(turn_limit=2)
    place.arrive(b"1", b"2", b"3", b"4", b"5")
    assert [place.turn() for _ in range(3)] == [[b"1", b"2"], [b"3", b"4"], [b"5"]]


def test_a_turn_is_short() -> None:
    """After a handler that takes long the loop has its turn, and the messages that were read come in the next."""
    place = PumpedPlace()

    def take_long() -> None:
        place.now += 1

    place.handler = take_long
    place.arrive(b"1", b"2", b"3")
    assert [place.turn() for _ in range(3)] == [[b"1"], [b"2"], [b"3"]]


def test_a_router_is_looked_at_again() -> None:
    """Where the descriptor may say nothing of room, the pump looks for it after some time, again and again."""
    place = PumpedPlace(tells_room=False)
    place.turn()
    assert place.timers == []
    place.fill_and_wait()
    place.turn()
    for count in range(1, 4):
        assert [timer.seconds for timer in place.timers] == [LOOK_AGAIN] * count
        place.timers[-1].call()
    assert place.wire.take() == [b"fills"]
    place.wire.get(zmq.EVENTS)
    place.timers[-1].call()
    place.backend.settle()
    assert place.taken == [b"fills", b"waits"]


def test_stopped() -> None:
    """A pump that was stopped reads no more, leads no more, and leaves no timer; stopping twice is no error."""
    place = PumpedPlace(tells_room=False)
    place.turn()
    place.fill_and_wait()
    place.turn()
    assert place.channel.edge.leader is place.pump._place
    place.pump.stop()
    place.pump.stop()
    assert [timer.cancelled for timer in place.timers] == [True]
    assert place.channel.edge.leader is not place.pump._place
    place.arrive(b"late")
    place.pump.look()
    assert place.delivered == []


def test_stopped_by_a_handler() -> None:
    """A pump that a handler stops reads no more, though there is more and its socket is read in any case."""
    place = PumpedPlace()
    place.channel.lot.reads_always = True
    place.arrive(b"first")

    def stop() -> None:
        place.pump.stop()
        place.arrive(b"second")
        place.look_at_events()

    place.handler = stop
    assert place.turn() == [b"first"]


@pytest.mark.parametrize("error", [MemoryError("no room"), ZeroDivisionError("a fault")], ids=repr)
def test_what_fails_is_no_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """An error out of a look is logged, and the pump reads on after a while: it is never deaf."""
    place = PumpedPlace()
    place.soon.pop()()

    def fail(limit: int) -> tuple[list[list[bytes]], bool]:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(place.socket, "receive", fail)
        place.pump.look()
    assert "reading for the model failed; it goes on" in caplog.text
    assert caplog.records[-1].exc_info is not None
    assert (place.soon, place.ended) == ([], [])  # it does not fail again and again in each turn
    (again,) = place.timers
    place.wire.arrive([b"later"])
    again.call()
    place.soon.pop()()
    assert place.delivered == [b"later"]


def test_stopped_while_it_waits_to_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pump that is stopped after a failure leaves nothing that the loop would call."""
    place = PumpedPlace()
    place.soon.pop()()

    def fail(limit: int) -> tuple[list[list[bytes]], bool]:
        raise MemoryError

    monkeypatch.setattr(place.socket, "receive", fail)
    place.pump.look()
    place.pump.stop()
    assert [timer.cancelled for timer in place.timers] == [True]
