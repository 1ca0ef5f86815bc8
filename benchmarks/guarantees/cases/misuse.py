"""What does a socket cost that waits, and what does it say to another thread and to a forked child?"""

from __future__ import annotations

import threading

import zmq

from benchmarks.guarantees.case import case
from benchmarks.guarantees.libraries.library import Library
from benchmarks.guarantees.observing import ADDRESS, Observation, all_from, free_address, load
from benchmarks.guarantees.others import in_a_child


@case("idle", "a parked receive: use of a processor")
async def idle(library: Library) -> Observation:
    """It is parked for a second, on a connected socket."""
    socket = await library.open(zmq.PULL, bind=ADDRESS)
    library.plain(zmq.PUSH, connect=ADDRESS).send(b"first")
    await socket.receive()
    library.loop.spawn(socket.receive)
    await library.loop.sleep(0.2)
    return Observation("{} %", await load(library.loop, 1) * 100)


@case("thread", "a send from another thread")
async def thread(library: Library) -> Observation:
    """The loop's thread has used the socket before."""
    socket = await library.open(zmq.DEALER, bind=ADDRESS)
    library.plain(zmq.DEALER, connect=ADDRESS)
    await socket.send([b"x"])
    errors: list[Exception] = []

    def misuse() -> None:
        try:
            socket.send_now([b"from another thread"])
        except Exception as error:
            errors.append(error)

    other = threading.Thread(target=misuse)
    other.start()
    other.join()
    return Observation(f"error: {type(errors[0]).__name__}" if errors else "no error")


@case("fork", "a send in a forked child")
async def fork(library: Library) -> Observation:
    """Then the parent sends as well."""
    loop = library.loop
    address = free_address()
    socket = await library.open(zmq.DEALER, bind=address)
    peer = library.plain(zmq.DEALER, connect=address)
    peer.send(b"hello")
    await socket.receive()
    await socket.send([b"x"])
    await loop.until(lambda: peer.poll(0), 2)
    peer.recv()
    outcome = in_a_child(lambda: socket.send_now([b"from the child"]))
    await loop.sleep(0.1)
    loop.spawn(lambda: socket.send([b"from the parent"]))
    got = []
    while messages := await _next(library, peer):
        got += messages
    if outcome == "no error":
        outcome += ", and it arrives" if [b"from the child"] in got else ", and nothing arrives"
    if [b"from the parent"] not in got:
        outcome += ", and the parent's next does not arrive"
    return Observation(outcome)


async def _next(library: Library, peer: zmq.Socket[bytes]) -> list[list[bytes]]:
    """Return what comes within half a second."""
    await library.loop.until(lambda: peer.poll(0), 0.5)
    return all_from(peer)
