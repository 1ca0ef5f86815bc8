"""Our requester and replier with plain REP, REQ, ROUTER and DEALER sockets in another process."""

from __future__ import annotations

import pytest

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.interop.processes import TCP, Job, Peer

pytestmark = pytest.mark.any_loop

PARTS = [[b"hello"], [b""], [b"several", b"parts"], [b"", b"between", b""]]


@pytest.mark.one_task
async def test_plain_rep(loop: Harness, plain: Peer) -> None:
    """A plain REP socket sees the parts alone, and its reply's frames are what the request returns."""
    async with loop.context() as context:
        with plain.open(loop, "REP") as rep:
            requester = context.requester(connect=await rep.address())
            rep.do("echo", b"you said")
            for parts in PARTS:
                assert await requester.request(parts) == [b"you said", *parts]
            assert [await rep.receive() for _ in PARTS] == PARTS
            assert requester.stats.received == len(PARTS)


async def test_plain_rep_with_many_requests_at_once(loop: Harness, plain: Peer) -> None:
    """Requests of many tasks reach plain REP sockets in turn, and each task has its own reply."""
    async with loop.context() as context:
        with plain.open(loop, "REP") as one, plain.open(loop, "REP") as other:
            requester = context.requester(connect=[await one.address(), await other.address()])
            one.do("echo", b"one")
            other.do("echo", b"other")
            tasks = [loop.spawn(requester.request, [b"%d" % number, b""]) for number in range(60)]
            replies = [await task.result() for task in tasks]
            assert [reply[1:] for reply in replies] == [[b"%d" % number, b""] for number in range(60)]
            assert {reply[0] for reply in replies} <= {b"one", b"other"}
            assert requester.stats.unmatched_replies == 0


async def test_frames_at_a_plain_router(loop: Harness, plain: Peer) -> None:
    """A plain ROUTER socket sees the peer, an id of 16 bytes never seen before, the delimiter and the parts."""
    async with loop.context() as context:
        with plain.open(loop, "ROUTER") as router:
            requester = context.requester(
                connect=await router.address(), options=zmqbridge.SocketOptions(identity=b"the requester")
            )
            router.do("listen")
            tasks = [loop.spawn(requester.request, parts) for parts in PARTS]
            messages = sorted([await router.receive() for _ in PARTS], key=lambda message: PARTS.index(message[3:]))
            ids = [message[1] for message in messages]
            assert messages == [[b"the requester", id, b"", *parts] for id, parts in zip(ids, PARTS, strict=True)]
            assert all(len(id) == 16 and id[6] >> 4 == 4 and id[8] >> 6 == 2 for id in ids)
            assert len(set(ids)) == len(ids)
            for task in tasks:
                task.cancel()


class Asked:
    """Three requests that wait for the replies of a plain ROUTER socket."""

    def __init__(self, loop: Harness, requester: zmqbridge.Requester, router: Job) -> None:
        self.router = router
        self.tasks = [loop.spawn(requester.request, b"%d" % number) for number in range(3)]

    async def envelopes(self) -> list[list[bytes]]:
        """Return what each reply has to begin with."""
        for _ in self.tasks:
            self.router.do("receive")
        requests = [await self.router.receive() for _ in self.tasks]
        return [request[:3] for request in sorted(requests, key=lambda request: request[3])]


async def test_replies_out_of_order(loop: Harness, plain: Peer) -> None:
    """Replies of a plain ROUTER socket find their requests in whatever order they come."""
    async with loop.context() as context:
        with plain.open(loop, "ROUTER") as router:
            asked = Asked(loop, context.requester(connect=await router.address()), router)
            envelopes = await asked.envelopes()
            for number in (2, 0, 1):
                router.do("send", *envelopes[number], b"reply", b"%d" % number)
            for number, task in enumerate(asked.tasks):
                assert await task.result() == [b"reply", b"%d" % number]


async def test_replies_that_nobody_waits_for(loop: Harness, plain: Peer) -> None:
    """Repeated and forged replies are dropped and counted, malformed ones too, and the good ones arrive."""
    async with loop.context() as context:
        with plain.open(loop, "ROUTER") as router:
            requester = context.requester(connect=await router.address())
            asked = Asked(loop, requester, router)
            envelopes = await asked.envelopes()
            peer, id, _ = envelopes[1]
            router.do("send", *envelopes[1], b"one")
            router.do("send", *envelopes[1], b"one again")
            router.do("send", peer, bytes(16), b"", b"forged")
            router.do("send", peer, b"", b"", b"with an empty id")
            router.do("send", peer, id[:15], b"", b"cut")
            router.do("send", peer, b"one frame")
            router.do("send", peer, envelopes[0][1], b"no delimiter", b"zero")
            router.do("send", *envelopes[2], b"two")
            router.do("send", *envelopes[1], b"one for the third time")
            router.do("send", *envelopes[0])
            assert [await task.result() for task in asked.tasks] == [[], [b"one"], [b"two"]]
            stats = requester.stats
            assert (stats.unmatched_replies, stats.malformed, stats.received) == (5, 2, 3)


