"""Every pair of socket types that ZeroMQ lets talk, raw, on every transport, with either end binding."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from zmqbridge import SocketOptions

pytestmark = pytest.mark.any_loop

Raw = zmqbridge.RawConnection
Exchange = Callable[[Harness, Raw, Raw], Awaitable[None]]

TRANSPORTS = ("tcp", "ipc", "inproc")
MESSAGE = [b"a", b"", b"b"]


async def one_way(loop: Harness, one: Raw, other: Raw) -> None:
    """One sends, the other receives the same."""
    await one.send(MESSAGE)
    assert await other.receive() == MESSAGE


async def both_ways(loop: Harness, one: Raw, other: Raw) -> None:
    """Each sends to the other."""
    await one_way(loop, one, other)
    await one_way(loop, other, one)


async def to_router(loop: Harness, one: Raw, other: Raw) -> None:
    """The other is a router: it sees who sent, and answers."""
    await one.send(MESSAGE)
    peer, *frames = await other.receive()
    assert peer == b"one"
    envelope = [b""] if frames != MESSAGE else []  # a REQ puts a delimiter in front, and takes it off
    assert frames == [*envelope, *MESSAGE]
    await other.send([peer, *envelope, b"re"])
    assert await one.receive() == [b"re"]


async def dealer_to_rep(loop: Harness, one: Raw, other: Raw) -> None:
    """A REP sees what is behind the dealer's own envelope, and answers with it."""
    await one.send([b"id", b"", *MESSAGE])
    assert await other.receive() == MESSAGE
    await other.send(b"re")
    assert await one.receive() == [b"id", b"", b"re"]


async def router_to_router(loop: Harness, one: Raw, other: Raw) -> None:
    """Two routers that know each other's name; what is sent before they have met is dropped."""
    while True:
        await one.send([b"other", *MESSAGE])
        await loop.turn()
        try:
            assert other.receive_nowait() == [b"one", *MESSAGE]
        except zmqbridge.WouldBlock:
            continue
        break
    await other.send([b"one", *MESSAGE])
    assert await one.receive() == [b"other", *MESSAGE]


async def publish(loop: Harness, one: Raw, other: Raw) -> None:
    """What is published before the subscription has arrived is dropped."""
    if other.getsockopt(zmq.TYPE) == zmq.SUB:
        other.setsockopt(zmq.SUBSCRIBE, b"a")
    else:
        await other.send(b"\x01a")
    while True:
        await one.send(MESSAGE)
        await loop.turn()
        try:
            assert other.receive_nowait() == MESSAGE
        except zmqbridge.WouldBlock:
            continue
        break


PAIRINGS: dict[tuple[int, int], Exchange] = {
    (zmq.PUSH, zmq.PULL): one_way,
    (zmq.PAIR, zmq.PAIR): both_ways,
    (zmq.DEALER, zmq.DEALER): both_ways,
    (zmq.REQ, zmq.REP): both_ways,
    (zmq.REQ, zmq.ROUTER): to_router,
    (zmq.DEALER, zmq.ROUTER): to_router,
    (zmq.DEALER, zmq.REP): dealer_to_rep,
    (zmq.ROUTER, zmq.ROUTER): router_to_router,
    (zmq.PUB, zmq.SUB): publish,
    (zmq.PUB, zmq.XSUB): publish,
    (zmq.XPUB, zmq.SUB): publish,
    (zmq.XPUB, zmq.XSUB): publish,
}


@pytest.mark.one_task
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("binder", ["one", "other"])
@pytest.mark.parametrize("pairing", PAIRINGS, ids=lambda types: "-".join(zmq.SocketType(type).name for type in types))
async def test_talk(loop: Harness, addresses: Addresses, transport: str, binder: str, pairing: tuple[int, int]) -> None:
    """Two raw sockets of types that go together exchange multipart messages."""
    address = addresses.new(transport)
    async with loop.context() as context:
        one = context.connection(pairing[0], options=SocketOptions(identity=b"one"))
        other = context.connection(pairing[1], options=SocketOptions(identity=b"other"))
        first, second = (one, other) if binder == "one" else (other, one)
        second.connect(first.bind(address).address)
        await PAIRINGS[pairing](loop, one, other)
