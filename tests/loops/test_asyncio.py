"""asyncio's own ways to give up, to go on and to end, on asyncio's loop and on uvloop's."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import pytest
import zmq

import zmqbridge
from tests.conftest import Addresses
from tests.loops.waiting import DUE, GIVEN_UP, ON_A_CONNECTION, WAITING, Limited, Make, MakeDue, Waiting, in_one_turn
from zmqbridge.waiting.turn import TURN_LIMIT as BATCH
from zmqbridge_asyncio.backend import AsyncioBackend

Result = TypeVar("Result")
Main = Callable[[], Coroutine[Any, Any, Result]]


def new_uvloop() -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = pytest.importorskip("uvloop").new_event_loop()
    return loop


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "uvloop": new_uvloop,
}


@pytest.fixture(params=LOOPS)
def new_loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes a loop, of each kind."""
    return LOOPS[request.param]


class Stage:
    """One case, run on a fresh loop; what its loop reports to its exception handler fails it."""

    def __init__(self, new_loop: Callable[[], asyncio.AbstractEventLoop], addresses: Addresses) -> None:
        self.addresses = addresses
        self._new_loop = new_loop

    def run(self, case: Callable[[], Coroutine[Any, Any, None]]) -> None:
        reported: list[dict[str, Any]] = []
        with asyncio.Runner(loop_factory=self._new_loop) as runner:
            runner.get_loop().set_exception_handler(lambda _, report: reported.append(report))
            runner.run(self._main(case))
            assert not asyncio.all_tasks(runner.get_loop())
        assert not reported

    async def _main(self, case: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = asyncio.current_task()
        assert task is not None
        async with zmqbridge.Context(linger=0) as self.context:
            await case()
            assert task.cancelling() == 0, "a cancellation is left over"

    def new_context(self, **arguments: Any) -> zmqbridge.Context:
        return zmqbridge.Context(**arguments)

    async def together(self, *functions: Callable[[], Awaitable[object]]) -> None:
        await asyncio.gather(*(function() for function in functions))


@pytest.fixture
def stage(new_loop: Callable[[], asyncio.AbstractEventLoop], addresses: Addresses) -> Stage:
    """A case's stage."""
    return Stage(new_loop, addresses)


async def until(condition: Callable[[], object]) -> None:
    """Return once the condition holds."""
    while not condition():  # noqa: ASYNC110 (any condition)
        await asyncio.sleep(0)


async def parked(waiting: Waiting) -> None:
    """Return once the operation waits."""
    await until(waiting.is_parked)
    for _ in range(3):
        await asyncio.sleep(0)


def start(function: Callable[[], Awaitable[Result]]) -> asyncio.Task[Result]:
    """Run an operation in a task of its own."""

    async def run() -> Result:
        return await function()

    return asyncio.get_running_loop().create_task(run())


def current_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_goes_on(stage: Stage, make: Make) -> None:
    """What waits returns when what it waits for has come."""

    async def main() -> None:
        waiting = await make(stage)
        task = start(waiting.operation)
        await parked(waiting)
        await waiting.let_go_on()
        assert await task == waiting.result

    stage.run(main)


@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_cancel(stage: Stage, make: Make) -> None:
    """Task.cancel(msg) ends what waits, with its message, and without effect."""

    async def main() -> None:
        waiting = await make(stage)
        task = start(waiting.operation)
        await parked(waiting)
        assert task.cancel("not needed")
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert caught.value.args == ("not needed",)
        assert task.cancelled()
        assert task.cancelling() == 1
        await waiting.check_given_up()

    stage.run(main)


@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_cancelled_before_its_first_step(stage: Stage, make: Make) -> None:
    """A task that is cancelled before it ran leaves no trace on the connection."""

    async def main() -> None:
        waiting = await make(stage)
        if make is WAITING["leave_the_context"]:
            await waiting.let_go_on()
        task = start(waiting.operation)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if make is WAITING["leave_the_context"]:
            waiting.close()
        else:
            await waiting.check_given_up()

    stage.run(main)


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
@pytest.mark.parametrize("order", [["inner"], ["outer"], ["inner", "outer"], ["outer", "inner"]], ids=" before ".join)
def test_nested_timeouts(stage: Stage, make: Make, order: list[str]) -> None:
    """Of two asyncio.timeout() around what waits, the one that fires raises TimeoutError; of both, the outer."""

    async def main() -> None:
        waiting = await make(stage)
        caught: list[str] = []
        timeouts: dict[str, asyncio.Timeout] = {}

        async def fire() -> None:
            await parked(waiting)
            now = asyncio.get_running_loop().time()
            for name in order:
                timeouts[name].reschedule(now)

        firing = start(fire)
        try:
            async with asyncio.timeout(1000) as timeouts["outer"]:
                try:
                    async with asyncio.timeout(1000) as timeouts["inner"]:
                        await waiting.operation()
                except TimeoutError:
                    caught.append("inner")
        except TimeoutError:
            caught.append("outer")
        await firing
        assert caught == ["outer" if "outer" in order else "inner"]
        assert [name for name in ("inner", "outer") if timeouts[name].expired()] == sorted(order)
        assert current_task().cancelling() == 0
        await waiting.check_given_up()

    stage.run(main)


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_wait_for(stage: Stage, make: Make) -> None:
    """asyncio.wait_for() gives up what waits, or returns its result."""

    async def main() -> None:
        waiting = await make(stage)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiting.operation(), 0.005)
        await waiting.check_given_up()
        waiting = await make(stage)
        task = start(lambda: asyncio.wait_for(waiting.operation(), 1000))
        await parked(waiting)
        await waiting.let_go_on()
        assert await task == waiting.result

    stage.run(main)


