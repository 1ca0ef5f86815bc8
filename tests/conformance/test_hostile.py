"""Peers that send what they should not: it is dropped and counted, it is told of once, and the others are served."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness, TaskCancelled
from tests.conftest import Addresses
from zmqbridge import SocketOptions
from zmqbridge.framing import MAX_FRAMES
from zmqbridge.waiting.patience import Patience

pytestmark = pytest.mark.any_loop

UNLIMITED = SocketOptions(send_high_water_mark=0, receive_high_water_mark=0)
BATCH = 256
BURST = 5000
MISSED_TURNS = 3  # by the counting task, before its first and after the last batch
HUGE = b"x" * (1 << 20)

MALFORMED_PUBLICATIONS: list[list[bytes]] = [
    [b"a\0", b"b", b"c"],
    [b"", b"", b""],
    [b"x"] * 200,
    [b""] * 200,
    [b"a\0b"] * 200,
]
ODD_PUBLICATIONS: list[list[bytes]] = [
    [b""],
    [b"no separator"],
    [HUGE],
    [b"\0"],
    [b"\0\0"],
    [b"", b""],
    [b"", b"no tag"],
    [b"a\0b", b"c\0d"],
    [b"no separator", b""],
    [HUGE + b"\0"],
    [b"\0" + HUGE],
    [HUGE, HUGE],
]

MALFORMED_REPLIES: list[Callable[[bytes], list[bytes]]] = [
    lambda own: [b"\0"],
    lambda own: [b"one"],
    lambda own: [own],
    lambda own: [HUGE],
    lambda own: [own, b"no delimiter"],
    lambda own: [own, HUGE],
    lambda own: [own, b"\0", b"a zero for a delimiter"],
    lambda own: [own, own, b"", b"twice"],
    lambda own: [b"", own, b"", b"behind a delimiter"],
    lambda own: [own] * 200,
]
FORGED_REPLIES: list[Callable[[bytes], list[bytes]]] = [
    lambda own: [b"", b""],
    lambda own: [b"", b"", b"nobody"],
    lambda own: [b"x" * 16, b"", b"forged"],
    lambda own: [own[:-1], b"", b"too short"],
    lambda own: [own + b"\0", b"", b"too long"],
    lambda own: [own.swapcase() + own, b"", b"doubled"],
    lambda own: [HUGE, b"", b"huge"],
    lambda own: [b""] * 200,
]

MALFORMED_REQUESTS: list[list[bytes]] = [
    [b"no delimiter"],
    [b"\0"],
    [b"a", b"b"],
    [HUGE],
    [HUGE, b"id", HUGE],
    [HUGE, b"", b"huge id"],
    [*[b"x" * 255] * 20, b"", b"too many proxies"],
    [b"x"] * 200,
    [*[b"x"] * 199, b""],
]
ODD_REQUESTS: list[list[bytes]] = [
    [b"", b""],
    [b"id", b""],
    [b"", b"id", b"", b"x"],
    [b"id", b"", b"", b""],
    [b""] * 200,
    [b"x"] * 80 + [b""],
    [b"id", b"", *[b"x"] * 198],
    [*[b"x" * 255] * 15, b"", b"many proxies"],
    [b"id", b"", HUGE],
]


@contextmanager
def plain(socket_type: int, address: str) -> Iterator[zmq.Socket[bytes]]:
    """A peer that is pyzmq and nothing else, connected, and that drops nothing."""
    with zmq.Context() as context, context.socket(socket_type) as socket:
        socket.linger = 0
        socket.set_hwm(0)
        socket.rcvtimeo = 20_000
        socket.connect(address)
        yield socket


async def subscribed(context: zmqbridge.Context, address: str) -> tuple[zmqbridge.Subscriber, Any]:
    """A subscriber to everything, and the peer that it is subscribed to, which may send it any frames."""
    peer = context.connection(zmq.XPUB, bind=address, options=UNLIMITED)
    subscriber = context.subscriber(connect=peer.endpoints[0].address, tags=[""], options=UNLIMITED)
    assert await peer.receive() == [b"\x01"]
    return subscriber, peer


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of malformed messages."""
    return [record.getMessage() for record in caplog.records if "malformed" in record.getMessage()]


