"""Can a peer that is gone, silent, clever or talkative hold a program up, fill it, or end it?"""

from __future__ import annotations

import logging
import time

import zmq

from benchmarks.guarantees.case import Need, case
from benchmarks.guarantees.cases.serving import serve
from benchmarks.guarantees.libraries.library import Frames, Library
from benchmarks.guarantees.observing import ADDRESS, Observation, Ticker, free_address
from benchmarks.guarantees.others import Giant

UNREAD = 700
NAMES = 30


@case("gone", "a peer leaves that has sent 700 messages and reads nothing: the send to it", Need.WAITING_SENDS)
async def gone(library: Library) -> Observation:
    """Its messages are unread, and nobody receives."""
    loop = library.loop
    router = await library.open(zmq.ROUTER, bind=ADDRESS, mark=1000)
    peer = library.plain(zmq.DEALER, connect=ADDRESS, mark=1000, identity=b"peer")
    for _ in range(UNREAD):
        peer.send(b"x")
    await router.receive()

    async def fill() -> None:
        while True:
            await router.send_waiting([b"peer", b"x"])

    filling = loop.spawn(fill)
    await loop.sleep(0.3)
    if filling.error:
        return Observation(f"{filling.outcome}, while it is there")
    peer.close()
    await loop.ended(filling, seconds=3)
    return Observation(filling.outcome)


@case(
    "names", "a client asks under 30 names and reads nothing; another one is answered after", Need.REPLIER, timed=True
)
async def names(library: Library) -> Observation:
    """Each name asks five times, with marks of 1; the replier answers one after the other."""
    address = free_address()
    serve(library, address, 1)
    for number in range(NAMES):
        deaf = library.plain(zmq.DEALER, connect=address, mark=1, identity=b"deaf %d" % number)
        for question in range(5):
            deaf.send_multipart([b"%d" % question, b"", b"x" * 1_000_000])
    return await _answered(library, address)


async def _answered(library: Library, address: str) -> Observation:
    client = library.plain(zmq.DEALER, connect=address)
    began = time.perf_counter()
    client.send_multipart([b"id", b"", b"good"])
    if not await library.loop.until(lambda: client.poll(0), 15):
        return Observation("not within 15 s")
    return Observation("{} s", time.perf_counter() - began)


@case("giant", "a message of 200,000 empty frames comes: the longest gap of a 1 ms ticker", timed=True)
async def giant(library: Library) -> Observation:
    """One of one frame comes behind it."""
    address = free_address()
    socket = await library.open(zmq.PULL, bind=address)
    sender = Giant(address, 200_000)
    ticker = Ticker(library.loop)
    await library.loop.sleep(0.1)
    ticker.start_again()
    while await socket.receive() != [b"good"]:
        pass
    gap = ticker.gap()
    sender.kill()
    return Observation("gap {} ms", gap * 1000)


class Lines(logging.Handler):
    """Counts what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


@case("raising", "a handler fails on each of 1,000 messages: lines in the log", Need.HANDLERS)
async def raising(library: Library) -> Observation:
    """The program logs with Python's logging."""
    lines = Lines()
    logging.getLogger().addHandler(lines)
    library.log_with_python()
    came = 0

    def handle(message: Frames) -> None:
        nonlocal came
        came += 1
        raise RuntimeError("the handler failed")

    await library.handle(address := free_address(), handle)
    peer = library.plain(zmq.PUSH, connect=address)
    for _ in range(1000):
        peer.send(b"x")
    await library.loop.until(lambda: came == 1000, 3)
    return Observation("{} lines" if came == 1000 else f"{{}} lines; {came} of 1,000 messages come", lines.count)


@case("guess", "a stranger takes the routing id that the next client without a name would get")
async def guess(library: Library) -> Observation:
    """It is the one that libzmq makes up in each process that does not see to it."""
    loop = library.loop
    router = await library.open(zmq.ROUTER, bind=ADDRESS)
    library.plain(zmq.DEALER, connect=ADDRESS, identity=b"\0\x6b\x8b\x45\x67").send(b"stranger")
    await router.receive()
    clients = [library.plain(zmq.DEALER, connect=ADDRESS) for _ in range(3)]
    for client in clients:
        client.send(b"client")
    receiving = [loop.spawn(router.receive) for _ in clients[:1]]
    await loop.ended(*receiving)
    return Observation("the clients are heard" if receiving[0].outcome == "returns" else receiving[0].outcome)
