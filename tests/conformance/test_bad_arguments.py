"""What cannot be is refused at once, in words that name it and the remedy."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from zmqbridge import SocketOptions

pytestmark = pytest.mark.any_loop


@pytest.mark.one_task
@pytest.mark.parametrize("option", [zmq.RCVTIMEO, zmq.SNDTIMEO, int(zmq.RCVTIMEO)])
async def test_options_that_would_do_nothing(loop: Harness, option: int) -> None:
    """libzmq's own time limits are refused, and the error names those of the loops; they can be read as ever."""
    async with loop.context() as context:
        pair = context.pair()
        with pytest.raises(zmqbridge.OptionError, match=r"TIMEO would do nothing: .*asyncio.timeout\(\)"):
            pair.setsockopt(option, 1000)
        assert pair.getsockopt(option) == -1


@pytest.mark.one_task
@pytest.mark.parametrize("options", [{"linger": 0}, {}, 0, "linger=0", [], SocketOptions], ids=repr)
async def test_options_of_another_type(loop: Harness, options: Any) -> None:
    """Options that are none are an error that says what they are, though they be empty."""
    async with loop.context() as context:
        for make in (context.pair, context.subscriber, lambda options: context.connection(zmq.XPUB, options=options)):
            with pytest.raises(zmqbridge.OptionError, match=r"options is a \w+; it takes a SocketOptions, as in"):
                make(options=options)
        assert "0 connection(s)" in repr(context)


@pytest.mark.parametrize("identity", [b"\0me", b"\0", bytes(255), b"\0\0\0\0\1", b"\xff" * 255, b"plain"], ids=repr)
async def test_identities(loop: Harness, addresses: Addresses, identity: bytes) -> None:
    """A routing id may be whatever libzmq takes; one that is made of a number begins with zero bytes."""
    async with loop.context(linger=0) as context:
        router = context.router(bind=addresses.new("inproc"))
        dealer = context.dealer(connect=router.endpoints[0].address, options=SocketOptions(identity=identity))
        await dealer.send(b"?")
        message = await router.receive()
        assert message.peer == identity
        await router.send(message.peer, b"!")
        assert await dealer.receive() == [b"!"]


WRONG_TIMES: list[Any] = ["1", b"1", "", -1, -0.001, math.nan, True, None, [], 1j, 10**400]


@pytest.mark.one_task
@pytest.mark.parametrize("timeout", [time for time in WRONG_TIMES if time is not None], ids=repr)
async def test_times_of_requests(loop: Harness, addresses: Addresses, timeout: Any) -> None:
    """A time to wait that is none is an error at once, in our own words; nothing is asked."""
    async with loop.context(linger=0) as context:
        replier = context.replier(bind=addresses.new("inproc"))
        requester = context.requester(connect=replier.endpoints[0].address)
        with pytest.raises(ValueError, match="timeout=.* is no time to wait; it is seconds, 0 or more, or None"):
            await requester.request(b"?", timeout=timeout)
        assert requester.stats.sent == 0


@pytest.mark.one_task
@pytest.mark.parametrize("timeout", WRONG_TIMES, ids=repr)
async def test_times_of_replies(loop: Harness, timeout: Any) -> None:
    """So is that of a replier."""
    async with loop.context() as context:
        with pytest.raises(ValueError, match="reply_timeout=.* is no time to wait"):
            context.replier(reply_timeout=timeout)


@pytest.mark.each_backend
@pytest.mark.parametrize("timeout", [math.inf, 30, Decimal(30), Fraction(61, 2), None], ids=repr)
async def test_times_that_serve(loop: Harness, addresses: Addresses, timeout: Any) -> None:
    """Any number of seconds serves, and endless is for ever."""
    async with loop.context(linger=0) as context:
        replier = context.replier(bind=addresses.new("inproc"), reply_timeout=math.inf)
        requester = context.requester(connect=replier.endpoints[0].address)

        async def ask() -> Any:
            return await requester.request(b"?", timeout=timeout)

        asking = loop.spawn(ask)
        await (await replier.receive()).reply(b"!")
        assert await asking.result() == [b"!"]


@pytest.mark.one_task
@pytest.mark.parametrize("limit", ["1", 0, 1.5, None], ids=repr)
async def test_limits(loop: Harness, limit: Any) -> None:
    """So is a number of messages that is none."""
    async with loop.context() as context:
        with pytest.raises(ValueError, match=r"limit=.* would receive nothing"):
            await context.pair().receive_many(limit)


BACKENDS: list[Any] = ["asyncoi", "", "uvloop", 5, {}, zmqbridge.Context, zmqbridge.abc.Backend]


@pytest.mark.parametrize("backend", BACKENDS, ids=repr)
def test_backends(backend: Any) -> None:
    """A backend that is none is an error when the context is made, and not when it is first awaited."""
    with pytest.raises(zmqbridge.BackendError, match="asyncio, trio, twisted"):
        zmqbridge.Context(backend)


def test_shared_context_in_the_wrong_place() -> None:
    """A ZeroMQ context that is given as the backend is told its place, and so is another thing in its place."""
    with zmq.Context() as shared, pytest.raises(zmqbridge.BackendError, match="zmq_context="):
        zmqbridge.Context(shared)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"zmq_context is a Context; it takes a zmq.Context"):
        zmqbridge.Context(zmq_context=zmqbridge.Context())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["io_threads", "max_sockets"])
@pytest.mark.parametrize("number", ["1", 0, -1, 1.5, True, None], ids=repr)
def test_numbers(name: str, number: Any) -> None:
    """A context's number that is none is named."""
    with pytest.raises(ValueError, match=f"{name}=.*: it takes a whole number, 1 or more"):
        zmqbridge.Context(**{name: number})
