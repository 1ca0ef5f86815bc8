"""What a case has to say of a library, and how it looks at what happens."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import zmq

from benchmarks.guarantees.loops import Loop

__all__ = [
    "ADDRESS",
    "NOBODY",
    "TRIES",
    "Observation",
    "Ticker",
    "all_from",
    "count_of",
    "described",
    "descriptors",
    "free_address",
    "load",
    "megabytes",
    "numbers",
    "spinning",
]

ADDRESS = "inproc://case"
NOBODY = "tcp://127.0.0.1:9"
TRIES = 20


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


def described(error: BaseException | None, value: str = "") -> Observation:
    """Say what a call raised, and whether that names the value."""
    if error is None:
        return Observation("no error")
    cause = error.__cause__
    named = not value or value in f"{error} {cause}"
    return Observation(
        type(error).__name__
        + (f" from {type(cause).__name__}" if cause and type(cause) is not type(error) else "")
        + ("" if named else ", which does not name it")
    )


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


async def load(loop: Loop, seconds: float) -> float:
    """Let the loop run, and return how much of a processor this process used meanwhile: 1 for all of it."""
    began = time.process_time()
    await loop.sleep(seconds)
    return (time.process_time() - began) / seconds


async def spinning(loop: Loop, seconds: float = 0.5) -> str:
    """Let the loop run, and say whether it spins."""
    return ", and the loop spins" if await load(loop, seconds) > 0.5 else ""


def numbers(count: int) -> list[list[bytes]]:
    """Return so many messages, each of which is its number."""
    return [[b"%d" % number] for number in range(count)]


def all_from(peer: zmq.Socket[bytes]) -> list[list[bytes]]:
    """Return the messages that are there."""
    messages = []
    while peer.poll(0):
        messages.append(peer.recv_multipart())
    return messages


def free_address() -> str:
    """Return an address of TCP that nobody uses."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{holder.getsockname()[1]}"


def descriptors() -> int:
    """Return how many descriptors this process has."""
    return len(os.listdir("/proc/self/fd"))


def megabytes() -> float:
    """Return how much memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
