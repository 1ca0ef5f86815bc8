"""The descriptor's edge, eaten by other calls: whoever is parked wakes all the same, with no further traffic."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses

pytestmark = pytest.mark.looks_at("waiting")

Addressed = Callable[[], str]
Eater = Callable[[], object]


def readable(connection: zmqbridge.Connection, seconds: float = 0.0) -> bool:
    return bool(select.select([connection.fileno()], [], [], seconds)[0])


def eat(connection: zmqbridge.Connection, eater: Eater, *, eats: bool = True, leaves: bool = False) -> None:
    """Have a call consume the edge that is there, while the loop stands still.

    Args:
        connection: whose descriptor it is.
        eater: the call.
        eats: whether libzmq looks at its commands in it. If not, other code does before.
        leaves: whether it brings about commands of its own. Then other code consumes these.
    """
    assert readable(connection, 20), "no edge to eat"
    if not eats:
        connection._link.socket.raw.get(zmq.EVENTS)
    while True:
        with suppress(zmqbridge.EndpointError, zmqbridge.OptionError):
            eater()
        if not readable(connection):
            break
        if leaves:
            while readable(connection):
                connection._link.socket.raw.get(zmq.EVENTS)
            return
        # libzmq looks at its commands about once a millisecond when it sends.
        time.sleep(0.002)
    # What the call makes of the command it processed, a second one cannot make again.
    with suppress(zmqbridge.EndpointError, zmqbridge.OptionError):
        eater()


def disconnecting(connection: zmqbridge.Connection, new: Addressed) -> Eater:
    connected = [connection.connect(new()).address for _ in range(3)]
    return lambda: connection.disconnect(connected.pop())


def awaiting(connection: Any, _: Addressed) -> Eater:
    def send() -> None:
        sending = connection.send(b"x")
        try:
            sending.send(None)
        except StopIteration:
            return
        sending.close()  # It makes a checkpoint first.
        connection.send_nowait(b"x")

    return send


def unbinding(connection: zmqbridge.Connection, new: Addressed) -> Eater:
    bound = [connection.bind(new()).address for _ in range(3)]
    return lambda: connection.unbind(bound.pop())


# What each needs is prepared before anybody is parked.
EATERS: dict[str, Callable[[Any, Addressed], Eater]] = {
    "send": lambda connection, _: lambda: connection.send_nowait(b"x"),
    "awaited send": awaiting,
    "EVENTS": lambda connection, _: lambda: connection.getsockopt(zmq.EVENTS),
    "unknown option": lambda connection, _: lambda: connection.getsockopt(999_999),
    "refused option": lambda connection, _: lambda: connection.setsockopt(zmq.SUBSCRIBE, b""),
    "bind": lambda connection, new: lambda: connection.bind(new()),
    "failed bind": lambda connection, _: lambda: connection.bind("tcp://192.0.2.1:1"),
    "connect": lambda connection, new: lambda: connection.connect(new()),
    "disconnect": disconnecting,
    "unbind": unbinding,
}
EAT_NOTHING = {"unknown option", "refused option"}


@pytest.mark.parametrize("eater", EATERS)
async def test_a_receive_wakes(loop: Harness, addresses: Addresses, eater: str) -> None:
    """A message whose edge another call on the same connection consumed still wakes the parked receive."""
    async with loop.context() as context:
        dealer = context.dealer(bind=addresses.new("inproc"))
        peer = context.dealer(connect=dealer.endpoints[0].address)
        for number in range(3):
            call = EATERS[eater](dealer, lambda: addresses.new("inproc"))
            receiving = loop.spawn(dealer.receive)
            await loop.parked(dealer)
            peer.send_nowait(b"%d" % number)
            eat(dealer, call, eats=eater not in EAT_NOTHING, leaves=eater == "disconnect")
            assert await receiving.result() == [b"%d" % number]


@pytest.mark.parametrize("eater", [eater for eater in EATERS if "send" not in eater])
async def test_a_request_wakes(loop: Harness, addresses: Addresses, eater: str) -> None:
    """A reply whose edge another call on the same connection consumed still wakes the request that waits for it."""
    async with loop.context(linger=0) as context:
        replier = context.replier(bind=addresses.new("inproc"))
        requester = context.requester(connect=replier.endpoints[0].address)
        for number in range(2):
            # What is connected to an inproc address gets requests before anybody is bound there.
            call = EATERS[eater](requester, lambda: addresses.new("ipc" if eater == "disconnect" else "inproc"))
            asking = loop.spawn(requester.request, b"%d" % number)
            request = await replier.receive()
            await loop.parked(requester)
            await request.reply(request.parts)
            eat(requester, call, eats=eater not in EAT_NOTHING, leaves=eater == "disconnect")
            assert await asking.result() == [b"%d" % number]


@pytest.mark.parametrize("eater", ["EVENTS", "subscribe", "unsubscribe"])
async def test_a_subscriber_wakes(loop: Harness, addresses: Addresses, eater: str) -> None:
    """A publication whose edge was consumed still wakes the parked receive when a subscription is changed."""
    async with loop.context() as context:
        publisher = context.connection(zmq.XPUB, bind=addresses.new("inproc"))
        subscriber = context.subscriber(connect=publisher.endpoints[0].address, tags=["t", *"abcdef"])
        tags, more = list("abcdef"), list("uvwxyz")
        calls: dict[str, Eater] = {
            "EVENTS": lambda: subscriber.getsockopt(zmq.EVENTS),
            "subscribe": lambda: subscriber.subscribe(more.pop()),
            "unsubscribe": lambda: subscriber.unsubscribe(tags.pop()),
        }
        while await publisher.receive() != [b"\x01f"]:
            pass
        for number in range(3):
            receiving = loop.spawn(subscriber.receive)
            await loop.parked(subscriber)
            publisher.send_nowait(b"t\0%d" % number)
            eat(subscriber, calls[eater], eats=eater == "EVENTS")
            assert await receiving.result() == (b"t", b"%d" % number)


async def test_a_receive_wakes_after_an_unreachable_peer(loop: Harness, addresses: Addresses) -> None:
    """A send to nobody that consumed the edge of an incoming message leaves the receive to wake."""
    async with loop.context() as context:
        router = context.router(bind=addresses.new("inproc"))
        dealer = context.dealer(connect=router.endpoints[0].address)
        for number in range(20):
            receiving = loop.spawn(router.receive)
            await loop.parked(router)
            dealer.send_nowait(b"%d" % number)
            # libzmq looks at its commands about once a millisecond when it sends.
            while not receiving.done and router.stats.received == number:
                with pytest.raises(zmqbridge.PeerUnreachable):
                    router.send_nowait(b"nobody", b"x")
                await loop.turn()
            assert (await receiving.result()).frames == [b"%d" % number]


async def test_a_message_between_two_looks(
    loop: Harness, addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that comes after a receive has read and before it looks for room to send wakes it all the same."""
    small = zmqbridge.SocketOptions(send_high_water_mark=1, receive_high_water_mark=1)
    async with loop.context() as context:
        dealer = context.dealer(bind=addresses.new("inproc"), options=small)
        peer = context.dealer(connect=dealer.endpoints[0].address, options=small)

        async def fill() -> None:
            while True:
                await dealer.send(b"x")

        loop.spawn(fill)
        await loop.parked(dealer)
        real = dealer._link.socket.receive
        late = [b"late"]

        def receive(limit: int) -> tuple[list[list[bytes]], bool]:
            messages, drained = real(limit)
            if drained and late:
                peer.send_nowait(late.pop())
            return messages, drained

        monkeypatch.setattr(dealer._link.socket, "receive", receive)
        assert await loop.spawn(dealer.receive).result() == [b"late"]


