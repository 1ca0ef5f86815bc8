"""Request and reply: any number at once, each with its own reply or a clear end."""

from __future__ import annotations

import select
from contextlib import suppress

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness, TaskCancelled
from tests.conftest import Addresses

TRANSPORTS = ("tcp", "ipc", "inproc")


async def echo(replier: zmqbridge.Replier) -> None:
    """Answer every request with its own parts."""
    async for request in replier:
        await request.reply(request.parts)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("binder", ["requester", "replier"])
async def test_answered(loop: Harness, addresses: Addresses, transport: str, binder: str) -> None:
    """Whichever end binds, a request of any number of frames gets its reply."""
    async with loop.context() as context:
        if binder == "replier":
            replier = context.replier(bind=addresses.new(transport))
            requester = context.requester(connect=replier.endpoints[0].address)
        else:
            requester = context.requester(bind=addresses.new(transport))
            replier = context.replier(connect=requester.endpoints[0].address)
        loop.spawn(echo, replier)
        assert await requester.request(b"hello", timeout=10) == [b"hello"]
        assert await requester.request([b"", b"a", b"", b"x" * 100_000]) == [b"", b"a", b"", b"x" * 100_000]
        assert await requester.request([b""]) == [b""]


@pytest.mark.one_task
async def test_timeout(loop: Harness, addresses: Addresses) -> None:
    """A request times out; its reply comes late, is dropped and counted."""
    async with loop.context() as context:
        replier = context.replier(bind=addresses.new("tcp"))
        requester = context.requester(connect=replier.endpoints[0].address)
        while not requester.stats.sent:
            # Until libzmq has connected, which takes a while on a busy machine, they time out unsent.
            with pytest.raises(zmqbridge.RequestTimeout, match=r"no reply within 0.05 s from <Requester"):
                await requester.request(b"slow", timeout=0.05)
        request = await replier.receive()
        assert (request.parts, len(request.id), request.replied) == ([b"slow"], 16, False)
        assert request.peer
        await request.reply(b"late")
        assert request.replied
        while not requester.stats.unmatched_replies:
            with pytest.raises(zmqbridge.RequestTimeout):
                await requester.request(b"unanswered", timeout=0.05)
        assert (requester.stats.unmatched_replies, requester.stats.received) == (1, 0)


async def test_a_hundred_at_once(loop: Harness, addresses: Addresses) -> None:
    """A hundred concurrent requests on one connection, answered in another order, each get their own reply."""
    async with loop.context() as context:
        replier = context.replier(bind=addresses.new("tcp"))
        requester = context.requester(connect=replier.endpoints[0].address)

        async def ask(number: int) -> list[bytes]:
            return await requester.request(b"%d" % number, timeout=20)

        asking = [loop.spawn(ask, number) for number in range(100)]
        requests = [await replier.receive() for _ in range(100)]
        for request in requests[1::2] + requests[-2::-2]:
            await request.reply([b"re", *request.parts])
        assert [await task.result() for task in asking] == [[b"re", b"%d" % number] for number in range(100)]
        assert requester.stats.parked == 0


@pytest.mark.looks_at("waiting")
async def test_hammered(loop: Harness, addresses: Addresses) -> None:
    """Many tasks that ask again and again at once are all answered: no wake-up is lost between sends and receives."""
    async with loop.context() as context:
        replier = context.replier(bind=addresses.new("tcp"))
        requester = context.requester(connect=replier.endpoints[0].address)
        loop.spawn(echo, replier)

        async def ask(task: int) -> None:
            for number in range(20):
                expected = b"%d/%d" % (task, number)
                assert await requester.request(expected) == [expected]

        for task in [loop.spawn(ask, number) for number in range(50)]:
            await task.result()
        assert requester.stats.received == replier.stats.received == 1000


