"""No order of events loses a message, a wake-up or a reply: the core on models of libzmq and of a loop."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import zmq
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import zmqbridge
from tests.model.libzmq import ModelSocket, Wire
from tests.model.loop import Cancelled, ModelBackend, Task
from tests.size import of_whole
from zmqbridge.channel import Channel, Outbox, Pump
from zmqbridge.decoding import FramesDecoder
from zmqbridge.home import Home
from zmqbridge.protocols import Faults

FD = 7


class ModelHome(Home):
    """A home whose sockets are models."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(zmq.Context, name="model")
        self._wire = wire

    def open_socket(self, socket_type: int, linger: float, *, tracing: bool = False) -> ModelSocket:
        return ModelSocket(self._wire, FD)


class ModelContext(zmqbridge.Context):
    """A context whose sockets are models."""

    def __init__(self, backend: ModelBackend, wire: Wire, turn_limit: int) -> None:
        super().__init__(backend, turn_limit=turn_limit)
        self._home = ModelHome(wire)


def read_ahead(channel: Channel[Any]) -> list[Any]:
    """What lies in a channel's inbox."""
    inbox: Any = channel.inbox
    return [*inbox.free, *inbox._held]


class World(RuleBasedStateMachine):
    """One connection, its tasks, its loop, and its peer.

    Each rule is one thing that may happen next. What comes from the network may also come in the middle of a call on
    the socket: :meth:`soon` plans it.
    """

    @initialize(credit=st.integers(0, 3), turn_limit=st.sampled_from([1, 2, 3, 256]))
    def begin(self, credit: int, turn_limit: int) -> None:
        self.turn_limit = turn_limit
        self.wire = Wire(credit)
        self.backend = ModelBackend(lambda fd: self.wire.readable)
        self.context = ModelContext(self.backend, self.wire, turn_limit)
        self.numbers = itertools.count()
        self.planned: dict[int, Callable[[], object]] = {}
        self.calls = 0
        self.processing = 0
        self.wire.between = self.call
        self.wire.sends_process = lambda: bool(self.processing)
        self.signals = 0
        self.wire.interrupted = self.interrupt
        self.closed = False
        self.open()

    def open(self) -> None:
        raise NotImplementedError

    def call(self) -> None:
        self.calls += 1
        event = self.planned.pop(self.calls, None)
        if event is not None:
            event()

    def interrupt(self) -> bool:
        self.signals, came = max(0, self.signals - 1), self.signals > 0
        return came

    # --- what other code does ---

    @rule(count=st.integers(1, 3))
    def signal(self, count: int) -> None:
        """Signals will interrupt the next call on the socket, and what comes meanwhile comes in between."""
        self.signals = count

    @precondition(lambda self: self.calls > 10 and not self.closed)
    @rule(calls=st.integers(0, 6), credit=st.integers(0, 3))
    def terminate(self, calls: int, credit: int) -> None:
        """Another thread terminates the context, between two calls or in one: all that waits ends, with that or before.

        What follows is a new world.
        """
        tasks = [task for task in self.backend.tasks if not task.done]
        if calls:
            self.planned[self.calls + calls] = self.wire.end
            self.backend.settle()
        self.wire.end()
        self.backend.settle()
        for task in tasks:
            assert task.done, f"{task!r} still waits"
            if not isinstance(task.error, (Cancelled, zmqbridge.ContextTerminated, *self.allowed)):
                assert task.error is None, task.error
        self.check_terminated()
        self.leave()
        self.begin(credit, self.turn_limit)

    def check_terminated(self) -> None:
        """Each further call says so at once."""

    # --- the network ---

    def network(self, kind: str) -> None:
        raise NotImplementedError

    @rule(kind=st.sampled_from(["arrive", "take"]))
    def now(self, kind: str) -> None:
        """Something comes from the network."""
        self.network(kind)

    @rule(kind=st.sampled_from(["arrive", "take"]), calls=st.integers(1, 6))
    def soon(self, kind: str, calls: int) -> None:
        """Something will come from the network in the middle of a later call on the socket."""
        self.planned[self.calls + calls] = lambda: self.network(kind)

    @rule(often=st.booleans())
    def sends_process_commands(self, often: bool) -> None:
        """From now on each send looks at the mailbox, or none does."""
        self.processing = often

    # --- the loop ---

    @precondition(lambda self: self.backend.ready)
    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        """The loop runs one of the ready tasks."""
        self.backend.step(data.draw(st.sampled_from(self.backend.ready)))

    @rule()
    def poll(self) -> None:
        """The loop looks at the descriptor."""
        self.backend.poll()

    @precondition(lambda self: self.cancellable())
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Somebody cancels a task."""
        data.draw(st.sampled_from(self.cancellable())).cancel()

    def cancellable(self) -> list[Task]:
        return [task for task in self.backend.tasks if not task.done and task.name != "call"]

    @precondition(lambda self: self.closes and not self.closed)
    @rule(now=st.sampled_from([False] * 9 + [True]))
    def close(self, now: bool) -> None:
        """The connection is closed, once in a while: whatever waits ends, and nothing later can wait."""
        if now:
            self.closed = True
            self.context.close()

    closes = True

    @rule()
    def settle(self) -> None:
        """All is quiet for a while: then everything that could be done has been done."""
        self.backend.settle()
        if self.closed:
            assert [task for task in self.backend.tasks if not task.done] == [], "an operation outlives its connection"
        self.check_settled()

    def check_settled(self) -> None:
        raise NotImplementedError

    @invariant()
    def no_surprises(self) -> None:
        """A task ends with its result, or its cancellation, or an error that it may raise."""
        for task in getattr(self, "backend", ModelBackend(lambda fd: False)).tasks:
            closed = (zmqbridge.ConnectionClosed,) if self.closed else ()
            if task.error is not None and not isinstance(task.error, (Cancelled, *self.allowed, *closed)):
                raise task.error

    allowed: tuple[type[BaseException], ...] = ()

    def teardown(self) -> None:
        if not hasattr(self, "wire"):
            return
        try:
            self.settle()
        finally:
            self.leave()

    def leave(self) -> None:
        self.context.close()
        for task in self.backend.tasks:
            task.cancel()
        self.backend.settle()


class Dealer(World):
    """A dealer on which any number of tasks send and receive, some of them cancelled."""

    allowed = (zmqbridge.WouldBlock,)

    def open(self) -> None:
        self.dealer = self.context.dealer()
        self.arrived: list[bytes] = []
        self.received: list[bytes] = []
        self.sends: list[tuple[Task, bytes]] = []
        self.sent: list[bytes] = []

    def network(self, kind: str) -> None:
        if kind == "arrive":
            self.arrived.append(b"%d" % next(self.numbers))
            self.wire.arrive([self.arrived[-1]])
        else:
            self.wire.take()

    @rule()
    def receive(self) -> None:
        """A task receives."""

        async def body() -> None:
            self.received += await self.dealer.receive()

        self.backend.spawn("receive", body())

    @rule(limit=st.integers(1, 3))
    def receive_many(self, limit: int) -> None:
        """A task receives several messages."""

        async def body() -> None:
            for message in await self.dealer.receive_many(limit):
                self.received += message

        self.backend.spawn("receive_many", body())

    @precondition(lambda self: not self.closed)
    @rule()
    def receive_nowait(self) -> None:
        """Somebody takes a message that is there already."""
        with suppress(zmqbridge.WouldBlock):
            self.received += self.dealer.receive_nowait()

    @rule(frames=st.integers(1, 3))
    def send(self, frames: int) -> None:
        """A task sends."""
        name = b"%d" % next(self.numbers)

        async def body() -> None:
            await self.dealer.send([name] * frames)
            self.sent.append(name)

        self.sends.append((self.backend.spawn("send", body()), name))

    @precondition(lambda self: not self.closed)
    @rule()
    def send_nowait(self) -> None:
        """Somebody sends if there is room."""
        name = b"%d" % next(self.numbers)
        try:
            self.dealer.send_nowait(name)
        except zmqbridge.WouldBlock:
            pass
        else:
            self.sent.append(name)

    @precondition(lambda self: not self.closed)
    @rule()
    def look_at_events(self) -> None:
        """Somebody reads an option, and with it the edge."""
        self.dealer.getsockopt(int(zmq.EVENTS))

    def check_terminated(self) -> None:
        if self.backend.tasks:
            with pytest.raises(zmqbridge.ContextTerminated):
                self.dealer.getsockopt(int(zmq.EVENTS))

    def check_settled(self) -> None:
        waiting = [task.name for task in self.backend.tasks if not task.done]
        if self.closed:
            assert self.received == self.arrived[: len(self.received)]
        if self.wire.unread or self.dealer.stats.buffered:
            assert not [name for name in waiting if name.startswith("receive")], "a receive hangs with messages there"
        if self.wire.room:
            assert "send" not in waiting, "a send hangs with room there"
        there = [message for (message,) in read_ahead(self.dealer._channel) + list(self.wire._incoming)]
        assert self.closed or self.received + there == self.arrived
        on_the_way = [message[0] for message in self.wire.taken + list(self.wire._outgoing)]
        # In the order of the sends' ends, which is that of their tasks' steps.
        assert on_the_way == self.sent


class Requester(World):
    """A requester that many tasks ask at once, with timeouts and cancellations; its peer answers in any order."""

    allowed = (zmqbridge.RequestTimeout,)

    def open(self) -> None:
        self.requester = self.context.requester()
        self.asked: dict[bytes, Task] = {}
        self.to_answer: list[list[bytes]] = []

    def network(self, kind: str) -> None:
        if kind == "take":
            message = self.wire.take()
            if message is not None:
                self.to_answer.append(message)
        elif self.to_answer:
            # The last first, so that replies come in another order than their requests.
            id, delimiter, payload = self.to_answer.pop()
            self.wire.arrive([id, delimiter, b"re " + payload])

    @rule(timeout=st.none() | st.integers(1, 3))
    def request(self, timeout: int | None) -> None:
        """A task asks."""
        payload = b"%d" % next(self.numbers)
        self.asked[payload] = self.backend.spawn("request", self.requester.request(payload, timeout=timeout))

    @rule()
    def time_passes(self) -> None:
        """The loop's clock goes on."""
        self.backend.now += 1

    @rule(payload=st.binary(max_size=2))
    def nonsense(self, payload: bytes) -> None:
        """The peer sends what is no reply to anything."""
        self.wire.arrive([payload, b"", b"forged"])
        self.wire.arrive([payload])

    @invariant()
    def replies_are_for_their_requests(self) -> None:
        """Each request that has ended has its own reply."""
        for payload, task in getattr(self, "asked", {}).items():
            if task.done and task.error is None:
                assert task.value == [b"re " + payload]

    def check_settled(self) -> None:
        waiting = {payload for payload, task in self.asked.items() if not task.done}
        sent = {message[2] for message in self.wire.taken + list(self.wire._outgoing)}
        if waiting and not self.closed:
            assert not self.wire.unread, "messages are left there, though requests wait for a reply or for room"
        if self.wire.room and not self.closed:
            assert not waiting - sent, "a request hangs unsent with room there"


