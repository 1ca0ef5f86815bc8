"""A peer that is killed in the middle of traffic: what was parked goes on, and what is lost is one run, and bounded."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from tests.interop.joining import join_peer
from tests.interop.lasting import lasting_address
from tests.interop.peers.control import where_bound
from tests.interop.processes import TCP, Job, Peer, Spares

# Larger than all that the system and the two ends hold of a connection's bytes, with small buffers.
BLOCK = b"x" * 50_000
SMALL_BUFFER = 4096

QUICK = zmqbridge.SocketOptions(reconnect_interval=0.01)
SMALL = zmqbridge.SocketOptions(reconnect_interval=0.01, send_high_water_mark=1, receive_high_water_mark=1)

# For what is answered as soon as the other end can.
SECONDS = 20.0

# One at each of the two high-water marks, and one on its way into, through and out of the transport.
LOST = 5


def numbers(messages: list[list[bytes]]) -> list[int]:
    """Return the numbers of messages, each of which is whole."""
    assert all(frames[-1:] == [BLOCK] for frames in messages)
    return [int(frames[-2]) for frames in messages]


def without_gaps(found: list[int]) -> bool:
    return found == list(range(found[0], found[0] + len(found)))


async def test_pusher_goes_on(loop: Harness, addresses: Addresses, spares: Spares) -> None:
    """A send parked when a plain PULL socket is killed goes to the next, and only what was on its way is lost."""
    async with loop.context(linger=0) as context:
        with lasting_address(addresses, "tcp") as address, spares.two() as (victim, heir):
            pusher = context.pusher(options=SMALL)
            pusher.setsockopt(zmq.SNDBUF, SMALL_BUFFER)
            pusher.connect(address)
            count = 0

            async def fill() -> None:
                nonlocal count
                while True:
                    await pusher.send([b"%d" % count, BLOCK])
                    count += 1

            loop.spawn(fill)
            with victim.open(loop, "PULL", bind=address, RCVHWM=1, RCVBUF=SMALL_BUFFER) as pull:
                pull.do("listen")
                await pull.until(lambda: len(pull.messages) >= 10 and pusher.stats.parked)
                parked = count
                victim.kill()
                before = numbers(pull.messages)
            with heir.open(loop, "PULL", bind=address, RCVHWM=1, RCVBUF=SMALL_BUFFER) as pull:
                pull.do("listen")
                await pull.until(lambda: len(pull.messages) >= 10)
                after = numbers(pull.messages[:10])
            assert count > parked
            assert before == list(range(len(before)))
            assert without_gaps(after)
            assert 0 <= after[0] - len(before) <= LOST


@pytest.mark.parametrize("binder", ["ours", "theirs"])
async def test_puller_goes_on(loop: Harness, addresses: Addresses, spares: Spares, binder: str) -> None:
    """A puller has whole messages, in order, until a plain PUSH socket is killed, and its parked receive the next's."""
    async with loop.context() as context:
        with lasting_address(addresses, "tcp") as address, spares.two() as (victim, heir):
            puller = context.puller(options=SMALL)
            puller.setsockopt(zmq.RCVBUF, SMALL_BUFFER)
            received: list[list[bytes]] = []

            async def collect() -> None:
                async for frames in puller:
                    received.append(frames)

            def open_at(peer: Peer) -> AbstractContextManager[Job]:
                bind, connect = (None, address) if binder == "ours" else (address, None)
                return peer.open(loop, "PUSH", bind=bind, connect=connect, SNDHWM=1, SNDBUF=SMALL_BUFFER)

            loop.spawn(collect)
            if binder == "ours":
                puller.bind(address)
            else:
                puller.connect(address)
            with open_at(victim) as push:
                push.do("flood", b"victim", b"", BLOCK)
                await push.until(lambda: len(received) >= 10)
                victim.kill()
            await loop.parked(puller)
            with open_at(heir) as push:
                push.do("flood", b"heir", b"", BLOCK)
                await push.until(lambda: len(received) >= 10 and received[-10][1] == b"heir")
            seen = list(received)
            before = sum(frames[1] == b"victim" for frames in seen)
            expected = [
                [b"%d" % number, name, b"", BLOCK]
                for name, count in ((b"victim", before), (b"heir", len(seen) - before))
                for number in range(count)
            ]
            assert seen == expected


