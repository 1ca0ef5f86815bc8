"""What a case has to say of a library, and the small helpers of the cases."""

from __future__ import annotations

import os
import pickle
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq

from benchmarks.guarantees_peers.loops import Loop

__all__ = [
    "ADDRESS",
    "ARRIVED",
    "NOBODY",
    "TRIES",
    "DeafClient",
    "EchoServer",
    "FailsAtTheFirst",
    "Flood",
    "Interrupted",
    "Observation",
    "Pickled",
    "Strangers",
    "Ticker",
    "after_the_fork",
    "count_of",
    "described",
    "descriptors",
    "echo",
    "failure",
    "free_address",
    "in_a_child",
    "in_the_middle",
    "judge_forged",
    "judge_pieces",
    "judge_same_id",
    "judge_second",
    "megabytes",
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

ECHO = """
import sys, zmq
with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
    socket.bind(sys.argv[1])
    print("bound", flush=True)
    while True:
        socket.send_multipart(socket.recv_multipart())
"""

DEAF = """
import sys, zmq
with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
    socket.sndhwm = socket.rcvhwm = 100
    socket.connect(sys.argv[1])
    for number in range(int(sys.argv[2])):
        socket.send_multipart([b"%016d" % number, b"", b"x" * 1024])
    print("sent", flush=True)
    sys.stdin.read()
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


class EchoServer:
    """A process that sends back what it gets, to be killed and started again."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", ECHO, self._address], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class DeafClient:
    """A process that sends requests of a kilobyte, as many as it is told, and reads no reply."""

    def __init__(self, address: str, count: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", DEAF, address, str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    @property
    def has_sent(self) -> bool:
        """Whether all requests are out of its hands."""
        assert self._process.stdout is not None
        return bool(select.select([self._process.stdout], [], [], 0)[0])

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


class Strangers:
    """What connects to a port of ZeroMQ without being ZeroMQ."""

    SAYINGS = (b"\x00\xff" * 500, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\xff\0\0\0\0\0\0\0\1\x7f", b"")

    def __init__(self, address: str) -> None:
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        self._sockets = [socket.create_connection((host, int(port))) for _ in self.SAYINGS]
        for stranger, saying in zip(self._sockets, self.SAYINGS, strict=True):
            stranger.sendall(saying)


class Interrupted:
    """Sends of pyzmq's, between whose frames something happens once: before the frame ``b"b"`` is sent."""

    def __init__(self, happens: Callable[[], object]) -> None:
        self._happens = happens

    @contextmanager
    def in_class(self) -> Iterator[None]:
        """While it lasts, for every socket that sends by pyzmq's method."""
        real = zmq.Socket.send
        happens = self._happens

        def send(self: Any, data: Any, *args: Any, **kwargs: Any) -> Any:
            if data == b"b":
                happens()
            return real(self, data, *args, **kwargs)

        zmq.Socket.send = send  # type: ignore[method-assign]
        try:
            yield
        finally:
            zmq.Socket.send = real  # type: ignore[method-assign]

    @contextmanager
    def in_core(self, core: Any) -> Iterator[None]:
        """While it lasts, for a socket of zmqbridge's core, which calls libzmq by itself."""
        real = core._send

        def send(frame: bytes, flags: int) -> object:
            if frame == b"b":
                self._happens()
            return real(frame, flags)

        core._send = send
        try:
            yield
        finally:
            core._send = real


class Pickled:
    """What calls a function when it is unpickled."""

    unpickled = False

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return self.note, ()

    @classmethod
    def note(cls) -> None:
        cls.unpickled = True

    @classmethod
    def message(cls) -> bytes:
        return pickle.dumps(cls())


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


async def read_pieces(loop: Loop, heir: Any, sent: int) -> list[list[bytes]]:
    """Return what reaches a plain socket, up to the last of so many messages ``[b"next", number]`` or for a second."""
    got: list[list[bytes]] = []

    def read() -> bool:
        while heir.poll(0):
            got.append(heir.recv_multipart())
        return bool(got) and got[-1] == [b"next", b"%d" % (sent - 1)]

    await loop.until(read, 1)
    return got


def judge_pieces(got: list[list[bytes]], sent: int) -> str:
    """Say what came of a message of four frames whose peer went in its middle, and of so many further ones.

    The message itself may have gone with its peer, as any that libzmq has taken: only a piece of it is wrong.
    """
    further = [message for message in got if message != [b"a", b"b", b"c", b"d"]]
    if any(message[:1] != [b"next"] or len(message) != 2 for message in further):
        return "a piece arrives"
    return "ok" if len(further) == sent else "the next message is lost"


def in_the_middle(tries: list[str]) -> Observation:
    """Say what came of messages whose peers went in their middle."""
    lost = "the next message is lost"
    worse = sorted({*tries} - {"ok", lost})
    return Observation("; ".join(worse)) if worse else count_of(lost, tries.count(lost), len(tries))


def failure(call: Callable[[], object], value: str = "") -> Observation:
    """Say what a call raises, and whether it names the value."""
    try:
        call()
    except Exception as error:
        return described(error, value)
    return Observation("no error")


def described(error: BaseException, value: str) -> Observation:
    cause = error.__cause__
    named = not value or value in f"{error} {cause}"
    return Observation(
        type(error).__name__
        + (f" from {type(cause).__name__}" if cause and type(cause) is not type(error) else "")
        + ("" if named else ", which does not name it")
    )


def descriptors() -> int:
    """Return how many descriptors this process has."""
    return len(os.listdir("/proc/self/fd"))


def megabytes() -> float:
    """Return how much memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
