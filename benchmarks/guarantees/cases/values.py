"""Which error does a bad value get, and does it name the value?"""

from __future__ import annotations

from functools import partial
from tempfile import mkdtemp
from typing import Any

import zmq

from benchmarks.guarantees.case import case
from benchmarks.guarantees.libraries.library import Library
from benchmarks.guarantees.loops import Call
from benchmarks.guarantees.observing import ADDRESS, NOBODY, Observation, described, free_address


async def _refused(library: Library, call: Call, value: str) -> Observation:
    task = library.loop.spawn(call)
    await library.loop.ended(task, seconds=1)
    return described(task.error, value)


@case("text", "a str is sent")
async def text(library: Library) -> Observation:
    socket: Any = await library.open(zmq.PUSH, connect=NOBODY)
    return await _refused(library, partial(socket.send, ["text"]), "text")


@case("endpoint", "a bind to tcp:/127.0.0.1:5555")
async def endpoint(library: Library) -> Observation:
    address = "tcp:/127.0.0.1:5555"
    return await _refused(library, partial(library.open, zmq.PULL, bind=address), address)


@case("in-use", "a bind to a port in use")
async def in_use(library: Library) -> Observation:
    address = free_address()
    library.plain(zmq.PULL, bind=address)
    return await _refused(library, partial(library.open, zmq.PULL, bind=address), address)


@case("path-in-use", "a bind to an ipc path in use")
async def path_in_use(library: Library) -> Observation:
    """Whoever listens there hears of it by hearing nothing more."""
    address = f"ipc://{mkdtemp()}/path"
    library.plain(zmq.PULL, bind=address)
    try:
        await library.open(zmq.PULL, bind=address)
    except Exception as error:
        return described(error, address)
    return Observation("no error")


@case("no-effect", "a time limit of libzmq's is set, RCVTIMEO; then a receive")
async def no_effect(library: Library) -> Observation:
    """It is a tenth of a second."""
    socket = await library.open(zmq.PULL, bind=ADDRESS)
    try:
        socket.setsockopt(zmq.RCVTIMEO, 100)
    except Exception as error:
        return described(error)
    receiving = library.loop.spawn(socket.receive)
    await library.loop.ended(receiving, seconds=1)
    return Observation(f"no error; the receive {receiving.outcome}")
