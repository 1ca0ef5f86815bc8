"""trio's own ways to give up, to go on and to end."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.lowlevel
import trio.testing
import zmq

import zmqbridge
from tests.conftest import Addresses
from tests.loops.waiting import DUE, GIVEN_UP, ON_A_CONNECTION, WAITING, Limited, Make, MakeDue, Waiting, in_one_turn


class Stage:
    """One case, run by trio."""

    def __init__(self, addresses: Addresses) -> None:
        self.addresses = addresses

    def run(self, case: Callable[[], Awaitable[None]]) -> None:
        trio.run(self.main, case, strict_exception_groups=True)

    async def main(self, case: Callable[[], Awaitable[None]]) -> None:
        async with zmqbridge.Context(linger=0) as self.context:
            await case()
        # One is trio's own.
        statistics = trio.lowlevel.current_statistics().io_statistics
        assert getattr(statistics, "tasks_waiting_read", 0) <= 1

    def new_context(self, **arguments: Any) -> zmqbridge.Context:
        return zmqbridge.Context(**arguments)

    async def together(self, *functions: Callable[[], Awaitable[object]]) -> None:
        async with trio.open_nursery() as nursery:
            for function in functions:
                nursery.start_soon(function)


@pytest.fixture
def stage(addresses: Addresses) -> Stage:
    """A case's stage."""
    return Stage(addresses)


async def until(condition: Callable[[], object]) -> None:
    """Return once the condition holds."""
    while not condition():
        await trio.lowlevel.checkpoint()


async def parked(waiting: Waiting) -> None:
    """Return once the operation waits."""
    await until(waiting.is_parked)
    for _ in range(3):
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_goes_on(stage: Stage, make: Make) -> None:
    """What waits returns when what it waits for has come."""

    async def main() -> None:
        waiting = await make(stage)
        results = []

        async def operate() -> None:
            results.append(await waiting.operation())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(operate)
            await parked(waiting)
            await waiting.let_go_on()
        assert results == [waiting.result]

    stage.run(main)


@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
@pytest.mark.parametrize("first", ["inner", "outer", "both"])
@pytest.mark.parametrize("how", ["cancel", "deadline"])
def test_nested_scopes(stage: Stage, make: Make, first: str, how: str) -> None:
    """Of two scopes around what waits, the one that is cancelled catches it; of both, the outer, as trio has it."""

    async def main() -> None:
        waiting = await make(stage)
        after_inner = False

        async def fire() -> None:
            await parked(waiting)
            for scope in {"inner": [inner], "outer": [outer], "both": [inner, outer]}[first]:
                if how == "cancel":
                    scope.cancel()
                else:
                    scope.deadline = trio.current_time()

        async with trio.open_nursery() as nursery:
            with trio.move_on_after(1000) as outer:
                with trio.move_on_after(1000) as inner:
                    nursery.start_soon(fire)
                    await waiting.operation()
                    raise AssertionError("the cancellation was swallowed")
                after_inner = True
        assert inner.cancelled_caught == after_inner == (first == "inner")
        assert outer.cancelled_caught == (first != "inner")
        await waiting.check_given_up()

    stage.run(main)


async def within_fail_after(operation: Callable[[], Awaitable[Any]], seconds: float) -> Any:
    try:
        with trio.fail_after(seconds):
            return await operation()
    except trio.TooSlowError:
        return GIVEN_UP


async def within_move_on_after(operation: Callable[[], Awaitable[Any]], seconds: float) -> Any:
    with trio.move_on_after(seconds):
        return await operation()
    return GIVEN_UP


@pytest.mark.parametrize("make", DUE.values(), ids=DUE)
@pytest.mark.parametrize("transport", ["inproc", "tcp"])
@pytest.mark.parametrize("limited", [within_fail_after, within_move_on_after])
def test_timeout_in_the_same_turn(stage: Stage, make: MakeDue, transport: str, limited: Limited) -> None:
    """Where a timeout and what is waited for come due in one turn, the one or the other holds, and nothing is lost."""
    stage.run(lambda: in_one_turn(stage, make, transport, limited))


@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_fail_after(stage: Stage, make: Make) -> None:
    """trio.fail_after() around what waits raises TooSlowError, and gives it up."""

    async def main() -> None:
        waiting = await make(stage)
        with pytest.raises(trio.TooSlowError):
            with trio.fail_after(0.002):
                await waiting.operation()
        await waiting.check_given_up()

    stage.run(main)


