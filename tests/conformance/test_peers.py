"""A router that is watched knows which peers are there; a requester learns that nobody is left who could answer."""

from __future__ import annotations

import pytest

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from zmqbridge import SocketOptions


def named(name: bytes) -> SocketOptions:
    """Options of a peer with a routing id of its own."""
    return SocketOptions(identity=name)


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
async def test_a_router(loop: Harness, addresses: Addresses, transport: str) -> None:
    """A peer is there from its first message on until it leaves; each change is told, in order."""
    async with loop.context(watch=True) as context:
        router = context.router(bind=addresses.new(transport))
        address = router.endpoints[0].address

        async def read() -> list[tuple[bytes, bool]]:
            return [(change.peer, change.connected) async for change in router.peer_changes()]

        reading = loop.spawn(read)
        dealers = {name: context.dealer(connect=address, options=named(name)) for name in (b"a", b"b")}
        silent = context.dealer(connect=address)
        await silent.wait_connected(timeout=20)
        for name, dealer in dealers.items():
            await dealer.send([b"large" * 10_000, b"frames"])
            assert (await router.receive()).peer == name
        assert router.peers == {b"a", b"b"}
        assert await router.wait_connected(3, timeout=20) == router.connected == 3
        await router.send(b"a", b"answer")
        assert await dealers[b"a"].receive() == [b"answer"]
        dealers[b"a"].close()
        await loop.until(lambda: router.peers == {b"b"})
        dealers[b"b"].close()
        await loop.until(lambda: not router.peers)
        router.close()
        assert await reading.result() == [(b"a", True), (b"b", True), (b"a", False), (b"b", False)]


async def test_a_replier(loop: Harness, addresses: Addresses) -> None:
    """A replier knows its clients likewise."""
    async with loop.context() as context:
        replier = context.replier(bind=addresses.new("tcp"), options=SocketOptions(watch=True))
        requester = context.requester(connect=replier.endpoints[0].address, options=named(b"client"))
        asking = loop.spawn(requester.request, b"?")
        request = await replier.receive()
        assert replier.peers == {request.peer} == {b"client"}
        await request.reply(b"!")
        assert await asking.result() == [b"!"]
        requester.close()
        await loop.until(lambda: not replier.peers)


@pytest.mark.parametrize("known", [True, False])
async def test_a_message_that_is_read_late(loop: Harness, addresses: Addresses, known: bool) -> None:
    """A message that is read when its peer has gone arrives, and does not bring the peer back."""
    async with loop.context(watch=True) as context:
        router = context.router(bind=addresses.new("tcp"))
        dealer = context.dealer(connect=router.endpoints[0].address, options=named(b"a"))
        await router.wait_connected(timeout=20)
        if known:
            await dealer.send(b"first")
            assert await router.receive() == (b"a", [b"first"])
            assert router.peers == {b"a"}
        await dealer.send(b"last")
        dealer.close()
        await loop.until(lambda: router.connected == 0 and not router.peers)
        assert await router.receive() == (b"a", [b"last"])
        await loop.until(lambda: not router.peers)
        changes, left_out, _ = router._known().changes.read(0)
        assert left_out == 0
        told = [change.connected for change in changes]
        assert told == [True, False] or (told == [] and not known)


async def test_peers_that_come_back(loop: Harness, addresses: Addresses) -> None:
    """A descriptor, or a routing id, that is used again at once is not taken for the one that had it before."""
    async with loop.context(watch=True, linger=0) as context:
        # Else libzmq ignores who comes back before it has let go of the former connection.
        router = context.router(bind=addresses.new("tcp"), options=SocketOptions(router_handover=True))
        address = router.endpoints[0].address
        for turn in range(50):
            name = b"%d" % (turn % 3)
            dealer = context.dealer(connect=address, options=named(name))
            await dealer.send(b"x")
            while (await router.receive()).peer != name:
                pass
            assert name in router.peers
            dealer.close()
            if turn % 3 == 2:
                await loop.until(lambda: not router.peers)
        await loop.until(lambda: router.connected == 0 and not router.peers)
        changes, left_out, _ = router._known().changes.read(0)
        assert left_out == 0
        there: set[bytes] = set()
        for change in changes:
            assert (change.peer in there) is not change.connected
            there ^= {change.peer}
        assert there == set()


