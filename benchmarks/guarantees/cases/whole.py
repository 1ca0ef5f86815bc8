"""Is what was given what is sent, as a whole, and does who receives get what it means?"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import zmq

from benchmarks.guarantees.case import Need, case
from benchmarks.guarantees.libraries.library import Frames, Library
from benchmarks.guarantees.observing import ADDRESS, Observation, all_from

HUGE = 1 << 28


@case("changed", "a message is changed while its send waits for room: what comes", Need.WAITING_SENDS)
async def changed(library: Library) -> Observation:
    """The caller goes on with the list that it gave."""
    loop = library.loop
    socket = await library.open(zmq.PUSH, bind=ADDRESS, mark=1)
    peer = library.plain(zmq.PULL, connect=ADDRESS, mark=1)
    given: list[Frames] = []

    async def send() -> None:
        for number in range(100):
            message = [b"%d" % number, b"as given"]
            given.append(message)
            await socket.send_waiting(message)

    sending = loop.spawn(send)
    await loop.sleep(0.1)
    if sending.done:
        return Observation(f"the send {sending.outcome}, and waits for no room")
    given[-1][1] = b"changed"
    waited = len(given) - 1
    got: list[Frames] = []

    def read() -> bool:
        got.extend(all_from(peer))
        return len(got) == 100

    await loop.until(read, 2)
    return Observation(f"{got[waited][1].decode()}" if len(got) == 100 else f"{len(got)} of 100 messages")


@contextmanager
def _no_memory_for(size: int) -> Iterator[None]:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


@case("no-memory", "memory ends at a message's second frame; then the next message: what comes")
async def no_memory(library: Library) -> Observation:
    """There is memory again when the next one is sent."""
    loop = library.loop
    socket = await library.open(zmq.PUSH, bind=ADDRESS)
    peer = library.plain(zmq.PULL, connect=ADDRESS)
    large = b"x" * HUGE
    with _no_memory_for(HUGE // 2):
        failing = loop.spawn(partial(socket.send, [b"of another", large]))
        await loop.ended(failing, seconds=2)
    if failing.error is None:
        return Observation("the message goes out")
    following = loop.spawn(partial(socket.send, [b"next"]))
    await loop.ended(following, seconds=1)
    if not await loop.until(lambda: peer.poll(0), 2):
        return Observation(f"the next send {following.outcome}, and nothing comes")
    got = peer.recv_multipart()
    return Observation("the next one whole" if got == [b"next"] else f"{len(got)} frames, of both")


@case("manual", "each of two subscriptions to a manual XPUB is answered: who gets what")
async def manual(library: Library) -> Observation:
    """Both have come when the first is read; what the answer subscribes to goes to the peer that was read last."""
    loop = library.loop
    socket = await library.open(zmq.XPUB, bind=ADDRESS)
    socket.setsockopt(zmq.XPUB_MANUAL, 1)

    async def answer() -> None:
        for _ in range(2):
            [frame] = await socket.receive()
            socket.setsockopt(zmq.SUBSCRIBE, frame[1:] + b"!")

    answering = loop.spawn(answer)
    await loop.sleep(0.05)
    peers = {name: library.plain(zmq.SUB, connect=ADDRESS) for name in (b"first", b"second")}
    for name, peer in peers.items():
        peer.subscribe(name)
    time.sleep(0.05)  # noqa: ASYNC251 (both are there when the loop looks)
    await loop.ended(answering)
    for name in peers:
        await socket.send([name + b"!"])
    await loop.sleep(0.1)
    got = {name: [message[0] for message in all_from(peer)] for name, peer in peers.items()}
    if got == {name: [name + b"!"] for name in peers}:
        return Observation("ok")
    return Observation(f"the first gets {len(got[b'first'])} messages, the second {len(got[b'second'])}")


@case("untagged", "a publication of one frame without the end of a tag, and one of two frames")
async def untagged(library: Library) -> Observation:
    """Which of them come?"""
    loop = library.loop
    socket = await library.open(zmq.SUB, bind=ADDRESS)
    socket.subscribe(b"")
    peer = library.plain(zmq.PUB, connect=ADDRESS)
    said = []
    for message in ([b"alone"], [b"tag", b"message"]):
        receiving = loop.spawn(socket.receive)
        await loop.sleep(0.05)
        peer.getsockopt(zmq.EVENTS)  # it hears of the subscription
        peer.send_multipart(message)
        said.append("comes" if await loop.ended(receiving, seconds=1) and not receiving.error else "does not come")
    return Observation("both come" if said == ["comes"] * 2 else f"the first {said[0]}, the second {said[1]}")
