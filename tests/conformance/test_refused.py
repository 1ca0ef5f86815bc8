"""What a client learns that is not let in: what its requests become, and what is said where a server only hangs up."""

from __future__ import annotations

import re
from typing import Any

import pytest

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from zmqbridge import AuthenticationFailed, KeyPair, SocketOptions

SERVER, ADA, EVE = KeyPair.generate(), KeyPair.generate(), KeyPair.generate()
CURVE = SocketOptions.curve_as_server(SERVER, domain="lab")
# Whom it tells to try again, libzmq keeps until the time of the handshake is over.
SOON = CURVE | SocketOptions(handshake_interval=0.2)
QUICK = SocketOptions(reconnect_interval=0.01)
STRANGER = SocketOptions.curve_as_client(EVE, SERVER.public) | QUICK
KNOWN = SocketOptions.curve_as_client(ADA, SERVER.public) | QUICK
MISTAKEN = SocketOptions.curve_as_client(ADA, EVE.public) | QUICK
LOCAL = "tcp://127.0.0.1:*"


async def answer(replier: zmqbridge.Replier) -> None:
    async for request in replier:
        await request.reply([b"re", *request.parts])


def address_of(connection: zmqbridge.Connection) -> str:
    return connection.endpoints[0].address


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("transport", ["tcp", "ipc"])
@pytest.mark.parametrize("immediate", [True, False], ids=["unsent", "sent"])
async def test_a_request_that_is_refused(loop: Harness, addresses: Addresses, transport: str, immediate: bool) -> None:
    """With ``on_refused="raise"`` requests that wait end at once, sent or not, and so does each that comes later."""

    async def known_key(key: str) -> bool:
        await loop.until(lambda: key == ADA.public or stranger.stats.parked == 3)
        return key == ADA.public

    async with loop.context(linger=0) as context, context.authenticator("lab", keys=known_key, timeout=20):
        replier = context.replier(bind=addresses.new(transport), options=CURVE)
        loop.spawn(answer, replier)
        options = STRANGER | SocketOptions(immediate=immediate)
        stranger = context.requester(connect=address_of(replier), options=options, on_refused="raise")
        known = context.requester(connect=address_of(replier), options=KNOWN, on_refused="raise")
        asking = [loop.spawn(stranger.request, b"let me in") for _ in range(3)]
        for task in asking:
            with pytest.raises(AuthenticationFailed, match=r"Requester.*was refused: auth failed at .*status 400"):
                await task.result()
        assert stranger.stats.sent == (0 if immediate else 3)
        with pytest.raises(AuthenticationFailed, match="status 400"):
            await stranger.request(b"again")
        assert await known.request(b"hello", timeout=20) == [b"re", b"hello"]
        assert len(stranger._protocol) == stranger.stats.parked == 0


@pytest.mark.parametrize("immediate", [True, False], ids=["unsent", "sent"])
async def test_many_requests_that_are_refused(loop: Harness, immediate: bool) -> None:
    """Many of one call end likewise: with the first error, or with one in each place, those not begun yet included."""
    async with loop.context(linger=0) as context, context.authenticator("lab", keys={ADA.public}):
        replier = context.replier(bind=LOCAL, options=CURVE)
        options = STRANGER | SocketOptions(immediate=immediate)
        count = 1000
        for again in range(2):
            for iterator in (False, True):
                stranger = context.requester(connect=address_of(replier), options=options, on_refused="raise")
                if again:
                    with pytest.raises(AuthenticationFailed):
                        await stranger.wait_connected(timeout=20)
                messages: Any = [b"?"] * count
                with pytest.raises(AuthenticationFailed, match="status 400"):
                    await stranger.request_many(iter(messages) if iterator else messages)
                errors = await stranger.request_many(iter(messages) if iterator else messages, return_errors=True)
                assert [type(error) for error in errors] == [AuthenticationFailed] * count
                assert await stranger.request_many([]) == []
                assert len(stranger._protocol) == 0


async def test_one_of_several_refuses(loop: Harness, addresses: Addresses) -> None:
    """While another server may let it in, a requester waits; once it has left that one nobody may."""
    async with (
        loop.context(linger=0) as context,
        context.authenticator("lab", keys={ADA.public}),
        context.authenticator("hall", keys={ADA.public, EVE.public}),
    ):
        refusing, later = context.replier(bind=LOCAL, options=CURVE), addresses.new("ipc")
        requester = context.requester(connect=[address_of(refusing), later], options=STRANGER, on_refused="raise")
        with pytest.raises(AuthenticationFailed):
            await requester.wait_connected(timeout=20)
        waiting = loop.spawn(requester.request, b"hello")
        await loop.parked(requester)
        replier = context.replier(bind=later, options=SocketOptions.curve_as_server(SERVER, domain="hall"))
        request = await replier.receive()
        await request.reply(b"welcome")
        assert await waiting.result() == [b"welcome"]
        waiting = loop.spawn(requester.request, b"and now")
        await replier.receive()
        requester.disconnect(later)
        with pytest.raises(AuthenticationFailed):
            await waiting.result()


async def test_who_listens_waits(loop: Harness) -> None:
    """A requester that listens as well waits for who may come; without ``on_refused`` any requester waits."""
    async with loop.context(linger=0) as context, context.authenticator("lab", keys={ADA.public}):
        replier = context.replier(bind=LOCAL, options=CURVE)
        options = STRANGER | SocketOptions(watch=True)
        open_to_others = context.requester(
            bind="inproc://refused-but-open", connect=address_of(replier), options=options, on_refused="raise"
        )
        patient = context.requester(connect=address_of(replier), options=options)
        for requester in (open_to_others, patient):
            with pytest.raises(AuthenticationFailed):
                await requester.wait_connected(timeout=20)
            with pytest.raises(zmqbridge.RequestTimeout, match="nobody is connected: auth failed"):
                await requester.request(b"hello", timeout=0.05)


