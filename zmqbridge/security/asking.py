"""What is asked on the loop: the program's own functions, many at once, each within its time.

The facts. A function of the program's may be a coroutine that waits for a database; it may raise, and it may never
return. A loop that is busy, or has ended, asks nobody. Strangers come as fast as they like.

The design. The time of a question begins when it is asked, and the sentry keeps it: who waits too long gets status
300 whatever the loop does, and what was asked is cancelled. So many are asked at once; behind them a queue has an end.
A task that outlives its time has its place until it ends.
"""

from __future__ import annotations

import inspect
import logging
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic
from typing import Any

from zmqbridge.abc import Backend
from zmqbridge.bursts import Bursts
from zmqbridge.presence.bell import Bell
from zmqbridge.presence.sentry import Sentry
from zmqbridge.security.handler import Case
from zmqbridge.security.zap import Handshake, Status, Verdict
from zmqbridge.showing import shown

__all__ = ["Desk", "outcome"]

logger: logging.Logger = logging.getLogger("zmqbridge")

QUEUED = 10_000

Ask = Callable[[Case], Awaitable[Verdict]]


class Desk:
    """Asks about handshakes on a loop.

    Args:
        backend: of the loop.
        sentry: keeps the time, and takes the answers.
        ask: returns the verdict; a coroutine function.
        timeout: seconds that a question may take, its time in the queue included.
        concurrency: how many are asked at once.
        queued: how many may wait; more are refused at once.
        domain: for the log.

    Attributes:
        timed_out: how many were not answered in time.
    """

    def __init__(
        self,
        backend: Backend,
        sentry: Sentry,
        ask: Ask,
        *,
        timeout: float,
        concurrency: int,
        queued: int = QUEUED,
        domain: str,
    ) -> None:
        self.timed_out: int = 0
        self._backend = backend
        self._sentry = sentry
        self._ask = ask
        self._timeout = timeout
        self._concurrency = concurrency
        self._most = queued
        self._domain = domain
        self._waiting: deque[Case] = deque()
        self._asked: dict[Case, _Task] = {}
        self._starting = False
        self._pending: dict[Case, None] = {}
        self._closed = False
        self._ended = Bell()
        self._late = Bursts()
        self._wrong = Bursts()

    # --- on the sentry's thread ---

    @property
    def pending(self) -> int:
        """How many are not answered yet. Any thread may look."""
        return len(self._pending)

    def take(self, case: Case) -> None:
        """Have a case asked about, and answer it in time."""
        if len(self._pending) >= self._most:
            case.answer(Verdict(Status.AGAIN, "too many wait to be asked about"))
            return
        self._pending[case] = None
        case.expect(self._sentry.call_later(self._timeout, partial(self._expire, case)))
        self._sentry.tell_loop(self._backend, partial(self._begin, case))

    def close(self) -> None:
        """Answer all that are not answered."""
        for case in list(self._pending):
            self._answer(case, Verdict(Status.AGAIN, "the authenticator was closed"))

    def _expire(self, case: Case) -> None:
        if case.answered:
            return
        self.timed_out += 1
        times = self._late.count(None, monotonic())
        if times:
            logger.warning(
                "domain %s: %d handshake(s) had no answer within %s s and were refused; is the loop busy, or what "
                "is asked slow? Clients try again",
                shown(self._domain),
                times,
                self._timeout,
            )
        self._answer(case, Verdict(Status.AGAIN, "no answer in time"))
        self._sentry.tell_loop(self._backend, partial(self._give_up, case))

    def _answer(self, case: Case, verdict: Verdict) -> None:
        self._pending.pop(case, None)
        case.answer(verdict)

    # --- on the loop's thread ---

    def _begin(self, case: Case) -> None:
        if not self._closed:
            self._waiting.append(case)
            self._start_some()

    def _start_some(self) -> None:
        if self._starting:
            return  # a task that ended at once, within the loop below
        self._starting = True
        try:
            while self._waiting and len(self._asked) < self._concurrency:
                case = self._waiting.popleft()
                if not case.answered:
                    self._start(case)
        finally:
            self._starting = False

    def _start(self, case: Case) -> None:
        task = self._asked[case] = _Task()
        try:
            task.started(self._backend.start_task(partial(self._run, case, task)))
        except BaseException:
            self._asked.pop(case, None)
            raise

    def _give_up(self, case: Case) -> None:
        task = self._asked.get(case)
        if task is not None:
            task.give_up()

    async def _run(self, case: Case, task: _Task) -> None:
        verdict = Verdict(Status.AGAIN, "what was asked has failed")
        try:
            if task.begin():
                verdict = await self._ask(case)
        except Exception as error:  # a cancellation as well, on Twisted: this is the task's outermost frame
            if not task.given_up:
                self._log(error, case.handshake)
        finally:
            task.end()
            del self._asked[case]
            self._sentry.call(partial(self._answer, case, verdict))
            self._start_some()
            self._ended.ring()

    def _log(self, error: Exception, handshake: Handshake) -> None:
        """Log what failed, and hide what the peer has shown: the program may have put it into the error."""
        times = self._wrong.count(type(error).__name__, monotonic())
        if not times:
            return
        words = "".join(traceback.format_exception(error))
        if handshake.password:
            # As it is, and as an error such as KeyError shows it.
            for shown_as in (handshake.password, repr(handshake.password)[1:-1], ascii(handshake.password)[1:-1]):
                words = words.replace(shown_as, "(the password)")
        logger.error(
            "domain %s: what was asked about a handshake failed, and it was refused (%d time(s) since this was last "
            "told)\n%s",
            shown(self._domain),
            times,
            words.rstrip(),
        )

    def cancel(self) -> None:
        """Ask about nothing more, and cancel what is asked."""
        self._closed = True
        self._waiting.clear()
        for task in list(self._asked.values()):
            task.give_up()

    async def wait_ended(self) -> None:
        """Wait until nothing is asked any more."""
        if self._asked:
            await self._ended.until(lambda: not self._asked, self._backend)


class _Task:
    """One task, from before it is started; one that is cancelled before it has begun may never begin, and so is not."""

    def __init__(self) -> None:
        self.given_up = False
        self._begun = False
        self._cancel: Callable[[], object] | None = None

    def started(self, cancel: Callable[[], object]) -> None:
        self._cancel = cancel

    def begin(self) -> bool:
        """It runs; return whether it is still wanted."""
        self._begun = True
        return not self.given_up

    def give_up(self) -> None:
        self.given_up = True
        if self._begun and self._cancel is not None:
            self._cancel()

    def end(self) -> None:
        self._cancel = None


async def outcome(answer: Any) -> Any:
    """Return what a function of the program's has returned, or what a coroutine of it does."""
    return await answer if inspect.isawaitable(answer) else answer
