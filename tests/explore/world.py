"""The small world: what may happen next to one connection, and what must hold whatever happens.

A step is a short text, so that a list of them can be read and pasted.

========================  ==============================================================================
step                      what happens
========================  ==============================================================================
``start NAME``            a task begins one of :data:`OPERATIONS`, and runs until it waits
``call NAME``             somebody makes one of :data:`CALLS`, which never wait
``run 0``                 the loop runs the oldest task that has not ended; it is ready
``cancel 0``              somebody cancels it; it hears of that when it runs
``poll``                  the loop looks at the descriptor, and finds it readable
``arrive``                a message comes from the peer
``take``                  the peer reads a message, and so makes room
``answer``                the peer answers the oldest of the requests that it has read
``answer newest``         the peer answers the newest of them
``forge``                 a reply comes that belongs to no request
``late``                  so much time passes that what has a deadline is over it
``leave``, ``come``       the peer goes, with what was on the way to it; another comes
``close``, ``terminate``  this program closes the connection; another thread ends the context
========================  ==============================================================================

What comes from the network can also come in the middle of a step: ``run 0, arrive before call 3`` has a message come
before the third of the calls on the socket that the step makes. And ``send`` looks at libzmq's commands now and
then: after ``run 0, processing`` each does that in this step, and otherwise none does.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Any, Self

import zmq

import zmqbridge
from tests.explore.core import PLAN, ModelContext, Opened, open_dealer, open_requester
from tests.explore.fingerprint import Graph, Snapshot
from tests.explore.loop import Loop
from tests.explore.peer import Pipe
from tests.model.loop import Cancelled, Task

__all__ = ["WORLDS", "Broken", "Kind", "World"]

Frames = list[bytes]


class Broken(Exception):
    """Something does not hold that must."""


# --- what the tasks do ---


async def receive(dealer: Any, _: list[Frames]) -> list[Frames]:
    return [await dealer.receive()]


async def receive_two(dealer: Any, _: list[Frames]) -> list[Frames]:
    messages: list[Frames] = await dealer.receive_many(2)
    return messages


async def send(dealer: Any, messages: list[Frames]) -> None:
    await dealer.send(messages[0][0])


async def send_frames(dealer: Any, messages: list[Frames]) -> None:
    await dealer.send(messages[0])


async def send_many(dealer: Any, messages: list[Frames]) -> None:
    await dealer.send_many([message[0] for message in messages])


async def request(requester: Any, messages: list[Frames]) -> Frames:
    reply: Frames = await requester.request(messages[0][0])
    return reply


async def request_in_time(requester: Any, messages: list[Frames]) -> Frames:
    reply: Frames = await requester.request(messages[0][0], timeout=1)
    return reply


@dataclass(frozen=True)
class Operation:
    """What a task may do.

    Attributes:
        body: its coroutine.
        code: a number for it.
        receives: it waits for a message.
        sends: how many messages it sends.
        frames: how many frames each has.
    """

    body: Callable[[Any, list[Frames]], Coroutine[Any, Any, Any]]
    code: int
    receives: bool = False
    sends: int = 0
    frames: int = 1


OPERATIONS = {
    "receive": Operation(receive, 1, receives=True),
    "receive_two": Operation(receive_two, 2, receives=True),
    "send": Operation(send, 3, sends=1),
    "send_frames": Operation(send_frames, 4, sends=1, frames=3),
    "send_many": Operation(send_many, 5, sends=2),
    "request": Operation(request, 6, sends=1),
    "request_in_time": Operation(request_in_time, 7, sends=1),
}

CALLS = ("send_nowait", "receive_nowait", "look")


@dataclass(frozen=True)
class Kind:
    """One kind of world.

    Attributes:
        open: opens its connection.
        operations: what tasks do in it.
        calls: what is called in it.
        network: what the network does.
        mid_step: what of that may come in the middle of a step.
        depth: how many steps are searched unless said.
        requests: tasks ask, and have answers.
    """

    open: Callable[[ModelContext, Pipe, int], Opened]
    operations: tuple[str, ...]
    calls: tuple[str, ...]
    network: tuple[str, ...]
    mid_step: tuple[str, ...]
    depth: int
    requests: bool = False


_PEER = ("arrive", "take", "leave", "come", "terminate")
_ANSWERING = ("answer", "answer newest", "forge", "take", "leave", "come", "terminate")

WORLDS = {
    "dealer": Kind(
        open_dealer,
        ("receive", "receive_two", "send", "send_frames", "send_many"),
        CALLS,
        _PEER,
        ("arrive", "take", "leave"),
        6,
    ),
    "edge": Kind(open_dealer, ("receive", "send", "send_frames"), (), ("arrive", "take"), ("arrive", "take"), 9),
    "pusher": Kind(
        open_dealer,
        ("send", "send_frames", "send_many"),
        ("send_nowait", "look"),
        ("take", "leave", "come", "terminate"),
        ("take", "leave"),
        7,
    ),
    "puller": Kind(
        open_dealer, ("receive", "receive_two"), ("receive_nowait", "look"), ("arrive", "terminate"), ("arrive",), 11
    ),
    "requester": Kind(
        open_requester, ("request", "request_in_time"), (), _ANSWERING, ("answer", "forge", "take"), 7, requests=True
    ),
}

TASKS = 3
UNREAD = 2
CAPACITY = 1
TURNS = 100
FORGED = [b"nobody's request", b"", b"forged"]


class Doing(Task):
    """A task, and what is to come of it.

    Attributes:
        operation: what it does.
        messages: what it sends.
        sent: how many of them libzmq took.
        answered: how many answers to it came to this end.
        held: what it refers to, as long as it does not run.
        began: it has run.
    """

    def __init__(self, name: str, connection: Any, messages: list[Frames]) -> None:
        self.operation = OPERATIONS[name]
        super().__init__(name, self.operation.body(connection, messages))
        self.messages = messages
        self.sent = 0
        self.answered = 0
        self.held: list[Any] | None = None
        self.began = False

    @property
    def body(self) -> Any:
        return self._body


@cache
def parsed(step: str) -> tuple[str, str, bool, str, int]:
    """Return a step's kind, its argument, whether sends process commands, and what comes before which call."""
    action, *additions = step.split(", ")
    kind, _, argument = action.partition(" ")
    processing = "processing" in additions
    for addition in additions:
        event, between, call = addition.partition(" before call ")
        if between:
            return kind, argument, processing, event, int(call)
    return kind, argument, processing, "", 0