@pytest.mark.any_loop
async def test_who_may_try_again_waits(loop: Harness) -> None:
    """That a server cannot decide now is no refusal: once it can, the request is answered."""
    async with loop.context(linger=0) as context:
        replier = context.replier(bind=LOCAL, options=SOON)
        loop.spawn(answer, replier)
        requester = context.requester(connect=address_of(replier), options=KNOWN, on_refused="raise")
        asking = loop.spawn(requester.request, b"hello")
        async for event in requester.events():
            if event.kind is zmqbridge.EventKind.HANDSHAKE_FAILED:
                break
        async with context.authenticator("lab", keys={ADA.public}):
            assert await asking.result() == [b"re", b"hello"]


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
async def test_a_wrong_server_key(loop: Harness, addresses: Addresses, transport: str) -> None:
    """Where a server only hangs up, the end of the wait says how often it did, and what that may mean."""
    async with loop.context(linger=0, watch=True) as context, context.authenticator("lab", keys={ADA.public}):
        replier = context.replier(bind=addresses.new(transport), options=CURVE)
        mistaken = context.requester(connect=address_of(replier), options=MISTAKEN, on_refused="raise")
        failures = 0
        async for event in mistaken.events():
            failures += event.kind is zmqbridge.EventKind.HANDSHAKE_FAILED
            if failures == 3:
                break
        where = re.escape(repr(address_of(replier)))
        words = rf"hung up (\d+) time\(s\) in the handshake, at {where}: a CURVE server does so .*curve_as_client\(\)"
        with pytest.raises(zmqbridge.WaitTimeout, match=words) as raised:
            await mistaken.wait_connected(timeout=0.01)
        counted = re.search(words, str(raised.value))
        assert counted is not None
        assert int(counted[1]) >= 3
        with pytest.raises(zmqbridge.RequestTimeout, match=f"nobody is connected: .*{words}"):
            await mistaken.request(b"hello", timeout=0.01)
        assert EVE.public not in str(raised.value)
        known = context.requester(connect=address_of(replier), options=KNOWN)
        await known.wait_connected(timeout=20)
        with pytest.raises(zmqbridge.WaitTimeout) as alone:
            await known.wait_connected(2, timeout=0)
        assert "hung up" not in str(alone.value)


@pytest.mark.any_loop
async def test_hang_ups_end_with_a_handshake(loop: Harness) -> None:
    """How often the other side hung up is forgotten when it lets this one in, and when this one leaves."""
    async with loop.context(linger=0, watch=True) as context:
        replier = context.replier(bind=LOCAL, options=SOON)
        dealers = [context.dealer(connect=address_of(replier), options=KNOWN) for _ in range(2)]
        for dealer in dealers:
            async for event in dealer.events():
                if event.kind is zmqbridge.EventKind.HANDSHAKE_FAILED:
                    break
            with pytest.raises(zmqbridge.WaitTimeout, match=r"hung up .*could not decide"):
                await dealer.wait_connected(timeout=0.01)
        dealers[1].disconnect(address_of(replier))
        async with context.authenticator("lab", keys={ADA.public}):
            await dealers[0].wait_connected(timeout=20)
            for dealer in dealers:
                with pytest.raises(zmqbridge.WaitTimeout) as raised:
                    await dealer.wait_connected(2, timeout=0)
                assert "hung up" not in str(raised.value)


@pytest.mark.any_loop
async def test_a_refusal_at_a_name(loop: Harness) -> None:
    """A server that is known by its host's name and refuses who comes back is found out like any other; who leaves it
    has nobody there."""
    admitted = [ADA.public]
    async with loop.context(linger=0) as context, context.authenticator("lab", keys=lambda key: key in admitted):
        replier = context.replier(bind=LOCAL, options=CURVE)
        address = address_of(replier)
        name = address.replace("127.0.0.1", "localhost")
        requester = context.requester(connect=name, options=KNOWN, on_refused="raise")
        leaving = context.dealer(connect=name, options=KNOWN | SocketOptions(watch=True))
        await requester.wait_connected(timeout=20)
        await leaving.wait_connected(timeout=20)
        replier.close()
        await loop.until(lambda: leaving.connected == 0)
        replier = context.replier(bind=address, options=CURVE)
        await requester.wait_connected(timeout=20)
        await leaving.wait_connected(timeout=20)
        leaving.disconnect(name)
        await loop.until(lambda: leaving.connected == 0)
        waiting = loop.spawn(requester.request, b"?")
        await replier.receive()
        admitted.clear()
        replier.close()
        await loop.until(lambda: requester.connected == 0)
        replier = context.replier(bind=address, options=CURVE)
        with pytest.raises(AuthenticationFailed, match=name):
            await waiting.result()
        with pytest.raises(AuthenticationFailed, match=name):
            await requester.wait_connected(timeout=20)


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_what_may_be_done(loop: Harness) -> None:
    """What a requester does about a refusal is one of two words."""
    async with loop.context() as context:
        with pytest.raises(ValueError, match="on_refused='retry' is nothing to do; it is 'wait' or 'raise'"):
            context.requester(on_refused="retry")  # type: ignore[arg-type]
