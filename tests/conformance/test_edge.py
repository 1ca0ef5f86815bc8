"""The descriptor's edge, eaten by other calls: whoever is parked wakes all the same, with no further traffic."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses

Eater = Callable[[zmqbridge.Connection, str], object]


def _send(connection: zmqbridge.Connection, address: str) -> None:
    assert isinstance(connection, zmqbridge.Dealer)
    connection.send_nowait(b"x")


EATERS: dict[str, Eater] = {
    "send": _send,
    "EVENTS": lambda connection, _: connection.getsockopt(zmq.EVENTS),
    "unknown option": lambda connection, _: connection.getsockopt(999_999),
    "refused option": lambda connection, _: connection.setsockopt(zmq.SUBSCRIBE, b""),
    "bind": lambda connection, address: connection.bind(address),
    "failed bind": lambda connection, _: connection.bind("tcp://no.such.interface:1"),
    "connect": lambda connection, address: connection.connect(address),
    "disconnect": lambda connection, _: connection.disconnect(connection.connect("inproc://nowhere").address),
    "unbind": lambda connection, address: connection.unbind(connection.bind(address).address),
}


@pytest.mark.parametrize("eater", EATERS)
async def test_a_receive_wakes(loop: Harness, addresses: Addresses, eater: str) -> None:
    """A message whose edge another call on the same connection consumed still wakes the parked receive."""
    async with loop.context() as context:
        dealer = context.dealer(bind=addresses.new("inproc"))
        peer = context.dealer(connect=dealer.endpoints[0].address)
        for number in range(5):
            receiving = loop.spawn(dealer.receive)
            await loop.parked(dealer)
            peer.send_nowait(b"%d" % number)
            with suppress(zmqbridge.EndpointError, zmqbridge.OptionError):
                EATERS[eater](dealer, addresses.new("inproc"))
            # What the call makes of the command it processed, a second one cannot make again.
            with suppress(zmqbridge.EndpointError, zmqbridge.OptionError):
                EATERS[eater](dealer, addresses.new("inproc"))
            assert await receiving.result() == [b"%d" % number]


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
        real = dealer._socket.drain
        late = [b"late"]

        def drain(limit: int) -> tuple[list[list[bytes]], bool]:
            messages, drained = real(limit)
            if drained and late:
                peer.send_nowait(late.pop())
            return messages, drained

        monkeypatch.setattr(dealer._socket, "drain", drain)
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
            router._socket.events()
            await sending.result()
