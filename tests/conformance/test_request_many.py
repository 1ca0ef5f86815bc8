"""Many requests of one task: each has its own reply, in order, or a clear end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

import zmqbridge
from tests.conformance.harnesses.base import Harness, TaskCancelled
from tests.conftest import Addresses
from zmqbridge import SocketOptions

MANY = 3000
FEW = SocketOptions(send_high_water_mark=1, receive_high_water_mark=1)


async def answer(replier: zmqbridge.Replier) -> None:
    """Answer every request with its own parts."""
    async for request in replier:
        await request.reply([b"re", *request.parts])


async def ask_many(requester: zmqbridge.Requester, messages: Iterable[Any], options: dict[str, Any]) -> list[Any]:
    """Ask, with options that a harness passes on."""
    replies: list[Any] = await requester.request_many(messages, **options)
    return replies


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("count", [0, 1, 2, 3, 300])
@pytest.mark.parametrize("kind", [list, tuple, iter], ids=["a list", "a tuple", "an iterator"])
async def test_in_order(
    loop: Harness, addresses: Addresses, count: int, kind: Callable[[list[bytes]], Iterable[bytes]]
) -> None:
    """Replies come in the order of the messages, whichever was answered first."""
    async with loop.context() as context:
        replier = context.replier(bind=addresses.new("tcp"))
        requester = context.requester(connect=replier.endpoints[0].address)
        messages = [b"%d" % number for number in range(count)]
        asking = loop.spawn(ask_many, requester, kind(messages), {"timeout": 20})
        requests = [await replier.receive() for _ in range(count)]
        for request in reversed(requests):
            await request.reply([b"re", *request.parts])
        assert await asking.result() == [[b"re", message] for message in messages]
        assert (requester.stats.sent, requester.stats.received, requester.stats.parked) == (count, count, 0)
        assert len(requester._protocol) == 0


@pytest.mark.parametrize("marks", [1, 2, 3])
@pytest.mark.parametrize("turn_limit", [1, 2, 1000])
async def test_more_than_there_is_room_for(loop: Harness, addresses: Addresses, marks: int, turn_limit: int) -> None:
    """However many they are and however small the queues, all are sent and answered."""
    options = SocketOptions(send_high_water_mark=marks, receive_high_water_mark=marks)
    async with loop.context(turn_limit=turn_limit) as context:
        replier = context.replier(bind=addresses.new("inproc"), options=options)
        requester = context.requester(connect=replier.endpoints[0].address, options=options)
        loop.spawn(answer, replier)
        messages = [b"%d" % number for number in range(100)]
        assert await requester.request_many(iter(messages)) == [[b"re", message] for message in messages]
        assert await requester.request_many(messages) == [[b"re", message] for message in messages]
        assert replier.stats.dropped_replies == 0


@pytest.mark.looks_at("waiting")
async def test_beside_others(loop: Harness, addresses: Addresses) -> None:
    """Several tasks ask many, and others one at a time, on one requester: each gets its own replies."""
    async with loop.context() as context:
        replier = context.replier(bind=addresses.new("tcp"), options=FEW)
        requester = context.requester(connect=replier.endpoints[0].address, options=FEW)
        loop.spawn(answer, replier)

        async def ask(task: int) -> None:
            messages = [b"%d/%d" % (task, number) for number in range(50)]
            assert await requester.request_many(messages) == [[b"re", message] for message in messages]
            for message in messages[:5]:
                assert await requester.request(message) == [b"re", message]

        for task in [loop.spawn(ask, number) for number in range(4)]:
            await task.result()
        assert requester.stats.parked == 0


@pytest.mark.any_loop
async def test_snapshot(loop: Harness, addresses: Addresses) -> None:
    """What the caller does to its list and its buffers while some wait changes nothing that is sent."""
    async with loop.context() as context:
        requester = context.requester(bind=addresses.new("tcp"))
        messages: list[Any] = [bytearray(b"a"), [bytearray(b"b"), b"c"], b"d"]
        asking = loop.spawn(ask_many, requester, messages, {})
        await loop.parked(requester)
        messages[0][:] = b"x"
        messages[1].append(b"x")
        messages[1][0][:] = b"x"
        messages.append(b"x")
        replier = context.replier(connect=requester.endpoints[0].address)
        loop.spawn(answer, replier)
        assert await asking.result() == [[b"re", b"a"], [b"re", b"b", b"c"], [b"re", b"d"]]


@pytest.mark.any_loop
async def test_bad_messages(loop: Harness, addresses: Addresses) -> None:
    """Of a list with something that is no message nothing is sent, and the error names it."""
    async with loop.context() as context:
        replier = context.replier(bind=addresses.new("inproc"))
        requester = context.requester(connect=replier.endpoints[0].address)
        wrongs: list[tuple[Any, type[Exception]]] = [
            ("text", TypeError),
            ([], zmqbridge.LocalProtocolError),
            (None, TypeError),
        ]
        for wrong, error in wrongs:
            with pytest.raises(error):
                await requester.request_many([b"fine", wrong])
        with pytest.raises(ValueError, match="timeout=-1"):
            await requester.request_many([b"fine"], timeout=-1)
        assert (requester.stats.sent, len(requester._protocol)) == (0, 0)


@pytest.mark.any_loop
async def test_an_iterator_that_fails(loop: Harness, addresses: Addresses) -> None:
    """What an iterator raises ends all, and what was asked is forgotten."""

    def messages() -> Iterator[bytes]:
        yield from [b"x"] * 1000
        raise KeyError("out of messages")

    async with loop.context() as context:
        replier = context.replier(bind=addresses.new("tcp"))
        requester = context.requester(connect=replier.endpoints[0].address)
        loop.spawn(answer, replier)
        with pytest.raises(KeyError):
            await requester.request_many(messages())
        assert len(requester._protocol) == 0


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("connected", [True, False])
async def test_one_deadline_for_all(loop: Harness, addresses: Addresses, connected: bool) -> None:
    """When the time is over, the first error is raised, or an error stands in the place of each missing reply."""
    async with loop.context() as context:
        address = addresses.new("tcp")
        requester = context.requester(bind=address, options=FEW)
        address = requester.endpoints[0].address
        if connected:
            replier = context.replier(connect=address)
            loop.spawn(answer_some, replier)
            assert await requester.request(b"1") == [b"1"]
        asked = [b"0", b"1", b"0", b"3"]
        with pytest.raises(zmqbridge.RequestTimeout, match="of 4 requests: no reply within 0.05 s from <Requester"):
            await requester.request_many(asked, timeout=0.05)
        while True:
            outcome = await requester.request_many(iter(asked), timeout=0.05, return_errors=True)
            assert len(outcome) == 4
            assert isinstance(outcome[0], zmqbridge.RequestTimeout)
            assert isinstance(outcome[2], zmqbridge.RequestTimeout)
            assert outcome[0] is not outcome[2]
            if not connected:
                assert requester.stats.sent == 0
                break
            if outcome[1::2] == [[b"1"], [b"3"]]:  # a busy machine may take longer
                break
        assert (requester.stats.parked, len(requester._protocol)) == (0, 0)


async def answer_some(replier: zmqbridge.Replier) -> None:
    """Answer every request but those of ``0``."""
    async for request in replier:
        if request.parts != [b"0"]:
            await request.reply(request.parts)


async def test_deadline_while_some_are_not_sent(loop: Harness, addresses: Addresses) -> None:
    """What could not be sent in time never is, and has an error in its place; the iterator is taken to its end."""
    async with loop.context(linger=0) as context:
        replier = context.replier(bind=addresses.new("inproc"), options=FEW)
        requester = context.requester(connect=replier.endpoints[0].address, options=FEW)
        messages = iter([b"x"] * 1000)
        outcome = await requester.request_many(messages, timeout=0.02, return_errors=True)
        assert len(outcome) == 1000
        assert all(isinstance(error, zmqbridge.RequestTimeout) for error in outcome)
        assert requester.stats.sent < 10
        assert (requester.stats.parked, len(requester._protocol)) == (0, 0)


@pytest.mark.looks_at("waiting", "cancelling")
async def test_cancelled(loop: Harness, addresses: Addresses) -> None:
    """Cancelled before anything was sent, or while some were, all are dropped and none is mixed up with the next."""
    async with loop.context(linger=0) as context:
        address = addresses.new("inproc")
        requester = context.requester(bind=address, options=FEW)
        asked = [b"dropped"] * 50

        async def cancel_one() -> None:
            asking = loop.spawn(ask_many, requester, asked, {})
            await loop.parked(requester)
            asking.cancel()
            with pytest.raises(TaskCancelled):
                await asking.result()
            assert (requester.stats.parked, len(requester._protocol)) == (0, 0)

        await cancel_one()
        assert requester.stats.sent == 0
        replier = context.replier(connect=address, options=FEW)
        await cancel_one()
        assert 0 < requester.stats.sent < 50
        loop.spawn(answer, replier)
        assert await requester.request_many([b"1", b"2", b"3"], timeout=20) == [[b"re", b"%d" % n] for n in (1, 2, 3)]
        assert requester.stats.unmatched_replies == requester.stats.sent - 3


@pytest.mark.looks_at("cancelling")
@pytest.mark.parametrize("turns", range(8))
async def test_cancelled_after_some_turns(loop: Harness, addresses: Addresses, turns: int) -> None:
    """Cancelled in any turn, it leaves nothing behind, and the next that asks gets its own replies."""
    async with loop.context(turn_limit=1) as context:
        replier = context.replier(bind=addresses.new("inproc"))
        requester = context.requester(connect=replier.endpoints[0].address)
        loop.spawn(answer, replier)
        asking = loop.spawn(ask_many, requester, [b"given up"] * 100, {})
        for _ in range(turns):
            await loop.turn()
        asking.cancel()
        with pytest.raises(TaskCancelled):
            await asking.result()
        assert (requester.stats.parked, len(requester._protocol)) == (0, 0)
        assert await requester.request_many([b"1", b"2"]) == [[b"re", b"1"], [b"re", b"2"]]


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("sent", [True, False])
async def test_closed_meanwhile(loop: Harness, addresses: Addresses, sent: bool) -> None:
    """Closing ends it, whether it waits for room or for replies."""
    async with loop.context(linger=0) as context:
        replier = context.replier(bind=addresses.new("inproc"))
        requester = context.requester(connect=replier.endpoints[0].address, options=FEW)
        asking = loop.spawn(ask_many, requester, [b"x"] * (1 if sent else 3000), {})
        await loop.parked(requester)
        requester.close()
        with pytest.raises(zmqbridge.ConnectionClosed):
            await asking.result()
        assert len(requester._protocol) == 0
        with pytest.raises(zmqbridge.ConnectionClosed):
            await requester.request_many([])


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("all_sent", [True, False])
async def test_peer_lost(loop: Harness, addresses: Addresses, all_sent: bool) -> None:
    """With ``on_peer_lost="raise"``, the end of the last connection ends those that were sent, and them alone."""
    count = 2 if all_sent else 50_000
    async with loop.context(linger=0) as context:
        router = context.router(bind=addresses.new("tcp"), options=FEW)
        address = router.endpoints[0].address
        requester = context.requester(connect=address, on_peer_lost="raise", options=FEW)
        asking = loop.spawn(ask_many, requester, [b"x" * 1000] * count, {})
        await router.receive()
        await loop.parked(requester)
        if all_sent:
            await router.receive()
        router.close()
        with pytest.raises(zmqbridge.PeerLost, match="broke before the reply came"):
            await asking.result()
        assert len(requester._protocol) == 0
        router = context.router(bind=address, options=FEW)
        asking = loop.spawn(ask_many, requester, [b"a", b"b", b"c"], {"return_errors": True})
        peer, frames = await router.receive()
        await router.send(peer, [*frames[:2], b"answered"])
        while requester.stats.received != 1:
            await loop.turn()
        await router.receive()
        await router.receive()
        router.close()
        first, *others = await asking.result()
        assert first == [b"answered"]
        assert [type(other) for other in others] == [zmqbridge.PeerLost] * 2


@pytest.mark.any_loop
async def test_hundred_thousand(loop: Harness, addresses: Addresses) -> None:
    """Ten times as many as the queues hold at each end are asked in one call."""
    async with loop.context() as context:
        replier = context.replier(bind=addresses.new("tcp"))
        requester = context.requester(connect=replier.endpoints[0].address)
        loop.spawn(answer, replier)
        replies = await requester.request_many(b"%d" % number for number in range(MANY * 7))
        assert replies == [[b"re", b"%d" % number] for number in range(MANY * 7)]
        assert replier.stats.dropped_replies == 0