async def within_a_timeout(operation: Callable[[], Awaitable[Any]], seconds: float) -> Any:
    try:
        async with asyncio.timeout(seconds):
            return await operation()
    except TimeoutError:
        return GIVEN_UP


async def within_wait_for(operation: Callable[[], Awaitable[Any]], seconds: float) -> Any:
    try:
        return await asyncio.wait_for(operation(), seconds)
    except TimeoutError:
        return GIVEN_UP


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("make", DUE.values(), ids=DUE)
@pytest.mark.parametrize("transport", ["inproc", "tcp"])
@pytest.mark.parametrize("limited", [within_a_timeout, within_wait_for])
def test_timeout_in_the_same_turn(stage: Stage, make: MakeDue, transport: str, limited: Limited) -> None:
    """Where a timeout and what is waited for come due in one turn, the one or the other holds, and nothing is lost."""
    stage.run(lambda: in_one_turn(stage, make, transport, limited))


@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_task_group_with_a_failing_sibling(stage: Stage, make: Make) -> None:
    """The failure of a sibling gives up what waits, and is the one error that the group raises."""

    async def main() -> None:
        waiting = await make(stage)
        failure = ValueError("the sibling's")

        async def fail() -> None:
            await parked(waiting)
            raise failure

        async def operate() -> None:
            await waiting.operation()

        tasks: list[asyncio.Task[None]] = []

        async def in_a_group() -> None:
            async with asyncio.TaskGroup() as group:
                tasks.append(group.create_task(operate()))
                group.create_task(fail())

        with pytest.raises(BaseExceptionGroup) as caught:
            # In a task of its own, for on Python 3.11 a group that fails leaves its task's count of cancellations at 1.
            await start(in_a_group)
        assert caught.value.exceptions == (failure,)
        assert tasks[0].cancelled()
        await waiting.check_given_up()

    stage.run(main)


@pytest.mark.parametrize("make", ON_A_CONNECTION.values(), ids=ON_A_CONNECTION)
def test_uncancel(stage: Stage, make: Make) -> None:
    """A task that takes its cancellation back can wait on the same connection again, and is not cancelled again."""

    async def main() -> None:
        waiting = await make(stage)
        counts = []

        async def stubborn() -> object:
            task = current_task()
            with suppress(asyncio.CancelledError):
                await waiting.operation()
            counts.append(task.cancelling())
            while task.uncancel():
                pass
            return await waiting.operation()

        task = start(stubborn)
        await parked(waiting)
        task.cancel()
        task.cancel()
        await until(lambda: counts)
        assert counts == [2]
        await parked(waiting)
        assert task.cancelling() == 0
        await waiting.let_go_on()
        if make in (ON_A_CONNECTION["request"], ON_A_CONNECTION["request_with_a_timeout"]):
            await waiting.let_go_on()  # what was answered so far is the request that was given up
        assert await task == waiting.result

    stage.run(main)


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("order", ["cancel, close", "close, cancel"])
@pytest.mark.parametrize("make", ON_A_CONNECTION.values(), ids=ON_A_CONNECTION)
def test_closed_and_cancelled_in_one_turn(stage: Stage, make: Make, order: str) -> None:
    """A cancellation is not swallowed by a close in the same turn of the loop, whichever came first."""

    async def main() -> None:
        waiting = await make(stage)
        task = start(waiting.operation)
        await parked(waiting)
        if order == "close, cancel":
            waiting.close()
        task.cancel()
        waiting.close()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    stage.run(main)


