"""The handler of ZAP on its socket: no question lies unread, whatever it does with the socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import zmq

from zmqbridge.presence.sentry import Sentry
from zmqbridge.security.handler import ADDRESS, Case, Handler
from zmqbridge.security.zap import Status, Verdict


class SameThread(Sentry):
    """A sentry without a thread, which waits for no descriptor."""

    def call(self, function: Callable[[], object]) -> None:
        function()

    def attend(self, fd: int, ready: Callable[[], object], end: Callable[[], object]) -> None:
        self.ready = ready

    def leave(self, fd: int) -> None:
        """It attends to none."""


class Court:
    """A court that takes its time."""

    def __init__(self) -> None:
        self.cases: list[Case] = []

    def judge(self, case: Case) -> None:
        self.cases.append(case)

    def close(self) -> None:
        """It has nothing to answer."""

    def told(self, standing: bool, error: str | None = None) -> None:
        assert error is None


def ask(asking: zmq.Socket[Any], number: int) -> None:
    """Ask whether somebody may come in, as libzmq does."""
    asking.send_multipart([b"", b"1.0", b"%d" % number, b"lab", b"127.0.0.1", b"", b"NULL"])


def test_what_comes_while_an_answer_is_sent() -> None:
    """A question whose edge was used up by the answer to another one is read all the same."""
    context: zmq.Context[Any] = zmq.Context()
    sentry, court = SameThread(), Court()
    handler = Handler(lambda: context, sentry)
    handler.open("lab", court)
    with context.socket(zmq.DEALER) as asking:
        asking.connect(ADDRESS)
        ask(asking, 0)
        sentry.ready()
        for number in range(5):
            assert len(court.cases) == number + 1
            ask(asking, number + 1)
            court.cases[number].answer(Verdict(Status.OK))
            assert asking.recv_multipart()[2] == b"%d" % number
    handler.close("lab", court)
    context.term()
