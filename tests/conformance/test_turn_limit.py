"""What a turn of the loop reads and sends is what the context's limit says, and each turn begins once for all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from zmqbridge import SocketOptions

UNLIMITED = SocketOptions(send_high_water_mark=0, receive_high_water_mark=0)
LIMIT = 4
COUNT = 10 * LIMIT


async def most_in_a_turn(loop: Harness, count: int, done: Callable[[], int]) -> int:
    """Return how much more was done in one turn than in the one before, at most, until so much is."""
    most = before = 0
    while before < count:
        await loop.turn()
        now = done()
        most, before = max(most, now - before), now
    return most


def joined(context: zmqbridge.Context, address: str) -> tuple[zmqbridge.Puller, zmqbridge.Pusher]:
    puller = context.puller(bind=address, options=UNLIMITED)
    return puller, context.pusher(connect=puller.endpoints[0].address, options=UNLIMITED)


@pytest.mark.parametrize("how", ["receive", "receive_many", "iterate"])
async def test_reading(loop: Harness, addresses: Addresses, how: str) -> None:
    """However many messages are there, no turn reads more than its limit, and no more are read ahead."""
    async with loop.context(turn_limit=LIMIT) as context:
        puller, pusher = joined(context, addresses.new("inproc"))
        for _ in range(COUNT):
            pusher.send_nowait(b"x")
        ahead: list[int] = []

        async def receive() -> None:
            if how == "iterate":
                async for _ in puller:
                    ahead.append(puller.stats.buffered)
            while True:
                await (puller.receive_many if how == "receive_many" else puller.receive)()
                ahead.append(puller.stats.buffered)

        receiving = loop.spawn(receive)
        # trio runs the tasks of a turn in any order: this one may see two turns at once.
        assert await most_in_a_turn(loop, COUNT, lambda: puller.stats.received) <= 2 * LIMIT
        assert max(ahead) < LIMIT
        receiving.cancel()


@pytest.mark.any_loop
async def test_reading_beside_those_who_have_theirs(loop: Harness, addresses: Addresses) -> None:
    """What is read ahead stays within the limit, also where some of it is reserved for those who run later."""
    async with loop.context(turn_limit=LIMIT) as context:
        puller, pusher = joined(context, addresses.new("inproc"))
        ahead: list[int] = []

        async def receive() -> None:
            await puller.receive()
            with suppress(zmqbridge.WouldBlock):
                puller.receive_nowait()  # what is free
                puller.receive_nowait()  # nothing is free, so this one reads
            ahead.append(puller.stats.buffered)

        receiving = [loop.spawn(receive) for _ in range(3)]
        await loop.parked(puller, 3)
        for _ in range(COUNT):
            pusher.send_nowait(b"x")
        for task in receiving:
            await task.result()
        assert max(ahead) == LIMIT - 1  # it took one of what it read


@pytest.mark.parametrize("how", ["send", "list", "iterator"])
async def test_sending(loop: Harness, addresses: Addresses, how: str) -> None:
    """Where there is always room, no turn sends more than its limit, and the one for which its sender waited."""
    messages = [b"x"] * COUNT
    async with loop.context(turn_limit=LIMIT) as context:
        _, pusher = joined(context, addresses.new("inproc"))

        async def send() -> None:
            if how == "send":
                for message in messages:
                    await pusher.send(message)
            else:
                await pusher.send_many(messages if how == "list" else iter(messages))

        sending = loop.spawn(send)
        assert await most_in_a_turn(loop, COUNT, lambda: pusher.stats.sent) <= 2 * (LIMIT + 1)
        await sending.result()


async def test_a_crowd(loop: Harness, addresses: Addresses) -> None:
    """A turn has one limit for all who waited for it: each sends the one message, and together so many more."""
    crowd, each = 10, 20
    async with loop.context(turn_limit=LIMIT) as context:
        _, pusher = joined(context, addresses.new("inproc"))

        async def send() -> None:
            for _ in range(each):
                await pusher.send(b"x")

        sending = [loop.spawn(send) for _ in range(crowd)]
        assert await most_in_a_turn(loop, crowd * each, lambda: pusher.stats.sent) <= 2 * (LIMIT + crowd)
        for task in sending:
            await task.result()


@pytest.mark.any_loop
async def test_a_wait_is_a_turn(loop: Harness, addresses: Addresses, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receive that waits for each of its messages has let the loop run, and makes no checkpoint besides."""
    async with loop.context(turn_limit=LIMIT) as context:
        puller, pusher = joined(context, addresses.new("inproc"))
        receiving = loop.spawn(puller.receive)
        await loop.parked(puller)
        backend: Any = type(context._find_backend())
        checkpoint, made = backend.checkpoint, 0

        async def counted(self: Any) -> None:
            nonlocal made
            made += 1
            await checkpoint(self)

        monkeypatch.setattr(backend, "checkpoint", counted)
        for number in range(COUNT):
            pusher.send_nowait(b"%d" % number)
            assert await receiving.result() == [b"%d" % number]
            receiving = loop.spawn(puller.receive)
            await loop.parked(puller)
        assert made == 0
        receiving.cancel()
