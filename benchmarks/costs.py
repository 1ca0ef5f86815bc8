"""What the parts of a message's way cost, in nanoseconds: ``python -m benchmarks.costs``.

Each is the least of several rounds in one thread, with nobody at the other end: what the machine needs, and
not what it spends when libzmq's threads compete for it. Sockets are connected in this process, over inproc.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import get_ident
from typing import Any

import zmq
import zmq.backend

import zmqbridge
from zmqbridge.channel.units import PYTHON, Units, native_units
from zmqbridge.framing import Publication, read_publication
from zmqbridge.socket import FastSocket, LeanSocket, Socket
from zmqbridge.waiting.turn import TURN_LIMIT

ROUNDS = 15
COUNT = 20_000
PAYLOAD = b"x" * 100
PUBLICATION = b"tag\0" + PAYLOAD

Work = Callable[[int], object]
"""Does something so many times."""


def least(work: Work, prepare: Work = lambda count: None) -> float:
    """Return the nanoseconds that each of :data:`COUNT` times costs, where preparing costs nothing."""
    best = float("inf")
    for _ in range(ROUNDS):
        prepare(COUNT)
        began = time.perf_counter()
        work(COUNT)
        best = min(best, time.perf_counter() - began)
    return best / COUNT * 1e9


@contextmanager
def pair(kind: type[Socket]) -> Iterator[tuple[Any, Any]]:
    """Give two connected ends with room for all."""
    with zmq.Context() as context:
        sender, receiver = kind(context, zmq.PUSH), kind(context, zmq.PULL)
        for end in (sender, receiver):
            end.raw.set_hwm(0)
        sender.connect(receiver.bind("inproc://costs").address)
        yield sender, receiver
        sender.close(0)
        receiver.close(0)


def fill(sender: Any, message: bytes = PAYLOAD) -> Work:
    def send(count: int) -> None:
        for _ in range(count):
            sender.send_frame(message, zmq.NOBLOCK)

    return send


def call(function: Callable[..., object], *arguments: object) -> Work:
    def repeat(count: int) -> None:
        for _ in range(count):
            function(*arguments)

    return repeat


def read_batches(receiver: Any) -> Work:
    def read(count: int) -> None:
        while count > 0:
            count -= len(receiver.receive(TURN_LIMIT)[0])

    return read


def drive(program: Any) -> None:
    """Run a coroutine that never has to wait."""
    with suppress(StopIteration):
        program.send(None)


def iterate(units: Units) -> Work:
    ownership = units.Ownership()
    ownership.owner = get_ident()
    inbox = units.Inbox(ownership)

    async def wait() -> None:
        raise StopAsyncIteration

    async def take_all(count: int) -> None:
        inbox.put([None] * count)
        async for _ in units.Items(inbox, wait):
            pass

    return lambda count: drive(take_all(count))


async def nothing() -> None:
    """What a coroutine costs that does nothing."""


def await_nothing(count: int) -> None:
    async def main() -> None:
        for _ in range(count):
            await nothing()

    drive(main())


def take_turns(count: int) -> None:
    async def main() -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    asyncio.run(main())


def find_nothing(receiver: Any) -> Work:
    def read(count: int) -> None:
        for _ in range(count):
            with suppress(zmq.Again):
                receiver.raw.recv(zmq.NOBLOCK)

    return read


def costs() -> Iterator[tuple[str, float]]:
    """Measure each part in turn."""
    yield "await a coroutine that does nothing", least(await_nothing)
    yield "a turn of asyncio's loop", least(take_turns)
    yield "take an item that is there, 'async for', in Python", least(iterate(PYTHON))
    native = native_units()
    if native is not None:
        yield "take an item that is there, 'async for', extension", least(iterate(native))
    yield "a publication from its frame, read_publication()", least(call(read_publication, [PUBLICATION]))
    with pair(LeanSocket) as (sender, receiver):
        sending = fill(sender)
        compiled = zmq.backend.Socket.recv.__get__(receiver.raw)
        more = receiver._more
        yield "send(): pyzmq's class", least(call(sender.raw.send, PAYLOAD, zmq.NOBLOCK), lambda _: empty(receiver))
        yield "send(): its compiled base", least(sending, lambda _: empty(receiver))
        empty(receiver)
        yield "recv(): its compiled base", least(call(compiled, zmq.NOBLOCK), sending)
        yield "recv(copy=False): its class", least(call(receiver.raw.recv, zmq.NOBLOCK, False), sending)
        yield "recv_multipart(): its class", least(call(receiver.raw.recv_multipart, zmq.NOBLOCK), sending)
        yield "recv() that finds nothing, and raises", least(find_nothing(receiver))
        yield "RCVMORE: pyzmq", least(call(receiver.raw.get, zmq.RCVMORE))
        yield "RCVMORE: libzmq's function, by ctypes", least(call(more.read, *more.arguments))
        yield "EVENTS: pyzmq", least(call(receiver.raw.get, zmq.EVENTS))
        yield "EVENTS: libzmq's function, by ctypes", least(call(receiver.events))
        yield from batches(sender, receiver, "in Python")
    if native is not None:
        with pair(FastSocket) as (sender, receiver):
            yield from batches(sender, receiver, "extension")
    sent, received = asyncio.run(awaited())
    yield "await send(), all in all", sent
    yield "await receive(), all in all", received


async def awaited() -> tuple[float, float]:
    """Return what each ``await send()`` and each ``await receive()`` of messages that are there costs on asyncio."""
    options = zmqbridge.SocketOptions(send_high_water_mark=0, receive_high_water_mark=0)
    sent = received = float("inf")
    async with zmqbridge.Context() as context:
        puller = context.puller(bind="inproc://awaited", options=options)
        pusher = context.pusher(connect="inproc://awaited", options=options)
        for _ in range(ROUNDS):
            began = time.perf_counter()
            for _ in range(COUNT):
                await pusher.send(PAYLOAD)
            between = time.perf_counter()
            for _ in range(COUNT):
                await puller.receive()
            sent, received = min(sent, between - began), min(received, time.perf_counter() - between)
    return sent / COUNT * 1e9, received / COUNT * 1e9


def batches(sender: Any, receiver: Any, how: str) -> Iterator[tuple[str, float]]:
    reading = read_batches(receiver)
    yield f"a message of a batch, {how}", least(reading, fill(sender))
    receiver.single = Publication
    yield f"a publication of a batch, {how}", least(reading, fill(sender, PUBLICATION))


def empty(receiver: Any) -> None:
    while receiver.receive(TURN_LIMIT)[0]:
        pass


def main() -> None:
    for name, nanoseconds in costs():
        print(f"{name:<52} {nanoseconds:>6,.0f} ns", flush=True)


if __name__ == "__main__":
    main()
