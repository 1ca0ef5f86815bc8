"""Waiting until a message is there, without taking it: on one connection and over several, on every loop."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness, TaskCancelled
from tests.conftest import Addresses
from zmqbridge import first_ready

pytestmark = pytest.mark.looks_at("waiting", "cancelling")

Pullers = tuple[list[zmqbridge.Puller], list[zmqbridge.Pusher]]


def several(context: zmqbridge.Context, addresses: Addresses, count: int, transport: str = "inproc") -> Pullers:
    """Return so many pullers, each with a pusher of its own."""
    pullers = [context.puller(bind=addresses.new(transport)) for _ in range(count)]
    return pullers, [context.pusher(connect=puller.endpoints[0].address) for puller in pullers]


@pytest.mark.parametrize("transport", ["tcp", "inproc"])
async def test_nothing_is_taken(loop: Harness, addresses: Addresses, transport: str) -> None:
    """Whoever waits until a message is there finds it there, and so does who asks again; nothing is lost."""
    async with loop.context() as context:
        (puller,), (pusher,) = several(context, addresses, 1, transport)
        waiting = loop.spawn(puller.wait_readable)
        await loop.parked(puller)
        assert not waiting.done
        await pusher.send(b"one")
        await waiting.result()
        await puller.wait_readable()
        assert await first_ready(puller) == [puller]
        await pusher.send(b"two")
        assert puller.stats.received == 0
        assert puller.receive_nowait() == [b"one"]
        await puller.wait_readable()
        assert puller.receive_nowait() == [b"two"]
        with pytest.raises(zmqbridge.WouldBlock):
            puller.receive_nowait()
        assert puller.stats.parked == 0


@pytest.mark.parametrize("limit", [1, 2, 3, 256])
async def test_in_small_turns(loop: Harness, addresses: Addresses, limit: int) -> None:
    """However little a turn of the loop reads, waiting and receiving by turns comes to every message in order."""
    async with loop.context(turn_limit=limit) as context:
        pullers, pushers = several(context, addresses, 2)
        for number in range(7):
            for pusher in pushers:
                await pusher.send(b"%d" % number)
        received: dict[Any, list[bytes]] = {puller: [] for puller in pullers}
        while sum(map(len, received.values())) < 14:
            for puller in await first_ready(*pullers):
                received[puller] += puller.receive_nowait()
        assert list(received.values()) == [[b"%d" % number for number in range(7)]] * 2


async def test_the_loop_runs(loop: Harness, addresses: Addresses) -> None:
    """A program that asks again and again, and takes nothing, does not keep the loop from others."""
    async with loop.context(turn_limit=3) as context:
        (puller, other), (pusher, _) = several(context, addresses, 2)
        await pusher.send(b"x")
        turns = 0

        async def count_turns() -> None:
            nonlocal turns
            while True:
                await loop.turn()
                turns += 1

        counting = loop.spawn(count_turns)
        while turns < 3:
            await puller.wait_readable()
        turns = 0
        while turns < 3:
            assert await first_ready(puller, other) == [puller]
        counting.cancel()
        assert puller.receive_nowait() == [b"x"]


async def test_receivers_come_first(loop: Harness, addresses: Addresses) -> None:
    """What comes goes to the tasks that receive; who only waits hears of what is left."""
    async with loop.context() as context:
        (puller,), (pusher,) = several(context, addresses, 1)
        waiting = loop.spawn(puller.wait_readable)
        await loop.parked(puller)
        receiving = loop.spawn(puller.receive)
        await loop.parked(puller, 2)
        await pusher.send(b"one")
        assert await receiving.result() == [b"one"]
        for _ in range(3):
            await loop.turn()
        assert not waiting.done
        await pusher.send(b"two")
        await waiting.result()
        assert puller.receive_nowait() == [b"two"]


async def test_what_a_receiver_leaves(loop: Harness, addresses: Addresses) -> None:
    """A message whose receiver was cancelled is there for who waits; leading passes on, whoever leaves."""
    async with loop.context() as context:
        (puller,), (pusher,) = several(context, addresses, 1)
        receiving = loop.spawn(puller.receive)
        await loop.parked(puller)
        waiting = [loop.spawn(puller.wait_readable) for _ in range(2)]
        await loop.parked(puller, 3)
        receiving.cancel()
        with pytest.raises(TaskCancelled):
            await receiving.result()
        waiting.pop(0).cancel()
        await loop.parked(puller, 1)
        await pusher.send(b"one")
        await waiting[0].result()
        assert puller.receive_nowait() == [b"one"]


async def test_all_that_wait_hear_of_one(loop: Harness, addresses: Addresses) -> None:
    """Any number of tasks may wait for one message; one takes it, and the others wait on."""
    async with loop.context() as context:
        (puller,), (pusher,) = several(context, addresses, 1)
        taken = []

        async def take() -> None:
            while True:
                await puller.wait_readable()
                try:
                    taken.append(puller.receive_nowait())
                except zmqbridge.WouldBlock:
                    continue
                return

        tasks = [loop.spawn(take) for _ in range(3)]
        await loop.parked(puller, 3)
        for number in range(3):
            await pusher.send(b"%d" % number)
            await loop.until(lambda: len(taken) > number)  # noqa: B023 - it is over within the round
        for task in tasks:
            await task.result()
        assert taken == [[b"0"], [b"1"], [b"2"]]


async def test_while_a_send_waits(loop: Harness, addresses: Addresses) -> None:
    """Who waits for a message hears of it though a send waits for room, and reads for both."""
    few = zmqbridge.SocketOptions(send_high_water_mark=1, receive_high_water_mark=1)
    async with loop.context(linger=0) as context:
        left = context.pair(bind=addresses.new("inproc"), options=few)
        right = context.pair(connect=left.endpoints[0].address, options=few)
        with suppress(zmqbridge.WouldBlock):
            for _ in range(10):
                left.send_nowait(b"filling")
        sending = loop.spawn(left.send, b"waits")
        await loop.parked(left)
        waiting = [loop.spawn(left.wait_readable) for _ in range(2)]
        await loop.parked(left, 3)
        await right.send(b"x")
        for task in waiting:
            await task.result()
        assert not sending.done
        assert left.receive_nowait() == [b"x"]
        while not sending.done:
            assert await right.receive() in ([b"filling"], [b"waits"])
            await loop.turn()


async def test_malformed_is_no_message(loop: Harness, addresses: Addresses) -> None:
    """What makes no sense to the pattern is dropped and counted, and does not end the wait."""
    async with loop.context() as context:
        publisher = context.connection(zmq.XPUB, bind=addresses.new("inproc"))
        subscriber = context.subscriber(connect=publisher.endpoints[0].address, tags=[""])
        await publisher.receive()
        waiting = loop.spawn(subscriber.wait_readable)
        await loop.parked(subscriber)
        await publisher.send([b"of", b"three", b"frames"])
        await loop.until(lambda: subscriber.stats.malformed)
        assert not waiting.done
        await publisher.send(b"t\0m")
        await waiting.result()
        assert subscriber.receive_nowait() == (b"t", b"m")


@pytest.mark.parametrize("kind", ["REP", "conflate"])
async def test_where_nothing_is_read_ahead(loop: Harness, addresses: Addresses, kind: str) -> None:
    """Where nothing may be read ahead, nothing is; who waits is told all the same, and others take the message."""
    async with loop.context(linger=0) as context:
        address = addresses.new("tcp")
        if kind == "REP":
            receiver: Any = context.connection(zmq.REP, bind=address)
            sender: Any = context.dealer(connect=receiver.endpoints[0].address)
            message = [b"", b"x"]
        else:
            receiver = context.puller(bind=address, options=zmqbridge.SocketOptions(conflate=True))
            sender = context.pusher(connect=receiver.endpoints[0].address)
            message = [b"x"]
        waiting = loop.spawn(receiver.wait_readable)
        await loop.parked(receiver)
        await sender.send(message)
        await waiting.result()
        await receiver.wait_readable()
        assert await first_ready(receiver) == [receiver]
        assert receiver.stats.buffered == 0
        assert receiver.receive_nowait() == [b"x"]
        if kind == "REP":
            await receiver.send(b"done")
            assert await sender.receive() == [b"", b"done"]
        receiving, waiting = loop.spawn(receiver.receive), loop.spawn(receiver.wait_readable)
        await loop.parked(receiver, 2)
        await sender.send(message)
        assert await receiving.result() == [b"x"]
        if kind == "REP":
            await receiver.send(b"done")
        assert not waiting.done
        await sender.send(message)
        await waiting.result()


@pytest.mark.parametrize("what", ["wait_readable", "first_ready"])
async def test_cancelled(loop: Harness, addresses: Addresses, what: str) -> None:
    """Who is cancelled while waiting leaves nothing behind, and takes nothing with it."""
    async with loop.context() as context:
        pullers, pushers = several(context, addresses, 2)
        for number in range(3):
            if what == "first_ready":
                waiting = loop.spawn(first_ready, *pullers)
                for puller in pullers:
                    await loop.parked(puller)
            else:
                waiting = loop.spawn(pullers[0].wait_readable)
                await loop.parked(pullers[0])
            waiting.cancel()
            with pytest.raises(TaskCancelled):
                await waiting.result()
            assert [puller.stats.parked for puller in pullers] == [0, 0]
            for puller, pusher in zip(pullers, pushers, strict=True):
                await pusher.send(b"%d" % number)
                assert await puller.receive() == [b"%d" % number]


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_cancelled_as_it_comes(loop: Harness, addresses: Addresses, count: int) -> None:
    """A message that comes at the moment of a cancellation is lost to nobody."""
    async with loop.context() as context:
        pullers, pushers = several(context, addresses, count)
        for number in range(5):
            waiting = loop.spawn(first_ready, *pullers)
            for puller in pullers:
                await loop.parked(puller)
            await pushers[-1].send(b"%d" % number)
            waiting.cancel()
            with suppress(TaskCancelled):
                assert await waiting.result() == [pullers[-1]]
            assert await pullers[-1].receive() == [b"%d" % number]
            assert [puller.stats.parked for puller in pullers] == [0] * count


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("transport", ["tcp", "inproc"])
async def test_first_of_several(loop: Harness, addresses: Addresses, which: int, transport: str) -> None:
    """Whichever of several has a message is returned, alone; the others lose none that comes later."""
    async with loop.context() as context:
        pullers, pushers = several(context, addresses, 3, transport)
        waiting = loop.spawn(first_ready, *pullers)
        for puller in pullers:
            await loop.parked(puller)
        await pushers[which].send(b"x")
        assert await waiting.result() == [pullers[which]]
        assert [puller.stats.parked for puller in pullers] == [0, 0, 0]
        assert pullers[which].receive_nowait() == [b"x"]
        for pusher in pushers:
            await pusher.send(b"y")
        for puller in pullers:
            assert await puller.receive() == [b"y"]


@pytest.mark.parametrize("limit", [1, 2, 3, 256])
async def test_fair(loop: Harness, addresses: Addresses, limit: int) -> None:
    """A program that serves the first alone serves each in turn, though all always have messages."""
    async with loop.context(turn_limit=limit) as context:
        pullers, pushers = several(context, addresses, 3)
        for number in range(9):
            for pusher in pushers:
                await pusher.send(b"%d" % number)
        served: dict[Any, int] = dict.fromkeys(pullers, 0)
        for _ in range(18):
            first, *_ = await first_ready(*pullers)
            first.receive_nowait()
            served[first] += 1
        assert max(served.values()) - min(served.values()) <= 1


async def test_of_other_kinds(loop: Harness, addresses: Addresses) -> None:
    """Connections of any kind that receive may be waited for together; one that is named twice is returned once."""
    async with loop.context(linger=0) as context:
        replier = context.replier(bind=addresses.new("tcp"))
        router = context.router(bind=addresses.new("tcp"))
        (puller,), _ = several(context, addresses, 1)
        requester = context.requester(connect=replier.endpoints[0].address)
        asking = loop.spawn(requester.request, b"?")
        assert await first_ready(router, replier, puller, replier) == [replier]
        await replier.receive_nowait().reply(b"!")
        assert await asking.result() == [b"!"]
        await context.dealer(connect=router.endpoints[0].address).send(b"x")
        assert await first_ready(router, replier, puller) == [router]


@pytest.mark.parametrize("what", ["wait_readable", "first_ready"])
async def test_closed(loop: Harness, addresses: Addresses, what: str) -> None:
    """Closing ends the wait with ConnectionClosed, and waiting on what is closed raises it."""
    async with loop.context() as context:
        pullers, _ = several(context, addresses, 2)
        wait = (lambda: first_ready(*pullers)) if what == "first_ready" else pullers[1].wait_readable
        waiting = loop.spawn(wait)
        await loop.parked(pullers[1])
        pullers[1].close()
        with pytest.raises(zmqbridge.ConnectionClosed):
            await waiting.result()
        with pytest.raises(zmqbridge.ConnectionClosed):
            await wait()
        assert pullers[0].stats.parked == 0


@pytest.mark.any_loop
async def test_nothing_to_wait_for(loop: Harness) -> None:
    """To wait for no connection, or for what receives nothing, is the caller's mistake and says so."""
    async with loop.context() as context:
        with pytest.raises(ValueError, match="waits for one connection at least"):
            await first_ready()
        with pytest.raises(TypeError, match=r"<Pusher PUSH: .*> receives nothing"):
            await first_ready(context.puller(), context.pusher())  # type: ignore[type-var]