@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_cancelled_nursery(stage: Stage, make: Make) -> None:
    """The failure of a sibling gives up what waits, and is the one error that the nursery raises."""

    async def main() -> None:
        waiting = await make(stage)
        failure = ValueError("the sibling's")

        async def fail() -> None:
            await parked(waiting)
            raise failure

        with pytest.raises(BaseExceptionGroup) as caught:  # noqa: PT012 (the whole group is the subject)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(waiting.operation)
                nursery.start_soon(fail)
        assert caught.value.exceptions == (failure,)
        await waiting.check_given_up()

    stage.run(main)


@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_shielded(stage: Stage, make: Make) -> None:
    """What waits in a shielded scope goes on though the scope around it is cancelled, which is seen right after."""

    async def main() -> None:
        waiting = await make(stage)
        results = []

        async def operate() -> None:
            with trio.CancelScope(shield=True):
                results.append(await waiting.operation())
            await trio.lowlevel.checkpoint()
            raise AssertionError("the cancellation was swallowed")

        with trio.CancelScope() as outer:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(operate)
                await parked(waiting)
                outer.cancel()
                with trio.CancelScope(shield=True):
                    for _ in range(5):
                        await trio.lowlevel.checkpoint()
                    assert results == []
                    assert waiting.is_parked()
                    await waiting.let_go_on()
        assert results == [waiting.result]
        assert outer.cancelled_caught

    stage.run(main)


@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_deadline_in_the_past(stage: Stage, make: Make) -> None:
    """Under a deadline that has passed what waits is given up, and does not begin to wait."""

    async def main() -> None:
        waiting = await make(stage)
        with trio.CancelScope(deadline=-math.inf) as scope:
            await waiting.operation()
            raise AssertionError("the cancellation was swallowed")
        assert scope.cancelled_caught
        await waiting.check_given_up()

    stage.run(main)


def test_deadline_in_the_past_where_nothing_waits(stage: Stage) -> None:
    """In a cancelled scope no operation has an effect, though it need not wait."""

    async def main() -> None:
        pair = stage.context.pair(bind=stage.addresses.new("inproc"))
        other = stage.context.pair(connect=pair.endpoints[0].address)
        router = stage.context.router(bind=stage.addresses.new("inproc"))
        dealer = stage.context.dealer(connect=router.endpoints[0].address)
        await dealer.send(b"hello")
        peer = (await router.receive()).peer
        await pair.send_many([b"1", b"2"])
        assert await other.receive() == [b"1"]
        operations: list[Callable[[], Awaitable[Any]]] = [
            other.receive,
            other.receive_many,
            lambda: other.send(b"given up"),
            lambda: other.send_many([b"given up"]),
            lambda: router.send(peer, b"given up"),
        ]
        for operation in operations:
            with trio.CancelScope() as scope:
                scope.cancel()
                await operation()
            assert scope.cancelled_caught
        await other.send(b"sent")
        assert await pair.receive() == [b"sent"]
        await router.send(peer, b"sent")
        assert await dealer.receive() == [b"sent"]
        assert await other.receive() == [b"2"]

    stage.run(main)


@pytest.mark.parametrize("order", ["cancel, close", "close, cancel"])
@pytest.mark.parametrize("make", ON_A_CONNECTION.values(), ids=ON_A_CONNECTION)
def test_closed_and_cancelled_in_one_turn(stage: Stage, make: Make, order: str) -> None:
    """Of a close and a cancellation in one turn one is what the operation ends with; the other is seen next."""

    async def main() -> None:
        waiting = await make(stage)
        errors: list[type[BaseException]] = []

        async def operate() -> None:
            try:
                await waiting.operation()
            except BaseException as error:
                errors.append(type(error))
                if isinstance(error, trio.Cancelled):
                    raise
            await trio.lowlevel.checkpoint()
            raise AssertionError("the cancellation was swallowed")

        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(operate)
                await parked(waiting)
                if order == "close, cancel":
                    waiting.close()
                scope.cancel()
                waiting.close()
        assert scope.cancelled_caught
        assert len(errors) == 1
        assert errors[0] in (trio.Cancelled, zmqbridge.ConnectionClosed)

    stage.run(main)


@pytest.mark.parametrize("make", ON_A_CONNECTION.values(), ids=ON_A_CONNECTION)
def test_closing_is_no_cancellation(stage: Stage, make: Make) -> None:
    """What waits on a connection that closes ends with ConnectionClosed, and no scope around it was cancelled."""

    async def main() -> None:
        waiting = await make(stage)
        scopes = []

        async def operate() -> None:
            with trio.move_on_after(1000) as scope:
                scopes.append(scope)
                with pytest.raises(zmqbridge.ConnectionClosed):
                    await waiting.operation()
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(operate)
            await parked(waiting)
            waiting.close()
        assert not scopes[0].cancel_called
        assert not scopes[0].cancelled_caught

    stage.run(main)


