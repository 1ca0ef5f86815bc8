"""Do high-water marks hold, and does one that is full hold up no other?"""

from __future__ import annotations

from functools import partial
from operator import contains

import zmq

from benchmarks.guarantees.case import Need, case
from benchmarks.guarantees.libraries.library import Frames, Library
from benchmarks.guarantees.observing import ADDRESS, NOBODY, Observation, all_from, load, numbers

MANY = 10_000


@case("mark", "sends of 10,000 with a high-water mark of 100, and nobody reads")
async def mark(library: Library) -> Observation:
    """How many are through after a second?"""
    socket = await library.open(zmq.PUSH, connect=NOBODY, mark=100)
    sent = 0

    async def send() -> None:
        nonlocal sent
        for _ in range(MANY):
            await socket.send([b"x" * 100])
            sent += 1

    sending = library.loop.spawn(send)
    if not await library.loop.ended(sending, seconds=1):
        return Observation("waits after {}", sent)
    if sending.error:
        return Observation(f"{type(sending.error).__name__} after {{}}", sent)
    return Observation("takes all 10,000")


@case("full-peer", "one of a router's peers is full, and then gone: a send to it")
async def full_peer(library: Library) -> Observation:
    """Another peer reads all that it gets."""
    loop = library.loop
    router = await library.open(zmq.ROUTER, bind=ADDRESS, mark=2)
    full, flowing = (
        library.plain(zmq.DEALER, connect=ADDRESS, mark=2, identity=name) for name in (b"full", b"flowing")
    )
    for peer in (full, flowing):
        peer.send(b"hello")
        await router.receive()
    got: list[Frames] = []

    async def fill() -> None:
        for _ in range(20):
            await router.send_waiting([b"full", b"x" * 10_000])

    async def flow() -> None:
        for [number] in numbers(10):
            await router.send_waiting([b"flowing", number])
            # A library that drops what has no room is to have room.
            await loop.until(partial(contains, got, [number]), 0.5)
            await loop.sleep(0.01)  # for libzmq, which looks once a millisecond for room that was made

    def read() -> bool:
        got.extend(all_from(flowing))
        return len(got) == 10

    filling = loop.spawn(fill)
    await loop.sleep(0.1)
    if filling.error:
        return Observation(f"the send {filling.outcome}")
    dropped = filling.done
    spins = await load(loop, 0.5) > 0.5
    loop.spawn(flow)
    others = "go past" if await loop.until(read, 2) else "wait"
    if dropped:
        return Observation(f"messages for it are dropped without an error; others {others}")
    full.close()
    await loop.ended(filling)
    return Observation(f"waits{' and spins' if spins else ''}; others {others}; then it {filling.outcome}")


@case(
    "ahead",
    "one receive and no more, marks of 100 (libzmq holds 200): the sender gets rid of",
    Need.READING_ON_DEMAND,
)
async def ahead(library: Library) -> Observation:
    """It tries until it finds no room for a tenth of a second."""
    socket = await library.open(zmq.PULL, bind=ADDRESS, mark=100)
    peer = library.plain(zmq.PUSH, connect=ADDRESS, mark=100)
    peer.send(b"x" * 100)
    await socket.receive()
    sent = 0
    idle = 0
    while sent < MANY and idle < 20:
        try:
            for _ in range(50):
                peer.send(b"x" * 100, zmq.NOBLOCK)
                sent += 1
            idle = 0
        except zmq.Again:
            idle += 1
        await library.loop.sleep(0.005)
    return Observation("{} of 10,000", sent)