# --- every layout ---


@pytest.mark.one_task
async def test_layouts_for_a_subscriber(loop: Harness, addresses: Addresses, caplog: pytest.LogCaptureFixture) -> None:
    """A subscriber drops, counts and tells once what is no publication; the next one arrives, odd as it may be."""
    async with loop.context() as context:
        subscriber, peer = await subscribed(context, addresses.new("tcp"))
        for number, layout in enumerate(MALFORMED_PUBLICATIONS):
            await peer.send(layout)
            await peer.send(b"good\0%d" % number)
            assert await subscriber.receive() == (b"good", b"%d" % number)
            assert subscriber.stats.malformed == number + 1
        for layout in ODD_PUBLICATIONS:
            await peer.send(layout)
            tag, message = await subscriber.receive()
            assert layout in ([tag, message], [tag + b"\0" + message]) or (tag, [message]) == (b"", layout)
        assert subscriber.stats.malformed == len(MALFORMED_PUBLICATIONS)
        assert subscriber.stats.received == len(MALFORMED_PUBLICATIONS) + len(ODD_PUBLICATIONS)
        assert len(told(caplog)) == 1


async def test_layouts_for_a_requester(loop: Harness, addresses: Addresses, caplog: pytest.LogCaptureFixture) -> None:
    """A requester drops, counts and tells once what is no reply; the pending request gets its own."""
    async with loop.context() as context:
        peer = context.router(bind=addresses.new("tcp"))
        requester = context.requester(connect=peer.endpoints[0].address)
        for number, layout in enumerate(MALFORMED_REPLIES + FORGED_REPLIES):
            asking = loop.spawn(requester.request, b"?")
            name, (id, _, _) = await peer.receive()
            await peer.send(name, layout(id))
            await peer.send(name, [id, b"", b"%d" % number])
            assert await asking.result() == [b"%d" % number]
            malformed = min(number + 1, len(MALFORMED_REPLIES))
            assert (requester.stats.malformed, requester.stats.unmatched_replies) == (malformed, number + 1 - malformed)
        assert requester.stats.received == len(MALFORMED_REPLIES + FORGED_REPLIES)
        assert len(told(caplog)) == 1


@pytest.mark.one_task
async def test_layouts_for_a_replier(loop: Harness, addresses: Addresses, caplog: pytest.LogCaptureFixture) -> None:
    """A replier drops, counts and tells once what is no request; it can answer the next, odd as it may be."""
    async with loop.context() as context:
        replier = context.replier(bind=addresses.new("tcp"))
        with plain(zmq.DEALER, replier.endpoints[0].address) as peer:
            for number, layout in enumerate(MALFORMED_REQUESTS):
                peer.send_multipart(layout)
                peer.send_multipart([b"id", b"", b"%d" % number])
                request = await replier.receive()
                assert (request.id, request.parts) == (b"id", [b"%d" % number])
                assert replier.stats.malformed == number + 1
            for layout in ODD_REQUESTS:
                peer.send_multipart(layout)
                request = await replier.receive()
                end = layout.index(b"")
                assert request.parts == layout[end + 1 :]
                assert request.id == (layout[end - 1] if end else request.peer)
                await request.reply([b"", b"answer"])
                assert peer.recv_multipart() == [*layout[: end + 1], b"", b"answer"]
        assert replier.stats.malformed == len(MALFORMED_REQUESTS)
        assert replier.stats.received == len(MALFORMED_REQUESTS) + len(ODD_REQUESTS)
        assert len(told(caplog)) == 1


@pytest.mark.one_task
async def test_layouts_for_a_router(loop: Harness, addresses: Addresses, caplog: pytest.LogCaptureFixture) -> None:
    """To a router no layout is malformed: each arrives as it was sent, under its peer, and can be sent back."""
    async with loop.context() as context:
        router = context.router(bind=addresses.new("tcp"))
        with plain(zmq.DEALER, router.endpoints[0].address) as peer:
            for layout in MALFORMED_PUBLICATIONS + ODD_PUBLICATIONS + MALFORMED_REQUESTS + ODD_REQUESTS:
                peer.send_multipart(layout)
                name, frames = await router.receive()
                assert frames == layout
                await router.send(name, frames)
                assert peer.recv_multipart() == layout
        assert router.stats.malformed == 0
        assert told(caplog) == []


