"""The test's end of a peer program: start it, tell it what to do, wait for what it reports.

A thread of its own reads what each program reports, so that a case can wait for it on
any loop with :meth:`Harness.until`, and nothing that is awaited here ever blocks one. A case without
a loop waits with the methods that are called ``wait``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.conformance.harnesses.base import Harness
from tests.interop.peers.control import frames_of, texts_of

__all__ = ["LIBRARIES", "TCP", "Job", "Peer", "Spares"]

ROOT = Path(__file__).parents[2]
SECONDS = 20.0
TCP = "tcp://127.0.0.1:*"
PAUSE = 0.002

# Those of txZMQ's interface: the original, and ours.
LIBRARIES = ("txzmq", "zmqbridge_twisted")


class Job:
    """One thing that a peer program has open.

    Attributes:
        messages: all that it has received so far.
    """

    def __init__(self, peer: Peer, number: int, loop: Harness | None = None) -> None:
        self.messages: list[list[bytes]] = []
        self._peer = peer
        self._number = number
        self._loop = loop
        self._taken = 0
        self._addresses: list[str] | None = None
        self._error: str | None = None

    def hear(self, report: dict[str, Any]) -> None:
        """Note what the program says of it."""
        if "message" in report:
            self.messages.append(frames_of(report["message"]))
        self._addresses = report.get("addresses", self._addresses)
        self._error = report.get("error", self._error)

    def do(self, step: str, *frames: bytes) -> None:
        """Have it do a step, after those before it."""
        self._peer.tell({"job": self._number, "do": step, "frames": texts_of(frames)})

    async def until(self, condition: Callable[[], object]) -> None:
        """Return once the condition holds, which the program has to bring about."""
        assert self._loop is not None
        deadline = time.monotonic() + SECONDS

        def holds() -> bool:
            self.check(deadline)
            return bool(condition())

        await self._loop.until(holds)

    def check(self, deadline: float) -> None:
        """Fail, with all that the program said, if it cannot or does not do its part."""
        ended = self._peer.process.poll()
        if self._error is None and ended is None and time.monotonic() < deadline:
            return
        how = f"ended with {ended}" if ended is not None else "failed" if self._error else f"was silent for {SECONDS} s"
        raise AssertionError(
            f"{self._peer.name} {how}; its job {self._number} received {self.messages!r:.2000}\n"
            f"{self._error or ''}{self._peer.stderr()}"
        )

    async def addresses(self) -> list[str]:
        """Return where it listens, once it does, and connects, if it is to."""
        await self.until(lambda: self._addresses is not None)
        assert self._addresses is not None
        return self._addresses

    async def address(self) -> str:
        """Return the first place where it listens, once it does."""
        return (await self.addresses())[0]

    def wait_until(self, condition: Callable[[], object]) -> None:
        """As :meth:`until`, where no loop runs."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            self.check(deadline)
            time.sleep(PAUSE)

    def wait_for_addresses(self) -> list[str]:
        """As :meth:`addresses`, where no loop runs."""
        self.wait_until(lambda: self._addresses is not None)
        assert self._addresses is not None
        return self._addresses

    def wait_for_messages(self, count: int) -> list[list[bytes]]:
        """Return the next messages that it received, so many, once it has, where no loop runs."""
        first = self._taken
        self._taken += count
        self.wait_until(lambda: len(self.messages) >= self._taken)
        return self.messages[first : self._taken]

    def wait_for_message(self) -> list[bytes]:
        """Return the next message that it received, once it has, where no loop runs."""
        return self.wait_for_messages(1)[0]

    async def receive(self) -> list[bytes]:
        """Return the next message that it received, once it has."""
        index = self._taken
        self._taken += 1
        await self.until(lambda: len(self.messages) > index)
        return self.messages[index]


class Peer:
    """A program of :mod:`tests.interop.peers` in a process of its own, until it is closed.

    Args:
        name: the module's name.
        arguments: its command line.

    Attributes:
        command: all of these, to start another one.
        name: the same in words.
    """

    def __init__(self, name: str, *arguments: str) -> None:
        self.command = (name, *arguments)
        self.name = " ".join(self.command)
        self._jobs = {0: Job(self, 0)}
        self._killed = False
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"tests.interop.peers.{name}", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
        )
        self._reader = threading.Thread(target=self._read, name=f"reports of {self.name}", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if not line.endswith(b"\n"):
                break  # It was killed in the middle of it.
            report = json.loads(line)
            self._jobs[report["job"]].hear(report)

    @property
    def itself(self) -> Job:
        """The job of a program that has only the one it was started for."""
        return self._jobs[0]

    def stderr(self) -> str:
        """What the program wrote to its stderr so far."""
        # Not with seek(): the program writes at the same offset.
        return os.pread(self._stderr.fileno(), 1 << 20, 0).decode(errors="replace")

    def tell(self, command: dict[str, object]) -> None:
        """Ask something of the program; one that has ended hears nothing any more."""
        assert self.process.stdin is not None
        line = memoryview(json.dumps(command).encode() + b"\n")
        # One that died of itself is noticed by whoever waits for it.
        with suppress(BrokenPipeError):
            while line:
                line = line[os.write(self.process.stdin.fileno(), line) :]

    @contextmanager
    def open(
        self,
        loop: Harness | None,
        what: str,
        *,
        bind: str | None = None,
        connect: str | None = None,
        **options: int | bytes,
    ) -> Iterator[Job]:
        """Have the program open something for a case, and close it in the end.

        Args:
            loop: on which the case runs, if it runs on one.
            what: a socket's type, or one of the words that the program knows.
            bind: where it is to listen; a fresh port, if neither this nor ``connect`` is given.
            connect: where it is to connect to.
            options: of libzmq, by their names.
        """
        number = len(self._jobs)
        job = self._jobs[number] = Job(self, number, loop)
        if bind is None and connect is None:
            bind = TCP
        self.tell(
            {
                "job": number,
                "open": what,
                "bind": [] if bind is None else [bind],
                "connect": [] if connect is None else [connect],
                "options": {
                    name: value.hex() if isinstance(value, bytes) else value for name, value in options.items()
                },
            }
        )
        try:
            yield job
        finally:
            job.do("stop")

    def kill(self) -> None:
        """End the process as a crash would, at once and without its knowledge; what it reported until then is heard."""
        self._killed = True
        self.process.kill()
        self.process.wait()
        self._reader.join()

    def close(self) -> None:
        """Take its stdin away and see that the process ends by that."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            status = self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self._reader.join()
            self.process.stdout.close()
            said = self.stderr()
            self._stderr.close()
        assert self._killed or status == 0, f"{self.name} ended with {status}\n{said}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Spares:
    """Processes of plain sockets, for cases to kill; the next one starts before it is needed."""

    def __init__(self) -> None:
        self._idle = [Peer("plain"), Peer("plain")]

    @contextmanager
    def two(self) -> Iterator[tuple[Peer, Peer]]:
        """Give a process to kill, and one to take its place."""
        victim, heir = self._idle.pop(0), self._idle.pop(0)
        try:
            yield victim, heir
        finally:
            victim.kill()
            victim.close()
            self._idle += [heir, Peer("plain")]

    def close(self) -> None:
        for peer in self._idle:
            peer.close()
