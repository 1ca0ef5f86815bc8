"""The loop stays alive: it runs between batches, and it rests while nothing happens."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from tests.forcing import count_calls
from zmqbridge import SocketOptions
from zmqbridge.channel.channel import LOOK_AGAIN
from zmqbridge.socket import FastSocket

pytestmark = pytest.mark.looks_at("waiting")

UNLIMITED = SocketOptions(send_high_water_mark=0, receive_high_water_mark=0)
COUNT = 5000
BATCH = 256


class Turns:
    """Counts the turns of the loop that another task gets."""

    def __init__(self, loop: Harness) -> None:
        self.count = 0
        self._loop = loop
        loop.spawn(self._run)

    async def _run(self) -> None:
        while True:
            await self._loop.turn()
            self.count += 1


@pytest.mark.parametrize("how", ["receive", "receive_many", "iterate"])
async def test_receiving_lets_others_run(loop: Harness, addresses: Addresses, how: str) -> None:
    """However many messages are queued, the loop runs again and again between the batches of them."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"), options=UNLIMITED)
        pusher = context.pusher(connect=puller.endpoints[0].address, options=UNLIMITED)
        await pusher.send_many([b"x"] for _ in range(COUNT))
        turns = Turns(loop)
        got = 0
        if how == "receive":
            while got < COUNT:
                await puller.receive()
                got += 1
        elif how == "receive_many":
            while got < COUNT:
                got += len(await puller.receive_many())
        else:
            async for _ in puller:
                got += 1
                if got == COUNT:
                    break
        assert turns.count >= COUNT // BATCH // 2  # the counting task itself misses the first turns


@pytest.mark.each_backend
async def test_a_crowd_takes_no_turn_for_each_message(loop: Harness, addresses: Addresses) -> None:
    """Twenty that iterate over a long queue together take few turns: in each turn each of them has a message or two."""
    receivers = 20

    async def turns_of(crowd: int) -> int:
        async with loop.context() as context:
            puller = context.puller(bind=addresses.new("inproc"), options=UNLIMITED)
            pusher = context.pusher(connect=puller.endpoints[0].address, options=UNLIMITED)
            await pusher.send_many([b"%d" % number] for number in range(COUNT))
            got: list[int] = []

            async def receive() -> None:
                async for (number,) in puller:
                    got.append(int(number))

            turns = Turns(loop)
            for _ in range(crowd):
                loop.spawn(receive)
            await loop.until(lambda: len(got) == COUNT)
            assert sorted(got) == list(range(COUNT))
            return turns.count

    alone = await turns_of(1)
    assert await turns_of(receivers) <= alone + 2 * COUNT // receivers


@pytest.mark.parametrize("how", ["send", "send_many"])
async def test_sending_lets_others_run(loop: Harness, addresses: Addresses, how: str) -> None:
    """Sending without end, where there is always room, lets the loop run for each batch's worth of messages."""
    async with loop.context(linger=0) as context:
        puller = context.puller(bind=addresses.new("inproc"), options=UNLIMITED)
        pusher = context.pusher(connect=puller.endpoints[0].address, options=UNLIMITED)
        turns = Turns(loop)
        if how == "send":
            for _ in range(COUNT):
                await pusher.send(b"x")
        else:
            await pusher.send_many(b"x" for _ in range(COUNT))
        assert turns.count >= COUNT // BATCH // 2  # the counting task itself misses the first turns


@pytest.mark.each_backend
async def test_failing_lets_others_run(loop: Harness, addresses: Addresses) -> None:
    """A task that tries again and again what fails at once does not keep the others from running."""
    async with loop.context() as context:
        requester = context.requester(bind=addresses.new("inproc"))
        turns = Turns(loop)
        for _ in range(COUNT):
            with pytest.raises(zmqbridge.RequestTimeout):
                await requester.request(b"x", timeout=0)
        assert turns.count >= COUNT // BATCH // 2


@pytest.mark.parametrize("kind", ["receive", "request"])
async def test_parked_uses_no_cpu(loop: Harness, addresses: Addresses, kind: str) -> None:
    """While an operation is parked, the process rests: it neither spins nor polls."""
    async with loop.context(linger=0) as context:
        connection: zmqbridge.Connection
        if kind == "receive":
            connection = puller = context.puller(bind=addresses.new("tcp"))
            loop.spawn(puller.receive)
        else:
            replier = context.replier(bind=addresses.new("tcp"))
            connection = requester = context.requester(connect=replier.endpoints[0].address)
            loop.spawn(requester.request, b"?")
            await replier.receive()
        await loop.until(lambda: connection.stats.parked)
        await _rests(loop)


