"""Our router, dealer, pair and raw connections with plain sockets in another process."""

from __future__ import annotations

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.interop.processes import TCP, Peer

pytestmark = pytest.mark.any_loop


@pytest.mark.one_task
async def test_router_with_plain_dealers(loop: Harness, plain: Peer) -> None:
    """A router knows plain DEALER sockets by their identities and sends to the one that is named."""
    async with loop.context() as context:
        router = context.router(bind=TCP)
        address = router.endpoints[0].address
        with (
            plain.open(loop, "DEALER", connect=address, ROUTING_ID=b"alice") as alice,
            plain.open(loop, "DEALER", connect=address, ROUTING_ID=b"bob") as bob,
        ):
            alice.do("send", b"", b"from alice")
            assert await router.receive() == (b"alice", [b"", b"from alice"])
            bob.do("send", b"from bob")
            assert await router.receive() == (b"bob", [b"from bob"])
            for dealer in (alice, bob):
                dealer.do("listen")
            await router.send(b"bob", b"to bob")
            await router.send(b"alice", [b"to", b"", b"alice"])
            assert await bob.receive() == [b"to bob"]
            assert await alice.receive() == [b"to", b"", b"alice"]
            with pytest.raises(zmqbridge.PeerUnreachable):
                await router.send(b"carol", b"to nobody")


@pytest.mark.one_task
async def test_router_learns_that_a_plain_dealer_is_gone(loop: Harness, plain: Peer) -> None:
    """Sending to a plain DEALER socket that was closed is an error as soon as the router knows of it."""
    async with loop.context() as context:
        router = context.router(bind=TCP)
        with plain.open(loop, "DEALER", connect=router.endpoints[0].address, ROUTING_ID=b"alice") as alice:
            alice.do("send", b"hello")
            peer, _ = await router.receive()

        def gone() -> bool:
            try:
                router.send_nowait(peer, b"still there?")
            except zmqbridge.PeerUnreachable:
                return True
            return False

        await loop.until(gone)


@pytest.mark.one_task
async def test_dealer_with_plain_router(loop: Harness, plain: Peer) -> None:
    """A plain ROUTER socket sees a dealer's identity and then its frames as they are, and answers by it."""
    async with loop.context() as context:
        with plain.open(loop, "ROUTER") as router:
            dealer = context.dealer(
                connect=await router.address(), options=zmqbridge.SocketOptions(identity=b"the dealer")
            )
            router.do("listen")
            await dealer.send(b"hello")
            await dealer.send([b"", b"two", b""])
            assert await router.receive() == [b"the dealer", b"hello"]
            assert await router.receive() == [b"the dealer", b"", b"two", b""]
            dealer.disconnect(await router.address())
        with plain.open(loop, "ROUTER") as router:
            dealer.connect(await router.address())
            router.do("echo", b"the dealer")
            await dealer.send([b"", b"again"])
            assert await dealer.receive() == [b"the dealer", b"", b"again"]


@pytest.mark.one_task
async def test_dealer_with_plain_rep(loop: Harness, plain: Peer) -> None:
    """A dealer that writes the empty delimiter itself is answered by a plain REP socket, request by request."""
    async with loop.context() as context:
        with plain.open(loop, "REP") as rep:
            dealer = context.dealer(connect=await rep.address())
            rep.do("echo", b"you said")
            await dealer.send_many([[b"", b"%d" % number] for number in range(10)])
            replies = [await dealer.receive() for _ in range(10)]
            assert replies == [[b"", b"you said", b"%d" % number] for number in range(10)]


@pytest.mark.one_task
async def test_pair(loop: Harness, plain: Peer) -> None:
    """A pair and a plain PAIR socket send each other whole messages, in order, both ways."""
    async with loop.context() as context:
        pair = context.pair(bind=TCP)
        with plain.open(loop, "PAIR", connect=pair.endpoints[0].address) as theirs:
            theirs.do("send", b"first")
            theirs.do("send", b"second", b"", b"")
            assert await pair.receive() == [b"first"]
            assert await pair.receive() == [b"second", b"", b""]
            theirs.do("listen")
            await pair.send(b"third")
            await pair.send([b"", b"fourth"])
            assert await theirs.receive() == [b"third"]
            assert await theirs.receive() == [b"", b"fourth"]


@pytest.mark.one_task
async def test_raw_req_with_plain_rep(loop: Harness, plain: Peer) -> None:
    """A raw REQ connection takes its turns with a plain REP socket."""
    async with loop.context() as context:
        with plain.open(loop, "REP") as rep:
            req = context.connection(zmq.REQ, connect=await rep.address())
            rep.do("echo")
            for number in range(10):
                await req.send([b"%d" % number, b""])
                assert await req.receive() == [b"%d" % number, b""]


@pytest.mark.one_task
async def test_raw_rep_with_plain_req(loop: Harness, plain: Peer) -> None:
    """A raw REP connection takes its turns with a plain REQ socket."""
    async with loop.context() as context:
        rep = context.connection(zmq.REP, bind=TCP)
        with plain.open(loop, "REQ", connect=rep.endpoints[0].address) as req:
            req.do("ask", *[b"%d" % number for number in range(10)])
            for number in range(10):
                assert await rep.receive() == [b"%d" % number]
                await rep.send([b"answer", b"%d" % number])
                assert await req.receive() == [b"answer", b"%d" % number]
