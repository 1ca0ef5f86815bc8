"""Twisted's own ways to give up, to go on and to fail: Deferreds, on reactors of several kinds."""

from __future__ import annotations

import gc
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from typing import Any

import pytest
import zmq
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    DeferredList,
    FirstError,
    gatherResults,
    inlineCallbacks,
)
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

import zmqbridge
from tests.conformance.harnesses.on_twisted import (
    TwistedAsyncioHarness,
    TwistedEpollHarness,
    TwistedHarness,
    TwistedSelectHarness,
)
from tests.conftest import Addresses
from tests.loops.waiting import DUE, GIVEN_UP, ON_A_CONNECTION, WAITING, Make, MakeDue, Waiting, in_one_turn

HARNESSES: dict[str, type[TwistedHarness]] = {
    harness.name: harness for harness in (TwistedEpollHarness, TwistedSelectHarness, TwistedAsyncioHarness)
}


@pytest.fixture
def failures_logged() -> Iterator[list[str]]:
    """What Twisted logs as a failure; an error in a Deferred that nobody handled is one."""
    logged: list[str] = []

    @implementer(ILogObserver)  # type: ignore[untyped-decorator]
    def observe(event: LogEvent) -> None:
        if event.get("log_level") in (LogLevel.error, LogLevel.critical):
            logged.append(str(event.get("log_failure") or event))

    globalLogPublisher.addObserver(observe)
    yield logged
    globalLogPublisher.removeObserver(observe)


class Stage:
    """One case, run by a fresh reactor; an error that is left in a Deferred fails it."""

    def __init__(self, harness: TwistedHarness, addresses: Addresses, failures_logged: list[str]) -> None:
        self.addresses = addresses
        self._harness = harness
        self._failures_logged = failures_logged

    def run(self, case: Callable[[], Awaitable[None]]) -> None:
        self._harness.run(lambda: self._main(case))
        assert self._failures_logged == []

    async def _main(self, case: Callable[[], Awaitable[None]]) -> None:
        self.reactor = self._harness.reactor
        async with self.new_context(linger=0) as self.context:
            await case()

    def new_context(self, **arguments: Any) -> zmqbridge.Context:
        return self._harness.context(**arguments)

    async def turn(self) -> None:
        await self._harness.turn()

    async def until(self, condition: Callable[[], object]) -> None:
        await self._harness.until(condition)

    async def parked(self, waiting: Waiting) -> None:
        await self.until(waiting.is_parked)
        for _ in range(3):
            await self.turn()

    async def together(self, *functions: Callable[[], Awaitable[object]]) -> None:
        await gatherResults([start(function) for function in functions])


@pytest.fixture(params=HARNESSES)
def stage(request: pytest.FixtureRequest, addresses: Addresses, failures_logged: list[str]) -> Stage:
    """A case's stage, on each kind of reactor."""
    return Stage(HARNESSES[request.param](), addresses, failures_logged)


def start(function: Callable[[], Awaitable[Any]]) -> Deferred[Any]:
    """Begin an operation, as a program does that has no coroutines of its own."""

    async def run() -> Any:
        return await function()

    return Deferred.fromCoroutine(run())


def outcome_of(deferred: Deferred[Any]) -> list[Any]:
    """Return a list that the Deferred's result or Failure is put on."""
    outcomes: list[Any] = []
    deferred.addBoth(outcomes.append)
    return outcomes


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_goes_on(stage: Stage, make: Make) -> None:
    """What waits fires its Deferred with what it waited for."""

    async def main() -> None:
        waiting = await make(stage)
        deferred = start(waiting.operation)
        await stage.parked(waiting)
        await waiting.let_go_on()
        assert await deferred == waiting.result

    stage.run(main)


@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_cancel(stage: Stage, make: Make) -> None:
    """cancel() fails the Deferred with CancelledError at once, and the operation had no effect."""

    async def main() -> None:
        waiting = await make(stage)
        deferred = start(waiting.operation)
        outcomes = outcome_of(deferred)
        await stage.parked(waiting)
        deferred.cancel()
        assert outcomes[0].check(CancelledError)
        deferred.cancel()
        assert len(outcomes) == 1
        await waiting.check_given_up()

    stage.run(main)


