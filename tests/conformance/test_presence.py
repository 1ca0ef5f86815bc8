"""Who has subscribed: a publisher waits for its subscribers, and a subscriber until its subscriptions have arrived."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness, TaskCancelled
from tests.conftest import Addresses
from zmqbridge import SocketOptions

NONE_LEFT = 0.001


class Proxy:
    """libzmq's own forwarder between publishers and subscribers, in a thread."""

    def __init__(self, upstream: str) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._front = self._context.socket(zmq.XSUB)
        self._front.connect(upstream)
        self._back = self._context.socket(zmq.XPUB)
        self.address = f"tcp://127.0.0.1:{self._back.bind_to_random_port('tcp://127.0.0.1')}"
        self._control = self._context.socket(zmq.PAIR)
        self._control.bind("inproc://control")
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with self._context.socket(zmq.PAIR) as control:
            control.connect("inproc://control")
            zmq.proxy_steerable(self._front, self._back, None, control)

    def close(self) -> None:
        """End it."""
        self._control.send(b"TERMINATE")
        self._thread.join()
        self._context.destroy(0)


@pytest.fixture
def proxies() -> Iterator[list[Proxy]]:
    """Proxies, ended when the case is over."""
    running: list[Proxy] = []
    yield running
    for proxy in running:
        proxy.close()


