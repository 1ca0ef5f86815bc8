"""anyio's ways to give up and to go on, on both of its backends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import zmqbridge
from tests.conftest import Addresses
from tests.loops.waiting import DUE, GIVEN_UP, ON_A_CONNECTION, WAITING, Make, MakeDue, Waiting, in_one_turn


async def _call(function: Callable[[], Awaitable[object]]) -> None:
    await function()


class Stage:
    """One case, run by anyio."""

    def __init__(self, addresses: Addresses, backend: str) -> None:
        self.addresses = addresses
        self._backend = backend

    def run(self, case: Callable[[], Awaitable[None]]) -> None:
        anyio.run(self._main, case, backend=self._backend)

    async def _main(self, case: Callable[[], Awaitable[None]]) -> None:
        async with zmqbridge.Context(linger=0) as self.context:
            await case()

    def new_context(self, **arguments: Any) -> zmqbridge.Context:
        return zmqbridge.Context(**arguments)

    async def together(self, *functions: Callable[[], Awaitable[object]]) -> None:
        async with anyio.create_task_group() as group:
            for function in functions:
                group.start_soon(_call, function)


@pytest.fixture(params=["asyncio", "trio"])
def stage(request: pytest.FixtureRequest, addresses: Addresses) -> Stage:
    """A case's stage, on each of anyio's backends."""
    return Stage(addresses, request.param)


async def until(condition: Callable[[], object]) -> None:
    """Return once the condition holds."""
    while not condition():
        await anyio.lowlevel.checkpoint()


async def parked(waiting: Waiting) -> None:
    """Return once the operation waits."""
    await until(waiting.is_parked)
    for _ in range(3):
        await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_goes_on(stage: Stage, make: Make) -> None:
    """What waits returns when what it waits for has come."""

    async def main() -> None:
        waiting = await make(stage)
        results = []

        async def operate() -> None:
            results.append(await waiting.operation())

        async with anyio.create_task_group() as group:
            group.start_soon(operate)
            await parked(waiting)
            await waiting.let_go_on()
        assert results == [waiting.result]

    stage.run(main)


@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
@pytest.mark.parametrize("first", ["inner", "outer", "both"])
@pytest.mark.parametrize("how", ["cancel", "deadline"])
def test_nested_scopes(stage: Stage, make: Make, first: str, how: str) -> None:
    """Of two scopes around what waits, the one that is cancelled catches it; of both, the outer."""

    async def main() -> None:
        waiting = await make(stage)
        after_inner = False

        async def fire() -> None:
            await parked(waiting)
            for scope in {"inner": [inner], "outer": [outer], "both": [outer, inner]}[first]:
                if how == "cancel":
                    scope.cancel()
                else:
                    scope.deadline = anyio.current_time()

        async with anyio.create_task_group() as group:
            with anyio.move_on_after(1000) as outer:
                with anyio.move_on_after(1000) as inner:
                    group.start_soon(fire)
                    await waiting.operation()
                    raise AssertionError("the cancellation was swallowed")
                after_inner = True
                # Where both fired it is for the next checkpoint to see the outer one, if the inner caught its own.
                await anyio.lowlevel.checkpoint()
        assert outer.cancelled_caught == (first != "inner")
        if first != "both":
            assert inner.cancelled_caught == after_inner == (first == "inner")
        await waiting.check_given_up()

    stage.run(main)


async def within_fail_after(operation: Callable[[], Awaitable[Any]], seconds: float) -> Any:
    try:
        with anyio.fail_after(seconds):
            return await operation()
    except TimeoutError:
        return GIVEN_UP


@pytest.mark.parametrize("make", DUE.values(), ids=DUE)
@pytest.mark.parametrize("transport", ["inproc", "tcp"])
def test_timeout_in_the_same_turn(stage: Stage, make: MakeDue, transport: str) -> None:
    """Where a timeout and what is waited for come due in one turn, the one or the other holds, and nothing is lost."""
    stage.run(lambda: in_one_turn(stage, make, transport, within_fail_after))


@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_fail_after(stage: Stage, make: Make) -> None:
    """anyio.fail_after() around what waits raises TimeoutError, and gives it up."""

    async def main() -> None:
        waiting = await make(stage)
        with pytest.raises(TimeoutError):
            with anyio.fail_after(0.002):
                await waiting.operation()
        await waiting.check_given_up()

    stage.run(main)


@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_task_group_with_a_failing_sibling(stage: Stage, make: Make) -> None:
    """The failure of a sibling gives up what waits, and is the one error that the group raises."""

    async def main() -> None:
        waiting = await make(stage)
        failure = ValueError("the sibling's")

        async def fail() -> None:
            await parked(waiting)
            raise failure

        with pytest.raises(BaseExceptionGroup) as caught:  # noqa: PT012 (the whole group is the subject)
            async with anyio.create_task_group() as group:
                group.start_soon(_call, waiting.operation)
                group.start_soon(fail)
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
            with anyio.CancelScope(shield=True):
                results.append(await waiting.operation())
            await anyio.lowlevel.checkpoint()
            raise AssertionError("the cancellation was swallowed")

        async with anyio.create_task_group() as group:
            group.start_soon(operate)
            await parked(waiting)
            group.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                for _ in range(5):
                    await anyio.lowlevel.checkpoint()
                assert results == []
                assert waiting.is_parked()
                await waiting.let_go_on()
        assert results == [waiting.result]

    stage.run(main)


@pytest.mark.parametrize("make", WAITING.values(), ids=WAITING)
def test_cancelled_before(stage: Stage, make: Make) -> None:
    """In a scope that was cancelled before, what waits is given up."""

    async def main() -> None:
        waiting = await make(stage)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await waiting.operation()
            raise AssertionError("the cancellation was swallowed")
        assert scope.cancelled_caught
        await waiting.check_given_up()

    stage.run(main)


@pytest.mark.parametrize("make", ON_A_CONNECTION.values(), ids=ON_A_CONNECTION)
def test_closing_is_no_cancellation(stage: Stage, make: Make) -> None:
    """What waits on a connection that closes ends with ConnectionClosed, and no scope around it was cancelled."""

    async def main() -> None:
        waiting = await make(stage)
        ended = []

        async def operate() -> None:
            with anyio.move_on_after(1000) as scope:
                with pytest.raises(zmqbridge.ConnectionClosed):
                    await waiting.operation()
                await anyio.lowlevel.checkpoint()
                ended.append(scope.cancel_called)

        async with anyio.create_task_group() as group:
            group.start_soon(operate)
            await parked(waiting)
            waiting.close()
        assert ended == [False]

    stage.run(main)


@pytest.mark.parametrize("turns", range(4))
def test_served_and_cancelled(stage: Stage, turns: int) -> None:
    """A receive that is cancelled as its message comes has it or leaves it."""

    async def main() -> None:
        puller = stage.context.puller(bind=stage.addresses.new("inproc"))
        pusher = stage.context.pusher(connect=puller.endpoints[0].address)
        for number in range(50):
            got: list[list[bytes]] = []

            async def receive(got: list[list[bytes]] = got) -> None:
                got.append(await puller.receive())

            async with anyio.create_task_group() as group:
                group.start_soon(receive)
                await until(lambda: puller.stats.parked == 1)
                pusher.send_nowait(b"%d" % number)
                for _ in range(turns):
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
            if not got:
                got.append(await puller.receive())
            assert got == [[b"%d" % number]]

    stage.run(main)


def test_closing_in_a_cancelled_scope(stage: Stage) -> None:
    """In a scope that is cancelled, where each wait is cancelled anew, 'async with' closes connection and context."""

    async def main() -> None:
        with anyio.move_on_after(1000) as scope:
            async with zmqbridge.Context() as context, context.puller() as puller:
                scope.cancel()
                await puller.receive()
        assert scope.cancelled_caught
        assert puller.closed
        assert context.closed

    stage.run(main)


def test_many_tasks_on_one_connection(stage: Stage) -> None:
    """Any number of tasks wait on one connection, to receive and to send, and none is told that it is busy."""

    async def main() -> None:
        dealer = stage.context.dealer(bind=stage.addresses.new("inproc"))
        got: list[list[bytes]] = []

        async def receive() -> None:
            got.append(await dealer.receive())

        async with anyio.create_task_group() as group:
            for number in range(10):
                group.start_soon(receive)
                group.start_soon(dealer.send, b"%d" % number)
            await until(lambda: dealer.stats.parked == 20)
            peer = stage.context.dealer(connect=dealer.endpoints[0].address)
            assert sorted([await peer.receive() for _ in range(10)]) == [[b"%d" % number] for number in range(10)]
            await peer.send_many(b"%d" % number for number in range(10))
        assert sorted(got) == [[b"%d" % number] for number in range(10)]

    stage.run(main)
