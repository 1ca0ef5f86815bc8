"""What a contender is given for one measurement: how much to do, the clock, and the other end."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ANY = "tcp://127.0.0.1:*"
ANYWHERE = "tcp://127.0.0.1"


def bind_anywhere(socket: Any) -> str:
    """Bind a socket of pyzmq's to any port, and return its address."""
    return f"{ANYWHERE}:{socket.bind_to_random_port(ANYWHERE)}"


class Unable(Exception):
    """This machine cannot run the contender, and why."""


def peak_memory() -> int:
    """Return the most bytes that this process has held in memory.

    ``ru_maxrss`` begins with that of the process that started this one; Linux has this program's own.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def raise_descriptor_limit(needed: int) -> None:
    """Allow this process as many descriptors as the system lets it have.

    Raises:
        Unable: if that is fewer than needed.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise Unable(f"needs {needed:,} descriptors, the limit is {hard:,}")


class Clock:
    """Measures time, this process's CPU time, and this thread's, between two moments."""

    CLOCKS = (time.perf_counter, time.process_time, time.thread_time)

    def __init__(self) -> None:
        self._began: list[float] = []
        self.seconds = self.cpu_seconds = self.loop_seconds = 0.0

    def begin(self) -> None:
        self._began = [clock() for clock in self.CLOCKS]

    def end(self) -> None:
        self.seconds, self.cpu_seconds, self.loop_seconds = (
            clock() - began for clock, began in zip(self.CLOCKS, self._began, strict=True)
        )


class Ends:
    """Starts the other ends, and stops them all in the end.

    Args:
        command: the helper's program.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._started: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for process in self._started:
            process.kill()
            process.communicate()

    def start(self, *command: object) -> subprocess.Popen[str]:
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
        self._started.append(process)
        return process

    def start_helper(self, *arguments: object) -> subprocess.Popen[str]:
        return self.start(*self._command, *arguments)

    def start_module(self, module: str, *arguments: object) -> subprocess.Popen[str]:
        return self.start(sys.executable, "-m", module, *arguments)


def read_line(process: subprocess.Popen[str]) -> str:
    """Return the next line that a process prints, waiting for it."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{os.path.basename(str(process.args[0]))} ended with status {process.wait()}")  # type: ignore[index]
    return line.strip()


@dataclass
class Run:
    """One measurement.

    Attributes:
        count: messages to measure with; at least two, of which the first starts the clock.
        ends: starts the other end.
        frames: frames of a message.
        size: bytes of a frame.
        figures: what has been measured, by name.
    """

    count: int
    ends: Ends
    frames: int = 1
    size: int = 100
    figures: dict[str, float] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)

    @property
    def message(self) -> Any:
        """A message to send: bytes if it has one frame, else a list."""
        frame = b"x" * self.size
        return frame if self.frames == 1 else [frame] * self.frames

    def begin(self) -> None:
        """Start the clock."""
        self.clock.begin()

    def end(self, messages: int) -> None:
        """Stop the clock, after so many messages."""
        self.clock.end()
        self.figures |= {
            "messages": messages,
            "seconds": self.clock.seconds,
            "cpu_seconds": self.clock.cpu_seconds,
            "loop_seconds": self.clock.loop_seconds,
        }

    def stop(self) -> None:
        """Stop the clock with the last message that came, where the first one started it."""
        self.end(self.count - 1)

    def send_to(self, address: str, share: int = 1) -> None:
        """Have the other end send the messages, or one part of so many, to an address."""
        self.ends.start_helper("send", address, self.count // share, self.frames, self.size)

    def publish_to(self, address: str, tag: str, subscriptions: int) -> None:
        """Have the other end publish the messages to an address once so many subscriptions have arrived."""
        self.ends.start_helper("publish", address, self.count, self.size, tag, subscriptions)

    def take_line(self, process: subprocess.Popen[str], *, whole: bool) -> None:
        """Take the figures that the helper prints at its end: how long it took, or all if it is the contender."""
        seconds, cpu_seconds, kibibytes = map(float, read_line(process).split())
        self.figures |= {"messages": self.count - 1, "seconds": seconds}
        if whole:
            self.figures |= {"cpu_seconds": cpu_seconds, "peak_memory_bytes": kibibytes * 1024}