def test_terminating_is_no_cancellation(stage: Stage) -> None:
    """What waits when other code terminates the ZeroMQ context ends with ContextTerminated."""

    async def main() -> None:
        shared: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        context = stage.new_context(zmq_context=shared)
        dealer = context.dealer(bind=stage.addresses.new("inproc"))
        requester = context.requester(connect=stage.addresses.new("ipc"))

        async def fail(operation: Callable[[], Awaitable[object]]) -> None:
            with pytest.raises(zmqbridge.ContextTerminated):
                await operation()

        operations: list[Callable[[], Awaitable[object]]] = [
            dealer.receive,
            dealer.__anext__,
            lambda: dealer.send(b"x"),
            lambda: requester.request(b"x"),
            lambda: requester.request(b"x", timeout=1000),
        ]
        async with trio.open_nursery() as outer:
            async with trio.open_nursery() as nursery:
                for operation in operations:
                    nursery.start_soon(fail, operation)
                await until(lambda: dealer.stats.parked + requester.stats.parked == len(operations))
                outer.start_soon(trio.to_thread.run_sync, shared.term)
            context.close()

    stage.run(main)


@pytest.mark.parametrize("turns", range(4))
def test_served_and_cancelled(stage: Stage, turns: int) -> None:
    """A receive that is cancelled as its message comes has it or leaves it, and the cancellation is seen either way."""

    async def main() -> None:
        puller = stage.context.puller(bind=stage.addresses.new("inproc"))
        pusher = stage.context.pusher(connect=puller.endpoints[0].address)
        for number in range(50):
            got: list[list[bytes]] = []

            async def receive(got: list[list[bytes]] = got) -> None:
                got.append(await puller.receive())
                await trio.lowlevel.checkpoint()

            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(receive)
                    await until(lambda: puller.stats.parked == 1)
                    pusher.send_nowait(b"%d" % number)
                    for _ in range(turns):
                        await trio.lowlevel.checkpoint()
                    scope.cancel()
            if not got:
                assert scope.cancelled_caught
                got.append(await puller.receive())
            assert got == [[b"%d" % number]]

    stage.run(main)


def test_checkpoints(stage: Stage) -> None:
    """Every awaited operation is a checkpoint, whether it has to wait or not."""

    async def main() -> None:
        context = stage.context
        pair = context.pair(bind=stage.addresses.new("inproc"))
        other = context.pair(connect=pair.endpoints[0].address)
        router = context.router(bind=stage.addresses.new("inproc"))
        dealer = context.dealer(connect=router.endpoints[0].address)
        replier = context.replier(bind=stage.addresses.new("inproc"))
        requester = context.requester(connect=replier.endpoints[0].address)
        publisher = context.publisher(bind=stage.addresses.new("inproc"))
        subscriber = context.subscriber(connect=publisher.endpoints[0].address, tags=[""])
        while subscriber.stats.received == 0:
            publisher.publish(b"x")
            with trio.move_on_after(0.001):
                await subscriber.receive()
        publisher.publish(b"x")
        await pair.send_many([b"x"] * 10)
        await dealer.send_many([b"x"] * 10)
        peer = (await router.receive()).peer

        async def answer() -> None:
            async for request in replier:
                with trio.testing.assert_checkpoints():
                    await request.reply(b"!")
                with trio.testing.assert_checkpoints():
                    await (await replier.receive()).reply(b"!")
                return

        operations: list[Callable[[], Awaitable[object]]] = [
            lambda: pair.send(b"x"),
            lambda: pair.send_many([b"x"]),
            lambda: pair.send_many([]),
            other.receive,
            other.receive_many,
            subscriber.receive,
            router.receive,
            router.receive_many,
            lambda: router.send(peer, b"x"),
            lambda: router.send_many([(peer, b"x")]),
            lambda: requester.request(b"?"),
            lambda: requester.request(b"?", timeout=1000),
            requester.aclose,
            other.aclose,
            other.aclose,
        ]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            for operation in operations:
                with trio.testing.assert_checkpoints():
                    await operation()
        inner = stage.new_context()
        with trio.testing.assert_checkpoints():
            await inner.aclose()
        with trio.testing.assert_checkpoints():
            async with stage.new_context() as used, used.puller():
                pass

    stage.run(main)


