"""The other ends that a plain socket of this process cannot be: other processes, strangers, and what they send."""

from __future__ import annotations

import os
import pickle
import select
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import IO

__all__ = ["DeafClient", "EchoServer", "Flood", "Giant", "Pickled", "Strangers", "in_a_child"]

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

GIANT = """
import sys, zmq
with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
    socket.connect(sys.argv[1])
    socket.send_multipart([b""] * int(sys.argv[2]))
    socket.send(b"good")
    sys.stdin.read()
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


class Process:
    """A program in a process of its own."""

    def __init__(self, program: str, *arguments: object) -> None:
        self._command = [sys.executable, "-c", program, *map(str, arguments)]
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout


class Flood(Process):
    """Sends to an address as fast as it can."""

    def __init__(self, address: str) -> None:
        super().__init__(FLOOD, address)


class EchoServer(Process):
    """Sends back what it gets, to be killed and started again."""

    def __init__(self, address: str) -> None:
        super().__init__(ECHO, address)

    def start(self) -> None:
        super().start()
        self.output.readline()


class Giant(Process):
    """Sends a message of so many empty frames, and then a good one."""

    def __init__(self, address: str, frames: int) -> None:
        super().__init__(GIANT, address, frames)


class DeafClient(Process):
    """Sends requests of a kilobyte, as many as it is told, and reads no reply."""

    def __init__(self, address: str, count: int) -> None:
        super().__init__(DEAF, address, count)

    @property
    def has_sent(self) -> bool:
        """Whether all requests are out of its hands."""
        return bool(select.select([self.output], [], [], 0)[0])


class Strangers:
    """What connects to a port of ZeroMQ without being ZeroMQ."""

    SAYINGS = (b"\x00\xff" * 500, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\xff\0\0\0\0\0\0\0\1\x7f", b"")

    def __init__(self, address: str) -> None:
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        self._sockets = [socket.create_connection((host, int(port))) for _ in self.SAYINGS]
        for stranger, saying in zip(self._sockets, self.SAYINGS, strict=True):
            stranger.sendall(saying)


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