HAPPENINGS = ["try_to_send", "look_at_events", "look", "arrive", "take_long"]


class Handlers(World):
    """A pump that delivers to a handler, which may do anything while it is called."""

    allowed = (zmqbridge.ConnectionClosed,)
    closes = False  # its channel belongs to no context

    def open(self) -> None:
        self.channel: Channel[list[bytes]] = Channel(
            ModelSocket(self.wire, FD),
            lambda: self.backend,
            FramesDecoder(),
            Faults(),
            lambda: "the model",
            min(2, self.turn_limit),
        )
        self.outbox = Outbox(self.channel)
        self.arrived: list[bytes] = []
        self.received: list[bytes] = []
        self.sent: list[bytes] = []
        self.reactions: list[Callable[[], object]] = []
        self.ended: list[Exception] = []
        self.seconds = 0.0
        self.pump = Pump(
            self.channel, self.deliver, self.end, self.backend.call_soon, self.no_timer, lambda: self.seconds
        )
        self.backend.watch(FD, self.pump.look)

    def no_timer(self, seconds: float, call: Callable[[], None]) -> Any:
        raise AssertionError("a dealer tells of its room")

    def end(self, error: Exception) -> None:
        self.ended.append(error)
        self.backend.unwatch()

    def deliver(self, message: list[bytes]) -> None:
        self.received += message
        if self.reactions:
            self.reactions.pop()()

    def network(self, kind: str) -> None:
        if kind == "arrive":
            self.arrived.append(b"%d" % next(self.numbers))
            self.wire.arrive([self.arrived[-1]])
        else:
            self.wire.take()

    def try_to_send(self) -> None:
        name = b"%d" % next(self.numbers)
        try:
            self.outbox.send_nowait((name,))
        except zmqbridge.WouldBlock:
            pass
        else:
            self.sent.append(name)

    def take_long(self) -> None:
        self.seconds += 1.0

    def look_at_events(self) -> None:
        with self.channel.touching() as socket:
            socket.events()

    @rule(
        names=st.lists(
            st.sampled_from(["try_to_send", "look_at_events", "look", "arrive", "take_long"]), min_size=1, max_size=3
        )
    )
    def handler_will(self, names: list[str]) -> None:
        """While the handler of a later message is called, this happens, by the handler or on the network."""
        steps: dict[str, Callable[[], object]] = {
            "look": self.pump.look,
            "arrive": lambda: self.network("arrive"),
            "try_to_send": self.try_to_send,
            "look_at_events": self.look_at_events,
            "take_long": self.take_long,
        }
        self.reactions.append(lambda: [steps[name]() for name in names])

    @rule(name=st.sampled_from(["try_to_send", "look_at_events"]))
    def somebody_does(self, name: str) -> None:
        """Other code does the same, outside of a handler."""
        getattr(self, name)()

    @rule()
    def wait_for_room(self) -> None:
        """Somebody sends when there is room."""
        name = b"%d" % next(self.numbers)

        async def body() -> None:
            try:
                self.outbox.send_nowait((name,))
            except zmqbridge.WouldBlock:
                await self.outbox.send_in_turn((name,))
            self.sent.append(name)

        self.backend.spawn("send", body())

    def check_settled(self) -> None:
        assert self.received == self.arrived, "a message lies there unread"
        if self.wire.room:
            assert "send" not in [task.name for task in self.backend.tasks if not task.done], "a send hangs"
        assert [message[0] for message in self.wire.taken + list(self.wire._outgoing)] == self.sent
        assert not self.ended

    def check_terminated(self) -> None:
        assert [type(error) for error in self.ended] == [zmqbridge.ContextTerminated]

    def leave(self) -> None:
        self.pump.stop()
        self.channel.close()
        super().leave()


STEPS: Any = settings(max_examples=of_whole(150), stateful_step_count=40, deadline=None)

TestDealer = Dealer.TestCase
TestDealer.settings = STEPS
TestHandlers = Handlers.TestCase
TestHandlers.settings = STEPS
TestRequester = Requester.TestCase
TestRequester.settings = STEPS
