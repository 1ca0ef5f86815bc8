"""Push and pull: what is sent arrives, whole, once, in order."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from zmqbridge import SocketOptions

TRANSPORTS = ("tcp", "ipc", "inproc")
SMALL_QUEUE = SocketOptions(send_high_water_mark=2, receive_high_water_mark=2)


@pytest.mark.one_task
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("binder", ["pusher", "puller"])
async def test_arrives(loop: Harness, addresses: Addresses, transport: str, binder: str) -> None:
    """Whichever end binds, on every transport, what is pushed is pulled."""
    async with loop.context() as context:
        if binder == "pusher":
            pusher = context.pusher(bind=addresses.new(transport))
            puller = context.puller(connect=pusher.endpoints[0].address)
        else:
            puller = context.puller(bind=addresses.new(transport))
            pusher = context.pusher(connect=puller.endpoints[0].address)
        await pusher.send(b"hello")
        assert await puller.receive() == [b"hello"]


@pytest.mark.any_loop
@pytest.mark.one_task
@pytest.mark.parametrize(
    "frames",
    [
        [b""],
        [b"x"],
        [b"x" * 65_536],
        [b"x" * 16 * 1024 * 1024],
        [b"a", b"b", b"c"],
        [b"", b""],
        [b"", b"x", b"", b"y", b""],
        [b"%d" % number for number in range(1000)],
        [b"head", b"x" * 65_536, b"", b"tail"],
    ],
    ids=["empty", "1B", "64KiB", "16MiB", "three", "two-empty", "empties", "thousand", "mixed"],
)
async def test_whole(loop: Harness, addresses: Addresses, frames: list[bytes]) -> None:
    """A message of any number of frames of any size arrives as it was sent."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("tcp"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        await pusher.send(frames)
        await pusher.send(b"next")
        assert await puller.receive() == frames
        assert await puller.receive() == [b"next"]


@pytest.mark.any_loop
@pytest.mark.one_task
@pytest.mark.parametrize(
    "message",
    [bytearray(b"ab"), memoryview(b"ab"), (b"ab",), [bytearray(b"ab")]],
    ids=["bytearray", "memoryview", "tuple", "list"],
)
async def test_bytes_like(loop: Harness, addresses: Addresses, message: zmqbridge.framing.Message) -> None:
    """Anything bytes-like is a frame, alone or in a sequence."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        await pusher.send(message)
        assert await puller.receive() == [b"ab"]


@pytest.mark.one_task
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_in_order(loop: Harness, addresses: Addresses, transport: str) -> None:
    """More messages than several batches arrive in the order of their sending, by every way to receive."""
    count = 2000
    unlimited = SocketOptions(send_high_water_mark=0, receive_high_water_mark=0)
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new(transport), options=unlimited)
        pusher = context.pusher(connect=puller.endpoints[0].address, options=unlimited)
        await pusher.send_many([b"%d" % number] for number in range(count))
        got = [await puller.receive()]
        async for frames in puller:
            got.append(frames)
            if len(got) == count // 4:
                break
        while len(got) < count // 2:
            got += await puller.receive_many(100)
        while len(got) < count:
            try:
                got.append(puller.receive_nowait())
            except zmqbridge.WouldBlock:
                got.append(await puller.receive())
        assert got == [[b"%d" % number] for number in range(count)]
        assert puller.stats.received == count
        assert pusher.stats.sent == count


@pytest.mark.one_task
async def test_queued_before_the_first_wait(loop: Harness, addresses: Addresses) -> None:
    """Messages that libzmq had queued before anybody waited are received without further traffic."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("tcp"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        for number in range(10):
            await pusher.send(b"%d" % number)
        await loop.until(lambda: puller.getsockopt(zmq_events()) & 1)
        assert [await puller.receive() for _ in range(10)] == [[b"%d" % number] for number in range(10)]


def zmq_events() -> int:
    """Return libzmq's number for the option EVENTS."""
    import zmq

    return int(zmq.EVENTS)


async def test_waits_for_a_peer(loop: Harness, addresses: Addresses) -> None:
    """A send with no peer waits, and goes on when one connects."""
    async with loop.context() as context:
        pusher = context.pusher(bind=addresses.new("tcp"))
        sending = loop.spawn(pusher.send, b"at last")
        await loop.parked(pusher)
        puller = context.puller(connect=pusher.endpoints[0].address)
        assert await puller.receive() == [b"at last"]
        await sending.result()


@pytest.mark.parametrize("transport", ["tcp", "inproc"])
async def test_high_water_mark(loop: Harness, addresses: Addresses, transport: str) -> None:
    """Sending waits at the high-water mark, and resumes as messages are taken; none is lost."""
    count = 50
    large = b"x" * 1_000_000  # so that the network's own buffers hold few of them
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new(transport), options=SMALL_QUEUE)
        pusher = context.pusher(connect=puller.endpoints[0].address, options=SMALL_QUEUE)

        async def send_all() -> None:
            for number in range(count):
                await pusher.send([b"%d" % number, large])

        sending = loop.spawn(send_all)
        await loop.parked(pusher)
        assert pusher.stats.sent < count
        # The network may take one more at any time: whoever waits at this moment comes first.
        await loop.until(lambda: pusher.stats.parked)
        with pytest.raises(zmqbridge.WouldBlock):
            pusher.send_nowait(b"no room")
        got = [(await puller.receive())[0] for _ in range(count)]
        assert got == [b"%d" % number for number in range(count)]
        await sending.result()