async def test_send_to_a_killed_dealer(loop: Harness, addresses: Addresses, spares: Spares) -> None:
    """A router's send parked on a stopped plain DEALER socket fails when that is killed, and holds up no other peer."""
    async with loop.context(linger=0) as context:
        with spares.two() as (victim, heir):
            router = context.router(options=SMALL)
            router.setsockopt(zmq.SNDBUF, SMALL_BUFFER)
            address = router.bind(TCP).address
            with (
                victim.open(
                    loop, "DEALER", connect=address, ROUTING_ID=b"same", RCVHWM=1, RCVBUF=SMALL_BUFFER
                ) as dealer,
                heir.open(loop, "DEALER", connect=address, ROUTING_ID=b"other") as other,
            ):
                dealer.do("send", b"hello")
                assert await router.receive() == (b"same", [b"hello"])
                other.do("send", b"hello")
                assert await router.receive() == (b"other", [b"hello"])
                other.do("listen")
                victim.process.send_signal(signal.SIGSTOP)

                async def fill() -> None:
                    while True:
                        await router.send(b"same", BLOCK)

                filling = loop.spawn(fill)
                await loop.parked(router)
                for number in range(20):
                    await router.send(b"other", b"%d" % number)
                    assert await other.receive() == [b"%d" % number]
                await loop.parked(router)
                assert not filling.done
                victim.kill()
                with pytest.raises(zmqbridge.PeerUnreachable):
                    await filling.result()
                await router.send(b"other", b"last")
                assert await other.receive() == [b"last"]
            with heir.open(loop, "DEALER", connect=address, ROUTING_ID=b"same") as dealer:
                dealer.do("send", b"back")
                assert await router.receive() == (b"same", [b"back"])
                await router.send(b"same", b"welcome")
                dealer.do("listen")
                assert await dealer.receive() == [b"welcome"]


async def test_dealer_goes_on(loop: Harness, addresses: Addresses, spares: Spares) -> None:
    """A dealer's send and receive, both parked when a plain ROUTER socket is killed, go on with the next."""
    async with loop.context(linger=0) as context:
        with lasting_address(addresses, "tcp") as address, spares.two() as (victim, heir):
            dealer = context.dealer(options=SMALL)
            dealer.setsockopt(zmq.SNDBUF, SMALL_BUFFER)
            dealer.setsockopt(zmq.RCVBUF, SMALL_BUFFER)
            dealer.connect(address)
            count = 0
            received: list[list[bytes]] = []

            async def fill() -> None:
                nonlocal count
                while True:
                    await dealer.send([b"%d" % count, BLOCK])
                    count += 1

            async def collect() -> None:
                async for frames in dealer:
                    received.append(frames)

            loop.spawn(fill)
            loop.spawn(collect)

            def open_at(peer: Peer) -> AbstractContextManager[Job]:
                # A ROUTER that is not mandatory drops what it has no room for.
                return peer.open(
                    loop,
                    "ROUTER",
                    bind=address,
                    ROUTER_MANDATORY=1,
                    SNDHWM=1,
                    SNDBUF=SMALL_BUFFER,
                    RCVHWM=1,
                    RCVBUF=SMALL_BUFFER,
                )

            with open_at(victim) as router:
                for _ in range(10):
                    router.do("answer")
                await router.until(lambda: len(received) == 10 and dealer.stats.parked == 2)
                parked = count
                victim.kill()
            with open_at(heir) as router:
                router.do("echo")
                await router.until(lambda: len(received) >= 20)
            echoed = numbers(received[:20])
            assert count > parked
            assert echoed[:10] == list(range(10))
            assert without_gaps(echoed[10:])
            assert 0 <= echoed[10] - echoed[9] - 1 <= LOST