@pytest.mark.any_loop
async def test_several_repliers(loop: Harness, addresses: Addresses) -> None:
    """A requester with several peers asks them in turn."""
    async with loop.context() as context:
        repliers = [context.replier(bind=addresses.new("inproc")) for _ in range(3)]
        requester = context.requester(connect=[replier.endpoints[0].address for replier in repliers])

        async def answer(replier: zmqbridge.Replier, name: bytes) -> None:
            async for request in replier:
                await request.reply(name)

        for number, replier in enumerate(repliers):
            loop.spawn(answer, replier, b"%d" % number)
        answers = [(await requester.request(b"who?"))[0] for _ in range(9)]
        assert sorted(answers) == [b"0", b"0", b"0", b"1", b"1", b"1", b"2", b"2", b"2"]


@pytest.mark.one_task
async def test_never_sent_after_its_deadline(loop: Harness, addresses: Addresses) -> None:
    """A server that was down while requests timed out receives none of them when it comes up."""
    address = addresses.new("ipc")
    async with loop.context() as context:
        requester = context.requester(connect=address)
        for _ in range(3):
            with pytest.raises(zmqbridge.RequestTimeout):
                await requester.request(b"dead", timeout=0.03)
        assert requester.stats.sent == 0
        replier = context.replier(bind=address)
        while requester.stats.sent == 0:
            # Until libzmq has reconnected these are dead ones too.
            with pytest.raises(zmqbridge.RequestTimeout):
                await requester.request(b"alive", timeout=0.1)
        assert requester.stats.sent == 1
        request = await replier.receive()
        assert request.parts == [b"alive"]
        with pytest.raises(zmqbridge.WouldBlock):
            replier.receive_nowait()


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("led", [False, True], ids=["", "behind a leader without a deadline"])
@pytest.mark.parametrize(("transport", "count"), [("inproc", 5), ("tcp", 1)])
async def test_loop_blocked_past_the_deadline(
    loop: Harness, addresses: Addresses, transport: str, count: int, led: bool
) -> None:
    """A reply that came in time counts though the loop was blocked until after the deadline, 20 times of 20."""
    seconds = 0.002
    async with loop.context() as context:
        router = context.router(bind=addresses.new(transport))
        requester = context.requester(connect=router.endpoints[0].address)
        clock = requester._context._find_backend().current_time
        descriptor = requester.fileno()  # asked for later, it would have the leader look

        async def ask(number: int) -> list[bytes] | None:
            try:
                return await requester.request(b"%d" % number, timeout=seconds)
            except zmqbridge.RequestTimeout:
                return None

        raced = 0
        while raced < 20:
            # Its reply comes behind the late ones of a round that was over too soon.
            asking = loop.spawn(requester.request, b"nothing is under way")
            router.send_nowait(*await router.receive())
            await asking.result()
            leader = loop.spawn(requester.request, b"leads") if led else None
            held = [await router.receive()] if led else []
            tasks = [loop.spawn(ask, number) for number in range(count)]
            parked = count + len(held)
            await loop.until(lambda: requester.stats.parked == parked or any(task.done for task in tasks))  # noqa: B023
            for _ in range(3):
                await loop.turn()
            in_time = not any(task.done for task in tasks)  # on a busy machine it may be over already
            began = clock()
            answered = 0
            while answered < count:
                with suppress(zmqbridge.WouldBlock):
                    router.send_nowait(*router.receive_nowait())
                    answered += 1
            if in_time:
                assert select.select([descriptor], [], [], 10)[0]
            while clock() < began + seconds:
                """The loop is blocked: that is the subject."""
            replies = [await task.result() for task in tasks]
            if in_time:
                assert replies == [[b"%d" % number] for number in range(count)]
                raced += 1
            for message in held:
                router.send_nowait(*message)
            if leader is not None:
                assert await leader.result() == [b"leads"]


