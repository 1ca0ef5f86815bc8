"""Handlers that the loop calls with each message, on asyncio and uvloop."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from weakref import ref

import pytest

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from zmqbridge import SocketOptions
from zmqbridge.waiting.turn import TURN_LIMIT

FEW = SocketOptions(send_high_water_mark=1, receive_high_water_mark=1)


def descriptors() -> int:
    """How many descriptors the process has open."""
    return len(os.listdir("/dev/fd"))


@pytest.fixture(autouse=True)
def _only_where_there_are_callbacks(loop: Harness) -> None:
    if loop.name not in ("asyncio", "uvloop", "anyio-asyncio"):
        pytest.skip("this loop has no callbacks: test_where_there_are_no_callbacks says so")


@pytest.fixture
def no_descriptor_left_open() -> Iterator[None]:
    """What a handler needs of descriptors it gives back."""
    before = descriptors()
    yield
    assert descriptors() <= before


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("turn_limit", [1, 2, 3, 1000])
async def test_in_order(loop: Harness, addresses: Addresses, turn_limit: int) -> None:
    """Each message is handed over once, in order, those from before as well; closing ends it."""
    async with loop.context(turn_limit=turn_limit) as context:
        puller = context.puller(bind=addresses.new("inproc"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        messages = [b"%d" % number for number in range(50)]
        await pusher.send_many(messages[:10])
        got: list[Any] = []
        delivery = puller.on_message(got.append)
        await pusher.send_many(messages[10:])
        await loop.until(lambda: len(got) == 50)
        assert got == [[message] for message in messages]
        assert (delivery.paused, delivery.stopped) == (False, False)
        assert puller.stats.received == 50
        puller.close()
        assert delivery.stopped
        with pytest.raises(zmqbridge.ConnectionClosed):
            delivery.resume()
        with pytest.raises(zmqbridge.ConnectionClosed):
            puller.on_message(got.append)


@pytest.mark.looks_at("waiting")
async def test_pause_and_resume(loop: Harness, addresses: Addresses) -> None:
    """A handler that pauses in the middle of a batch gets no more until it is resumed, and nothing is lost."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        got: list[bytes] = []

        def handle(item: list[bytes]) -> None:
            got.append(item[0])
            if len(got) % 3 == 0:
                delivery.pause()
                delivery.pause()

        delivery = puller.on_message(handle)
        await pusher.send_many([b"%d" % number for number in range(10)])
        for expected in (3, 6, 9):
            await loop.until(lambda: delivery.paused)
            for _ in range(10):
                await loop.turn()
            assert len(got) == expected
            delivery.resume()
            delivery.resume()
        await loop.until(lambda: len(got) == 10)
        assert got == [b"%d" % number for number in range(10)]


@pytest.mark.looks_at("waiting")
async def test_paused_is_not_read(loop: Harness, addresses: Addresses) -> None:
    """While it is paused senders wait for room, and tasks receive as ever."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"), options=FEW)
        pusher = context.pusher(connect=puller.endpoints[0].address, options=FEW)
        got: list[Any] = []
        delivery = puller.on_message(got.append)
        delivery.pause()
        with suppress(zmqbridge.WouldBlock):
            while True:
                pusher.send_nowait(b"x")
        assert await puller.receive() == [b"x"]
        while pusher.stats.sent > puller.stats.received:
            assert await puller.receive() == [b"x"]
        assert got == []
        assert puller._channel.turn.limit == TURN_LIMIT


@pytest.mark.looks_at("waiting")
@pytest.mark.usefixtures("no_descriptor_left_open")
async def test_stopped(loop: Harness, addresses: Addresses) -> None:
    """Stopped for good, it lets go of all; then another handler may be set, or a task receives."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        got: list[Any] = []

        def handle(item: Any) -> None:
            got.append(item)
            delivery.stop()

        delivery = puller.on_message(handle)
        with pytest.raises(zmqbridge.LocalProtocolError, match="has a handler"):
            puller.on_message(got.append)
        await pusher.send_many([b"0", b"1", b"2"])
        await loop.until(lambda: delivery.stopped)
        assert got == [[b"0"]]
        delivery.stop()
        with pytest.raises(zmqbridge.LocalProtocolError, match="was stopped"):
            delivery.resume()
        assert await puller.receive() == [b"1"]
        again = puller.on_message(got.append)
        await loop.until(lambda: len(got) == 2)
        again.stop()
        assert got == [[b"0"], [b"2"]]


@pytest.mark.looks_at("waiting")
async def test_a_handler_that_fails(loop: Harness, addresses: Addresses, caplog: pytest.LogCaptureFixture) -> None:
    """What a handler raises is logged once a burst, and it goes on."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        got: list[Any] = []

        def handle(item: Any) -> None:
            got.append(item)
            raise KeyError(item)

        puller.on_message(handle)
        await pusher.send_many([b"x"] * 100)
        await loop.until(lambda: len(got) == 100)
        puller.close()
        records = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert len(records) == 2
        assert "99 more failure(s)" in records[1].getMessage()


@pytest.mark.looks_at("waiting")
async def test_kept_alive(loop: Harness, addresses: Addresses) -> None:
    """A connection with a handler lives until it is closed, though nobody has it; then it is gone."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        got: list[Any] = []

        def handle(item: Any) -> None:
            got.append(item)

        puller.on_message(handle)
        gone = ref(puller)
        del puller
        gc.collect()
        await pusher.send(b"kept")
        await loop.until(lambda: got)
    del context
    await loop.turn()
    gc.collect()
    assert gone() is None


@pytest.mark.any_loop
async def test_bad_handlers(loop: Harness, addresses: Addresses) -> None:
    """What cannot be called, or has to be awaited, is refused by name."""

    async def handle(item: Any) -> None: ...

    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"))
        with pytest.raises(TypeError, match="is for deliver"):
            puller.on_message(handle)
        with pytest.raises(TypeError, match="None cannot be called"):
            puller.on_message(None)  # type: ignore[arg-type]


@pytest.mark.looks_at("waiting")
async def test_a_flood(loop: Harness, addresses: Addresses) -> None:
    """A handler that causes the next message itself leaves turns to the loop."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        calls = 0

        def handle(item: list[bytes]) -> None:
            nonlocal calls
            calls += 1
            pusher.send_nowait(item[0])

        puller.on_message(handle)
        await pusher.send(b"and again")
        await loop.until(lambda: calls > 5000)
        puller.close()
