"""Do several go on that use one socket, or one loop: receives and sends, both directions, a flood and a timer?"""

from __future__ import annotations

import time
from functools import partial

import zmq

from benchmarks.guarantees.case import Need, case
from benchmarks.guarantees.libraries.library import Frames, Library
from benchmarks.guarantees.observing import ADDRESS, Observation, Ticker, all_from, free_address, numbers
from benchmarks.guarantees.others import Flood


@case("ping-pong", "1,000 messages there and back at marks of 1", Need.WAITING_SENDS)
async def ping_pong(library: Library) -> Observation:
    """Both sockets send and receive at the same time."""
    loop = library.loop
    here = await library.open(zmq.DEALER, bind=ADDRESS, mark=1)
    there = await library.open(zmq.DEALER, connect=ADDRESS, mark=1)
    await there.send([b"hello"])
    await here.receive()
    messages = numbers(1000)
    got: list[Frames] = []

    async def ping() -> None:
        for message in messages:
            await here.send_waiting(message)

    async def pong() -> None:
        for _ in messages:
            await there.send_waiting(await there.receive())

    async def collect() -> None:
        for _ in messages:
            got.append(await here.receive())

    tasks = [loop.spawn(call) for call in (ping, pong, collect)]
    await loop.ended(tasks[2], seconds=10)
    if not tasks[2].done or tasks[2].error:
        return Observation("hangs after {} of 1000", len(got))
    return Observation("ok" if got == messages else "out of order")


@case("two", "two receives are parked on one socket, two messages come", Need.SEVERAL_RECEIVES)
async def two(library: Library) -> Observation:
    """Each is to get one."""
    loop = library.loop
    socket = await library.open(zmq.PULL, bind=ADDRESS)
    peer = library.plain(zmq.PUSH, connect=ADDRESS)
    tasks = [loop.spawn(socket.receive), loop.spawn(socket.receive)]
    await loop.sleep(0.05)
    peer.send(b"first")
    peer.send(b"second")
    await loop.ended(*tasks)
    outcomes = [task.outcome for task in tasks]
    return Observation("ok" if outcomes == ["returns"] * 2 else f"one {outcomes[0]}, the other {outcomes[1]}")


@case("duplex", "a receive and a send are parked on one socket", Need.WAITING_SENDS)
async def duplex(library: Library) -> Observation:
    """Each is to wake on its own event."""
    loop = library.loop
    socket = await library.open(zmq.DEALER, bind=ADDRESS, mark=1)
    peer = library.plain(zmq.DEALER, connect=ADDRESS, mark=1)
    for _ in range(200):
        sending = loop.spawn(lambda: socket.send_waiting([b"x" * 1024]))
        if not await loop.ended(sending, seconds=0.05):
            break
    else:
        return Observation("n/a: its send never waits")
    receiving = loop.spawn(socket.receive)
    await loop.sleep(0.05)
    peer.send(b"in")
    if not await loop.ended(receiving):
        return Observation("the receive hangs")

    def room() -> bool:
        all_from(peer)
        return sending.done

    await loop.until(room, 2)
    return Observation("ok" if sending.outcome == "returns" else f"the send {sending.outcome}")


@case("flood", "another process floods this one: the longest gap of a 1 ms ticker", timed=True)
async def flood(library: Library) -> Observation:
    """For two seconds this one receives, and notes the gap in between: the loop may not come to anything else."""
    address = free_address()
    socket = await library.open(zmq.PULL, bind=address)
    ticker = Ticker(library.loop)
    await library.loop.sleep(0.05)
    sender = Flood(address)
    await socket.receive()
    ticker.start_again()
    end = time.perf_counter() + 2
    while time.perf_counter() < end:
        await socket.receive()
    gap = ticker.gap()
    sender.kill()
    return Observation("gap {} ms", gap * 1000)


@case("turns", "five receives are parked, then five sends: are they served in turn?", Need.SEVERAL_RECEIVES)
async def turns(library: Library) -> Observation:
    """Five messages come for the receives, and room for the sends."""
    loop = library.loop
    socket = await library.open(zmq.PAIR, bind=ADDRESS, mark=1)
    peer = library.plain(zmq.PAIR, connect=ADDRESS, mark=1)
    tasks = []
    for _ in range(5):
        tasks.append(loop.spawn(socket.receive))
        await loop.sleep(0.01)
    if tasks[1].error:
        return Observation(f"the second receive {tasks[1].outcome}")
    for message in numbers(5):
        peer.send_multipart(message)
        await loop.sleep(0.01)
    await loop.ended(*tasks)
    if [task.result for task in tasks] != numbers(5):
        return Observation("receives are served in another order")
    for message in numbers(10):
        loop.spawn(partial(socket.send, message))
        await loop.sleep(0.01)
    got: list[Frames] = []

    def read() -> bool:
        got.extend(all_from(peer))
        return len(got) == 10

    await loop.until(read, 2)
    return Observation("ok" if got == numbers(10) else "sends are served in another order")