@pytest.mark.one_task
async def test_publisher_goes_on(loop: Harness, spares: Spares) -> None:
    """While one plain SUB socket is killed another gets every publication in order, and a new one is joined."""
    async with loop.context(linger=0) as context:
        publisher = context.publisher(bind=TCP)
        address = publisher.endpoints[0].address
        with (
            spares.two() as (victim, heir),
            heir.open(loop, "SUB", connect=address, SUBSCRIBE=b"t") as other,
        ):
            other.do("listen")
            await join_peer(other, lambda message: publisher.publish(message, b"t"))
            with victim.open(loop, "SUB", connect=address, SUBSCRIBE=b"t") as sub:
                sub.do("listen")
                await join_peer(sub, lambda message: publisher.publish(message, b"t"))
                first_of_sub = len(sub.messages)
                for number in range(100):
                    publisher.publish(b"%d" % number, b"t")
                await sub.until(lambda: len(sub.messages) > first_of_sub)
                victim.kill()
                heard = sub.messages[first_of_sub:]
            for number in range(100, 300):
                publisher.publish(b"%d" % number, b"t")
                await loop.turn()
            published = [[b"t\0%d" % number] for number in range(300)]
            await other.until(lambda: other.messages[-1:] == published[-1:])
            assert other.messages[-300:] == published
            assert heard == published[: len(heard)]
            with heir.open(loop, "SUB", connect=address, SUBSCRIBE=b"t") as sub:
                sub.do("listen")
                await join_peer(sub, lambda message: publisher.publish(message, b"t"))
                publisher.publish(b"after", b"t")
                assert await sub.receive() == [b"t\0after"]


async def test_requests_outstanding(loop: Harness, addresses: Addresses, spares: Spares) -> None:
    """Requests outstanding when their server is killed time out, later ones are answered, and the stats say so."""
    async with loop.context(linger=0) as context:
        with lasting_address(addresses, "tcp") as address, spares.two() as (victim, heir):
            requester = context.requester(connect=address, options=QUICK)

            async def ask(number: int, timeout: float) -> bytes | None:
                try:
                    server, *parts = await requester.request(b"%d" % number, timeout=timeout)
                except zmqbridge.RequestTimeout:
                    return None
                assert parts == [b"%d" % number]
                return server

            with victim.open(loop, "REP", bind=address) as rep:
                for _ in range(10):
                    rep.do("answer", b"victim")
                first = [loop.spawn(ask, number, SECONDS) for number in range(10)]
                assert [await task.result() for task in first] == [b"victim"] * 10
                outstanding = [loop.spawn(ask, number, 0.1) for number in range(10, 40)]
                await rep.until(lambda: requester.stats.sent == 40)
                victim.kill()
            await loop.until(lambda: not requester.getsockopt(zmq.EVENTS) & zmq.POLLOUT)
            last = [loop.spawn(ask, number, SECONDS) for number in range(40, 60)]
            with heir.open(loop, "REP", bind=address) as rep:
                rep.do("echo", b"heir")
                assert [await task.result() for task in last] == [b"heir"] * 20
                assert [await task.result() for task in outstanding] == [None] * 30
                stats = requester.stats
                await rep.until(lambda: len(rep.messages) >= 20)
                asked = [frames[0] for frames in rep.messages]
            assert (stats.sent, stats.received, stats.unmatched_replies, stats.parked) == (60, 30, 0, 0)
            assert sorted(asked) == [b"%d" % number for number in range(40, 60)]