@dataclass(frozen=True)
class Saved:
    """A state to go back to."""

    pipe: dict[str, Any]
    tasks: list[Any]
    numbers: tuple[int, int, int, bool, float]
    inner: Snapshot | None


class World:
    """One connection, its tasks, its loop and its peer.

    Args:
        kind: one of :data:`WORLDS`.
        turn: how many messages a turn of the loop reads, and sends, at most.
        in_order: receives are served in the order of their calls, too.
        bounded: nothing that is run reads more messages at once than a turn has, too.

    Attributes:
        calls: how many calls on the socket the latest step made.
        happened: what was to come in the middle of it came.
        asked: whether it would have mattered in it if a send had processed commands.
    """

    def __init__(self, kind: str, turn: int, *, in_order: bool = False, bounded: bool = False) -> None:
        self.kind = WORLDS[kind]
        self.turn = turn
        self.in_order = in_order
        self.bounded = bounded
        self.backend = Loop()
        self.context = ModelContext(self.backend)
        self.tasks: list[Doing] = []
        self.backend.tasks = self.tasks  # type: ignore[assignment]
        self._open()
        self._beginning = self.saved(self.inner_state())

    def _open(self) -> None:
        self.pipe = self.backend.pipe = Pipe(CAPACITY)
        self.opened = self.kind.open(self.context, self.pipe, self.turn)
        self.connection = self.opened.connection
        self.pipe.between = self._between
        self.pipe.sends_process = self._sends_process
        self.calls = 0
        self.happened = True
        self.asked = False
        self.arrived = 0
        self.received = 0
        self.named = 0
        self.open = True
        self._processing = False
        self._event = ""
        self._event_at = 0

    def begin(self) -> None:
        """Be as in the beginning: one connection, whose peer has no room."""
        for task in self.tasks:
            task.body.close()
        self.tasks.clear()
        self.back(self._beginning)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Drop all that there is. While a world is there, no other use of the core is, and no world of other turns."""
        self.begin()
        self.context.forget()

    # --- which steps there are ---

    def outer_steps(self) -> list[str]:
        """Return the steps that run nothing of the core: what the network does, what a loop notes, what cancels."""
        steps = [event for event in self.kind.network if self._can(event)]
        if self._pollable() is not None:
            steps.append("poll")
        steps += [f"cancel {index}" for index, task in enumerate(self.tasks) if not task.cancelling]
        return steps

    def new_steps(self) -> list[str]:
        """Return the steps that run something of the core, but no task that there is: they can be undone.

        What may come in the middle of them is in :meth:`variants`.
        """
        steps = []
        if self.open:
            if len(self.tasks) < TASKS:
                steps += [f"start {name}" for name in self.kind.operations]
            steps += [f"call {name}" for name in self.kind.calls]
            steps.append("close")
        if any(self._deadlines()):
            steps.append("late")
        return steps

    def old_steps(self) -> list[str]:
        """Return the steps that run a task, likewise."""
        return [f"run {index}" for index, task in enumerate(self.tasks) if task.ready]

    def variants(self, step: str) -> list[tuple[str, int]]:
        """Return the same step with what may come in the middle, and how many steps each counts for.

        It has just been taken.
        """
        variants = []
        if self.asked:
            variants.append((f"{step}, processing", 1))
        for call in range(2, self.calls + 1):
            for event in self.kind.mid_step:
                variants.append((f"{step}, {event} before call {call}", 2))
                if self.asked:
                    variants.append((f"{step}, processing, {event} before call {call}", 2))
        return variants

    def _can(self, event: str) -> bool:
        pipe = self.pipe
        if not self.open:
            return False
        match event:
            case "arrive" | "forge":
                return pipe.present and pipe.unread < UNREAD
            case "answer":
                return bool(pipe.present and pipe.unanswered) and pipe.unread < UNREAD
            case "answer newest":
                return pipe.present and len(pipe.unanswered) > 1 and pipe.unread < UNREAD
            case "take":
                return pipe.present and pipe.outgoing > 0
            case "leave":
                return pipe.present and not pipe.coming
            case "come":
                return not pipe.present
        return True

    def _pollable(self) -> Doing | None:
        if self.pipe.readable:
            for task in self.tasks:
                if not task.ready and task.waits is not None and task.waits.fd is not None:
                    return task
        return None

    def _deadlines(self) -> list[Doing]:
        return [
            task
            for task in self.tasks
            if task.waits is not None and task.waits.deadline is not None and task.waits.deadline > self.backend.now
        ]

    def possible(self, step: str) -> bool:
        """Whether a step can be taken now."""
        kind, argument, *_ = parsed(step)
        if kind in ("run", "cancel"):
            index = int(argument)
            return index < len(self.tasks) and (kind == "cancel" or self.tasks[index].ready)
        if kind in ("start", "call", "close"):
            return self.open
        if kind == "poll":
            return self._pollable() is not None
        return kind == "late" or self._can(step)

    # --- taking a step ---

    def take(self, step: str) -> None:
        """Take a step.

        Raises:
            Broken: if something does not hold in it that must.
        """
        kind, argument, self._processing, self._event, self._event_at = parsed(step)
        self.calls = 0
        self.happened = not self._event
        self.asked = False
        match kind:
            case "run":
                self._run(self.tasks[int(argument)])
            case "start":
                self._start(argument)
            case "call":
                self._call(argument)
            case "cancel":
                self.tasks[int(argument)].cancel()
            case "poll":
                polled = self._pollable()
                assert polled is not None
                polled.ready = True
            case "close":
                self._close()
            case "late":
                self.backend.now += 1
                for task in self.tasks:
                    waiter = task.waits
                    if waiter is not None and waiter.deadline is not None and waiter.deadline <= self.backend.now:
                        task.ready = True
            case _:
                self._happen(step)

    def _happen(self, event: str) -> None:
        pipe = self.pipe
        match event:
            case "arrive":
                pipe.arrive([b"%d" % self.arrived, b"."])
                self.arrived += 1
            case "forge":
                pipe.arrive(FORGED)
            case "answer" | "answer newest":
                id, _, payload = pipe.unanswered.pop(0 if event == "answer" else -1)
                pipe.arrive([id, b"", b"re " + payload])
                for task in self.tasks:
                    task.answered += task.messages[0][0] == payload
            case "take":
                pipe.read()
                if pipe.unanswered[-1] == [b"before"] or not self.kind.requests:
                    pipe.unanswered.pop()
            case "leave":
                pipe.leave()
            case "come":
                pipe.come()
            case "terminate":
                self.open = False
                pipe.end()
            case _:
                raise ValueError(f"{event!r} is no step of this world")

    def _between(self) -> None:
        self.calls += 1
        if self.calls == self._event_at and self._can(self._event):
            self.happened = True
            self._happen(self._event)

    def _sends_process(self) -> bool:
        self.asked = True
        return self._processing

    def _start(self, name: str) -> None:
        operation = OPERATIONS[name]
        messages = [self._name(operation.frames) for _ in range(operation.sends)]
        task = Doing(name, self.connection, messages)
        self.tasks.append(task)
        self._run(task)

    def _name(self, frames: int) -> Frames:
        self.named += 1
        return [b"s%d" % self.named] * frames

    def _run(self, task: Doing) -> None:
        waiting = self._waiting_longer(task) if self.in_order and task.operation.receives else []
        behind = [] if task.began else self._sends_that_wait()
        task.held = None
        task.began = True
        self.pipe.reads = 0
        self.backend.step(task)
        if task.waits is not None and task.waits.fd is not None:
            self.pipe.registered = True  # and stays so until it is released, as on most loops
        if self.bounded and self.pipe.reads > self.turn:
            raise Broken(f"{task.name} read {self.pipe.reads} messages in one turn of {self.turn}")
        if self.pipe.written:
            self._wrote(task, behind)
        if task.done:
            self.tasks.remove(task)
            self._ended(task)
            if waiting and task.error is None:
                raise Broken(f"{task.name} overtook {waiting}")

    def _waiting_longer(self, task: Doing) -> list[Doing]:
        """Return the receives that were called before this one, and that it is not to overtake if it has waited itself.

        One that has not may take what is there beyond what is reserved for others.
        """
        if not self.opened.told(task.body):
            return []
        earlier = self.tasks[: self.tasks.index(task)]
        return [other for other in earlier if other.operation.receives and not other.cancelling]

    def _sends_that_wait(self) -> list[Doing]:
        """Return the sends that wait for room, and have not been told of any: a new one is not to overtake them."""
        return [task for task in self.tasks if task.messages and not task.sent and not task.ready]

    def _wrote(self, task: Doing, behind: list[Doing]) -> None:
        for written in self.pipe.written:
            message = written[2:] if self.kind.requests else written
            if task.sent == len(task.messages) or message != task.messages[task.sent]:
                raise Broken(f"{task.name} sent {message} in the place of {task.messages[task.sent :]}")
            task.sent += 1
        self.pipe.written.clear()
        if behind:
            raise Broken(f"{task.name} overtook {behind}")

    def _ended(self, task: Doing) -> None:
        error = task.error
        if error is None:
            if task.sent != len(task.messages):
                raise Broken(f"{task.name} ended, and sent {task.sent} of {len(task.messages)} messages")
            if task.operation.receives:
                self._received(task.value)
            elif self.kind.requests and (task.value != [b"re " + task.messages[0][0]] or not task.answered):
                raise Broken(f"the reply to {task.messages[0]} was {task.value}")
        elif isinstance(error, Cancelled):
            if task.sent and not self.kind.requests and len(task.messages) == 1:
                raise Broken(f"{task.name} was cancelled, and sent its message")
        elif isinstance(error, zmqbridge.RequestTimeout):
            if self.backend.now < 1 or task.name != "request_in_time":
                raise Broken(f"{task.name} timed out too early")
        elif self.open or not isinstance(error, (zmqbridge.ConnectionClosed, zmqbridge.ContextTerminated)):
            raise Broken(f"{task.name} ended with {error!r}") from error

    def _received(self, messages: list[Frames]) -> None:
        for message in messages:
            if message != [b"%d" % self.received, b"."]:
                raise Broken(f"{message} was received in the place of number {self.received}")
            self.received += 1
        if not messages:
            raise Broken("a receive ended without a message")

    def _call(self, name: str) -> None:
        written = 0
        behind = self._sends_that_wait()
        try:
            match name:
                case "send_nowait":
                    message = self._name(1)
                    self.connection.send_nowait(message[0])
                    written = 1
                case "receive_nowait":
                    self._received([self.connection.receive_nowait()])
                case "look":
                    self.connection.getsockopt(int(zmq.EVENTS))
        except zmqbridge.WouldBlock:
            pass
        except zmqbridge.ContextTerminated as error:
            if self.open:
                raise Broken(f"{name} raised {error!r}") from error
        except Broken:
            raise
        except Exception as error:
            raise Broken(f"{name} raised {error!r}") from error
        if len(self.pipe.written) != written:
            raise Broken(f"{name} sent {len(self.pipe.written)} messages, and told of {written}")
        self.pipe.written.clear()
        if written and behind:
            raise Broken(f"{name} overtook {behind}")

    def _close(self) -> None:
        self.open = False
        try:
            self.connection.close()
        except Exception as error:
            raise Broken(f"close raised {error!r}") from error

    # --- going back ---

    def saved(self, inner: Graph | None = None) -> Saved:
        """Return what is needed to go :meth:`back`.

        Args:
            inner: what :meth:`inner_state` returns now, to go back as well from steps that run something of the core,
                but none of the tasks that there are.
        """
        tasks = [(task, task.ready, task.cancelling, task.answered, task.waits) for task in self.tasks]
        numbers = (self.arrived, self.received, self.named, self.open, self.backend.now)
        return Saved(self.pipe.saved(), tasks, numbers, None if inner is None else Snapshot(inner.met.values()))

    def back(self, saved: Saved) -> None:
        """Be again as when ``saved`` was made, which can be used again."""
        for task in self.tasks[len(saved.tasks) :]:
            task.body.close()
        if saved.inner is not None:
            saved.inner.put_back()
        del self.tasks[len(saved.tasks) :]
        for task, ready, cancelling, answered, waits in saved.tasks:
            task.ready, task.cancelling, task.answered, task.waits = ready, cancelling, answered, waits
        self.arrived, self.received, self.named, self.open, self.backend.now = saved.numbers
        self.pipe.back(saved.pipe)

    # --- what the state is ---

    def inner_state(self) -> Graph:
        """Return the part of the state that only inner steps change."""
        graph = Graph(PLAN)
        graph.visit(self.opened.roots)
        for task in self.tasks:
            if task.held is None:
                task.held = PLAN.suspended(task.body)
            graph.visit(task.held)
        return graph

    def fingerprint(self, inner: Graph | None = None) -> int:
        """Return a number that two states share if, and as good as only if, they behave alike from now on.

        Args:
            inner: what :meth:`inner_state` returned, if no inner step was taken since.
        """
        graph = self.inner_state() if inner is None else inner.copy()
        parts = graph.parts
        parts += self.pipe.state()
        parts.append(self.open)
        graph.visit(self.pipe.incoming)  # and the messages' names are those of the inner part
        if self.kind.requests:
            graph.visit([message[0] for message in self.pipe._outgoing])
            graph.visit([message[0] for message in self.pipe.unanswered])
        else:
            parts.append(self.pipe.outgoing)
        for task in self.tasks:
            parts += (task.ready, task.cancelling, task.sent, task.answered)
        return int.from_bytes(blake2b(marshal.dumps(parts, 2), digest_size=8).digest())

    # --- what must hold ---

    def check(self) -> None:
        """Check what must hold in each state.

        Raises:
            Broken: if it does not.
        """
        if not self.open:
            if not self.tasks:
                return
        elif not self.kind.requests:
            there = [*self.opened.read_ahead(), *self.pipe.incoming]
            if there != [[b"%d" % number, b"."] for number in range(self.received, self.arrived)]:
                raise Broken(f"of the messages {self.received} to {self.arrived - 1}, {there} are there")
            reserved = self.opened.reserved()
            told = sum(1 for task in self.tasks if task.operation.receives and self.opened.told(task.body))
            if reserved != told:
                raise Broken(f"{reserved} messages are reserved, for {told} receives")
        if not self.busy():
            self._check_at_rest()

    def busy(self) -> bool:
        """Whether anything more happens by itself."""
        return any(task.ready for task in self.tasks) or self._pollable() is not None

    def _check_at_rest(self) -> None:
        if not self.open:
            if self.tasks:
                raise Broken(f"{self.tasks} outlive their connection")
            return
        unread = self.pipe.unread + len(self.opened.read_ahead())
        room = self.pipe.room
        for task in self.tasks:
            if unread and (task.operation.receives or self.kind.requests):
                raise Broken(f"{task.name} waits, and {unread} messages are there")
            if room and task.sent < len(task.messages):
                raise Broken(f"{task.name} waits, and there is room")
            if task.answered:
                raise Broken(f"{task.name} waits, and was answered")

    def settle(self) -> None:
        """Let everything be done that can be done, as a loop does, and check.

        Raises:
            Broken: if something does not hold then, or that never ends.
        """
        self._processing = False
        self._event_at = 0
        for _ in range(TURNS):
            for task in [task for task in self.tasks if task.ready]:
                self._run(task)
            polled = self._pollable()
            if polled is not None:
                polled.ready = True
            elif not self.busy():
                self.check()
                return
        raise Broken(f"{self.tasks} never come to rest")
