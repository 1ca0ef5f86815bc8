"""What comes of sockets, loops and programs that end, one before the other?"""

from __future__ import annotations

import gc
import subprocess
import time
from collections.abc import Awaitable, Callable
from typing import Any

import zmq

from benchmarks.guarantees.case import Leaving, Make, Need, case, life, program
from benchmarks.guarantees.libraries.library import UNSENT, Library
from benchmarks.guarantees.loops import Task
from benchmarks.guarantees.observing import ADDRESS, NOBODY, Observation, Ticker, described, descriptors, free_address


@case("shutdown", "closing with a message unsent and a linger of 2 s: the loop is", timed=True)
async def shutdown(library: Library) -> Observation:
    """Socket and context are closed the library's way."""
    ticker = Ticker(library.loop)
    await library.loop.sleep(0.1)
    ticker.start_again()
    await library.leave(NOBODY, 2)
    return Observation("blocked {} s", ticker.gap())


@program("exit", "the program ends with its sends unsent; the peer comes 0.3 s later: it gets")
def exits(leaving: Leaving) -> Observation:
    """Its socket and its context are left open, with a linger of 2 s."""
    context: zmq.Context[Any] = zmq.Context()
    address = free_address()
    leaver, _ = _leave(leaving, address)
    time.sleep(0.3)
    received = 0
    with context.socket(zmq.PULL) as pull:
        pull.bind(address)
        while received < len(UNSENT) and pull.poll(1000 if leaver.poll() is not None else 4000):
            pull.recv()
            received += 1
    return Observation("{} of 100", received) if _ends(leaver) else NEVER


@program("exit-nobody", "the same, and no peer comes, with a linger of 2 s: the process")
def exits_with_nobody(leaving: Leaving) -> Observation:
    """How long does it take to end?"""
    leaver, sent = _leave(leaving, free_address())
    return Observation("ends after {} s", time.perf_counter() - sent) if _ends(leaver) else NEVER


NEVER = Observation("does not end")


def _leave(leaving: Leaving, address: str) -> tuple[subprocess.Popen[bytes], float]:
    """Start the program, and return it with the time at which all was sent."""
    leaver = subprocess.Popen(leaving(address), stdout=subprocess.PIPE)
    assert leaver.stdout is not None
    leaver.stdout.readline()
    return leaver, time.perf_counter()


def _ends(leaver: subprocess.Popen[bytes]) -> bool:
    try:
        leaver.wait(15)
    except subprocess.TimeoutExpired:
        leaver.kill()
        return False
    return True


@case("left-over", "a hundred sockets are opened and closed: descriptors")
async def left_over(library: Library) -> Observation:
    """How many stay?"""
    await library.open_and_close(ADDRESS)
    await library.loop.sleep(0.1)
    before = descriptors()
    for number in range(100):
        await library.open_and_close(f"{ADDRESS}-{number}")
        await library.loop.sleep(0)
    await library.loop.until(lambda: descriptors() <= before, 2)
    return Observation("{} left", max(descriptors() - before, 0))


@case("dropped", "a context is dropped with a socket that is bound, and its address bound again")
async def dropped(library: Library) -> Observation:
    """The collector of cycles does not run meanwhile."""
    gc.disable()
    await library.drop(address := free_address())
    end = time.perf_counter() + 2
    while time.perf_counter() < end:
        try:
            library.plain(zmq.PULL, bind=address)
        except zmq.ZMQError:
            await library.loop.sleep(0.02)
        else:
            return Observation("ok")
    return Observation("the address stays in use")


@life("two-loops", "a second loop after the first, with the same context", Need.LOOPS_IN_A_ROW)
def two_loops(make: Make) -> Observation:
    """Both are in the same thread."""
    library = make()
    addresses = [f"{ADDRESS}-second", f"{ADDRESS}-first"]

    async def once() -> Any:
        if len(addresses) == 2:
            await library.begin()
        address = addresses.pop()
        socket = await library.open(zmq.PULL, bind=address)
        library.plain(zmq.PUSH, connect=address).send(b"x")
        got = await library.loop.within(2, socket.receive)
        socket.close()
        await library.stack.aclose()
        return got

    for number in ("first", "second"):
        outcome = _lived(library, once)
        if outcome != "returns":
            return Observation(f"the {number} loop {outcome}")
    return Observation("ok")


@life("another-loop", "a socket of a loop that has ended, on a second loop", Need.OUTLIVING, Need.LOOPS_IN_A_ROW)
def another_loop(make: Make) -> Observation:
    """A message comes for it there."""
    library = make()
    sockets: list[Any] = []
    received: list[str] = []

    async def first() -> None:
        await library.begin()
        sockets.append(await library.open(zmq.PULL, bind=ADDRESS))
        library.plain(zmq.PUSH, connect=ADDRESS).send(b"first")
        await sockets[0].receive()

    async def second() -> None:
        receiving = library.loop.spawn(lambda: library.loop.within(2, sockets[0].receive))
        await library.loop.sleep(0.05)
        library.plain(zmq.PUSH, connect=ADDRESS).send(b"second")
        await library.loop.ended(receiving, seconds=3)
        received.append(receiving.outcome)

    outcome = _lived(library, first)
    if outcome != "returns":
        return Observation(f"the first loop {outcome}")
    outcome = _lived(library, second)
    said = received[0] if received else f"the second loop {outcome}"
    return Observation(said.replace("returns", "ok").replace("ends with TimeoutError", "hangs"))


@life("after-loop", "a socket is closed after its loop has ended", Need.OUTLIVING)
def after_loop(make: Make) -> Observation:
    """The loop ends with a receive parked."""
    library = make()
    sockets: list[Any] = []

    async def park() -> None:
        await library.begin(stays_open=True)
        sockets.append(await library.open(zmq.PULL, bind=ADDRESS))
        library.loop.spawn(sockets[0].receive)
        await library.loop.sleep(0.05)

    outcome = _lived(library, park)
    if outcome != "returns":
        return Observation(f"the loop {outcome}")
    try:
        sockets[0].close()
    except Exception as error:
        return described(error)
    return Observation("ok")


def _lived(library: Library, main: Callable[[], Awaitable[Any]]) -> str:
    """Run a loop to its end, and say in words how it ended."""
    task = Task(main)
    try:
        library.loop.run(task.run)
    except BaseException as error:
        task.error = error
        while isinstance(task.error, BaseExceptionGroup):
            task.error = task.error.exceptions[0]
    return task.outcome