async def test_a_send_wakes(loop: Harness, addresses: Addresses) -> None:
    """Room whose edge a receive on the same connection consumed still wakes the parked send."""
    small = zmqbridge.SocketOptions(send_high_water_mark=1, receive_high_water_mark=1)
    async with loop.context() as context:
        dealer = context.dealer(bind=addresses.new("inproc"), options=small)
        peer = context.dealer(connect=dealer.endpoints[0].address, options=small)
        for _ in range(20):
            sending = loop.spawn(dealer.send, b"x")
            while not dealer.stats.parked:
                if sending.done:
                    sending = loop.spawn(dealer.send, b"x")
                await loop.turn()
            while not sending.done:
                with suppress(zmqbridge.WouldBlock):
                    peer.receive_nowait()
                with suppress(zmqbridge.WouldBlock):
                    dealer.receive_nowait()
                dealer.getsockopt(zmq.EVENTS)
                await loop.turn()
            await sending.result()


async def test_a_send_to_a_full_peer_wakes(loop: Harness, addresses: Addresses) -> None:
    """Room for a router's peer is found though its edge was consumed where the connection could not see it."""
    small = zmqbridge.SocketOptions(send_high_water_mark=1, receive_high_water_mark=1)
    async with loop.context(linger=0) as context:
        router = context.router(bind=addresses.new("inproc"), options=small)
        peer = context.dealer(connect=router.endpoints[0].address, options=small)
        await peer.send(b"hello")
        name = (await router.receive()).peer
        for _ in range(5):
            with suppress(zmqbridge.WouldBlock):
                while True:
                    router.send_nowait(name, b"x")
            sending = loop.spawn(router.send, name, b"last")
            await loop.parked(router)
            with suppress(zmqbridge.WouldBlock):
                while True:
                    peer.receive_nowait()
            router._link.socket.events()
            await sending.result()