@pytest.mark.one_task
async def test_a_late_reply(loop: Harness, plain: Peer) -> None:
    """A plain ROUTER socket's reply to a request that timed out is dropped, and the next request has its own."""
    async with loop.context() as context:
        with plain.open(loop, "ROUTER") as router:
            requester = context.requester(connect=await router.address())
            router.do("receive")
            # The request may have to wait for its connection: one that timed out before that is never sent.
            while not router.messages:
                with pytest.raises(zmqbridge.RequestTimeout):
                    await requester.request(b"early", timeout=0.05)
            late = (await router.receive())[:3]
            router.do("send", *late, b"late")
            router.do("echo")
            assert await requester.request(b"now") == [b"now"]
            assert requester.stats.unmatched_replies >= 1


@pytest.mark.one_task
async def test_plain_reqs_at_once(loop: Harness, plain: Peer) -> None:
    """Several plain REQ sockets at once are each answered with their own replies; their peer is the id."""
    async with loop.context() as context:
        replier = context.replier(bind=TCP)
        address = replier.endpoints[0].address
        with (
            plain.open(loop, "REQ", connect=address, ROUTING_ID=b"a") as a,
            plain.open(loop, "REQ", connect=address, ROUTING_ID=b"b") as b,
            plain.open(loop, "REQ", connect=address, ROUTING_ID=b"c") as c,
        ):
            questions = {b"a": a, b"b": b, b"c": c}
            for name, req in questions.items():
                req.do("ask", *[name + b"%d" % number for number in range(20)])
            for _ in range(60):
                request = await replier.receive()
                assert request.peer == request.id == request.parts[0][:1]
                await request.reply([b"re:", *request.parts])
            for name, req in questions.items():
                await req.until(lambda req=req: len(req.messages) == 20)  # type: ignore[misc]
                assert req.messages == [[b"re:", name + b"%d" % number] for number in range(20)]


@pytest.mark.one_task
async def test_plain_reqs_answered_in_reverse(loop: Harness, plain: Peer) -> None:
    """Requests of plain REQ sockets that wait together may be answered in any order."""
    async with loop.context() as context:
        replier = context.replier(bind=TCP)
        address = replier.endpoints[0].address
        with plain.open(loop, "REQ", connect=address) as one, plain.open(loop, "REQ", connect=address) as other:
            one.do("ask", b"one")
            first = await replier.receive()
            other.do("ask", b"other")
            second = await replier.receive()
            await second.reply(second.parts)
            assert await other.receive() == [b"other"]
            assert not one.messages
            await first.reply([b"", *first.parts])
            assert await one.receive() == [b"", b"one"]


@pytest.mark.one_task
@pytest.mark.parametrize(
    "envelope",
    [[b""], [b"7", b""], [b"\0" * 16, b""], [b"hop", b"another", b"id", b""]],
    ids=["none", "short id", "zero id", "route"],
)
async def test_a_plain_dealer_with_its_own_envelope(loop: Harness, plain: Peer, envelope: list[bytes]) -> None:
    """A plain DEALER socket has back whatever envelope it put before the delimiter, and then the reply."""
    async with loop.context() as context:
        replier = context.replier(bind=TCP)
        with plain.open(loop, "DEALER", connect=replier.endpoints[0].address, ROUTING_ID=b"dealer") as dealer:
            dealer.do("send", *envelope, b"part", b"", b"")
            dealer.do("receive")
            request = await replier.receive()
            assert request.peer == b"dealer"
            assert request.id == [b"dealer", *envelope][-2]
            assert request.parts == [b"part", b"", b""]
            await request.reply([b"reply", b"", b"."])
            assert await dealer.receive() == [*envelope, b"reply", b"", b"."]


@pytest.mark.one_task
async def test_requests_that_are_none(loop: Harness, plain: Peer) -> None:
    """Messages of a plain DEALER socket with no delimiter are dropped and counted, and the next request arrives."""
    async with loop.context() as context:
        replier = context.replier(bind=TCP)
        with plain.open(loop, "DEALER", connect=replier.endpoints[0].address) as dealer:
            dealer.do("send", b"no delimiter")
            dealer.do("send", b"none", b"here", b"either")
            dealer.do("send", b"id", b"", b"good")
            assert (await replier.receive()).parts == [b"good"]
            assert replier.stats.malformed == 2


@pytest.mark.one_task
async def test_two_plain_dealers_with_the_same_id(loop: Harness, plain: Peer) -> None:
    """Two plain DEALER sockets that choose the same id each have the reply to their own request."""
    async with loop.context() as context:
        replier = context.replier(bind=TCP)
        address = replier.endpoints[0].address
        with plain.open(loop, "DEALER", connect=address) as one, plain.open(loop, "DEALER", connect=address) as other:
            for dealer, name in ((one, b"one"), (other, b"other")):
                dealer.do("send", b"the id", b"", name)
                dealer.do("receive")
            for request in [await replier.receive(), await replier.receive()]:
                await request.reply([b"re:", *request.parts])
            assert await one.receive() == [b"the id", b"", b"re:", b"one"]
            assert await other.receive() == [b"the id", b"", b"re:", b"other"]