@pytest.fixture
def plain() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    """pyzmq's own context."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield context
    context.destroy(0)


@pytest.mark.parametrize("transport", ["tcp", "ipc", "inproc"])
@pytest.mark.parametrize("side", ["publisher binds", "subscriber binds"])
async def test_no_slow_joiner(loop: Harness, addresses: Addresses, transport: str, side: str) -> None:
    """After either end has waited, the first message arrives."""
    async with loop.context() as context:
        if side == "publisher binds":
            publisher = context.publisher(bind=addresses.new(transport), presence=True)
            subscriber = context.subscriber(connect=publisher.endpoints[0].address, tags=["a", "\xff", ""])
        else:
            subscriber = context.subscriber(bind=addresses.new(transport), tags=["a", "\xff", ""])
            publisher = context.publisher(connect=subscriber.endpoints[0].address, presence=True)
        waiting = loop.spawn(lambda: publisher.wait_for_subscribers(3, timeout=20))
        assert await subscriber.wait_subscribed(timeout=20) == 1
        assert await waiting.result() == 3
        publisher.publish(b"first", "\xff")
        assert await subscriber.receive() == ("\xff".encode(), b"first")
        subscriber.subscribe("b")
        subscriber.unsubscribe("")
        await subscriber.wait_subscribed(timeout=20)
        assert publisher.subscriptions == {b"a": 1, "\xff".encode(): 1, b"b": 1}
        assert (subscriber.stats.received, publisher.stats.sent, publisher.stats.received) == (1, 1, 0)


async def test_counts(loop: Harness, addresses: Addresses) -> None:
    """Subscribers that come twice, go away without a word, or take back what they asked for are counted right."""
    async with loop.context() as context, loop.context() as other:
        publisher = context.publisher(bind=addresses.new("tcp"), presence=True)
        address = publisher.endpoints[0].address
        subscribers = [other.subscriber(connect=address, tags=["a"]) for _ in range(3)]
        assert await publisher.wait_for_subscribers(3, tag="abc", timeout=20) == 3
        subscribers[0].subscribe("a")
        subscribers[0].subscribe("ab")
        assert await publisher.wait_for_subscribers(4, timeout=20) == 4
        assert publisher.subscriptions == {b"a": 3, b"ab": 1}
        subscribers[1].close()
        await loop.until(lambda: publisher.subscriptions == {b"a": 2, b"ab": 1})
        subscribers[0].unsubscribe("a")
        subscribers[0].unsubscribe("a")
        await loop.until(lambda: publisher.subscriptions == {b"a": 1, b"ab": 1})
        subscribers[0].close()
        subscribers[2].close()
        await loop.until(lambda: publisher.subscriptions == {})
        with pytest.raises(zmqbridge.WaitTimeout, match=r"0 of 1 subscription\(s\) for 'a' within 0.001 s"):
            await publisher.wait_for_subscribers(tag="a", timeout=NONE_LEFT)


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
async def test_plain_peers_that_say_it_twice(
    loop: Harness, addresses: Addresses, plain: zmq.Context[zmq.Socket[bytes]], transport: str
) -> None:
    """A plain peer that subscribes twice to the same counts once, and not at all when it is gone."""
    async with loop.context() as context:
        publisher = context.publisher(bind=addresses.new(transport), presence=True)
        for turn in range(3):
            peers = [plain.socket(zmq.SUB) for _ in range(2)]
            for peer in peers:
                peer.connect(publisher.endpoints[0].address)
                for tag in (b"a", b"a", b"b"):
                    peer.subscribe(tag)
                peer.subscribe(b"end %d" % turn)
            await publisher.wait_for_subscribers(2, tag=f"end {turn}", timeout=20)
            assert publisher.subscriptions == {b"a": 2, b"b": 2, b"end %d" % turn: 2}
            peers[0].unsubscribe(b"a")
            peers[0].unsubscribe(b"a")
            await loop.until(lambda: publisher.subscriptions[b"a"] == 1)
            for peer in peers:
                peer.close(0)
            await loop.until(lambda: not publisher.subscriptions)


async def test_changes(loop: Harness, addresses: Addresses) -> None:
    """Each subscription that comes or goes is told to each reader, until the publisher is closed."""
    async with loop.context() as context:
        publisher = context.publisher(bind=addresses.new("tcp"), presence=True)

        async def read() -> list[tuple[bytes, bool, int]]:
            return [(it.tag, it.subscribed, it.count) async for it in publisher.subscription_changes()]

        reading = [loop.spawn(read) for _ in range(2)]
        subscriber = context.subscriber(connect=publisher.endpoints[0].address)
        for tag in ("a", "b"):
            subscriber.subscribe(tag)
        subscriber.unsubscribe("a")
        await subscriber.wait_subscribed(timeout=20)
        await loop.until(lambda: publisher.subscriptions == {b"b": 1})
        publisher.close()
        changes = [(b"a", True, 1), (b"b", True, 1), (b"a", False, 0)]
        assert [await task.result() for task in reading] == [changes, changes] == [await read(), changes]


@pytest.mark.parametrize("hops", [1, 2])
async def test_through_proxies(loop: Harness, addresses: Addresses, proxies: list[Proxy], hops: int) -> None:
    """The proof goes through proxies: what is published then arrives. A publisher sees a proxy as one subscriber."""
    async with loop.context() as context:
        publisher = context.publisher(bind=addresses.new("tcp"), presence=True)
        address = publisher.endpoints[0].address
        for _ in range(hops):
            proxies.append(Proxy(address))
            address = proxies[-1].address
        subscribers = [context.subscriber(connect=address, tags=["a"]) for _ in range(2)]
        for subscriber in subscribers:
            await subscriber.wait_subscribed(timeout=20)
        publisher.publish(b"first", "a")
        for subscriber in subscribers:
            assert await subscriber.receive() == (b"a", b"first")
        assert publisher.subscriptions == {b"a": 1}
        for number in range(10):
            subscribers[0].subscribe(f"{number}")
            await subscribers[0].wait_subscribed(timeout=20)
            publisher.publish(b"x", f"{number}")
            assert await subscribers[0].receive() == (b"%d" % number, b"x")


async def test_several_publishers(loop: Harness, addresses: Addresses) -> None:
    """A subscriber waits for as many publishers as it is told; those without presence never answer."""
    async with loop.context() as context:
        publishers = [
            context.publisher(bind=addresses.new("tcp"), presence=presence) for presence in (True, True, False)
        ]
        addresses_of_all = [publisher.endpoints[0].address for publisher in publishers]
        subscriber = context.subscriber(connect=addresses_of_all, tags=[""])
        assert await subscriber.wait_subscribed(2, timeout=20) == 2
        with pytest.raises(zmqbridge.WaitTimeout, match=r"2 of 3 publisher\(s\) answered within 0.3 s"):
            await subscriber.wait_subscribed(3, timeout=0.3)
        for publisher in publishers[:2]:
            publisher.publish(b"x")
            assert await subscriber.receive() == (b"", b"x")
        await loop.until(lambda: all(publisher.subscriptions == {b"": 1} for publisher in publishers[:2]))


async def test_several_waits(loop: Harness, addresses: Addresses) -> None:
    """Waits at the same time each have their answer; one that is cancelled, or ends in time, leaves nothing behind."""
    async with loop.context() as context:
        subscriber = context.subscriber(bind=addresses.new("tcp"), tags=["a"])
        waits = [loop.spawn(subscriber.wait_subscribed) for _ in range(5)]
        await loop.parked(subscriber, 5)
        waits[0].cancel()
        with pytest.raises(TaskCancelled):
            await waits[0].result()
        publisher = context.publisher(connect=subscriber.endpoints[0].address, presence=True)
        assert [await task.result() for task in waits[1:]] == [1] * 4
        assert not subscriber._protocol._echoes
        assert subscriber._channel.intake.spare == 0
        await loop.until(lambda: publisher.subscriptions == {b"a": 1})
        late = loop.spawn(lambda: subscriber.wait_subscribed(2))
        await loop.parked(subscriber)
        subscriber.close()
        with pytest.raises(zmqbridge.ConnectionClosed):
            await late.result()


async def test_a_subscriber_asks_twice(
    loop: Harness, addresses: Addresses, plain: zmq.Context[zmq.Socket[bytes]]
) -> None:
    """A subscriber asks twice, under two tags, the second time when the first was answered; any program may answer."""
    async with loop.context() as context:
        xpub = plain.socket(zmq.XPUB)
        port = xpub.bind_to_random_port("tcp://127.0.0.1")
        subscriber = context.subscriber(connect=f"tcp://127.0.0.1:{port}", tags=["a"])
        waiting = loop.spawn(lambda: subscriber.wait_subscribed(timeout=20))
        asked: list[bytes] = []
        while len(asked) < 2:
            await loop.until(lambda: xpub.poll(0) or waiting.done)
            assert not waiting.done
            frame = xpub.recv()
            if frame.startswith(b"\1~zmqbridge.echo."):
                asked.append(frame[1:])
                xpub.send(b"~zmqbridge.other\0nothing")
                xpub.send(asked[-1] + b"\0" + b"the name" * 1000)
        assert await waiting.result() == 1
        assert asked[0] != asked[1]
        xpub.close(0)


@pytest.mark.parametrize("tags", [["a"], [""]], ids=["some", "all"])
async def test_under_a_flood(loop: Harness, addresses: Addresses, tags: list[str]) -> None:
    """The answer comes though publications are there that nobody takes, and these are kept, in order."""
    async with loop.context(turn_limit=2) as context:
        publisher = context.publisher(bind=addresses.new("tcp"), presence=True)
        subscriber = context.subscriber(connect=publisher.endpoints[0].address, tags=tags)
        await subscriber.wait_subscribed(timeout=20)
        for number in range(500):
            publisher.publish(b"%d" % number, "a")
        assert await subscriber.wait_subscribed(timeout=20) == 1
        for number in range(500):
            assert await subscriber.receive() == (b"a", b"%d" % number)


async def test_others_hear_no_echo(loop: Harness, addresses: Addresses, plain: zmq.Context[zmq.Socket[bytes]]) -> None:
    """A subscriber to everything sees nothing of the answers to others; a plain peer sees a tag of its own."""
    async with loop.context() as context:
        publisher = context.publisher(bind=addresses.new("tcp"), presence=True)
        address = publisher.endpoints[0].address
        everything = context.subscriber(connect=address, tags=[""])
        sub = plain.socket(zmq.SUB)
        sub.subscribe(b"")
        sub.connect(address)
        await publisher.wait_for_subscribers(2, timeout=20)
        subscriber = context.subscriber(connect=address, tags=["a"])
        for _ in range(3):
            await subscriber.wait_subscribed(timeout=20)
        publisher.publish(b"x", "a")
        assert await everything.receive() == (b"a", b"x")
        assert (everything.stats.received, everything.stats.malformed) == (1, 0)
        await loop.until(lambda: sub.poll(0))
        frames = [sub.recv()]
        while not frames[-1].startswith(b"a\0"):
            await loop.until(lambda: sub.poll(0))
            frames.append(sub.recv())
        assert {frame.partition(b".echo.")[0] for frame in frames[:-1]} <= {b"~zmqbridge"}
        assert all(frame.isascii() or b"\0" in frame for frame in frames)
        sub.close(0)


async def test_strangers(loop: Harness, addresses: Addresses, plain: zmq.Context[zmq.Socket[bytes]]) -> None:
    """A peer that asks for echoes by the thousand, or sends what is no subscription, has so many answers a second."""
    async with loop.context() as context:
        publisher = context.publisher(bind=addresses.new("tcp"), presence=True)
        stranger = plain.socket(zmq.XSUB)
        stranger.sndhwm = stranger.rcvhwm = 0
        stranger.connect(publisher.endpoints[0].address)
        for number in range(5000):
            stranger.send(b"\1~zmqbridge.echo.%032x" % number)
        stranger.send(b"no subscription")
        stranger.send(b"\1last")
        await publisher.wait_for_subscribers(timeout=20)
        allowance = publisher._subscribers.allowance
        await loop.until(lambda: publisher._answers + allowance.refused == 5000)
        assert allowance.refused > 0
        assert publisher.stats.malformed == 1
        assert publisher.subscriptions == {b"last": 1}
        stranger.close(0)


async def test_publishers_wait_for_room_of_none(loop: Harness, addresses: Addresses) -> None:
    """A publisher with presence never waits, as every publisher; what a full subscriber misses is missed."""
    async with loop.context(linger=0) as context:
        options = SocketOptions(send_high_water_mark=2, receive_high_water_mark=2)
        publisher = context.publisher(bind=addresses.new("inproc"), presence=True, options=options)
        subscriber = context.subscriber(connect=publisher.endpoints[0].address, tags=[""], options=options)
        await publisher.wait_for_subscribers(timeout=20)
        for number in range(100):
            publisher.publish(b"%d" % number)
        assert (await subscriber.receive()).message == b"0"


@pytest.mark.any_loop
async def test_made_before_its_loop(loop: Harness, addresses: Addresses) -> None:
    """A publisher with presence may be made where no loop runs: it begins with the first call that is made there."""
    made: list[zmqbridge.Publisher] = []
    async with loop.context() as context:
        thread = threading.Thread(
            target=lambda: made.append(context.publisher(bind=addresses.new("tcp"), presence=True))
        )
        thread.start()
        thread.join()
        (publisher,) = made
        subscriber = context.subscriber(connect=publisher.endpoints[0].address, tags=["a"])
        assert await publisher.wait_for_subscribers(timeout=20) == 1
        publisher.publish(b"x", "a")
        assert await subscriber.receive() == (b"a", b"x")


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_bad_arguments(loop: Harness, addresses: Addresses) -> None:
    """Without presence it is said how to have it; the reserved tags, and counts that are none, are errors."""
    async with loop.context() as context:
        publisher = context.publisher(bind=addresses.new("tcp"))
        for ask in (lambda: publisher.subscriptions, publisher.subscription_changes):
            with pytest.raises(zmqbridge.LocalProtocolError, match="presence=True"):
                ask()
        with pytest.raises(zmqbridge.LocalProtocolError, match="presence=True"):
            await publisher.wait_for_subscribers()
        with pytest.raises(zmqbridge.LocalProtocolError, match="this library's own"):
            publisher.publish(b"x", "~zmqbridge.echo.x")
        subscriber = context.subscriber()
        with pytest.raises(zmqbridge.LocalProtocolError, match="this library's own"):
            subscriber.subscribe("~zmqbridge.x")
        subscriber.subscribe("~zmqbridge")
        present = context.publisher(bind=addresses.new("tcp"), presence=True)
        for count in (0, -1, True, "1"):
            with pytest.raises(ValueError, match="is no number of"):
                await present.wait_for_subscribers(count)  # type: ignore[arg-type]
            with pytest.raises(ValueError, match="is no number of"):
                await subscriber.wait_subscribed(count)  # type: ignore[arg-type]
        with pytest.raises(zmqbridge.LocalProtocolError, match="ends a tag"):
            await present.wait_for_subscribers(tag="a\0")
        with pytest.raises(ValueError, match="no time to wait"):
            await present.wait_for_subscribers(timeout=-1)
        with pytest.raises(ValueError, match="no time to wait"):
            await subscriber.wait_subscribed(timeout=-1)