@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_cancelled_as_it_begins(stage: Stage, make: Make) -> None:
    """cancel() in the turn in which the operation began gives it up."""

    async def main() -> None:
        waiting = await make(stage)
        deferred = start(waiting.operation)
        outcomes = outcome_of(deferred)
        deferred.cancel()
        assert outcomes[0].check(CancelledError)
        await waiting.check_given_up()

    stage.run(main)


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_add_timeout(stage: Stage, make: Make) -> None:
    """addTimeout() fails what waits with Twisted's TimeoutError, and gives it up."""

    async def main() -> None:
        waiting = await make(stage)
        with pytest.raises(DeferredTimeout):
            await start(waiting.operation).addTimeout(0.002, stage.reactor)
        await waiting.check_given_up()

    stage.run(main)


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_add_timeout_in_time(stage: Stage, make: Make) -> None:
    """addTimeout() leaves what is there in time as it is, and no call behind."""

    async def main() -> None:
        waiting = await make(stage)
        deferred = start(waiting.operation).addTimeout(1000, stage.reactor)
        await stage.parked(waiting)
        await waiting.let_go_on()
        assert await deferred == waiting.result

    stage.run(main)


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("make", DUE.values(), ids=DUE)
@pytest.mark.parametrize("transport", ["inproc", "tcp"])
def test_timeout_in_the_same_turn(stage: Stage, make: MakeDue, transport: str) -> None:
    """Where a timeout and what is waited for come due in one turn, the one or the other holds, and nothing is lost."""

    async def within_add_timeout(operation: Callable[[], Awaitable[Any]], seconds: float) -> Any:
        try:
            return await start(operation).addTimeout(seconds, stage.reactor)
        except DeferredTimeout:
            return GIVEN_UP

    stage.run(lambda: in_one_turn(stage, make, transport, within_add_timeout))


@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_inline_callbacks(stage: Stage, make: Make) -> None:
    """A generator of inlineCallbacks waits for an operation, goes on with its result, and is cancelled in it."""

    async def main() -> None:
        seen: list[object] = []

        @inlineCallbacks
        def program() -> Generator[Deferred[Any], Any, str]:
            try:
                result = yield start(waiting.operation)
            except CancelledError:
                seen.append("cancelled")
                raise
            seen.append(result)
            return "done"

        waiting = await make(stage)
        deferred = program()
        await stage.parked(waiting)
        deferred.cancel()
        with pytest.raises(CancelledError):
            await deferred
        await waiting.check_given_up()
        waiting = await make(stage)
        deferred = program()
        await stage.parked(waiting)
        await waiting.let_go_on()
        assert await deferred == "done"
        assert seen == ["cancelled", waiting.result]

    stage.run(main)


@pytest.mark.parametrize("make", ON_A_CONNECTION.values(), ids=ON_A_CONNECTION)
def test_cancelled_and_waited_for_again(stage: Stage, make: Make) -> None:
    """A coroutine that catches its cancellation can wait on the same connection again."""

    async def main() -> None:
        waiting = await make(stage)
        caught: list[BaseException] = []

        async def stubborn() -> Any:
            try:
                await waiting.operation()
            except CancelledError as error:
                caught.append(error)
            return await waiting.operation()

        deferred = start(stubborn)
        await stage.parked(waiting)
        deferred.cancel()
        assert len(caught) == 1
        await stage.parked(waiting)
        await waiting.let_go_on()
        if make in (ON_A_CONNECTION["request"], ON_A_CONNECTION["request_with_a_timeout"]):
            await waiting.let_go_on()  # what was answered so far is the request that was given up
        assert await deferred == waiting.result

    stage.run(main)


