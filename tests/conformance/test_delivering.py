"""Messages handed over to a handler: each once, in order, until the connection is closed."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import zmqbridge
from tests.conformance.harnesses.base import Harness, TaskCancelled
from tests.conftest import Addresses
from zmqbridge.abc import CallingBackend


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("count", [1, 2, 3, 3000])
@pytest.mark.parametrize("turn_limit", [1, 2, 1000])
@pytest.mark.parametrize("waits", [False, True])
async def test_in_order(loop: Harness, addresses: Addresses, count: int, turn_limit: int, waits: bool) -> None:
    """A handler, a coroutine too, is called with each message in order, and closing ends it quietly."""
    async with loop.context(turn_limit=turn_limit) as context:
        puller = context.puller(bind=addresses.new("inproc"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        got: list[Any] = []

        async def wait(item: Any) -> None:
            await loop.turn()
            got.append(item)

        delivering = loop.spawn(puller.deliver, wait if waits else got.append)
        messages = [b"%d" % number for number in range(count if turn_limit > 2 else min(count, 50))]
        await pusher.send_many(messages)
        await loop.until(lambda: len(got) == len(messages))
        assert got == [[message] for message in messages]
        assert not delivering.done
        puller.close()
        await delivering.result()
        await puller.deliver(got.append)


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("waits", [False, True])
async def test_a_handler_that_fails(
    loop: Harness, addresses: Addresses, caplog: pytest.LogCaptureFixture, waits: bool
) -> None:
    """What a handler raises is logged once a burst, and it goes on with the next message."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        got: list[bytes] = []

        def handle(item: list[bytes]) -> None:
            got.append(item[0])
            if item[0] != b"last":
                raise KeyError(item[0])

        async def wait(item: list[bytes]) -> None:
            await loop.turn()
            handle(item)

        handler: Callable[[list[bytes]], Awaitable[None] | None] = wait if waits else handle
        delivering = loop.spawn(puller.deliver, handler)
        await pusher.send_many([b"%d" % number for number in range(100)])
        await pusher.send(b"last")
        await loop.until(lambda: got[-1:] == [b"last"])
        puller.close()
        await delivering.result()
        records = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert len(got) == 101
        assert len(records) == 2
        assert f"<Puller PULL: bind {puller.endpoints[0].address}" in records[0].getMessage()
        assert "KeyError" in caplog.text
        assert "99 more failure(s)" in records[1].getMessage()


@pytest.mark.looks_at("waiting", "cancelling")
async def test_cancelled(loop: Harness, addresses: Addresses) -> None:
    """Cancelled where it waits for a message, or where the handler waits, no message is lost or handed over twice."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        delivering = loop.spawn(puller.deliver, pytest.fail)
        await loop.parked(puller)
        delivering.cancel()
        with pytest.raises(TaskCancelled):
            await delivering.result()
        assert puller.stats.parked == 0
        got: list[Any] = []

        async def wait(item: Any) -> None:
            got.append(item)
            await loop.sleep(3600)

        delivering = loop.spawn(puller.deliver, wait)
        await pusher.send_many([b"0", b"1", b"2"])
        await loop.until(lambda: got)
        delivering.cancel()
        with pytest.raises(TaskCancelled):
            await delivering.result()
        assert got == [[b"0"]]
        assert [await puller.receive(), await puller.receive()] == [[b"1"], [b"2"]]


@pytest.mark.looks_at("waiting")
async def test_closed_by_its_handler(loop: Harness, addresses: Addresses) -> None:
    """A handler may close the connection: no more is handed over, and it ends."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        got: list[Any] = []

        def handle(item: Any) -> None:
            got.append(item)
            if len(got) == 3:
                puller.close()

        await pusher.send_many([b"%d" % number for number in range(10)])
        await puller.deliver(handle)
        assert got == [[b"0"], [b"1"], [b"2"]]
        with pytest.raises(TypeError, match="None cannot be called"):
            await puller.deliver(None)  # type: ignore[arg-type]


@pytest.mark.looks_at("waiting")
async def test_a_flood(loop: Harness, addresses: Addresses) -> None:
    """While a handler is called without end, other tasks run."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        calls = 0

        def handle(item: Any) -> None:
            nonlocal calls
            calls += 1
            pusher.send_nowait(item[0])

        await pusher.send(b"and again")
        delivering = loop.spawn(puller.deliver, handle)
        await loop.until(lambda: calls > 5000)
        pusher.close()
        puller.close()
        await delivering.result()


async def test_where_there_are_no_callbacks(loop: Harness, addresses: Addresses) -> None:
    """A loop that calls nothing outside its tasks says so, and what to do instead."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"))
        if isinstance(puller._context._find_backend(), CallingBackend):
            puller.on_message(str).stop()
        else:
            with pytest.raises(zmqbridge.BackendError, match="is for asyncio.*use deliver"):
                puller.on_message(str)


@pytest.mark.looks_at("waiting")
async def test_beside_those_who_receive(loop: Harness, addresses: Addresses) -> None:
    """Two handlers and a receiver share the messages; each goes to one of them."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        got: list[Any] = []
        tasks = [loop.spawn(puller.deliver, got.append) for _ in range(2)]
        receiving = loop.spawn(puller.receive)
        await loop.parked(puller, 3)
        await pusher.send_many([b"%d" % number for number in range(100)])
        await loop.until(lambda: len(got) == 99)
        got.append(await receiving.result())
        assert sorted(int(item[0]) for item in got) == list(range(100))
        puller.close()
        for task in tasks:
            await task.result()
