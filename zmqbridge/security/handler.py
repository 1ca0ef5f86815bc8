"""The ZAP handler of a ZeroMQ context: what libzmq asks is answered on the sentry's thread.

The facts. libzmq asks at ``inproc://zeromq.zap.01``, of which a context has one, and waits for the answer as long as a
handshake may take, half a minute by default. A REP there answers one question after another. Where nobody is at the
address, libzmq lets in whoever comes, unless the domain is enforced. It hangs up on whom a status 300 is for when the
time of the handshake is over, not before; and at once where an answer makes no sense.

The design. A ROUTER, so that an answer that takes its time holds up no other. It is the sentry's alone: what is to
happen to it is called there. Each question is answered once, whatever goes wrong, and in time; what we fail at is
status 300, after which a client tries again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, Protocol

import zmq

from zmqbridge.bursts import Bursts
from zmqbridge.presence.sentry import Sentry, Timer
from zmqbridge.security.zap import Handshake, Question, Status, Verdict, checked, read, reply
from zmqbridge.showing import shown

__all__ = ["ADDRESS", "Case", "Court", "Handler"]

logger: logging.Logger = logging.getLogger("zmqbridge")

ADDRESS = "inproc://zeromq.zap.01"

QUESTIONS = 100
"""So many are read at once, before the sentry looks after others."""


class Case:
    """One question, until it is answered. On the sentry's thread, but for what it says.

    Attributes:
        handshake: who wants to come in.
        answered: whether it was answered. Any thread may look.
        note: told what was answered, if something is.
        user_id: who it is by what was judged so far.
    """

    __slots__ = ("_answer", "_timer", "answered", "handshake", "note", "user_id")

    def __init__(self, handshake: Handshake, answer: Callable[[Verdict], object]) -> None:
        self.handshake: Handshake = handshake
        self.answered: bool = False
        self.user_id: str = ""
        self.note: Callable[[Verdict], object] | None = None
        self._answer = answer
        self._timer: Timer | None = None

    def expect(self, timer: Timer) -> None:
        """Cancel a timer when it is answered."""
        self._timer = timer

    def answer(self, verdict: Verdict) -> None:
        """Answer it, unless it was answered before."""
        if self.answered:
            return
        self.answered = True
        verdict = checked(verdict)
        if self._timer is not None:
            self._timer.cancel()
        if self.note is not None:
            self.note(verdict)
        self._answer(verdict)


class Court(Protocol):
    """Who judges for a domain."""

    def judge(self, case: Case) -> None:
        """Answer a case now or later. On the sentry's thread."""

    def close(self) -> None:
        """Answer what is not answered yet: the court judges no more. On the sentry's thread."""

    def told(self, standing: bool, error: str | None = None) -> None:
        """It judges from now on, or no more, or cannot. On the sentry's thread."""


class Handler:
    """Answers what libzmq asks in one context. It stands while there is a court.

    Args:
        get_context: returns the ZeroMQ context.
        sentry: on whose thread all of it happens.
        questions: how many are read at once.
    """

    def __init__(self, get_context: Callable[[], zmq.Context[Any]], sentry: Sentry, questions: int = QUESTIONS) -> None:
        self._get_context = get_context
        self._sentry = sentry
        self._questions = questions
        self._socket: zmq.Socket[Any] | None = None
        self._fd = -1
        self._reading = False
        self._courts: dict[str, Court] = {}
        self._strange = Bursts()

    # --- from any thread ---

    def open(self, domain: str, court: Court) -> None:
        """Have a court judge who comes to a domain, soon; it is told."""
        self._sentry.call(lambda: self._open(domain, court))

    def close(self, domain: str, court: Court) -> None:
        """Have it judge no more, soon; it is told. One that does not judge is no error."""
        self._sentry.call(lambda: self._close(domain, court))

    # --- on the sentry's thread ---

    def _open(self, domain: str, court: Court) -> None:
        if domain in self._courts:
            court.told(
                False, f"the domain {shown(domain)} has an authenticator already; a context has one for each domain"
            )
            return
        try:
            if self._socket is None:
                self._bind()
        except zmq.ZMQError as error:
            taken = error.errno == zmq.EADDRINUSE
            why = "another one, such as pyzmq's, stands there" if taken else str(error)
            court.told(
                False, f"no authenticator can stand at {ADDRESS}: {why}; a ZeroMQ context has one handler of ZAP"
            )
            return
        self._courts[domain] = court
        court.told(True)

    def _bind(self) -> None:
        socket = zmq.Socket(self._get_context(), zmq.ROUTER)
        try:
            for option, value in ((zmq.LINGER, 0), (zmq.RCVHWM, 0), (zmq.SNDHWM, 0)):
                socket.set(option, value)
            socket.bind(ADDRESS)
            self._fd = int(socket.get(zmq.FD))
            self._sentry.attend(self._fd, self._receive, self._end)
        except BaseException:
            socket.close(0)
            raise
        self._socket = socket

    def _close(self, domain: str, court: Court) -> None:
        if self._courts.get(domain) is court:
            del self._courts[domain]
            court.close()
            if not self._courts:
                self._sentry.leave(self._fd)
                self._end()
        court.told(False)

    def _end(self) -> None:
        courts, self._courts = list(self._courts.values()), {}
        for court in courts:
            court.close()
        if self._socket is not None:
            with suppress(zmq.ZMQError):  # at once, for whoever is to stand there next; closing takes its time
                self._socket.unbind(ADDRESS)
            self._socket.close(0)
            self._socket = None
        for court in courts:
            court.told(False)

    def _receive(self) -> None:
        """Read what is there, to the end, for the descriptor says nothing of what is left."""
        if self._reading:
            return
        self._reading = True
        try:
            for _ in range(self._questions):
                if self._socket is None:
                    return
                try:
                    frames = self._socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    return
                except zmq.ZMQError:  # its context has ended
                    self._sentry.leave(self._fd)
                    self._end()
                    return
                self._take(frames)
        finally:
            self._reading = False
        self._sentry.call(self._receive)

    def _take(self, frames: list[bytes]) -> None:
        question = read(frames)
        del frames
        if question is None:
            return
        handshake = question.handshake
        if handshake is None:
            self._reply(question, Verdict(Status.MALFORMED))
            return
        court = self._courts.get(handshake.domain)
        if court is None:
            self._note_stranger(handshake.domain)
            self._reply(question, Verdict(Status.AGAIN, "the domain has no authenticator"))
            return
        case = Case(handshake, lambda verdict: self._reply(question, verdict))
        try:
            court.judge(case)
        except BaseException:
            case.answer(Verdict(Status.AGAIN, "the authenticator failed"))
            raise

    def _note_stranger(self, domain: str) -> None:
        times = self._strange.count(domain, monotonic())
        if times:
            logger.warning(
                "nobody comes in to the domain %s, which has no authenticator while others of its context have (%d "
                "time(s) since this was last told); open one, with Context.authenticator()",
                shown(domain),
                times,
            )

    def _reply(self, question: Question, verdict: Verdict) -> None:
        if self._socket is not None:
            with suppress(zmq.ZMQError):  # who asked is gone, or the context
                self._socket.send_multipart(reply(question, verdict), zmq.NOBLOCK)
            self._receive()  # sending may have used up the descriptor's edge
