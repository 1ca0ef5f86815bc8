"""Every option reaches the socket, in libzmq's unit, before it binds or connects."""

from __future__ import annotations

import math
import os
import socket as sockets
from collections import deque
from dataclasses import fields
from typing import Any

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from zmqbridge import SocketOptions

pytestmark = pytest.mark.any_loop


@pytest.mark.one_task
async def test_reach_the_socket(loop: Harness, addresses: Addresses) -> None:
    """What the options say is what libzmq says when it is asked."""
    public, secret = zmq.curve_keypair()
    server, _ = zmq.curve_keypair()
    options = SocketOptions(
        send_high_water_mark=5,
        receive_high_water_mark=6,
        linger=0.25,
        identity=b"me",
        immediate=True,
        max_message_size=1000,
        ipv6=True,
        tcp_keepalive=True,
        tcp_keepalive_idle=10,
        tcp_keepalive_interval=11,
        tcp_keepalive_count=12,
        reconnect_interval=0.2,
        reconnect_interval_max=3,
        heartbeat_interval=1.5,
        heartbeat_timeout=2.5,
        heartbeat_ttl=4.1,
        handshake_interval=7,
        multicast_rate=500,
        curve_public_key=public,
        curve_secret_key=secret.decode(),
        curve_server_key=server,
    )
    expected = {
        zmq.SNDHWM: 5,
        zmq.RCVHWM: 6,
        zmq.LINGER: 250,
        zmq.ROUTING_ID: b"me",
        zmq.IMMEDIATE: 1,
        zmq.MAXMSGSIZE: 1000,
        zmq.IPV6: 1,
        zmq.TCP_KEEPALIVE: 1,
        zmq.TCP_KEEPALIVE_IDLE: 10,
        zmq.TCP_KEEPALIVE_INTVL: 11,
        zmq.TCP_KEEPALIVE_CNT: 12,
        zmq.RECONNECT_IVL: 200,
        zmq.RECONNECT_IVL_MAX: 3000,
        zmq.HEARTBEAT_IVL: 1500,
        zmq.HEARTBEAT_TIMEOUT: 2500,
        zmq.HEARTBEAT_TTL: 4100,
        zmq.HANDSHAKE_IVL: 7000,
        zmq.RATE: 500,
    }
    async with loop.context() as context:
        dealer = context.dealer(options=options)
        assert {option: dealer.getsockopt(option) for option in expected} == expected
        conflating = context.puller(options=SocketOptions(conflate=True, linger=math.inf))
        assert conflating.getsockopt(zmq.CONFLATE) == 1
        assert conflating.getsockopt(zmq.LINGER) == -1
        conflating.close()


@pytest.mark.one_task
async def test_defaults(loop: Harness) -> None:
    """Without options libzmq's defaults hold, but for the context's linger and a requester's immediate."""
    async with loop.context(linger=0.5) as context:
        dealer = context.dealer()
        assert dealer.getsockopt(zmq.SNDHWM) == 1000
        assert dealer.getsockopt(zmq.LINGER) == 500
        assert dealer.getsockopt(zmq.IMMEDIATE) == 0
        assert context.requester().getsockopt(zmq.IMMEDIATE) == 1
        assert context.requester(options=SocketOptions(immediate=False)).getsockopt(zmq.IMMEDIATE) == 0


@pytest.mark.one_task
async def test_raw_options(loop: Harness) -> None:
    """Any option of libzmq's can be read and set by number, and a refusal names it."""
    async with loop.context() as context:
        dealer = context.dealer()
        dealer.setsockopt(zmq.SNDHWM, 7)
        assert dealer.getsockopt(zmq.SNDHWM) == 7
        dealer.setsockopt(zmq.ROUTING_ID, b"me")
        dealer.setsockopt(zmq.ZAP_DOMAIN, "global")
        assert dealer.getsockopt(zmq.ZAP_DOMAIN).rstrip(b"\0") == b"global"
        with pytest.raises(zmqbridge.OptionError, match=r"a DEALER socket cannot set option .*SUBSCRIBE.* to b'a'"):
            dealer.setsockopt(zmq.SUBSCRIBE, b"a")
        with pytest.raises(zmqbridge.OptionError, match=r"cannot read option"):
            dealer.getsockopt(999_999)
        with pytest.raises(zmqbridge.OptionError, match="to 3.5"):
            dealer.setsockopt(zmq.SNDHWM, 3.5)  # type: ignore[arg-type]


