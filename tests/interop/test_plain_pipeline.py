"""Our pusher and puller with plain PULL and PUSH sockets in another process."""

from __future__ import annotations

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from tests.interop.processes import TCP, Peer

pytestmark = pytest.mark.any_loop

MESSAGES = [
    [b"one frame"],
    [b""],
    [b"two", b"frames"],
    [b"", b"", b""],
    [b"", b"between", b""],
    [b"long" * 50_000, b"", b"\0"],
]


@pytest.mark.one_task
@pytest.mark.parametrize("transport", ["tcp", "ipc"])
@pytest.mark.parametrize("binder", ["ours", "theirs"])
async def test_plain_pull(loop: Harness, plain: Peer, addresses: Addresses, transport: str, binder: str) -> None:
    """A plain PULL socket gets the pushed frames as they are, empty ones too, whichever end binds."""
    async with loop.context() as context:
        address = addresses.new(transport)
        pusher = context.pusher(bind=address if binder == "ours" else None)
        connect = pusher.endpoints[0].address if binder == "ours" else None
        bind = address if binder == "theirs" else None
        with plain.open(loop, "PULL", bind=bind, connect=connect) as pull:
            if binder == "theirs":
                pusher.connect(await pull.address())
            pull.do("listen")
            for message in MESSAGES:
                await pusher.send(message)
            assert [await pull.receive() for _ in MESSAGES] == MESSAGES


@pytest.mark.one_task
@pytest.mark.parametrize("transport", ["tcp", "ipc"])
@pytest.mark.parametrize("binder", ["ours", "theirs"])
async def test_plain_push(loop: Harness, plain: Peer, addresses: Addresses, transport: str, binder: str) -> None:
    """Frames from a plain PUSH socket are pulled as they are, empty ones too, whichever end binds."""
    async with loop.context() as context:
        address = addresses.new(transport)
        puller = context.puller(bind=address if binder == "ours" else None)
        connect = puller.endpoints[0].address if binder == "ours" else None
        bind = address if binder == "theirs" else None
        with plain.open(loop, "PUSH", bind=bind, connect=connect) as push:
            if binder == "theirs":
                puller.connect(await push.address())
            for message in MESSAGES:
                push.do("send", *message)
            assert [await puller.receive() for _ in MESSAGES] == MESSAGES


@pytest.mark.one_task
async def test_shares_work(loop: Harness, plain: Peer) -> None:
    """Two plain PULL sockets get a pusher's messages in turn, and together all of them."""
    async with loop.context() as context:
        with plain.open(loop, "PULL") as one, plain.open(loop, "PULL") as other:
            pusher = context.pusher(connect=[await one.address(), await other.address()])
            one.do("listen")
            other.do("listen")
            for number in range(20):
                await pusher.send(b"%d" % number)
            await one.until(lambda: len(one.messages) == 10)
            await other.until(lambda: len(other.messages) == 10)
            odd, even = (
                [[b"%d" % number] for number in range(1, 20, 2)],
                [[b"%d" % number] for number in range(0, 20, 2)],
            )
            assert sorted([one.messages, other.messages]) == sorted([odd, even])


@pytest.mark.one_task
async def test_pulls_from_several(loop: Harness, plain: Peer) -> None:
    """A puller gets every message of several plain PUSH sockets, each one's in order."""
    async with loop.context() as context:
        puller = context.puller(bind=TCP)
        address = puller.endpoints[0].address
        with (
            plain.open(loop, "PUSH", connect=address) as one,
            plain.open(loop, "PUSH", connect=address) as other,
        ):
            for number in range(20):
                one.do("send", b"one", b"%d" % number)
                other.do("send", b"other", b"%d" % number)
            received = [await puller.receive() for _ in range(40)]
            for name in (b"one", b"other"):
                assert [last for first, last in received if first == name] == [b"%d" % number for number in range(20)]


@pytest.mark.each_backend
async def test_waits_for_a_full_plain_pull(loop: Harness, plain: Peer) -> None:
    """A pusher that waits because a plain PULL socket does not read goes on when it does, and loses nothing."""
    async with loop.context() as context:
        with plain.open(loop, "PULL", RCVHWM=1, RCVBUF=4096) as pull:
            pusher = context.pusher(options=zmqbridge.SocketOptions(send_high_water_mark=1))
            pusher.setsockopt(zmq.SNDBUF, 4096)
            pusher.connect(await pull.address())
            block = b"x" * 10_000
            sending = loop.spawn(pusher.send_many, [[b"%d" % number, block] for number in range(100)])
            await loop.parked(pusher)
            pull.do("listen")
            await sending.result()
            await pull.until(lambda: len(pull.messages) == 100)
            assert pull.messages == [[b"%d" % number, block] for number in range(100)]
