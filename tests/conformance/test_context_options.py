"""A context's options are its connections' where their own say nothing."""

from __future__ import annotations

from typing import Any

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from zmqbridge import SocketOptions

pytestmark = [pytest.mark.any_loop, pytest.mark.one_task]


async def test_field_by_field(loop: Harness) -> None:
    """A connection's own options go before the context's, each field for itself; what neither says is libzmq's."""
    async with loop.context(options=SocketOptions(send_high_water_mark=7, linger=3, ipv6=True)) as context:
        plain = context.pusher()
        own = context.pusher(options=SocketOptions(send_high_water_mark=1000, receive_high_water_mark=5, ipv6=False))
        told = [zmq.SNDHWM, zmq.RCVHWM, zmq.LINGER, zmq.IPV6]
        assert [plain.getsockopt(option) for option in told] == [7, 1000, 3000, 1]
        assert [own.getsockopt(option) for option in told] == [1000, 5, 3000, 0]
        own.close()
        plain.close()


async def test_before_the_linger_of_the_context(loop: Harness) -> None:
    """The linger period in a context's options goes before the context's own, and a connection's before both."""
    async with loop.context(linger=1, options=SocketOptions(linger=2)) as context:
        assert context.pusher().getsockopt(zmq.LINGER) == 2000
        assert context.pusher(options=SocketOptions(linger=0)).getsockopt(zmq.LINGER) == 0


async def test_what_a_pattern_sets(loop: Harness) -> None:
    """A requester's default gives way to the context's; what a subscriber needs does not, but to its own options."""
    options = SocketOptions(immediate=False, linger=5, send_high_water_mark=3, receive_high_water_mark=3)
    async with loop.context(options=options) as context:
        assert context.requester().getsockopt(zmq.IMMEDIATE) == 0
        for subscriber in (context.subscriber(), context.connection(zmq.SUB)):
            told = [subscriber.getsockopt(option) for option in (zmq.LINGER, zmq.SNDHWM, zmq.RCVHWM)]
            assert told == [0, 0, 3]
        own = context.subscriber(options=SocketOptions(send_high_water_mark=4))
        assert own.getsockopt(zmq.SNDHWM) == 4


async def test_of_some_types(loop: Harness, addresses: Addresses) -> None:
    """What is for some types of sockets alone is passed over for the others, and reaches those that have it."""
    options = SocketOptions(router_handover=True, xpub_verbose=True, req_relaxed=True, stream_notify=False)
    async with loop.context(linger=0, options=options) as context:
        for socket_type in (zmq.DEALER, zmq.SUB, zmq.PUSH, zmq.REQ, zmq.STREAM, zmq.XPUB, zmq.ROUTER):
            context.connection(socket_type)
        router = context.router(bind=addresses.new("inproc"))
        for words in (b"old", b"new"):
            dealer = context.dealer(connect=router.endpoints[0].address, options=SocketOptions(identity=b"same"))
            await dealer.send(words)
            assert await router.receive() == (b"same", [words])
        with pytest.raises(zmqbridge.OptionError, match="refuses router_handover for a DEALER socket"):
            context.dealer(options=SocketOptions(router_handover=True))


async def test_that_do_not_go_together(loop: Harness) -> None:
    """Options of a connection that do not go with the context's are an error, and nothing is left open."""
    key = b"k" * 32
    server = SocketOptions(curve_server=True, curve_public_key=key, curve_secret_key=key)
    async with loop.context(options=server) as context:
        with pytest.raises(zmqbridge.OptionError, match="for the client") as caught:
            context.pusher(options=SocketOptions(curve_server_key=key, curve_public_key=key, curve_secret_key=key))
        assert "kkk" not in str(caught.value)
        client = SocketOptions(curve_server=False, curve_server_key=key, curve_public_key=key, curve_secret_key=key)
        assert context.pusher(options=client).getsockopt(zmq.MECHANISM) == zmq.CURVE
        assert "1 connection" in repr(context)


@pytest.mark.parametrize("wrong", [{"linger": 0}, 5, "options", SocketOptions])
async def test_no_options(loop: Harness, wrong: Any) -> None:
    """What is no options is refused when the context is made."""
    with pytest.raises(zmqbridge.OptionError, match="it takes a SocketOptions"):
        loop.context(options=wrong)


async def test_read_ahead(loop: Harness, addresses: Addresses) -> None:
    """A context's receive high-water mark bounds what its connections read ahead, at 1, 2 and 3."""
    for most in (1, 2, 3):
        async with loop.context(linger=0, options=SocketOptions(receive_high_water_mark=most)) as context:
            puller = context.puller(bind=addresses.new("inproc"))
            pusher = context.pusher(connect=puller.endpoints[0].address, options=SocketOptions(send_high_water_mark=9))
            for number in range(most + 2):
                await pusher.send(b"%d" % number)
            assert await puller.receive() == [b"0"]
            assert puller.stats.buffered <= most - 1