@pytest.mark.one_task
async def test_conflate(loop: Harness, addresses: Addresses) -> None:
    """With conflate only the newest message is kept, here too: nothing is read ahead."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("tcp"), options=SocketOptions(conflate=True))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        for number in range(100):
            await pusher.send(b"%d" % number)
        newest = -1
        while newest < 99:
            (frame,) = await puller.receive()
            assert int(frame) > newest
            newest = int(frame)
            assert puller.stats.buffered == 0


@pytest.mark.one_task
async def test_largest_message(loop: Harness, addresses: Addresses) -> None:
    """A peer that sends more than the largest message is cut off, and the others are heard."""
    async with loop.context(linger=0) as context:
        puller = context.puller(bind=addresses.new("tcp"), options=SocketOptions(max_message_size=1000))
        address = puller.endpoints[0].address
        good, bad = context.pusher(connect=address), context.pusher(connect=address)
        await bad.send(b"x" * 1001)
        await good.send(b"x" * 1000)
        assert await puller.receive() == [b"x" * 1000]


@pytest.mark.one_task
async def test_curve(loop: Harness, addresses: Addresses) -> None:
    """CURVE keys encrypt a connection between a server and a client."""
    server_public, server_secret = zmq.curve_keypair()
    public, secret = zmq.curve_keypair()
    async with loop.context() as context:
        puller = context.puller(
            bind=addresses.new("tcp"),
            options=SocketOptions(curve_server=True, curve_public_key=server_public, curve_secret_key=server_secret),
        )
        pusher = context.pusher(
            connect=puller.endpoints[0].address,
            options=SocketOptions(
                curve_server_key=server_public, curve_public_key=public, curve_secret_key=secret, immediate=True
            ),
        )
        await pusher.send(b"secret")
        assert await puller.receive() == [b"secret"]


SAMPLES: dict[str, tuple[Any, Any]] = {
    "count": (2000, 2000),
    "seconds": (1.5, 1500),
    "flag": (True, 1),
    "octets": (b"some", b"some"),
    "text": ("some", b"some"),
    "words": (("refused", "disconnected"), 5),
}
SPECIAL: dict[str, tuple[Any, Any]] = {
    "affinity": (1, 1),
    "type_of_service": (0x28, 0x28),
    "use_fd": (3, 3),
    "xpub_manual": (False, 0),
}
TOGETHER: dict[str, dict[str, Any]] = {
    "curve_server": {"curve_public_key": b"k" * 32, "curve_secret_key": b"s" * 32},
    "zap_enforce_domain": {"zap_domain": "x"},
    "plain_username": {"plain_password": "x"},
    "plain_password": {"plain_username": "x"},
    "socks_password": {"socks_username": "x"},
}
GIVEN = [spec for spec in fields(SocketOptions) if spec.metadata["option"] and spec.metadata["kind"] != "key"]


@pytest.mark.one_task
@pytest.mark.parametrize("spec", GIVEN, ids=lambda spec: str(spec.name))
async def test_each_reaches_the_socket(loop: Harness, spec: Any) -> None:
    """A field of any kind is taken by a socket that has it, and libzmq says the same where it says anything."""
    value, expected = SPECIAL.get(spec.name) or SAMPLES[spec.metadata["kind"]]
    type_name = next(iter(sorted(spec.metadata["only"])), "DEALER")
    option = getattr(zmq, spec.metadata["option"])
    async with loop.context(linger=0) as context:
        options = SocketOptions(**{spec.name: value}, **TOGETHER.get(spec.name, {}))
        connection = context.connection(getattr(zmq, type_name), options=options)
        try:
            told = connection.getsockopt(option)
        except zmqbridge.OptionError:
            return  # to be set alone
        assert (told.rstrip(b"\0") if isinstance(told, bytes) else told) == expected


@pytest.mark.one_task
async def test_of_another_type(loop: Harness) -> None:
    """A field that the type of the socket does not have is refused by its name."""
    async with loop.context(linger=0) as context:
        with pytest.raises(zmqbridge.OptionError, match="refuses router_handover for a DEALER socket"):
            context.dealer(options=SocketOptions(router_handover=True))


@pytest.mark.one_task
async def test_handover(loop: Harness, addresses: Addresses) -> None:
    """A peer that comes with another's routing id takes its place."""
    async with loop.context(linger=0) as context:
        router = context.router(bind=addresses.new("tcp"), options=SocketOptions(router_handover=True))
        address = router.endpoints[0].address
        for words in (b"old", b"new"):
            dealer = context.dealer(connect=address, options=SocketOptions(identity=b"same"))
            await dealer.send(words)
            assert await router.receive() == (b"same", [words])
        await router.send(b"same", b"to the newer one")
        assert await dealer.receive() == [b"to the newer one"]