def test_iteration_is_a_checkpoint_for_each_batch(stage: Stage) -> None:
    """An iteration that never has to wait sees a cancellation within one batch, and what it did not take is kept."""

    async def main() -> None:
        puller = stage.context.puller(bind=stage.addresses.new("inproc"))
        pusher = stage.context.pusher(connect=puller.endpoints[0].address)
        await pusher.send_many(b"%d" % number for number in range(1000))
        taken = 0
        with trio.CancelScope() as scope:
            async for frames in puller:
                assert frames == [b"%d" % taken]
                taken += 1
                scope.cancel()
        assert scope.cancelled_caught
        assert taken <= 256
        assert await puller.receive() == [b"%d" % taken]

    stage.run(main)


def test_many_tasks_on_one_connection(stage: Stage) -> None:
    """Any number of tasks wait on one connection, to receive and to send, and none is told that it is busy."""

    async def main() -> None:
        dealer = stage.context.dealer(bind=stage.addresses.new("inproc"))
        got: list[list[bytes]] = []

        async def receive() -> None:
            got.append(await dealer.receive())

        async def send(number: int) -> None:
            await dealer.send(b"%d" % number)

        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(receive)
                nursery.start_soon(send, number)
            await until(lambda: dealer.stats.parked == 20)
            peer = stage.context.dealer(connect=dealer.endpoints[0].address)
            assert sorted([await peer.receive() for _ in range(10)]) == [[b"%d" % number] for number in range(10)]
            await peer.send_many(b"%d" % number for number in range(10))
        assert sorted(got) == [[b"%d" % number] for number in range(10)]

    stage.run(main)


@pytest.mark.parametrize("victim", range(3))
def test_one_of_several(stage: Stage, victim: int) -> None:
    """Of several tasks that wait, the one that is cancelled goes, and those that waited longest are served first."""

    async def main() -> None:
        puller = stage.context.puller(bind=stage.addresses.new("inproc"))
        pusher = stage.context.pusher(connect=puller.endpoints[0].address)
        scopes: list[trio.CancelScope] = []
        got: list[tuple[int, list[bytes]]] = []

        async def receive(number: int) -> None:
            with trio.CancelScope() as scope:
                scopes.append(scope)
                got.append((number, await puller.receive()))

        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(receive, number)
                await until(lambda: puller.stats.parked == len(scopes) > number)  # noqa: B023 (called at once)
            scopes[victim].cancel()
            await until(lambda: puller.stats.parked == 2)
            for number in range(2):
                await pusher.send(b"%d" % number)
                await until(lambda: len(got) > number)  # noqa: B023 (called at once)
        first, second = (number for number in range(3) if number != victim)
        assert got == [(first, [b"0"]), (second, [b"1"])]
        assert [scope.cancelled_caught for scope in scopes] == [number == victim for number in range(3)]

    stage.run(main)


@pytest.mark.parametrize("what", ["connection", "context"])
def test_cancelled_while_closing(stage: Stage, what: str) -> None:
    """In a cancelled scope aclose() closes all the same, and the cancellation passes."""

    async def main() -> None:
        context = stage.new_context(linger=0)
        pair = context.pair(bind=stage.addresses.new("inproc"))
        with trio.CancelScope() as scope:
            scope.cancel()
            await (pair.aclose() if what == "connection" else context.aclose())
        assert scope.cancelled_caught
        assert pair.closed
        await context.aclose()

    stage.run(main)


def test_cancelled_inside_a_context(stage: Stage) -> None:
    """A scope that is cancelled around a whole context and what waits in it catches its cancellation, all closed."""

    async def main() -> None:
        with trio.move_on_after(1000) as scope:
            async with zmqbridge.Context() as context, context.puller() as puller:
                scope.cancel()
                await puller.receive()
        assert scope.cancelled_caught
        assert puller.closed
        assert context.closed

    stage.run(main)


@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_guest_of_asyncio(stage: Stage, make: Make) -> None:
    """In trio as a guest of asyncio what waits goes on, and is given up, while the host's own tasks run."""

    async def main() -> None:
        waiting = await make(stage)
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(waiting.operation)
                await parked(waiting)
                scope.cancel()
        assert scope.cancelled_caught
        await waiting.check_given_up()
        waiting = await make(stage)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(waiting.operation)
            await parked(waiting)
            await waiting.let_go_on()

    async def host() -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()
        trio.lowlevel.start_guest_run(
            stage.main,
            main,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=done.set_result,
            strict_exception_groups=True,
        )
        async with zmqbridge.Context() as context:
            puller = context.puller(bind=stage.addresses.new("inproc"))
            pusher = context.pusher(connect=puller.endpoints[0].address)
            while not done.done():
                await pusher.send(b"of the host")
                assert await puller.receive() == [b"of the host"]
                await asyncio.sleep(0)
        done.result().unwrap()

    asyncio.run(host())