@pytest.mark.one_task
async def test_replies_to_the_killed_and_to_others(loop: Harness, spares: Spares) -> None:
    """Once a client is known to be killed every reply to it counts as dropped, and all of another's are delivered."""
    count = 50
    async with loop.context(linger=0) as context:
        replier = context.replier(bind=TCP)
        address = replier.endpoints[0].address
        with (
            spares.two() as (victim, heir),
            victim.open(loop, "DEALER", connect=address, ROUTING_ID=b"victim") as dealer,
            heir.open(loop, "DEALER", connect=address, ROUTING_ID=b"other") as other,
        ):
            for number in range(count):
                dealer.do("send", b"%d" % number, b"", b"question")
                other.do("send", b"%d" % number, b"", b"question")
            requests = [await replier.receive() for _ in range(2 * count)]
            victim.kill()
            other.do("listen")
            # A frame to somebody is taken until libzmq knows of the end.
            router = replier._link.socket.raw

            def gone() -> bool:
                try:
                    router.send_multipart([b"victim", b"still there?"], zmq.DONTWAIT)
                except zmq.ZMQError as error:
                    return error.errno == zmq.EHOSTUNREACH
                return False

            await loop.until(gone)
            for request in requests:
                await request.reply([request.peer, b"answer"])
            stats = replier.stats
            assert (stats.dropped_replies, stats.sent) == (count, count)
            replies = [await other.receive() for _ in range(count)]
            assert replies == [[b"%d" % number, b"", b"other", b"answer"] for number in range(count)]


# One of each backend: to start two programs takes longest here.
@pytest.mark.parametrize("name", ["asyncio", "trio", "twisted"])
def test_ours_killed(addresses: Addresses, name: str) -> None:
    """Plain DEALER and PUSH sockets go on with a replier and a puller of ours that are killed and come back."""
    pushed = asked = 0
    pulled: list[int] = []
    answered: list[int] = []
    with (
        zmq.Context() as context,
        context.socket(zmq.PULL) as pull,
        context.socket(zmq.PUSH) as push,
        context.socket(zmq.DEALER) as dealer,
        lasting_address(addresses, "tcp") as replier,
        lasting_address(addresses, "tcp") as puller,
    ):
        pull.bind(TCP)
        destination = where_bound(pull).encode()
        for socket, address in ((push, puller), (dealer, replier)):
            socket.set(zmq.LINGER, 0)
            socket.set(zmq.RECONNECT_IVL, 10)
            socket.set(zmq.SNDHWM, 1)
            socket.connect(address)
        poller = zmq.Poller()
        poller.register(pull, zmq.POLLIN)
        poller.register(dealer, zmq.POLLIN)

        def talk_until(condition: Callable[[], bool]) -> None:
            nonlocal pushed, asked
            deadline = time.monotonic() + SECONDS
            while not condition():
                assert time.monotonic() < deadline
                with suppress(zmq.Again):
                    push.send_multipart([destination, b"", b"%d" % pushed], zmq.DONTWAIT)
                    pushed += 1
                with suppress(zmq.Again):
                    dealer.send_multipart([b"%d" % asked, b"", b"echo", b"%d" % asked], zmq.DONTWAIT)
                    asked += 1
                ready = dict(poller.poll(2))
                if pull in ready:
                    (number,) = pull.recv_multipart()
                    pulled.append(int(number))
                if dealer in ready:
                    question, _, answer = dealer.recv_multipart()
                    assert answer == question
                    answered.append(int(answer))

        with Peer("on_loop", name, replier, TCP, puller) as victim:
            victim.itself.wait_for_addresses()
            talk_until(lambda: len(pulled) >= 20 and len(answered) >= 20)
            victim.kill()
        with Peer("on_loop", name, replier, TCP, puller) as heir:
            heir.itself.wait_for_addresses()
            next_pushed, next_asked = pushed, asked
            talk_until(lambda: max(pulled) >= next_pushed and max(answered) >= next_asked)
        assert len(set(pulled)) == len(pulled)
        assert len(set(answered)) == len(answered)
