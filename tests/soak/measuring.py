"""What the soak tests measure, and the other process that floods them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    """Return how many bytes of memory the process uses now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


class Memory:
    """How much memory the process uses, beyond what it used when it had warmed up.

    Attributes:
        growth: bytes, at the highest look so far.
    """

    def __init__(self) -> None:
        self._base = 0
        self.growth = 0

    def settled(self) -> None:
        """From here on it must not grow."""
        self._base = resident()
        self.growth = 0

    def look(self) -> None:
        if self._base:
            self.growth = max(self.growth, resident() - self._base)


FLOOD = """
import sys, zmq
context = zmq.Context()
sockets = []
for address in sys.argv[3:]:
    socket = context.socket(getattr(zmq, sys.argv[2]))
    socket.linger = 0
    socket.connect(address)
    sockets.append(socket)
payload = b"tag\\0" + b"x" * int(sys.argv[1])
message = [b"id", b"", payload] if sys.argv[2] == "DEALER" else [payload]
while True:
    took = False
    for socket in sockets:
        try:
            for _ in range(50):
                socket.send_multipart(message, zmq.NOBLOCK)
                took = True
        except zmq.Again:
            pass
        try:
            while sys.argv[2] == "DEALER":
                socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            pass
    if not took:
        zmq.select(sockets if sys.argv[2] == "DEALER" else [], sockets, [], 1)
"""


@contextlib.contextmanager
def flooded(*addresses: str, size: int = 100, kind: str = "PUSH") -> Iterator[None]:
    """Have another process send as much as it can to each of the addresses, by turns: as PUSH, PUB or DEALER."""
    process = subprocess.Popen([sys.executable, "-c", FLOOD, str(size), kind, *addresses])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@dataclass
class Gap:
    """The longest time for which nothing ticked, in seconds.

    Attributes:
        passed: by the clock on the wall; other processes have their part in it.
        used: of the processor by this thread, which is the loop's own part.
    """

    passed: float = 0.0
    used: float = 0.0


class Ticker:
    """Something that should happen each millisecond, and the longest time for which it did not."""

    def __init__(self) -> None:
        self._passed = time.monotonic()
        self._used = time.thread_time()
        self._longest = Gap()

    def tick(self) -> None:
        passed, used = time.monotonic(), time.thread_time()
        self._longest.passed = max(self._longest.passed, passed - self._passed)
        self._longest.used = max(self._longest.used, used - self._used)
        self._passed, self._used = passed, used

    def read(self) -> Gap:
        """Return the longest gap since the last reading."""
        self.tick()
        longest, self._longest = self._longest, Gap()
        return longest