@pytest.mark.parametrize("together", ["DeferredList", "gatherResults"])
def test_several_cancelled_together(stage: Stage, together: str) -> None:
    """Cancelling a DeferredList or what gatherResults() returned gives up all operations in it."""

    async def main() -> None:
        all_waiting = [await make(stage) for make in ON_A_CONNECTION.values()]
        deferreds = [start(waiting.operation) for waiting in all_waiting]
        for waiting in all_waiting:
            await stage.parked(waiting)
        if together == "DeferredList":
            listed = DeferredList(deferreds, consumeErrors=True)
            listed.cancel()
            for success, result in await listed:
                assert not success
                assert isinstance(result, Failure)
                assert result.check(CancelledError)
        else:
            gathered = gatherResults(deferreds, consumeErrors=True)
            gathered.cancel()
            with pytest.raises(FirstError) as caught:
                await gathered
            assert caught.value.subFailure.check(CancelledError)
        for waiting in all_waiting:
            await waiting.check_given_up()

    stage.run(main)


@pytest.mark.looks_at("waiting")
def test_first_of_several(stage: Stage) -> None:
    """Of several receives that wait, one is served, those that are cancelled in its callback go, and none hangs."""

    async def main() -> None:
        puller = stage.context.puller(bind=stage.addresses.new("inproc"))
        pusher = stage.context.pusher(connect=puller.endpoints[0].address)
        for number in range(20):
            deferreds = [start(puller.receive) for _ in range(5)]
            got: list[list[bytes]] = []

            def cancel_the_others(message: Any, got: Any = got, deferreds: Any = deferreds) -> None:
                got.append(message)
                for deferred in deferreds:
                    deferred.cancel()

            for deferred in deferreds:
                deferred.addCallback(cancel_the_others)
                deferred.addErrback(lambda failure: failure.trap(CancelledError))
            await stage.until(lambda: puller.stats.parked == 5)
            # Two are served in one turn: the callback of the first cancels the second before it runs.
            await pusher.send_many([b"%d" % number, b"left %d" % number])
            await stage.until(lambda: got)  # noqa: B023 (called at once)
            assert got == [[b"%d" % number]]
            assert await puller.receive() == [b"left %d" % number]
            assert puller.stats.parked == 0

    stage.run(main)


def test_cancel_of_a_fired_deferred(stage: Stage) -> None:
    """Cancelling a Deferred that has fired changes nothing: its result stays, and so does the connection."""

    async def main() -> None:
        puller = stage.context.puller(bind=stage.addresses.new("inproc"))
        pusher = stage.context.pusher(connect=puller.endpoints[0].address)
        receiving = start(puller.receive)
        await stage.until(lambda: puller.stats.parked == 1)
        await pusher.send(b"1")
        await stage.until(lambda: receiving.called)
        receiving.cancel()
        assert await receiving == [b"1"]
        sending = start(lambda: pusher.send(b"2"))
        assert sending.called
        sending.cancel()
        assert await sending is None
        at_once = start(puller.receive)
        at_once.cancel()
        outcomes = outcome_of(at_once)
        if isinstance(outcomes[0], Failure):
            assert outcomes[0].check(CancelledError)
            assert await puller.receive() == [b"2"]
        else:
            assert outcomes == [[b"2"]]

    stage.run(main)


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("order", ["cancel, close", "close, cancel"])
@pytest.mark.parametrize("make", ON_A_CONNECTION.values(), ids=ON_A_CONNECTION)
def test_closed_and_cancelled_in_one_turn(stage: Stage, make: Make, order: str) -> None:
    """A cancellation is not swallowed by a close in the same turn of the reactor, whichever came first."""

    async def main() -> None:
        waiting = await make(stage)
        deferred = start(waiting.operation)
        outcomes = outcome_of(deferred)
        await stage.parked(waiting)
        if order == "close, cancel":
            waiting.close()
        deferred.cancel()
        waiting.close()
        assert outcomes[0].check(CancelledError)

    stage.run(main)


@pytest.mark.parametrize("make", ON_A_CONNECTION.values(), ids=ON_A_CONNECTION)
def test_errors_pass_unchanged(stage: Stage, make: Make) -> None:
    """What a closed connection raises reaches the Deferred's errback as it is, never as a CancelledError."""

    async def main() -> None:
        waiting = await make(stage)
        outcomes = outcome_of(start(waiting.operation).addTimeout(1000, stage.reactor))
        await stage.parked(waiting)
        waiting.close()
        await stage.until(lambda: outcomes)
        assert outcomes[0].check(zmqbridge.ConnectionClosed)
        again = outcome_of(start(waiting.operation))
        await stage.until(lambda: again)
        assert again[0].check(zmqbridge.ConnectionClosed)

    stage.run(main)