@pytest.mark.parametrize("make", ON_A_CONNECTION.values(), ids=ON_A_CONNECTION)
def test_closing_is_no_cancellation(stage: Stage, make: Make) -> None:
    """What waits on a connection that closes ends with ConnectionClosed, through a timeout and a group unchanged."""

    async def main() -> None:
        waiting = await make(stage)
        seen: list[int] = []

        async def operate() -> None:
            async with asyncio.timeout(1000):
                try:
                    await waiting.operation()
                finally:
                    seen.append(current_task().cancelling())

        async def close() -> None:
            await parked(waiting)
            waiting.close()

        async def in_a_group() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(operate())
                group.create_task(close())

        with pytest.raises(BaseExceptionGroup) as caught:
            await start(in_a_group)
        assert [type(error) for error in caught.value.exceptions] == [zmqbridge.ConnectionClosed]
        assert seen == [0]

    stage.run(main)


@pytest.mark.looks_at("waiting")
def test_terminating_is_no_cancellation(stage: Stage) -> None:
    """What waits when other code terminates the ZeroMQ context ends with ContextTerminated."""

    async def main() -> None:
        shared: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        context = stage.new_context(zmq_context=shared)
        dealer = context.dealer(bind=stage.addresses.new("inproc"))
        requester = context.requester(connect=stage.addresses.new("ipc"))
        tasks = [
            start(dealer.receive),
            start(dealer.__anext__),
            start(lambda: dealer.send(b"x")),
            start(lambda: requester.request(b"x")),
            start(lambda: requester.request(b"x", timeout=1000)),
        ]
        await until(lambda: dealer.stats.parked + requester.stats.parked == len(tasks))
        terminating = threading.Thread(target=shared.term)
        terminating.start()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [zmqbridge.ContextTerminated] * len(tasks)
        context.close()
        terminating.join()

    stage.run(main)


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("turns", range(4))
def test_served_and_cancelled(stage: Stage, turns: int) -> None:
    """A receive that is cancelled as its message comes is cancelled or has it, and a cancelled one leaves it."""

    async def main() -> None:
        puller = stage.context.puller(bind=stage.addresses.new("inproc"))
        pusher = stage.context.pusher(connect=puller.endpoints[0].address)
        for number in range(50):
            message = b"%d" % number
            receiving = start(puller.receive)
            await until(lambda: puller.stats.parked == 1)
            pusher.send_nowait(message)
            for _ in range(turns):
                await asyncio.sleep(0)
            if receiving.cancel():
                with pytest.raises(asyncio.CancelledError):
                    await receiving
                assert await puller.receive() == [message]
            else:
                assert await receiving == [message]

    stage.run(main)


def test_cancelled_where_nothing_waits(stage: Stage) -> None:
    """A cancellation that comes before an operation that need not wait is seen at the next wait, not lost."""

    async def main() -> None:
        puller = stage.context.puller(bind=stage.addresses.new("inproc"))
        pusher = stage.context.pusher(connect=puller.endpoints[0].address)
        await pusher.send_many([b"1", b"2"])
        got = []

        async def receive_and_wait() -> None:
            current_task().cancel()
            got.append(await puller.receive())
            await puller.receive_many()
            await puller.receive()

        task = start(receive_and_wait)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()
        await pusher.send(b"3")
        while len(got) < 3 and (not got or got[-1] != [b"3"]):
            got.append(await puller.receive())
        assert got[-1] == [b"3"]

    stage.run(main)


