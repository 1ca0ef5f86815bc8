"""Conformance cases on Twisted: a fresh reactor of each kind for each case, never the global one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.pollreactor import PollReactor
from twisted.internet.selectreactor import SelectReactor
from twisted.python.failure import Failure

from tests.conformance.harnesses.base import CASE_SECONDS, Harness, Task
from zmqbridge.abc import Backend
from zmqbridge_twisted import TwistedBackend


class TwistedHarness(Harness):
    """The parts that are the same for every reactor."""

    def new_reactor(self) -> Any:
        raise NotImplementedError

    def backend(self) -> Backend:
        return (self.backend_class or TwistedBackend)(self.reactor)  # type: ignore[call-arg]

    def run(self, case: Callable[[], Awaitable[None]]) -> None:
        self.reactor = self.new_reactor()
        own = set(self.reactor.getReaders())
        outcome: list[tuple[object, object, object]] = []

        def begin() -> None:
            main = Deferred.fromCoroutine(self.checked(case))
            limit = self.reactor.callLater(CASE_SECONDS, main.cancel)
            main.addBoth(finish, limit)

        def finish(result: object, limit: Any) -> None:
            if limit.active():
                limit.cancel()
            self.reactor.callLater(0, self.reactor.callLater, 0, end, result)

        def end(result: object) -> None:
            # A reactor under which a descriptor was closed may raise here; it ends none the less.
            try:
                outcome.append((result, set(self.reactor.getReaders()) - own, self.reactor.getDelayedCalls()))
            finally:
                self.reactor.stop()

        self.reactor.callWhenRunning(begin)
        self.reactor.run(installSignalHandlers=False)
        self.close()
        assert outcome, "the reactor does not know what is registered"
        ((result, readers, calls),) = outcome
        if isinstance(result, Failure):
            result.raiseException()
        assert not readers or not self.checks_clean, f"left registered: {readers}"
        assert not calls, f"left to be called: {calls}"

    def close(self) -> None:
        """Close what the reactor itself leaves open, being made to live as long as its process."""
        reason: Any = None
        for reader in self.reactor.removeAll():
            reader.connectionLost(reason)
        if self.reactor.waker is not None:
            self.reactor.waker.connectionLost(reason)

    def start(self, task: Task) -> None:
        running = Deferred.fromCoroutine(task.run())

        def forgive_cancellation(failure: Failure) -> None:
            if not isinstance(failure.value, CancelledError):
                failure.raiseException()

        running.addErrback(forgive_cancellation)
        task.cancel = running.cancel

    async def sleep(self, seconds: float) -> None:
        timer: Deferred[None] = Deferred(lambda _: call.cancel())
        call = self.reactor.callLater(seconds, timer.callback, None)
        await timer

    def is_cancellation(self, error: BaseException) -> bool:
        return isinstance(error, CancelledError)


class TwistedEpollHarness(TwistedHarness):
    name = "twisted-epoll"

    def new_reactor(self) -> Any:
        from twisted.internet.epollreactor import EPollReactor

        return EPollReactor()

    def close(self) -> None:
        super().close()
        self.reactor._poller.close()


class TwistedPollHarness(TwistedHarness):
    name = "twisted-poll"

    def new_reactor(self) -> Any:
        return PollReactor()


class TwistedSelectHarness(TwistedHarness):
    name = "twisted-select"

    def new_reactor(self) -> Any:
        return SelectReactor()


class TwistedAsyncioHarness(TwistedHarness):
    name = "twisted-asyncio"

    def new_reactor(self) -> Any:
        self._loop = asyncio.SelectorEventLoop()
        return AsyncioSelectorReactor(self._loop)

    def close(self) -> None:
        super().close()
        self._loop.close()