@pytest.mark.each_backend
async def test_full_peer_is_looked_at_now_and_then(
    loop: Harness, addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a send waits for a full peer and another has room, a router looks every LOOK_AGAIN seconds, no oftener."""
    options = SocketOptions(send_high_water_mark=1, receive_high_water_mark=1)
    async with loop.context(linger=0) as context:
        router = context.router(bind=addresses.new("inproc"), options=options)
        peers = [context.dealer(connect=router.endpoints[0].address, options=options) for _ in range(2)]
        for peer in peers:
            await peer.send(b"hello")
        full, _ = [(await router.receive()).peer for _ in peers]
        with suppress(zmqbridge.WouldBlock):
            while True:
                router.send_nowait(full, b"x")
        sending = loop.spawn(router.send, full, b"waits")
        receiving = loop.spawn(router.receive)
        await loop.parked(router, 2)
        calls = count_calls(router._link.socket, monkeypatch, "receive", "send", "events")
        began = time.monotonic()
        await loop.sleep(0.25)
        looks = (time.monotonic() - began) / LOOK_AGAIN + 2
        assert not sending.done
        assert not receiving.done
        # A look reads, asks what is ready, and has the send tried; a send that fails asks, and is tried once more.
        assert 1 <= calls["receive"] <= looks
        if not isinstance(router._link.socket, FastSocket):  # whose attempts make no call of Python's
            assert 1 <= calls["send"] <= looks
        assert 1 <= calls["events"] <= 3 * looks


class _Iterating:
    """One of several connections whose messages a task counts.

    Attributes:
        got: how many messages so far.
    """

    def __init__(self, context: zmqbridge.Context, address: str) -> None:
        self.puller = context.puller(bind=address, options=UNLIMITED)
        self.pusher = context.pusher(connect=self.puller.endpoints[0].address, options=UNLIMITED)
        self.got = 0

    async def iterate(self) -> None:
        async for _ in self.puller:
            self.got += 1


async def test_two_floods(loop: Harness, addresses: Addresses) -> None:
    """Of two connections with twenty batches each neither has half of its own before the other has a quarter."""
    count = 20 * BATCH
    async with loop.context() as context:
        floods = [_Iterating(context, addresses.new("inproc")) for _ in range(2)]
        for flood in floods:
            for _ in range(count):
                flood.pusher.send_nowait(b"x")
        for flood in floods:
            loop.spawn(flood.iterate)
        most, before = [0, 0], [0, 0]
        at_half: list[int] | None = None
        while before != [count, count]:
            await loop.turn()
            now = [flood.got for flood in floods]
            most = [max(at_most, after - earlier) for at_most, after, earlier in zip(most, now, before, strict=True)]
            before = now
            if at_half is None and max(now) >= count // 2:
                at_half = now
        assert at_half is not None
        assert min(at_half) >= count // 4
        # trio runs the tasks of a turn in any order: this one may see two turns at once.
        assert max(most) <= 2 * BATCH


async def test_unread_uses_no_cpu(loop: Harness, addresses: Addresses) -> None:
    """Messages that nobody waits for any more do not keep the loop busy, and are there for the next who does."""
    async with loop.context(linger=0) as context:
        puller = context.puller(bind=addresses.new("tcp"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        # Parked, so that the descriptor was waited for, and by way of a cancellation, so that nothing looked since.
        receiving = loop.spawn(puller.receive)
        await loop.parked(puller)
        receiving.cancel()
        await loop.until(lambda: receiving.done)
        for _ in range(3):
            await pusher.send(b"unread")
        await _rests(loop)
        assert [await puller.receive() for _ in range(3)] == [[b"unread"]] * 3


async def _rests(loop: Harness) -> None:
    """Processor time is the subject. A spin would use all of the period, a poll a good part of it."""
    used = time.process_time()
    began = time.monotonic()
    await loop.sleep(0.3)
    assert time.process_time() - used < (time.monotonic() - began) / 4