def test_cleaning_up_after_a_cancellation(stage: Stage) -> None:
    """A cancelled task can still send, receive and close in its finally: one cancellation is one."""

    async def main() -> None:
        pair = stage.context.pair(bind=stage.addresses.new("inproc"))
        other = stage.context.pair(connect=pair.endpoints[0].address)

        async def serve() -> None:
            try:
                await pair.receive()
            finally:
                await pair.send(b"bye")
                await pair.receive()
                await pair.aclose()

        task = start(serve)
        await until(lambda: pair.stats.parked == 1)
        task.cancel()
        assert await other.receive() == [b"bye"]
        assert not task.done()
        await other.send(b"bye")
        with pytest.raises(asyncio.CancelledError):
            await task
        assert pair.closed

    stage.run(main)


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("what", ["connection", "context"])
def test_cancelled_while_closing(stage: Stage, what: str) -> None:
    """A cancellation in aclose() passes, and all is closed."""

    async def main() -> None:
        context = stage.new_context(linger=0)
        pair = context.pair(bind=stage.addresses.new("inproc"))
        task = start(pair.aclose if what == "connection" else context.aclose)
        await asyncio.sleep(0)
        assert pair.closed
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()
        await context.aclose()

    stage.run(main)


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("body", ["returns", "raises"])
def test_cancelled_while_leaving_a_context(stage: Stage, body: str) -> None:
    """A task that is cancelled at the end of its 'async with Context()' is cancelled, whatever its body did."""

    async def main() -> None:
        address = stage.addresses.new("ipc")
        failure = ValueError("the body's")
        pushers = []

        async def use() -> None:
            async with zmqbridge.Context(linger=1000) as context:
                pushers.append(context.pusher(connect=address))
                await pushers[0].send(b"unsent")
                if body == "raises":
                    raise failure

        task = start(use)
        await until(lambda: pushers and pushers[0].closed)
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        if body == "raises":
            assert caught.value.__context__ is failure
        assert await stage.context.puller(bind=address).receive() == [b"unsent"]

    stage.run(main)


@pytest.mark.looks_at("waiting")
def test_timeout_around_a_whole_context(stage: Stage) -> None:
    """A timeout that fires inside 'async with Context()' is a TimeoutError outside, and all is closed."""

    async def main() -> None:
        pullers = []
        with pytest.raises(TimeoutError):  # noqa: PT012 (the whole of it is the subject)
            async with asyncio.timeout(1000) as timeout, zmqbridge.Context() as context:
                pullers.append(context.puller(bind=stage.addresses.new("inproc")))
                timeout.reschedule(0)
                await pullers[0].receive()
        assert pullers[0].closed
        assert current_task().cancelling() == 0

    stage.run(main)


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("victim", range(3))
def test_one_of_several(stage: Stage, victim: int) -> None:
    """Of several tasks that wait, the one that is cancelled goes, and those that waited longest are served first."""

    async def main() -> None:
        puller = stage.context.puller(bind=stage.addresses.new("inproc"))
        pusher = stage.context.pusher(connect=puller.endpoints[0].address)
        tasks: list[asyncio.Task[list[bytes]]] = []
        for _ in range(3):
            tasks.append(start(puller.receive))
            await until(lambda: puller.stats.parked == len(tasks))
        cancelled = tasks.pop(victim)
        cancelled.cancel()
        await pusher.send(b"1")
        assert await tasks[0] == [b"1"]
        assert not tasks[1].done()
        await pusher.send(b"2")
        assert await tasks[1] == [b"2"]
        assert cancelled.cancelled()

    stage.run(main)


def eager_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **arguments: Any) -> asyncio.Task[Any]:
    """Make a task as asyncio.eager_task_factory does, which not every version of uvloop can call."""
    arguments["eager_start"] = True
    return asyncio.Task(coroutine, loop=loop, **arguments)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_eager_tasks(stage: Stage, make: Make) -> None:
    """Tasks that begin at once, inside the call that makes them, wait, go on and are cancelled as others are."""

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(eager_task)
        waiting = await make(stage)
        task = start(waiting.operation)
        assert waiting.is_parked()
        await parked(waiting)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await waiting.check_given_up()
        waiting = await make(stage)
        task = start(waiting.operation)
        await waiting.let_go_on()
        assert await task == waiting.result

    stage.run(main)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_eager_tasks_that_need_not_wait(stage: Stage) -> None:
    """An eager task whose operation need not wait is done when it is made."""

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(eager_task)
        puller = stage.context.puller(bind=stage.addresses.new("inproc"))
        pusher = stage.context.pusher(connect=puller.endpoints[0].address)
        sending = start(lambda: pusher.send(b"x"))
        assert sending.done()
        receiving = start(puller.receive)
        assert receiving.done()
        assert await receiving == [b"x"]

    stage.run(main)