def test_own_errors(stage: Stage) -> None:
    """A request that times out, a peer that is not there and a wrong message fail with their own errors."""

    async def main() -> None:
        requester = stage.context.requester(connect=stage.addresses.new("ipc"))
        router = stage.context.router(bind=stage.addresses.new("inproc"))
        operations: list[tuple[Callable[[], Awaitable[Any]], type[Exception]]] = [
            (lambda: requester.request(b"?", timeout=0.002), zmqbridge.RequestTimeout),
            (lambda: router.send(b"nobody", b"x"), zmqbridge.PeerUnreachable),
            (lambda: requester.request("text"), TypeError),  # type: ignore[arg-type]
        ]
        for operation, expected in operations:
            outcomes = outcome_of(start(operation))
            await stage.until(lambda: outcomes)  # noqa: B023 (called at once)
            assert outcomes[0].check(expected)

    stage.run(main)


@pytest.mark.looks_at("waiting")
def test_terminating_is_no_cancellation(stage: Stage) -> None:
    """What waits when other code terminates the ZeroMQ context fails with ContextTerminated."""

    async def main() -> None:
        shared: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        context = stage.new_context(zmq_context=shared)
        dealer = context.dealer(bind=stage.addresses.new("inproc"))
        requester = context.requester(connect=stage.addresses.new("ipc"))
        outcomes = [
            outcome_of(start(operation))
            for operation in (
                dealer.receive,
                dealer.__anext__,
                lambda: dealer.send(b"x"),
                lambda: requester.request(b"x"),
                lambda: requester.request(b"x", timeout=1000),
            )
        ]
        assert dealer.stats.parked + requester.stats.parked == len(outcomes)
        terminating = threading.Thread(target=shared.term)
        terminating.start()
        await stage.until(lambda: all(outcomes))
        assert [type(outcome[0].value) for outcome in outcomes] == [zmqbridge.ContextTerminated] * len(outcomes)
        context.close()
        terminating.join()

    stage.run(main)


def test_errors_that_nobody_handles_are_reported(stage: Stage, failures_logged: list[str]) -> None:
    """The error of an operation whose Deferred nobody looks at is Twisted's 'Unhandled error', and not hidden."""

    async def main() -> None:
        puller = stage.context.puller(bind=stage.addresses.new("inproc"))
        start(puller.receive)
        await stage.until(lambda: puller.stats.parked == 1)
        puller.close()
        await stage.turn()
        await stage.turn()
        gc.collect()
        assert any("ConnectionClosed" in failure for failure in failures_logged)
        failures_logged.clear()

    stage.run(main)


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("what", ["connection", "context"])
def test_cancelled_while_closing(stage: Stage, what: str) -> None:
    """A cancellation in aclose() passes, and all is closed."""

    async def main() -> None:
        context = stage.new_context(linger=0)
        pair = context.pair(bind=stage.addresses.new("inproc"))
        deferred = start(pair.aclose if what == "connection" else context.aclose)
        assert pair.closed
        deferred.cancel()
        with pytest.raises(CancelledError):
            await deferred
        await context.aclose()

    stage.run(main)


@pytest.mark.looks_at("waiting")
def test_cancelled_inside_a_context(stage: Stage) -> None:
    """A coroutine that is cancelled inside 'async with' closes connection and context on its way out."""

    async def main() -> None:
        made: list[Any] = []

        async def use() -> None:
            async with stage.new_context() as context, context.puller() as puller:
                made.extend([context, puller])
                await puller.receive()

        def program() -> Coroutine[Any, Any, None]:
            return use()

        deferred = start(program)
        await stage.until(lambda: made and made[1].stats.parked == 1)
        deferred.cancel()
        with pytest.raises(CancelledError):
            await deferred
        assert [thing.closed for thing in made] == [True, True]

    stage.run(main)