async def test_within_the_process(loop: Harness, addresses: Addresses) -> None:
    """Peers within the process, of whom libzmq does not say when they go, are not named; messages flow all the same."""
    async with loop.context(watch=True) as context:
        router = context.router(bind=addresses.new("inproc"))
        dealer = context.dealer(connect=router.endpoints[0].address)
        await dealer.send([b"a", b"b"])
        peer, frames = await router.receive()
        assert frames == [b"a", b"b"]
        await router.send(peer, b"c")
        assert await dealer.receive() == [b"c"]
        assert router.peers == frozenset()


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_not_watched(loop: Harness, addresses: Addresses) -> None:
    """What is not watched says how to have it."""
    async with loop.context() as context:
        router = context.router(bind=addresses.new("tcp"))
        for ask in (lambda: router.peers, router.peer_changes, lambda: router.connected):
            with pytest.raises(zmqbridge.LocalProtocolError, match="watch=True"):
                ask()
        with pytest.raises(ValueError, match="'wait' or 'raise'"):
            context.requester(on_peer_lost="retry")  # type: ignore[arg-type]


async def test_peer_lost(loop: Harness, addresses: Addresses) -> None:
    """Requests that were sent end at once when the last connection breaks; what was not sent goes to who comes next."""
    async with loop.context(linger=0) as context, loop.context(linger=0) as server:
        address = addresses.new("ipc")
        options = SocketOptions(reconnect_interval=0.01)
        replier = server.replier(bind=address)
        requester = context.requester(connect=address, on_peer_lost="raise", options=options)
        asking = [loop.spawn(requester.request, b"%d" % number) for number in range(3)]
        requests = {request.parts[0]: request for request in [await replier.receive() for _ in range(3)]}
        await requests[b"1"].reply(b"answered")
        assert await asking[1].result() == [b"answered"]
        await loop.parked(requester, 2)
        replier.close()
        for number in (0, 2):
            with pytest.raises(zmqbridge.PeerLost, match="broke before the reply came"):
                await asking[number].result()
        await loop.until(lambda: requester.connected == 0)
        with pytest.raises(zmqbridge.RequestTimeout, match="nobody is connected"):
            await requester.request(b"in vain", timeout=0.05)
        late = loop.spawn(requester.request, b"late")
        await loop.parked(requester)
        replier = server.replier(bind=address)
        request = await replier.receive()
        assert request.parts == [b"late"]
        await request.reply(b"back")
        assert await late.result() == [b"back"]
        last = loop.spawn(requester.request, b"left")
        await replier.receive()
        requester.disconnect(address)
        with pytest.raises(zmqbridge.PeerLost):
            await last.result()


async def test_one_of_several_is_lost(loop: Harness, addresses: Addresses) -> None:
    """While another connection stands nothing is ended; without being asked to, a requester waits."""
    async with loop.context(linger=0) as context:
        repliers = [context.replier(bind=addresses.new("tcp")) for _ in range(2)]
        both = [replier.endpoints[0].address for replier in repliers]
        requester = context.requester(connect=both, on_peer_lost="raise")
        await requester.wait_connected(2, timeout=20)
        patient = context.requester(connect=both[0], options=SocketOptions(watch=True))
        asking = [loop.spawn(requester.request, b"?") for _ in range(2)]
        waiting = loop.spawn(patient.request, b"?")
        await loop.parked(patient)
        for _ in range(2):
            await repliers[0].receive()
        request = await repliers[1].receive()
        repliers[0].close()
        await loop.until(lambda: requester.connected == 1 and patient.connected == 0)
        await loop.parked(requester, 2)
        await request.reply(b"!")
        await loop.until(lambda: any(task.done for task in asking))
        repliers[1].close()
        await loop.until(lambda: all(task.done for task in asking))
        lost = [task for task in asking if task.error is not None]
        assert len(lost) == 1
        with pytest.raises(zmqbridge.PeerLost):
            await lost[0].result()
        assert not waiting.done