@pytest.mark.one_task
@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_too_many_frames(
    loop: Harness, addresses: Addresses, caplog: pytest.LogCaptureFixture, limit: int
) -> None:
    """A message of more frames than the program lets it have is dropped, counted and told; the next one arrives."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"), options=SocketOptions(max_frames=limit))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        for number in range(1, 4):
            for count in (limit, limit + 1, limit + 100, limit):
                await pusher.send([b"x"] * count)
            assert [await puller.receive() for _ in range(2)] == [[b"x"] * limit] * 2
            assert (puller.stats.malformed, puller.stats.received, puller.stats.buffered) == (2 * number, 2 * number, 0)
        (words,) = told(caplog)
        assert f"a message of more than {limit} frames" in words


@pytest.mark.one_task
async def test_more_frames_than_a_request_has(
    loop: Harness, addresses: Addresses, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a request no more frames are read than any has; a message that is nothing but frames may have any number."""
    async with loop.context() as context:
        replier = context.replier(bind=addresses.new("inproc"))
        router = context.router(bind=addresses.new("inproc"))
        most = [b"x"] * (MAX_FRAMES - 3)
        for connection in (replier, router):
            dealer = context.dealer(connect=connection.endpoints[0].address)
            for parts in ([*most, b"one more"], most):
                await dealer.send([b"id", b"", *parts])
        assert (await replier.receive()).parts == most
        assert (replier.stats.malformed, replier.stats.received) == (1, 1)
        assert [len((await router.receive()).frames) for _ in range(2)] == [MAX_FRAMES, MAX_FRAMES - 1]
        assert router.stats.malformed == 0
        (words,) = told(caplog)
        assert f"a message of more than {MAX_FRAMES} frames" in words


