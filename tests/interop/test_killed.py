"""A peer that is killed while our end goes on, and comes back at the same address."""

from __future__ import annotations

import pytest

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from tests.interop.joining import join
from tests.interop.lasting import lasting_address
from tests.interop.processes import TCP, Spares

QUICK = zmqbridge.SocketOptions(reconnect_interval=0.01)

TRANSPORTS = pytest.mark.parametrize("transport", ["tcp", "ipc"])


@TRANSPORTS
async def test_requester_goes_on(loop: Harness, addresses: Addresses, spares: Spares, transport: str) -> None:
    """While its server is killed and comes back every request has its reply or times out, and then all are answered."""
    answers: list[bytes] = []
    timeouts: list[bytes] = []
    over = False
    async with loop.context() as context:
        with lasting_address(addresses, transport) as address, spares.two() as (victim, heir):
            requester = context.requester(connect=address, options=QUICK)

            async def ask(name: bytes) -> None:
                number = 0
                while not over:
                    question = [name, b"%d" % number]
                    try:
                        server, *parts = await requester.request(question, timeout=0.1)
                    except zmqbridge.RequestTimeout:
                        timeouts.append(name)
                    else:
                        assert parts == question
                        answers.append(server)
                    await loop.sleep(0.001)
                    number += 1

            tasks = [loop.spawn(ask, b"%d" % number) for number in range(3)]
            with victim.open(loop, "REP", bind=address) as rep:
                rep.do("echo", b"victim")
                await rep.until(lambda: len(answers) >= 10)
                victim.kill()
            before = len(timeouts)
            await loop.until(lambda: len(timeouts) >= before + 6)
            with heir.open(loop, "REP", bind=address) as rep:
                rep.do("echo", b"heir")
                await rep.until(lambda: answers.count(b"heir") >= 10)
                over = True
                for task in tasks:
                    await task.result()
                for number in range(20):
                    assert await requester.request(b"%d" % number) == [b"heir", b"%d" % number]
            assert set(answers) == {b"victim", b"heir"}


@pytest.mark.one_task
@TRANSPORTS
async def test_one_request_at_a_time(loop: Harness, addresses: Addresses, spares: Spares, transport: str) -> None:
    """With nobody at the address a request times out, and was never sent: the server that comes back never sees it."""
    async with loop.context() as context:
        with lasting_address(addresses, transport) as address, spares.two() as (victim, heir):
            requester = context.requester(connect=address, options=QUICK)
            with victim.open(loop, "REP", bind=address) as rep:
                rep.do("echo")
                assert await requester.request(b"first") == [b"first"]
                victim.kill()
            # One may still be sent while the end of the connection is on its way to the requester.
            for name in (b"perhaps sent", b"unsent", b"unsent too"):
                with pytest.raises(zmqbridge.RequestTimeout):
                    await requester.request(name, timeout=0.05)
            with heir.open(loop, "REP", bind=address) as rep:
                rep.do("echo")
                assert await requester.request(b"second") == [b"second"]
                assert await rep.receive() == [b"second"]


@pytest.mark.one_task
@TRANSPORTS
async def test_subscriber_goes_on(loop: Harness, addresses: Addresses, spares: Spares, transport: str) -> None:
    """A publisher that comes back after it was killed learns the subscriptions anew."""
    async with loop.context() as context:
        with lasting_address(addresses, transport) as address, spares.two() as (victim, heir):
            subscriber = context.subscriber(connect=address, tags=["weather."], options=QUICK)
            for peer in (victim, heir):
                with peer.open(loop, "PUB", bind=address) as pub:
                    await pub.address()
                    await join(loop, subscriber, lambda message, pub=pub: pub.do("send", b"weather.\0" + message))  # type: ignore[misc]
                    pub.do("send", b"sports\x002:1")
                    pub.do("send", b"weather.london\x0012 C")
                    assert await subscriber.receive() == (b"weather.london", b"12 C")
                    if peer is victim:
                        victim.kill()


@pytest.mark.one_task
async def test_replies_to_the_killed(loop: Harness, spares: Spares) -> None:
    """Replies to a client that was killed are dropped and counted, and the next client is answered."""
    async with loop.context() as context:
        replier = context.replier(bind=TCP)
        address = replier.endpoints[0].address
        with spares.two() as (victim, heir):
            with victim.open(loop, "DEALER", connect=address) as dealer:
                for number in range(500):
                    dealer.do("send", b"%d" % number, b"", b"question")
                requests = [await replier.receive() for _ in range(500)]
                victim.kill()
            for request in requests:
                await request.reply(b"answer")
                if replier.stats.dropped_replies:
                    break
                await loop.sleep(0.005)
            assert replier.stats.dropped_replies == 1
            with heir.open(loop, "REQ", connect=address) as req:
                req.do("ask", b"question")
                await (await replier.receive()).reply(b"answer")
                assert await req.receive() == [b"answer"]


async def test_pair_goes_on(loop: Harness, addresses: Addresses, spares: Spares) -> None:
    """A pair whose receive is parked when a plain PAIR socket is killed has the message of the next."""
    async with loop.context() as context:
        with lasting_address(addresses, "tcp") as address, spares.two() as (victim, heir):
            pair = context.pair(connect=address, options=QUICK)
            with victim.open(loop, "PAIR", bind=address) as peer:
                peer.do("send", b"from the victim")
                assert await pair.receive() == [b"from the victim"]
                receiving = loop.spawn(pair.receive)
                await loop.parked(pair)
                victim.kill()
            with heir.open(loop, "PAIR", bind=address) as peer:
                peer.do("send", b"from the heir")
                assert await receiving.result() == [b"from the heir"]
                await pair.send(b"to the heir")
                peer.do("receive")
                assert await peer.receive() == [b"to the heir"]