async def test_waiting_senders_keep_their_order(loop: Harness, addresses: Addresses) -> None:
    """Sends that wait for room are served in the order of their calls, and nobody overtakes them."""
    async with loop.context() as context:
        pusher = context.pusher(bind=addresses.new("inproc"))
        tasks = []
        for number in range(20):
            tasks.append(loop.spawn(pusher.send, b"%d" % number))
            await loop.until(lambda: pusher.stats.parked == len(tasks))
        puller = context.puller(connect=pusher.endpoints[0].address)
        while not pusher.getsockopt(zmq.EVENTS) & zmq.POLLOUT:
            pass  # Now there is room, and nobody has run yet.
        await pusher.send(b"20")
        assert [await puller.receive() for _ in range(21)] == [[b"%d" % number] for number in range(21)]
        for task in tasks:
            await task.result()


async def test_receivers_are_served_in_turn(loop: Harness, addresses: Addresses) -> None:
    """Of many parked receivers, those that came first are served, and each message goes to one."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        tasks = []
        for _ in range(20):
            tasks.append(loop.spawn(puller.receive))
            await loop.until(lambda: puller.stats.parked == len(tasks))
        for number in range(10):
            await pusher.send(b"%d" % number)
        # Tasks woken in one turn of the loop run in any order on trio, so which took which is open.
        assert sorted([await task.result() for task in tasks[:10]]) == [[b"%d" % number] for number in range(10)]
        assert not any(task.done for task in tasks[10:])
        assert puller.stats.parked == 10


async def test_shared_by_iterators(loop: Harness, addresses: Addresses) -> None:
    """Several tasks may iterate over one connection: each message goes to one of them."""
    count = 1000
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("tcp"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        got: list[bytes] = []

        async def consume() -> None:
            async for (number,) in puller:
                got.append(number)
                if len(got) % 7 == 0:
                    await loop.turn()

        for _ in range(5):
            loop.spawn(consume)
        for number in range(count):
            await pusher.send(b"%d" % number)
        await loop.until(lambda: len(got) == count)
        assert sorted(got, key=int) == [b"%d" % number for number in range(count)]


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_several_endpoints(loop: Harness, addresses: Addresses) -> None:
    """One connection binds and connects to several endpoints of different transports at once."""
    async with loop.context() as context:
        pusher = context.pusher(bind=addresses.new("tcp"))
        puller = context.puller(
            bind=[addresses.new("tcp"), addresses.new("ipc"), addresses.new("inproc")],
            connect=pusher.endpoints[0].address,
        )
        assert [endpoint.type for endpoint in puller.endpoints] == ["bind", "bind", "bind", "connect"]
        senders = [context.pusher(connect=endpoint.address) for endpoint in puller.endpoints[:3]]
        for sender in [pusher, *senders]:
            await sender.send(b"from everywhere")
        for _ in range(4):
            assert await puller.receive() == [b"from everywhere"]


@pytest.mark.one_task
async def test_many_connections(loop: Harness, addresses: Addresses) -> None:
    """A context serves hundreds of connections, each of which wakes on its own messages."""
    async with loop.context() as context:
        pairs = []
        for _ in range(100):
            puller = context.puller(bind=addresses.new("inproc"))
            pairs.append((context.pusher(connect=puller.endpoints[0].address), puller))
        for number, (pusher, _) in enumerate(pairs):
            await pusher.send(b"%d" % number)
        for number, (_, puller) in reversed(list(enumerate(pairs))):
            assert await puller.receive() == [b"%d" % number]


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_reads_ahead_no_more_than_the_high_water_mark(loop: Harness, addresses: Addresses) -> None:
    """A worker with a receive high-water mark of 1 leaves the rest of the work to the others."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("tcp"), options=SocketOptions(receive_high_water_mark=1))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        for number in range(20):
            await pusher.send(b"%d" % number)
        for number in range(20):
            assert await puller.receive() == [b"%d" % number]
            assert puller.stats.buffered == 0


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_reads_only_while_somebody_receives(loop: Harness, addresses: Addresses) -> None:
    """Nothing is read ahead until there is a receive, and then one bounded batch."""
    unlimited = SocketOptions(send_high_water_mark=0, receive_high_water_mark=0)
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"), options=unlimited)
        pusher = context.pusher(connect=puller.endpoints[0].address, options=unlimited)
        await pusher.send_many([b"x"] for _ in range(5000))
        assert puller.stats.buffered == 0
        await puller.receive()
        assert 0 < puller.stats.buffered < 300


