"""Every option reaches the socket, in libzmq's unit, before it binds or connects."""

from __future__ import annotations

import math

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
