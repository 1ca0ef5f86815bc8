"""Is a message lost: to a time limit, to a cancellation, to a peer that goes?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import zmq
import zmq.backend

from benchmarks.guarantees.case import Need, case
from benchmarks.guarantees.libraries.library import Frames, Library, Socket
from benchmarks.guarantees.loops import Call
from benchmarks.guarantees.observing import ADDRESS, TRIES, Observation, all_from, count_of


async def _same_turn(library: Library, within: Callable[[float, Call], Awaitable[Any]]) -> Observation:
    """A message and the receive's time limit come in the same turn of the loop: the next receive is to get it."""
    loop = library.loop
    socket = await library.open(zmq.PULL, bind=ADDRESS)
    peer = library.plain(zmq.PUSH, connect=ADDRESS)
    lost = 0
    for number in range(TRIES):
        receiving = loop.spawn(lambda: within(0.05, socket.receive))
        await loop.sleep(0.01)
        peer.send(b"%d" % number)
        time.sleep(0.1)  # noqa: ASYNC251 (the loop is busy with other work, until past the time limit)
        await loop.ended(receiving)
        got = receiving.result
        if got is None:
            try:
                got = await within(0.2, socket.receive)
            except TimeoutError:
                lost += 1
                continue
        if got != [b"%d" % number]:
            return Observation("another message comes")
    return count_of("lost", lost)


@case("timeout", "a message comes in the turn in which a time limit ends the receive: is it lost?", Need.CANCELLING)
async def timeout(library: Library) -> Observation:
    """The time limit is the one that the loop's documentation names first."""
    return await _same_turn(library, library.loop.within)


@case("wait_for", "the same with asyncio.wait_for", Need.WAIT_FOR)
async def wait_for(library: Library) -> Observation:
    """The time limit is the older one of asyncio."""

    async def within(seconds: float, call: Call) -> Any:
        return await asyncio.wait_for(call(), seconds)

    return await _same_turn(library, within)


@case("cancel", "a receive is cancelled, then a message comes: is it lost?", Need.CANCELLING)
async def cancel(library: Library) -> Observation:
    """The next receive is to get it."""
    loop = library.loop
    socket = await library.open(zmq.PULL, bind=ADDRESS)
    peer = library.plain(zmq.PUSH, connect=ADDRESS)
    lost = 0
    for number in range(TRIES):
        receiving = loop.spawn(socket.receive)
        await loop.sleep(0.01)
        receiving.cancel()
        await loop.ended(receiving)
        peer.send(b"%d" % number)
        try:
            await loop.within(0.2, socket.receive)
        except TimeoutError:
            lost += 1
    return count_of("lost", lost)


@case("nested", "a time limit within another, each around a receive", Need.CANCELLING)
async def nested(library: Library) -> Observation:
    """Each ends the receive that it is around, and the caller goes on in between."""
    loop = library.loop
    socket = await library.open(zmq.PULL, bind=ADDRESS)
    said = []

    async def limited() -> None:
        try:
            await loop.within(0.05, socket.receive)
        except TimeoutError:
            said.append("inner")
        await socket.receive()

    running = loop.spawn(lambda: loop.within(0.3, limited))
    await loop.ended(running)
    ended = running.outcome == "ends with TimeoutError" and said == ["inner"]
    return Observation("ok" if ended else f"the outer {running.outcome}, the inner one {said or 'never'}")


@case("middle", "a peer goes between two frames of a message", between_frames=True)
async def middle(library: Library) -> Observation:
    """Another one comes, at once or later: what reaches it?"""
    # Each look lets libzmq hear of the next step of the dying pipe's end.
    tries = [await _dies(library, looks=attempt % 5, later=attempt % 2 == 1, attempt=attempt) for attempt in range(40)]
    lost = "the next message is lost"
    worse = sorted({*tries} - {"ok", lost})
    return Observation("; ".join(worse)) if worse else count_of(lost, tries.count(lost), len(tries))


async def _dies(library: Library, *, looks: int, later: bool, attempt: int) -> str:
    address = f"{ADDRESS}-{attempt}"
    living: list[zmq.Socket[bytes]] = []

    def die() -> None:
        if not dying.closed:
            dying.close()
            if not later:
                living.append(library.plain(zmq.PULL, connect=address))
            for _ in range(looks):
                time.sleep(0.002)
                socket.events()

    with _before_the_second_frame(die):
        socket = await library.open(zmq.PUSH, bind=address)
        dying = library.plain(zmq.PULL, connect=address)
        await socket.send([b"hello"])
        await library.loop.until(lambda: dying.poll(0), 2)
        sending = library.loop.spawn(lambda: socket.send([b"a", b"b", b"c", b"d"]))
        await library.loop.ended(sending, seconds=0.1)
    if not dying.closed:
        return "it is not known when its frames are sent"
    if later:
        living.append(library.plain(zmq.PULL, connect=address))
        await library.loop.ended(sending)
    # Until it has heard of its end, libzmq may give the dying peer messages as well.
    for _ in range(10):
        socket.events()
        await library.loop.sleep(0.005)
    following = library.loop.spawn(partial(_send_further, socket))
    got: list[Frames] = []

    def all_came() -> bool:
        got.extend(all_from(living[0]))
        return bool(got) and got[-1] == FURTHER[-1]

    await library.loop.until(all_came, 1)
    return _judge(got) if following.done else f"the next send {following.outcome}"


FURTHER = [[b"next", b"%d" % number] for number in range(10)]


async def _send_further(socket: Socket) -> None:
    for message in FURTHER:
        await socket.send(message)


def _judge(got: list[Frames]) -> str:
    """Say what came of a message of four frames whose peer went in its middle, and of the further ones.

    The message itself may have gone with its peer, as any that libzmq has taken: only a piece of it is wrong.
    """
    further = [message for message in got if message != [b"a", b"b", b"c", b"d"]]
    if any(message[:1] != [b"next"] or len(message) != 2 for message in further):
        return "a piece arrives"
    return "ok" if len(further) == len(FURTHER) else "the next message is lost"


@contextmanager
def _before_the_second_frame(happens: Callable[[], object]) -> Iterator[None]:
    """While it lasts, something happens before ``b"b"`` is sent, by whatever socket is made meanwhile.

    Some send by the method of pyzmq's class, others by that of the compiled class beneath it, whose methods cannot be
    replaced, but which is looked up here.
    """
    outer, compiled = zmq.Socket.send, zmq.backend.Socket

    def watched(real: Callable[..., Any]) -> Callable[..., Any]:
        def send(socket: Any, data: Any, *arguments: Any, **options: Any) -> Any:
            if data == b"b":
                happens()
            return real(socket, data, *arguments, **options)

        return send

    replace: Any = setattr
    replace(zmq.Socket, "send", watched(outer))
    replace(zmq.backend, "Socket", type("Socket", (compiled,), {"send": watched(compiled.send)}))
    try:
        yield
    finally:
        replace(zmq.Socket, "send", outer)
        replace(zmq.backend, "Socket", compiled)