@pytest.mark.any_loop
async def test_in_views(loop: Harness, addresses: Addresses) -> None:
    """Large frames come as read-only memoryviews where that is asked for; all else, and all that is an id, as bytes."""
    options = SocketOptions(memoryview_from=1024)
    large = b"x" * 100_000
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("tcp"), options=options)
        pusher = context.pusher(connect=puller.endpoints[0].address)
        await pusher.send([b"head", large, large[:1023]])
        received: list[Any] = await puller.receive()
        head, view, small = received
        assert (type(head), type(view), type(small)) == (bytes, memoryview, bytes)
        assert (head, view, small) == (b"head", large, large[:1023])
        with pytest.raises(TypeError):
            view[0] = 1
        await context.pusher(connect=puller.endpoints[0].address).send([view, b"again"])
        forwarded, _ = await puller.receive()
        puller.close()
        assert (view, forwarded) == (large, large)
        replier = context.replier(bind=addresses.new("tcp"), options=options)
        requester = context.requester(connect=replier.endpoints[0].address, options=options)

        async def serve() -> None:
            async for request in replier:
                await request.reply(request.parts)

        loop.spawn(serve)
        reply: Any = (await requester.request(large))[0]
        assert (type(reply), reply) == (memoryview, large)
        plain = context.puller(bind=addresses.new("tcp"))
        await context.pusher(connect=plain.endpoints[0].address).send(large)
        (copy,) = await plain.receive()
        assert (type(copy), copy) == (bytes, large)


@pytest.mark.any_loop
@pytest.mark.parametrize("kind", [list, tuple, iter], ids=["list", "tuple", "iterator"])
async def test_many_of_every_kind(loop: Harness, addresses: Addresses, kind: Any) -> None:
    """``send_many`` takes messages of every kind, more than there is room for, and each arrives in its order."""
    small = SocketOptions(send_high_water_mark=10, receive_high_water_mark=10)
    kinds: list[Any] = [b"bytes", bytearray(b"bytes"), [b"two", b"frames"], (b"two", memoryview(b"frames")), [b""]]
    expected = [[b"bytes"], [b"bytes"], [b"two", b"frames"], [b"two", b"frames"], [b""]]
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("tcp"), options=small)
        pusher = context.pusher(connect=puller.endpoints[0].address, options=small)
        sending = loop.spawn(pusher.send_many, kind(kinds * 400))
        received: list[Any] = []
        while len(received) < 2000:
            received += await puller.receive_many(100)
        await sending.result()
        assert received == expected * 400
        assert pusher.stats.sent == 2000


@pytest.mark.any_loop
@pytest.mark.one_task
@pytest.mark.parametrize("kind", [list, iter], ids=["list", "iterator"])
async def test_many_with_a_bad_one(loop: Harness, addresses: Addresses, kind: Any) -> None:
    """Messages before one that is none are sent, and the error names it."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        bad: list[Any] = [b"one", b"two", "text", b"never"]
        with pytest.raises(TypeError, match="not the str 'text'"):
            await pusher.send_many(kind(bad))
        await pusher.send(b"next")
        assert [await puller.receive() for _ in range(3)] == [[b"one"], [b"two"], [b"next"]]
        await pusher.send_many(kind([]))
        pusher.close()
        with pytest.raises(zmqbridge.ConnectionClosed):
            await pusher.send_many(kind([b"late"]))


async def test_many_that_is_cancelled(loop: Harness, addresses: Addresses) -> None:
    """What a cancelled ``send_many`` has sent is the first so many of its messages."""
    small = SocketOptions(send_high_water_mark=10, receive_high_water_mark=10)
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"), options=small)
        pusher = context.pusher(connect=puller.endpoints[0].address, options=small)
        sending = loop.spawn(pusher.send_many, [b"%d" % number for number in range(1000)])
        await loop.parked(pusher)
        sending.cancel()
        await loop.until(lambda: sending.done)
        sent = pusher.stats.sent
        assert 0 < sent < 1000
        received: list[list[bytes]] = []
        while len(received) < sent:
            received += await puller.receive_many()
        assert received == [[b"%d" % number] for number in range(sent)]
        with pytest.raises(zmqbridge.WouldBlock):
            puller.receive_nowait()


async def test_many_after_those_that_wait(loop: Harness, addresses: Addresses) -> None:
    """Many messages are behind one that waits already, as any send is."""
    small = SocketOptions(send_high_water_mark=1, receive_high_water_mark=1)
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"), options=small)
        pusher = context.pusher(connect=puller.endpoints[0].address, options=small)
        fills = 0
        with contextlib.suppress(zmqbridge.WouldBlock):
            while True:
                pusher.send_nowait(b"fills")
                fills += 1
        loop.spawn(pusher.send, b"first")
        await loop.parked(pusher)
        loop.spawn(pusher.send_many, [b"second", b"third"])
        await loop.parked(pusher, 2)
        assert [await puller.receive() for _ in range(fills)] == [[b"fills"]] * fills
        assert [await puller.receive() for _ in range(3)] == [[b"first"], [b"second"], [b"third"]]