async def round_trip(context: zmqbridge.Context, address: str) -> list[bytes]:
    """Ask and be answered, and receive in a second task, on connections of their own."""
    replier = context.replier(bind=address)
    requester = context.requester(connect=replier.endpoints[0].address)
    asking = start(lambda: requester.request(b"?"))
    await (await replier.receive()).reply(b"!")
    reply = await asking
    requester.close()
    replier.close()
    return reply


@pytest.mark.looks_at("waiting")
def test_run_until_complete_twice(new_loop: Callable[[], asyncio.AbstractEventLoop], addresses: Addresses) -> None:
    """One loop that is run twice serves a context each time."""

    async def main() -> list[bytes]:
        async with zmqbridge.Context() as context:
            return await round_trip(context, addresses.new("tcp"))

    loop = new_loop()
    try:
        assert [loop.run_until_complete(main()) for _ in range(2)] == [[b"!"]] * 2
    finally:
        loop.close()


@pytest.mark.looks_at("waiting")
def test_one_context_in_two_runs(new_loop: Callable[[], asyncio.AbstractEventLoop], addresses: Addresses) -> None:
    """A context outlives one run of its loop: what waited goes on waiting, and the next run uses it."""
    context = zmqbridge.Context()
    puller = context.puller(bind=addresses.new("tcp"))
    pusher = context.pusher(connect=puller.endpoints[0].address)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        loop = runner.get_loop()

        async def begin() -> asyncio.Task[list[bytes]]:
            assert await round_trip(context, addresses.new("tcp")) == [b"!"]
            receiving = start(puller.receive)
            await until(lambda: puller.stats.parked == 1)
            return receiving

        async def go_on(receiving: asyncio.Task[list[bytes]]) -> None:
            async with context:
                await pusher.send(b"x")
                assert await receiving == [b"x"]
                assert await round_trip(context, addresses.new("tcp")) == [b"!"]

        loop.run_until_complete(go_on(loop.run_until_complete(begin())))


@pytest.fixture
def checkpoints(monkeypatch: pytest.MonkeyPatch) -> list[AsyncioBackend]:
    """The backend of each checkpoint that zmqbridge makes, as they are made."""
    made: list[AsyncioBackend] = []
    checkpoint = AsyncioBackend.checkpoint

    async def noted(backend: AsyncioBackend) -> None:
        made.append(backend)
        await checkpoint(backend)

    monkeypatch.setattr(AsyncioBackend, "checkpoint", noted)
    return made


UNLIMITED = zmqbridge.SocketOptions(send_high_water_mark=0, receive_high_water_mark=0)


def test_a_crowd_of_requests_waits_for_one_turn(stage: Stage, checkpoints: list[AsyncioBackend]) -> None:
    """When more tasks ask than one turn may serve, each waits for a turn once and never again for its next requests."""
    crowd, rounds = 1_000, 10

    async def main() -> None:
        replier = stage.context.replier(bind=stage.addresses.new("inproc"), options=UNLIMITED)
        requester = stage.context.requester(connect=replier.endpoints[0].address, options=UNLIMITED)

        async def answer() -> None:
            async for request in replier:
                await request.reply(request.parts)

        async def ask() -> None:
            for number in range(rounds):
                assert await requester.request(b"%d" % number) == [b"%d" % number]

        answering = start(answer)
        await stage.together(*[ask] * crowd)
        replier.close()
        with suppress(zmqbridge.ConnectionClosed):
            await answering

    stage.run(main)
    assert len(checkpoints) < 2 * crowd