@pytest.mark.one_task
async def test_routing_id_of_a_peer(loop: Harness, addresses: Addresses) -> None:
    """A router that gives its first peer a routing id sends to it at once."""
    async with loop.context(linger=0) as context:
        dealer = context.dealer(bind=addresses.new("tcp"))
        options = SocketOptions(connect_routing_id=b"there")
        router = context.router(connect=dealer.endpoints[0].address, options=options)
        await router.send(b"there", b"hello")
        assert await dealer.receive() == [b"hello"]


@pytest.mark.one_task
async def test_no_drop(loop: Harness, addresses: Addresses) -> None:
    """A publisher that may not drop says so where a subscriber has no room."""
    async with loop.context(linger=0) as context:
        options = SocketOptions(xpub_no_drop=True, send_high_water_mark=1)
        publisher = context.publisher(bind=addresses.new("inproc"), options=options)
        subscriber = context.subscriber(
            connect=publisher.endpoints[0].address, tags=[""], options=SocketOptions(receive_high_water_mark=1)
        )
        publish = iter(lambda: publisher.publish(b"same"), "for ever")
        with pytest.raises(zmqbridge.WouldBlock):
            deque(publish, maxlen=0)
        assert await subscriber.receive() == (b"", b"same")


@pytest.mark.one_task
async def test_descriptor_that_listens(loop: Harness) -> None:
    """A descriptor that listens already is bound with, as a service of systemd's does it."""
    with sockets.create_server(("127.0.0.1", 0)) as listening:
        address = "tcp://{}:{}".format(*listening.getsockname())
        async with loop.context(linger=0) as context:
            puller = context.puller(bind=address, options=SocketOptions(use_fd=os.dup(listening.fileno())))
            pusher = context.pusher(connect=address)
            await pusher.send(b"hello")
            assert await puller.receive() == [b"hello"]


@pytest.mark.one_task
async def test_plain(loop: Harness, addresses: Addresses) -> None:
    """A PLAIN server lets in whom a ZAP handler of its domain lets in, by name and password."""
    async with loop.context(linger=0) as context:
        handler = context.replier(bind="inproc://zeromq.zap.01")
        options = SocketOptions(plain_server=True, zap_domain="lab", zap_enforce_domain=True)
        puller = context.puller(bind=addresses.new("tcp"), options=options)
        options = SocketOptions(plain_username="me", plain_password="sesame")
        pusher = context.pusher(connect=puller.endpoints[0].address, options=options)
        await pusher.send(b"hello")
        request = await handler.receive()
        version, id, domain, _, _, *credentials = request.parts
        assert (domain, credentials) == (b"lab", [b"PLAIN", b"me", b"sesame"])
        await request.reply([version, id, b"200", b"OK", b"me", b""])
        assert await puller.receive() == [b"hello"]
