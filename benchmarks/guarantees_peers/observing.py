"""What a case has to say of a library, and the small helpers of the cases."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import zmq

from benchmarks.guarantees_peers.loops import Loop

__all__ = [
    "ADDRESS",
    "ARRIVED",
    "NOBODY",
    "TRIES",
    "FailsAtTheFirst",
    "Flood",
    "Observation",
    "Ticker",
    "after_the_fork",
    "count_of",
    "echo",
    "free_address",
    "in_a_child",
    "judge_forged",
    "judge_same_id",
    "judge_second",
]

ADDRESS = "inproc://case"
NOBODY = "tcp://127.0.0.1:9"
TRIES = 20

ARRIVED = 0.01
"""Seconds to block the loop for. Over inproc a message is there when its send returns; this is more than libzmq takes
before its next send looks at its commands again."""

# The compiled class's send, so that one core sends faster than most receive.
FLOOD = """
import sys, zmq, zmq.backend
with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
    socket.connect(sys.argv[1])
    send = zmq.backend.Socket.send.__get__(socket)
    message = b"x" * 100
    while True:
        send(message, 0)
"""


@dataclass(frozen=True)
class Observation:
    """What was observed.

    Attributes:
        words: in a few words; ``{}`` stands where the figure goes.
        figure: a number, of which several runs give a median.
    """

    words: str
    figure: float | None = None


def count_of(verb: str, number: int, tries: int = TRIES) -> Observation:
    """Say how many of the tries went wrong."""
    return Observation(f"{verb} {{}} of {tries}", number)


class Flood:
    """A process that sends to an address as fast as it can."""

    def __init__(self, address: str) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", FLOOD, address])

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


class FailsAtTheFirst:
    """A handler that fails for the first of three messages."""

    def __init__(self) -> None:
        self._got: list[list[bytes]] = []

    def got(self, message: list[bytes]) -> None:
        self._got.append(message)
        if len(self._got) == 2:
            raise RuntimeError("the handler failed")

    async def observe(self, loop: Loop, peer: zmq.Socket[bytes]) -> Observation:
        """Send one message, so that the two are connected, and then the three."""
        peer.send(b"connected?")
        await loop.until(lambda: self._got, 2)
        for number in range(3):
            peer.send(b"%d" % number)
        time.sleep(0.1)  # noqa: ASYNC251 (all of them are there when the loop looks)
        await loop.until(lambda: len(self._got) == 4, 2)
        got = len(self._got) - 1
        return Observation("ok") if got == 3 else Observation("hangs after {} of 3", got)


class Ticker:
    """A task that wants to run every millisecond, and notes for how long it could not."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._last = time.perf_counter()
        self._longest = 0.0
        self._task = loop.spawn(self._tick)

    async def _tick(self) -> None:
        while True:
            await self._loop.sleep(0.001)
            self._note()

    def _note(self) -> None:
        now = time.perf_counter()
        self._longest = max(self._longest, now - self._last)
        self._last = now

    def gap(self) -> float:
        """Return the longest time between two ticks so far, in seconds."""
        self._note()
        return self._longest

    def start_again(self) -> None:
        """Forget what was."""
        self._last = time.perf_counter()
        self._longest = 0.0


def free_address() -> str:
    """Return an address of TCP that nobody uses."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{holder.getsockname()[1]}"


def in_a_child(call: Callable[[], object]) -> str:
    """Make a call in a forked child, and say what became of it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            call()
        except BaseException as error:
            os.write(writing, type(error).__name__.encode())
        os._exit(0)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    name = os.read(reading, 1000).decode()
    if status:
        return "the child crashes"
    return f"error: {name}" if name else "no error"


async def after_the_fork(loop: Loop, outcome: str, peer: zmq.Socket[bytes]) -> Observation:
    """Say what the child's send came to, and what of it the other end saw."""
    got = []
    while await loop.until(lambda: peer.poll(0), 0.5):
        got.append(peer.recv())
    if outcome == "no error":
        outcome += ", and it arrives" if b"from the child" in got else ", and nothing arrives"
    if b"from the parent" not in got:
        outcome += ", and the parent's next does not arrive"
    return Observation(outcome)


async def echo(loop: Loop, server: zmq.Socket[bytes], count: int) -> None:
    """Answer requests with what they say."""
    for _ in range(count):
        if await loop.until(lambda: server.poll(0), 2):
            server.send_multipart(server.recv_multipart())


def judge_same_id(answers: dict[bytes, list[bytes]]) -> Observation:
    """Say what two clients got that sent their own names as requests."""
    words = [
        f"the {name.decode()} client gets {b' '.join(answer).decode() + chr(39) + 's reply' if answer else 'nothing'}"
        for name, answer in answers.items()
        if answer != [name]
    ]
    return Observation("; ".join(words) or "ok")


def judge_second(result: Any) -> Observation:
    """Say what the second request got."""
    if result == [b"reply to second"]:
        return Observation("ok")
    return Observation(f"the second gets {result[0].decode()!r}" if result else "the second has no reply")


def judge_forged(results: list[Any]) -> Observation:
    """Say what two requests got that are answered with what they say."""
    if results == [[b"a"], [b"b"]]:
        return Observation("ok")
    said = [
        "no reply" if not result else "its own" if result == [part] else "the other's reply"
        for part, result in zip((b"a", b"b"), results, strict=True)
    ]
    return Observation(f"of two requests one gets {said[0]}, one {said[1]}")