def test_who_waited_for_a_turn_leaves_it_to_others(stage: Stage, checkpoints: list[AsyncioBackend]) -> None:
    """Of a crowd that sends at once some wait for the next turn; those who come then need not wait for a third."""
    crowd, newcomers = 2 * BATCH + 10, 10

    async def main() -> None:
        puller = stage.context.puller(bind=stage.addresses.new("inproc"), options=UNLIMITED)
        pusher = stage.context.pusher(connect=puller.endpoints[0].address, options=UNLIMITED)

        async def come_later() -> None:
            await asyncio.sleep(0)
            await pusher.send(b"later")

        await stage.together(*[lambda: pusher.send(b"now")] * crowd, *[come_later] * newcomers)
        assert pusher.stats.sent == crowd + newcomers
        assert len(checkpoints) == crowd - BATCH

    stage.run(main)


def test_two_loops_one_after_the_other(addresses: Addresses) -> None:
    """Loops of both kinds, one after the other and back, each serve their own context."""
    pytest.importorskip("uvloop")

    async def main() -> list[bytes]:
        async with zmqbridge.Context() as context:
            return await round_trip(context, addresses.new("tcp"))

    for kind in ("asyncio", "uvloop", "asyncio"):
        with asyncio.Runner(loop_factory=LOOPS[kind]) as runner:
            assert runner.run(main()) == [b"!"]


@pytest.mark.looks_at("waiting")
def test_the_end_of_a_run_cancels_what_waits(
    new_loop: Callable[[], asyncio.AbstractEventLoop], addresses: Addresses
) -> None:
    """A task that still waits when asyncio.Runner ends is cancelled by it, and can leave its context then."""
    ended: list[object] = []

    pullers: list[zmqbridge.Puller] = []

    async def wait(context: zmqbridge.Context) -> None:
        async with context:
            puller = context.puller(bind=addresses.new("tcp"))
            pullers.append(puller)
            try:
                await puller.receive()
            except asyncio.CancelledError as error:
                ended.append(error)
                raise
            finally:
                await puller.aclose()

    async def main() -> asyncio.Task[None]:
        context = zmqbridge.Context()
        waiting = start(lambda: wait(context))
        await until(lambda: [puller for puller in pullers if puller.stats.parked])
        return waiting

    with asyncio.Runner(loop_factory=new_loop) as runner:
        waiting = runner.run(main())
    assert waiting.cancelled()
    assert len(ended) == 1


@pytest.mark.looks_at("waiting")
def test_interrupt(new_loop: Callable[[], asyncio.AbstractEventLoop], addresses: Addresses) -> None:
    """Ctrl-C in asyncio.Runner cancels what waits, and is a KeyboardInterrupt outside."""
    pullers: list[zmqbridge.Puller] = []

    async def main() -> None:
        async with zmqbridge.Context() as context:
            pullers.append(context.puller(bind=addresses.new("tcp")))
            asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)
            await pullers[0].receive()

    with pytest.raises(KeyboardInterrupt), asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    assert pullers[0].closed


@pytest.mark.looks_at("waiting")
def test_debug_mode(
    new_loop: Callable[[], asyncio.AbstractEventLoop], addresses: Addresses, caplog: pytest.LogCaptureFixture
) -> None:
    """In asyncio's debug mode traffic, cancellation and closing make the loop log no warning."""

    async def main() -> None:
        # Half a second is a stall of this library's making; less may be the machine's.
        asyncio.get_running_loop().slow_callback_duration = 0.5
        async with zmqbridge.Context() as context:
            puller = context.puller(bind=addresses.new("tcp"))
            pusher = context.pusher(connect=puller.endpoints[0].address)
            sending = start(lambda: pusher.send_many(b"%d" % number for number in range(5000)))
            for number in range(5000):
                assert await puller.receive() == [b"%d" % number]
            await sending
            assert await round_trip(context, addresses.new("tcp")) == [b"!"]
            requester = context.requester(connect=addresses.new("ipc"))
            with pytest.raises(zmqbridge.RequestTimeout):
                await requester.request(b"?", timeout=0.01)
            tasks = [start(puller.receive) for _ in range(3)]
            await until(lambda: puller.stats.parked == 3)
            tasks[0].cancel()
            puller.close()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [
                asyncio.CancelledError,
                zmqbridge.ConnectionClosed,
                zmqbridge.ConnectionClosed,
            ]

    gc.collect()
    with caplog.at_level(logging.WARNING, logger="asyncio"):
        caplog.clear()
        with asyncio.Runner(debug=True, loop_factory=new_loop) as runner:
            runner.run(main())
        gc.collect()
    assert caplog.messages == []