@pytest.mark.looks_at("waiting")
async def test_room_after_the_deadline(loop: Harness, addresses: Addresses) -> None:
    """A request for which room comes only after its deadline is not sent, though the loop was blocked meanwhile."""
    async with loop.context() as context:
        requester = context.requester(bind=addresses.new("inproc"))
        clock = requester._context._find_backend().current_time

        async def ask() -> None:
            with pytest.raises(zmqbridge.RequestTimeout):
                await requester.request(b"dead", timeout=0.05)

        tasks = [loop.spawn(ask) for _ in range(3)]
        # On a busy machine the first of them may be over already.
        await loop.until(lambda: requester.stats.parked == 3 or any(task.done for task in tasks))
        began = clock()
        replier = context.replier(connect=requester.endpoints[0].address)
        while clock() < began + 0.06:
            """The loop is blocked: that is the subject."""
        for task in tasks:
            await task.result()
        assert requester.stats.sent == 0
        with pytest.raises(zmqbridge.WouldBlock):
            replier.receive_nowait()


@pytest.mark.looks_at("waiting", "cancelling")
async def test_cancelled_request(loop: Harness, addresses: Addresses) -> None:
    """A cancelled request's reply is dropped and counted, and the connection goes on."""
    async with loop.context() as context:
        replier = context.replier(bind=addresses.new("tcp"))
        requester = context.requester(connect=replier.endpoints[0].address)
        asking = loop.spawn(requester.request, b"given up")
        request = await replier.receive()
        asking.cancel()
        with pytest.raises(TaskCancelled):
            await asking.result()
        await request.reply(b"too late")
        loop.spawn(echo, replier)
        assert await requester.request(b"next") == [b"next"]
        assert requester.stats.unmatched_replies == 1


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_answered_once(loop: Harness, addresses: Addresses) -> None:
    """A second reply to the same request is the caller's mistake and is not sent."""
    async with loop.context() as context:
        replier = context.replier(bind=addresses.new("tcp"))
        dealer = context.dealer(connect=replier.endpoints[0].address)
        await dealer.send([b"id", b"", b"x"])
        request = await replier.receive()
        await request.reply(b"once")
        with pytest.raises(zmqbridge.LocalProtocolError, match="answered before"):
            await request.reply(b"twice")
        assert await dealer.receive() == [b"id", b"", b"once"]
        assert replier.stats.sent == 1


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_client_gone(loop: Harness, addresses: Addresses) -> None:
    """Replies to a client that is gone are dropped and counted, and the next client is served."""
    async with loop.context(linger=5) as context:
        replier = context.replier(bind=addresses.new("tcp"))
        address = replier.endpoints[0].address
        client = context.dealer(connect=address)
        await client.send_many([b"%d" % number, b"", b"bye"] for number in range(900))
        requests = [await replier.receive() for _ in range(900)]
        client.close()
        dealer = context.dealer(connect=address)
        for request in requests:
            # libzmq forgets a peer some time after it is gone, and takes replies for it until then.
            await request.reply(b"anybody?")
            if replier.stats.dropped_replies:
                break
            await loop.sleep(0.001)
        assert replier.stats.dropped_replies == 1
        await dealer.send([b"1", b"", b"x"])
        await (await replier.receive()).reply(b"y")
        assert await dealer.receive() == [b"1", b"", b"y"]


async def test_deaf_client(loop: Harness, addresses: Addresses) -> None:
    """A client that asks and never reads is waited for once, for the reply timeout; the others are served."""
    options = zmqbridge.SocketOptions(send_high_water_mark=1, receive_high_water_mark=1)
    large = b"x" * 4_000_000
    async with loop.context(linger=0) as context:
        replier = context.replier(bind=addresses.new("tcp"), options=options, reply_timeout=0.05)
        address = replier.endpoints[0].address
        deaf = context.dealer(connect=address, options=options)

        async def serve() -> None:
            async for request in replier:
                await request.reply(large if request.parts == [b"much"] else b"little")

        loop.spawn(serve)

        async def flood() -> None:
            while True:
                await deaf.send([b"id", b"", b"much"])

        flooding = loop.spawn(flood)
        await loop.until(lambda: replier.stats.dropped_replies > 3)
        requester = context.requester(connect=address)
        for _ in range(20):
            assert await requester.request(b"please", timeout=10) == [b"little"]
        flooding.cancel()


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_malformed_requests(loop: Harness, addresses: Addresses) -> None:
    """What is no request is dropped and counted, and the next request arrives."""
    async with loop.context() as context:
        replier = context.replier(bind=addresses.new("tcp"))
        dealer = context.dealer(connect=replier.endpoints[0].address)
        for layout in ([b"no delimiter"], [b"a", b"b", b"c"], [b"x"] * 100):
            await dealer.send(layout)
        await dealer.send([b"", b"good"])
        request = await replier.receive()
        assert (request.parts, request.id) == ([b"good"], request.peer)
        assert replier.stats.malformed == 3
        await request.reply([b"re", b""])
        assert await dealer.receive() == [b"", b"re", b""]


