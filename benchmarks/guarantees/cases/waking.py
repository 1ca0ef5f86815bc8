"""Does whoever waits for a message wake, whatever has been called on the socket and whatever came before?"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count

import zmq

from benchmarks.guarantees.case import case
from benchmarks.guarantees.libraries.library import Library, Socket
from benchmarks.guarantees.observing import ADDRESS, TRIES, Observation, count_of, numbers, spinning

ARRIVED = 0.01
"""Seconds to block the loop for. Over inproc a message is there when its send returns; this is more than libzmq takes
before its next send looks at its commands again."""


async def _eaten(
    library: Library,
    eat: Callable[[Socket], object],
    mark: int | None = None,
    types: tuple[int, int] = (zmq.DEALER, zmq.DEALER),
) -> Observation:
    """Count the receives that hang when something else was called between the message's coming and the loop's turn."""
    tasks = []
    for number in range(TRIES):
        socket = await library.open(types[0], bind=f"{ADDRESS}-{number}", mark=mark)
        peer = library.plain(types[1], connect=f"{ADDRESS}-{number}", mark=mark)
        if types[0] == zmq.SUB:
            socket.subscribe(b"tag")
        if mark:
            with suppress(*library.full):
                for _ in range(3 * mark):
                    socket.send_now([b"out"])
        receiving = library.loop.spawn(socket.receive)
        await library.loop.sleep(0.01)
        peer.getsockopt(zmq.EVENTS)  # a publisher hears of the subscription
        peer.send(b"tag\0in")
        time.sleep(ARRIVED)  # noqa: ASYNC251
        eat(socket)
        tasks.append(receiving)
        await library.loop.sleep(0.01)
    await library.loop.ended(*tasks)
    return count_of("hangs", sum(not task.done for task in tasks))


@case("send", "a send between a message's coming and the loop's turn: does the receive hang?")
async def send(library: Library) -> Observation:
    return await _eaten(library, lambda socket: socket.send_now([b"out"]))


@case("failed-send", "the same with a send at the high-water mark")
async def failed_send(library: Library) -> Observation:
    def try_to_send(socket: Socket) -> None:
        with suppress(*library.full):
            socket.send_now([b"out"])

    return await _eaten(library, try_to_send, 1)


@case("connect", "the same with a connect to one more inproc address")
async def connect(library: Library) -> Observation:
    return await _eaten(library, lambda socket: socket.connect("inproc://elsewhere"))


@case("bind", "the same with a bind to one more inproc address")
async def bind(library: Library) -> Observation:
    more = count()
    return await _eaten(library, lambda socket: socket.bind(f"inproc://more-{next(more)}"))


@case("subscribe", "the same with a subscription to one more tag")
async def subscribe(library: Library) -> Observation:
    return await _eaten(library, lambda socket: socket.subscribe(b"another"), types=(zmq.SUB, zmq.PUB))


@case("events", "the same with a read of EVENTS")
async def events(library: Library) -> Observation:
    return await _eaten(library, lambda socket: socket.events())


@case("queued", "ten messages are queued before the first wait")
async def queued(library: Library) -> Observation:
    """Nothing comes after them."""
    peer = library.plain(zmq.PUSH, connect=ADDRESS)
    for message in numbers(10):
        peer.send_multipart(message)
    socket = await library.open(zmq.PULL, bind=ADDRESS)
    await library.loop.sleep(0.1)
    for number in range(10):
        try:
            await library.loop.within(2, socket.receive)
        except TimeoutError:
            return Observation("hangs after {} of 10", number)
    return Observation("ok")


@case("false-edge", "fifty peers come and go without a message, then one sends")
async def false_edge(library: Library) -> Observation:
    """All the while a receive is parked."""
    loop = library.loop
    socket = await library.open(zmq.PULL, bind=ADDRESS)
    receiving = loop.spawn(socket.receive)
    for _ in range(50):
        library.plain(zmq.PUSH, connect=ADDRESS).close()
        await loop.sleep(0.002)
    spins = await spinning(loop)
    if receiving.done:
        return Observation(f"the receive {receiving.outcome}")
    library.plain(zmq.PUSH, connect=ADDRESS).send(b"in")
    await loop.ended(receiving)
    return Observation(("ok" if receiving.outcome == "returns" else f"the receive {receiving.outcome}") + spins)
