"""What is sent is what was given: a list that its owner changes while the send waits is sent as it was."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses

SMALL = zmqbridge.SocketOptions(send_high_water_mark=1, receive_high_water_mark=1)

CHANGES: dict[str, Callable[[list[bytes]], object]] = {
    "emptied": lambda frames: frames.clear(),
    "replaced": lambda frames: frames.__setitem__(1, b"changed"),
    "grown": lambda frames: frames.append(b"more"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", ["dealer", "router"])
async def test_a_list_that_changes(loop: Harness, addresses: Addresses, kind: str, change: str) -> None:
    """A list of frames may change while its send waits for room: what was given is sent whole, and so is the next."""
    async with loop.context(linger=0) as context:
        peer = context.dealer(bind=addresses.new("inproc"), options=SMALL)
        make: Any = {"dealer": context.dealer, "router": context.router}[kind]
        sender = make(connect=peer.endpoints[0].address, options=SMALL)
        to: tuple[bytes, ...] = ()
        if isinstance(sender, zmqbridge.Router):
            await peer.send(b"hello")
            to = ((await sender.receive()).peer,)
        filled = 0
        with suppress(zmqbridge.WouldBlock):
            while True:
                sender.send_nowait(*to, b"fill")
                filled += 1
        frames = [b"a", b"b", b"c"]
        sending = loop.spawn(sender.send, *to, frames)
        await loop.parked(sender)
        CHANGES[change](frames)
        for _ in range(filled):
            assert await peer.receive() == [b"fill"]
        assert await peer.receive() == [b"a", b"b", b"c"]
        await sending.result()
        await sender.send(*to, [b"next", b"one"])
        assert await peer.receive() == [b"next", b"one"]


@pytest.mark.parametrize("kind", ["dealer", "router"])
async def test_lists_in_a_list_that_change(loop: Harness, addresses: Addresses, kind: str) -> None:
    """Of many messages each is sent as it was when they were given, and those before one that is wrong are sent."""
    async with loop.context(linger=0) as context:
        peer = context.dealer(bind=addresses.new("inproc"), options=SMALL)
        make: Any = {"dealer": context.dealer, "router": context.router}[kind]
        sender = make(connect=peer.endpoints[0].address, options=SMALL)
        to = b""
        if isinstance(sender, zmqbridge.Router):
            await peer.send(b"hello")
            to = (await sender.receive()).peer
        lists = [[b"%d" % number, b"x"] for number in range(20)]
        given: list[Any] = [*lists, "text", [b"never"]]
        sending = loop.spawn(sender.send_many, [(to, message) for message in given] if to else given)
        await loop.parked(sender)
        for frames in lists:
            frames[1:] = [b"changed", b"and more"]
        for number in range(20):
            assert await peer.receive() == [b"%d" % number, b"x"]
        with pytest.raises(TypeError, match="a frame is bytes-like, not the str 'text'"):
            await sending.result()
        assert sender.stats.sent == 20