@pytest.mark.one_task
@pytest.mark.parametrize("socket_type", [zmq.ROUTER, zmq.DEALER, zmq.REQ])
async def test_peer_that_introduces_itself(
    loop: Harness, addresses: Addresses, socket_type: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The empty message with which some peers introduce themselves to a replier is no request, nor malformed."""
    async with loop.context(linger=0) as context:
        replier = context.replier(bind=addresses.new("tcp"))
        address = replier.endpoints[0].address
        probing = context.connection(socket_type, connect=address, options=zmqbridge.SocketOptions(probe_router=True))
        while replier.stats.probes == 0:
            with pytest.raises(zmqbridge.WouldBlock):
                replier.receive_nowait()
            await loop.turn()
        if socket_type != zmq.ROUTER:
            await probing.send(b"good" if socket_type == zmq.REQ else [b"id", b"", b"good"])
        else:
            await context.dealer(connect=address).send([b"id", b"", b"good"])
        request = await replier.receive()
        assert request.parts == [b"good"]
        stats = replier.stats
        assert (stats.received, stats.probes, stats.malformed) == (1, 1, 0)
        assert told(caplog) == []


async def test_empty_requests(loop: Harness, addresses: Addresses) -> None:
    """A request without parts, or with an empty one, is a request: it has an id, or the envelope of a REQ socket."""
    async with loop.context(linger=0) as context:
        replier = context.replier(bind=addresses.new("tcp"))
        address = replier.endpoints[0].address
        asking = loop.spawn(context.requester(connect=address).request, b"")
        request = await replier.receive()
        assert request.parts == [b""]
        await request.reply([])
        assert await asking.result() == []
        await context.dealer(connect=address).send([b"id", b""])
        request = await replier.receive()
        assert (request.id, request.parts) == (b"id", [])
        await context.connection(zmq.REQ, connect=address).send(b"")
        request = await replier.receive()
        assert (request.id, request.parts) == (request.peer, [b""])
        assert (replier.stats.received, replier.stats.probes) == (3, 0)


async def test_router_that_introduces_itself(
    loop: Harness, addresses: Addresses, caplog: pytest.LogCaptureFixture
) -> None:
    """The empty message with which some routers introduce themselves to a requester is nothing malformed either."""
    async with loop.context(linger=0) as context:
        options = zmqbridge.SocketOptions(probe_router=True, connect_routing_id=b"asking")
        requester = context.requester(bind=addresses.new("tcp"))
        router = context.router(connect=requester.endpoints[0].address, options=options)
        asking = loop.spawn(requester.request, b"?")
        peer, frames = await router.receive()
        await router.send(peer, frames)
        assert await asking.result() == [b"?"]
        stats = requester.stats
        assert (stats.received, stats.probes, stats.malformed, stats.unmatched_replies) == (1, 1, 0, 0)
        assert told(caplog) == []


# --- bursts ---


async def flooded(
    context: zmqbridge.Context, addresses: Addresses, role: str
) -> tuple[zmqbridge.Subscriber | zmqbridge.Replier, Any]:
    """A connection for which a burst of malformed messages and then a good one are queued, and what the latter is."""
    if role == "subscriber":
        subscriber, peer = await subscribed(context, addresses.new("inproc"))
        await peer.send_many([b"no", b"publication", b"this"] for _ in range(BURST))
        await peer.send(b"good\0at last")
        return subscriber, (b"good", b"at last")
    replier = context.replier(bind=addresses.new("inproc"), options=UNLIMITED)
    dealer = context.dealer(connect=replier.endpoints[0].address, options=UNLIMITED)
    await dealer.send_many([b"junk"] for _ in range(BURST))
    await dealer.send([b"good", b"", b"at last"])
    return replier, (b"good", b"at last")


def meaning(item: Any) -> tuple[bytes, bytes]:
    """A publication's, or a request's, tag or id and its one part."""
    if isinstance(item, zmqbridge.Request):
        (part,) = item.parts
        return item.id, part
    tag, message = item
    return tag, message


@pytest.mark.each_backend
@pytest.mark.parametrize("how", ["receive", "receive_many", "iterate"])
@pytest.mark.parametrize("role", ["subscriber", "replier"])
async def test_burst(
    loop: Harness, addresses: Addresses, caplog: pytest.LogCaptureFixture, role: str, how: str
) -> None:
    """Behind thousands of malformed messages the good one is received; the loop runs after each batch of them."""
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await loop.turn()
            turns += 1

    async with loop.context() as context:
        connection, good = await flooded(context, addresses, role)
        counting = loop.spawn(count_turns)
        if how == "receive":
            item = await connection.receive()
        elif how == "receive_many":
            (item,) = await connection.receive_many()
        else:
            item = await anext(aiter(connection))
        counted = turns
        assert meaning(item) == good
        assert counted >= BURST // BATCH - MISSED_TURNS
        assert (connection.stats.malformed, connection.stats.received) == (BURST, 1)
        assert len(told(caplog)) == 1
        counting.cancel()


@pytest.mark.one_task
@pytest.mark.parametrize("role", ["subscriber", "replier"])
async def test_burst_without_waiting(
    loop: Harness, addresses: Addresses, caplog: pytest.LogCaptureFixture, role: str
) -> None:
    """Asking without waiting reads one batch a call, so it comes to what lies behind malformed ones in a few calls."""
    async with loop.context() as context:
        connection, good = await flooded(context, addresses, role)
        item: Any = None
        calls = 0
        while item is None:
            calls += 1
            malformed = connection.stats.malformed
            try:
                item = connection.receive_nowait()
            except zmqbridge.WouldBlock:
                assert malformed < connection.stats.malformed <= malformed + BATCH
        assert meaning(item) == good
        assert calls <= BURST // BATCH + 2
        assert len(told(caplog)) == 1


@pytest.mark.each_backend
async def test_burst_of_replies(loop: Harness, addresses: Addresses, caplog: pytest.LogCaptureFixture) -> None:
    """Behind thousands of malformed and forged replies a request finds its own; the loop runs after each batch."""
    async with loop.context() as context:
        peer = context.router(bind=addresses.new("inproc"), options=UNLIMITED)
        requester = context.requester(connect=peer.endpoints[0].address, options=UNLIMITED)
        asking = loop.spawn(requester.request, b"?")
        name, (id, _, _) = await peer.receive()
        for number in range(BURST):
            peer.send_nowait(name, [b"junk"])
            peer.send_nowait(name, [b"%016d" % number, b"", b"forged"])
        peer.send_nowait(name, [id, b"", b"right"])
        turns = 0
        while not asking.done:
            await loop.turn()
            turns += 1
        assert await asking.result() == [b"right"]
        assert turns >= 2 * BURST // BATCH - MISSED_TURNS
        assert (requester.stats.malformed, requester.stats.unmatched_replies) == (BURST, BURST)
        assert len(told(caplog)) == 1


# --- replies and requests that are somebody else's ---


async def test_replies_for_another(loop: Harness, addresses: Addresses) -> None:
    """A reply that reaches another client than its own resolves nothing there, whatever requests are pending."""
    async with loop.context() as context:
        peer = context.router(bind=addresses.new("tcp"))
        requesters = [context.requester(connect=peer.endpoints[0].address) for _ in range(3)]
        asking = [loop.spawn(requester.request, b"%d" % number) for number, requester in enumerate(requesters)]
        questions = [await peer.receive() for _ in requesters]
        for name, _ in questions:
            for other, (id, _, _) in questions:
                if other != name:
                    await peer.send(name, [id, b"", b"another's"])
        for name, (id, _, question) in questions:
            await peer.send(name, [id, b"", b"re", question])
            await peer.send(name, [id, b"", b"repeated"])
        assert [await task.result() for task in asking] == [[b"re", b"%d" % number] for number in range(3)]
        # The next reply comes behind all the others.
        asking = [loop.spawn(requester.request, b"again") for requester in requesters]
        for _ in requesters:
            name, (id, _, _) = await peer.receive()
            await peer.send(name, [id, b"", b"done"])
        assert [await task.result() for task in asking] == [[b"done"]] * 3
        assert [requester.stats.unmatched_replies for requester in requesters] == [3, 3, 3]


async def test_late_reply(loop: Harness, addresses: Addresses) -> None:
    """A reply to a request that was given up resolves none of those that came after it."""
    async with loop.context() as context:
        peer = context.router(bind=addresses.new("tcp"))
        requester = context.requester(connect=peer.endpoints[0].address)
        given_up = loop.spawn(requester.request, b"given up")
        name, (late_id, _, _) = await peer.receive()
        given_up.cancel()
        with pytest.raises(TaskCancelled):
            await given_up.result()
        asking = [loop.spawn(requester.request, b"%d" % number) for number in range(5)]
        questions = [await peer.receive() for _ in asking]
        for _, (id, _, question) in questions:
            await peer.send(name, [late_id, b"", b"late"])
            await peer.send(name, [id, b"", question])
        assert [await task.result() for task in asking] == [[b"%d" % number] for number in range(5)]
        assert requester.stats.unmatched_replies == 5


async def test_stolen_envelope(loop: Harness, addresses: Addresses) -> None:
    """A client that writes another's name and pending id into its request is answered itself; the other is not."""
    async with loop.context() as context:
        replier = context.replier(bind=addresses.new("tcp"))
        victim = context.requester(connect=replier.endpoints[0].address)
        asking = loop.spawn(victim.request, b"mine")
        asked = await replier.receive()
        thief = context.dealer(connect=replier.endpoints[0].address)
        for envelope in ([asked.id], [asked.peer, asked.id], [asked.peer, asked.peer, asked.id]):
            await thief.send([*envelope, b"", b"theirs"])
            request = await replier.receive()
            assert (request.id, request.peer != asked.peer) == (asked.id, True)
            await request.reply(b"for the thief")
            assert await thief.receive() == [*envelope, b"", b"for the thief"]
        await asked.reply(b"for the victim")
        assert await asking.result() == [b"for the victim"]
        assert victim.stats.unmatched_replies == 0


# --- clients that take more than their share ---


@pytest.mark.each_backend
async def test_never_reads(loop: Harness, addresses: Addresses, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that asks and never reads is waited for once, though there were time to wait again; its other replies
    are dropped, and nobody else's."""
    monkeypatch.setattr("zmqbridge.waiting.patience.SHARE", 1000.0)
    small = SocketOptions(send_high_water_mark=1, receive_high_water_mark=1)
    async with loop.context(linger=0) as context:
        replier = context.replier(bind=addresses.new("inproc"), options=small, reply_timeout=0.05)
        address = replier.endpoints[0].address
        deaf = context.dealer(connect=address, options=small)
        requester = context.requester(connect=address)
        waits = 0

        async def serve() -> None:
            nonlocal waits
            clock = context._find_backend().current_time
            async for request in replier:
                began = clock()
                await request.reply(request.parts)
                waits += clock() - began >= 0.03  # a loop's clock may be coarse

        loop.spawn(serve)
        flooding = loop.spawn(deaf.send_many, ([b"id", b"", b"%d" % number] for number in range(200)))
        for number in range(20):
            assert await requester.request(b"%d" % number, timeout=20) == [b"%d" % number]
        await flooding.result()
        await loop.until(lambda: replier.stats.received == 220)
        assert await requester.request(b"last", timeout=20) == [b"last"]
        # Two fit into the queue of the two high-water marks.
        assert (replier.stats.dropped_replies, replier.stats.sent) == (198, 2 + 21)
        assert 1 <= waits < 20


@pytest.mark.each_backend
async def test_never_reads_under_many_names(loop: Harness, addresses: Addresses) -> None:
    """A client that comes under one name after another, asks and never reads, is not waited for under each of them."""
    small = SocketOptions(send_high_water_mark=1, receive_high_water_mark=1)
    names, asked, timeout = 60, 5, 0.5
    async with loop.context(linger=0) as context:
        replier = context.replier(bind=addresses.new("inproc"), options=small, reply_timeout=timeout)
        address = replier.endpoints[0].address
        requester = context.requester(connect=address)
        waits = 0

        async def serve() -> None:
            nonlocal waits
            clock = context._find_backend().current_time
            async for request in replier:
                began = clock()
                await request.reply(request.parts)
                waits += clock() - began > 0.8 * timeout

        loop.spawn(serve)
        for number in range(names):
            deaf = context.dealer(connect=address, options=small)
            await deaf.send_many([b"id", b"", b"%d" % question] for question in range(asked))
            assert await requester.request(b"%d" % number, timeout=20) == [b"%d" % number]
        await loop.until(lambda: replier.stats.sent + replier.stats.dropped_replies == names * (asked + 1))
        assert replier.stats.received == names * (asked + 1)
        # All together have the first wait, and a tenth of the time, which is little more.
        assert 1 <= waits < names / 4


class Noting(Patience):
    """Notes of each wait whether it held up nobody."""

    __slots__ = ("noted",)

    def __init__(self, longest: float) -> None:
        super().__init__(longest)
        self.noted: list[bool] = []

    def spend(self, waited: float, *, in_vain: bool, alone: bool) -> None:
        self.noted.append(alone)
        super().spend(waited, in_vain=in_vain, alone=alone)


@pytest.mark.parametrize(
    ("clients", "receivers", "alone"), [(1, 0, True), (2, 0, False), (2, 1, True)], ids=["alone", "held up", "received"]
)
async def test_who_is_held_up(loop: Harness, addresses: Addresses, clients: int, receivers: int, alone: bool) -> None:
    """A reply that waits for room holds up other clients, if there are any whose requests nobody else receives."""
    async with loop.context(linger=0) as context:
        small = SocketOptions(send_high_water_mark=1, receive_high_water_mark=1)
        asks_more = SocketOptions(send_high_water_mark=0, receive_high_water_mark=1)
        replier = context.replier(bind=addresses.new("inproc"), options=small, reply_timeout=0.05)
        noting = replier._patience = Noting(0.05)
        address = replier.endpoints[0].address
        requests = []
        for number in range(clients):
            client = context.dealer(connect=address, options=asks_more)
            for _ in range(3):  # of whose replies two fit into the queue of the two high-water marks
                client.send_nowait([b"%d" % number, b"", b"?"])
                requests.append(await replier.receive())
        receiving = [loop.spawn(replier.receive) for _ in range(receivers)]
        await loop.parked(replier, receivers)
        for request in requests[:3]:
            await request.reply(b"!")
        assert noting.noted == [alone]
        assert replier.stats.dropped_replies == 1
        for task in receiving:
            task.cancel()
            with pytest.raises(TaskCancelled):
                await task.result()


@pytest.mark.one_task
@pytest.mark.parametrize("transport", ["tcp", "inproc"])
async def test_very_many_requests(loop: Harness, addresses: Addresses, transport: str) -> None:
    """One client's thousands of requests are read ahead by a batch at most, and another is served before their end."""
    async with loop.context(linger=0) as context:
        replier = context.replier(bind=addresses.new(transport))
        address = replier.endpoints[0].address
        greedy = context.dealer(connect=address, options=UNLIMITED)
        for number in range(BURST):
            greedy.send_nowait([b"greedy", b"", b"%d" % number])
        assert replier.stats.buffered == 0
        for number in range(10):
            assert (await replier.receive()).parts == [b"%d" % number]
            assert replier.stats.buffered < BATCH
        modest = context.dealer(connect=address)
        await modest.send([b"modest", b"", b"please"])
        before = 10
        while (request := await replier.receive()).id == b"greedy":
            assert request.parts == [b"%d" % before]
            assert replier.stats.buffered < BATCH
            before += 1
        assert (request.id, request.parts) == (b"modest", [b"please"])
        if transport == "inproc":
            assert before <= 2 * BATCH
        await request.reply(b"here you are")
        assert await modest.receive() == [b"modest", b"", b"here you are"]
        for number in range(before, BURST):
            assert (await replier.receive()).parts == [b"%d" % number]
        assert replier.stats.buffered == 0


@pytest.mark.one_task
async def test_huge_messages(loop: Harness, addresses: Addresses) -> None:
    """Of messages that are large there are few in a batch: a peer that sends them does not fill the memory."""
    async with loop.context(linger=0) as context:
        replier = context.replier(bind=addresses.new("inproc"))
        dealer = context.dealer(connect=replier.endpoints[0].address)
        for layout in ([b"id", b"", HUGE], [HUGE, b"", b"x"], [b"junk", HUGE], [b"id", b"", *[b"x" * 10_000] * 105]):
            for _ in range(5):
                await dealer.send(layout)
            await dealer.send([b"id", b"", b"small"])
            while (await replier.receive()).parts != [b"small"]:
                assert replier.stats.buffered <= 1
        assert replier.stats.malformed == 10


@pytest.mark.each_backend
async def test_message_of_very_many_frames(loop: Harness, addresses: Addresses) -> None:
    """A message of very many frames is read in many turns of the loop, which runs others meanwhile."""
    frames, turns = 40 * 4096, 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await loop.turn()
            turns += 1

    async with loop.context(linger=0) as context:
        puller = context.puller(bind=addresses.new("inproc"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        await pusher.send([b""] * frames)
        await pusher.send(b"behind it")
        counting = loop.spawn(count_turns)
        assert await puller.receive() == [b""] * frames
        assert turns >= 40 - MISSED_TURNS
        assert await puller.receive() == [b"behind it"]
        counting.cancel()
        with pytest.raises(TaskCancelled):
            await counting.result()


@pytest.mark.one_task
async def test_very_many_empty_frames(loop: Harness, addresses: Addresses) -> None:
    """A frame costs something though it is empty: messages of very many of them are few in a batch."""
    async with loop.context(linger=0) as context:
        puller = context.puller(bind=addresses.new("inproc"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        for _ in range(4):
            await pusher.send([b""] * 30_000)
        for _ in range(4):
            assert await puller.receive() == [b""] * 30_000
            assert puller.stats.buffered <= 1