# --- the port ---


async def test_run_together(loop: Harness) -> None:
    """Functions run at the same time; all have ended when it returns, however they end."""
    async with loop.context() as context:
        backend = context._find_backend()
        ended: list[str] = []

        async def end(name: str, turns: int) -> None:
            for _ in range(turns):
                await loop.turn()
            ended.append(name)

        async def fail(turns: int) -> None:
            for _ in range(turns):
                await loop.turn()
            raise ZeroDivisionError(f"after {turns}")

        async def stay() -> None:
            try:
                await loop.sleep(1000)
            finally:
                ended.append("stayed")

        await backend.run_together([])
        await backend.run_together([lambda: end("late", 3), lambda: end("soon", 1)])
        assert ended == ["soon", "late"]
        ended.clear()
        with pytest.raises(ZeroDivisionError, match="after 1"):
            await backend.run_together([stay, lambda: fail(1), lambda: fail(50), stay])
        assert ended == ["stayed"] * 2
        for turns in (0, 2):
            ended.clear()
            together = loop.spawn(backend.run_together, [stay, lambda: end("soon", 1), stay])
            await loop.until(lambda: ended == ["soon"])
            for _ in range(turns):
                await loop.turn()
            together.cancel()
            with pytest.raises(TaskCancelled):
                await together.result()
            assert ended == ["soon", "stayed", "stayed"]