@pytest.mark.any_loop
async def test_malformed_replies(loop: Harness, addresses: Addresses) -> None:
    """Replies without an envelope, forged, for nobody and repeated resolve nothing; the right one does."""
    async with loop.context() as context:
        router = context.router(bind=addresses.new("tcp"))
        requester = context.requester(connect=router.endpoints[0].address)
        asking = loop.spawn(requester.request, b"?")
        peer, (id, delimiter, question) = await router.receive()
        assert (delimiter, question) == (b"", b"?")
        for layout in (
            [b"\0"],
            [b"one"],
            [id],
            [id, b"no delimiter"],
            [b"x" * 16, b"", b"forged"],
            [b"", b"", b"nobody"],
        ):
            await router.send(peer, layout)
        await router.send(peer, [id, b"", b"right"])
        await router.send(peer, [id, b"", b"again"])
        assert await asking.result() == [b"right"]
        asking = loop.spawn(requester.request, b"?")
        peer, (second, _, _) = await router.receive()
        assert second != id
        await router.send(peer, [second, b""])
        assert await asking.result() == []
        assert (requester.stats.malformed, requester.stats.unmatched_replies) == (4, 3)


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_same_id_of_two_clients(loop: Harness, addresses: Addresses) -> None:
    """Two clients that choose the same id get their own replies."""
    async with loop.context() as context:
        replier = context.replier(bind=addresses.new("tcp"))
        clients = [context.dealer(connect=replier.endpoints[0].address) for _ in range(2)]
        for number, client in enumerate(clients):
            await client.send([b"same", b"", b"%d" % number])
        requests = [await replier.receive() for _ in clients]
        for request in reversed(requests):
            await request.reply(request.parts)
        for number, client in enumerate(clients):
            assert await client.receive() == [b"same", b"", b"%d" % number]


@pytest.mark.any_loop
@pytest.mark.one_task
@pytest.mark.parametrize("timeout", [-1, float("nan")])
async def test_bad_timeout(loop: Harness, addresses: Addresses, timeout: float) -> None:
    """A timeout that is no time to wait is refused before anything is sent."""
    async with loop.context() as context:
        requester = context.requester(bind=addresses.new("inproc"))
        with pytest.raises(ValueError, match="timeout="):
            await requester.request(b"x", timeout=timeout)
        assert requester.stats.sent == 0


@pytest.mark.any_loop
async def test_plain_req_and_rep_by_turns(loop: Harness, addresses: Addresses) -> None:
    """Raw REQ and REP sockets talk with each other and with ours, and say when it is not their turn."""
    async with loop.context() as context:
        replier = context.replier(bind=addresses.new("tcp"))
        loop.spawn(echo, replier)
        req = context.connection(zmq.REQ, connect=replier.endpoints[0].address)
        with pytest.raises(zmqbridge.LocalProtocolError, match="by turns"):
            await req.receive()
        for _ in range(3):
            await req.send([b"a", b""])
            assert await req.receive() == [b"a", b""]
        rep = context.connection(zmq.REP, bind=addresses.new("tcp"))
        requester = context.requester(connect=rep.endpoints[0].address)
        for _ in range(3):
            asking = loop.spawn(requester.request, b"q")
            assert await rep.receive() == [b"q"]
            await rep.send(b"a")
            assert await asking.result() == [b"a"]
