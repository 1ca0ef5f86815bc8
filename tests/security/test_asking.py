"""What is asked on the loop: how much at once, how much waits, and what becomes of it when its time is over."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest

from zmqbridge.presence.sentry import Timer
from zmqbridge.security.asking import Desk
from zmqbridge.security.handler import Case
from zmqbridge.security.zap import Handshake, Status, Verdict


class OneThread:
    """An sentry and a loop in one: what is to be called is called at once, and tasks run when the case says so."""

    def __init__(self) -> None:
        self.timers: list[Timer] = []
        self.tasks: list[Coroutine[Any, Any, None]] = []
        self.cancelled: list[Coroutine[Any, Any, None]] = []

    def call(self, function: Callable[[], object]) -> None:
        function()

    def call_later(self, seconds: float, function: Callable[[], object]) -> Timer:
        self.timers.append(Timer(seconds, function))
        return self.timers[-1]

    def tell_loop(self, backend: object, function: Callable[[], object]) -> None:
        function()

    def start_task(self, function: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], object]:
        task = function()
        self.tasks.append(task)
        return lambda: self.cancelled.append(task)

    def run(self) -> None:
        """Run the oldest task to its end."""
        with pytest.raises(StopIteration):
            self.tasks.pop(0).send(None)


class Room:
    """A desk with cases."""

    def __init__(self, *, concurrency: int, queued: int = 10) -> None:
        self.thread = OneThread()
        self.asked: list[Case] = []
        self.answers: list[tuple[int, Status]] = []
        thread: Any = self.thread
        self.desk = Desk(thread, thread, self._ask, timeout=1, concurrency=concurrency, queued=queued, domain="lab")

    async def _ask(self, case: Case) -> Verdict:
        self.asked.append(case)
        return Verdict(Status.OK)

    def _answer(self, number: int, verdict: Verdict) -> None:
        self.answers.append((number, verdict.status))

    def take(self, count: int) -> list[Case]:
        cases = [Case(Handshake("NULL", "lab"), partial(self._answer, number)) for number in range(count)]
        for case in cases:
            self.desk.take(case)
        return cases


@pytest.mark.parametrize("concurrency", [1, 2, 3])
def test_so_many_at_once(concurrency: int) -> None:
    """So many tasks are started and no more; each that ends makes room for the next, in order."""
    room = Room(concurrency=concurrency)
    room.take(5)
    assert len(room.thread.tasks) == concurrency
    for done in range(1, 6):
        room.thread.run()
        assert len(room.thread.tasks) == min(concurrency, 5 - done)
    assert room.answers == [(number, Status.OK) for number in range(5)]


@pytest.mark.parametrize("queued", [1, 2, 3])
def test_so_many_wait(queued: int) -> None:
    """Of those that come while so many are not answered yet, none is asked about."""
    room = Room(concurrency=1, queued=queued)
    room.take(queued + 2)
    assert room.answers == [(queued, Status.AGAIN), (queued + 1, Status.AGAIN)]
    assert room.desk.pending == queued
    for _ in range(queued):
        room.thread.run()
    assert [status for _, status in room.answers[2:]] == [Status.OK] * queued
    room.take(1)
    assert room.desk.pending == 1
    room.thread.run()


def test_the_time_is_over_in_the_queue() -> None:
    """One whose time is over while it waits is answered, and never asked about."""
    room = Room(concurrency=1)
    room.take(2)
    room.thread.timers[1].run()
    assert room.answers == [(1, Status.AGAIN)]
    room.thread.run()
    assert (room.answers[1:], room.thread.tasks, len(room.asked)) == ([(0, Status.OK)], [], 1)
    assert room.desk.timed_out == 1


def test_the_time_is_over_before_it_begins() -> None:
    """A task that has not begun is not cancelled, for it might never begin; it asks nothing when it does."""
    room = Room(concurrency=1)
    room.take(1)
    room.thread.timers[0].run()
    assert room.thread.cancelled == []
    room.thread.run()
    assert (room.answers, room.asked) == ([(0, Status.AGAIN)], [])
    room.thread.timers[0].run()  # which was cancelled with the answer
    assert room.desk.timed_out == 1


def test_it_is_closed() -> None:
    """A desk that is closed answers all, and asks nothing more."""
    room = Room(concurrency=1)
    room.take(3)
    room.desk.cancel()
    room.desk.close()
    assert sorted(room.answers) == [(number, Status.AGAIN) for number in range(3)]
    room.thread.run()
    assert (room.thread.tasks, room.asked, room.desk.pending) == ([], [], 0)
    room.take(1)
    assert room.thread.tasks == []
    assert len(room.answers) == 3
    room.desk.close()
    assert len(room.answers) == 4
