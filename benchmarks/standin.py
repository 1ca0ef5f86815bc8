"""What ``libzmq.c`` does, in Python: for a machine without a compiler. Slower, so it may be what is measured.

``python -m benchmarks.standin MODE ...`` takes the same arguments but for the library, and prints the same.
"""

from __future__ import annotations

import sys
from typing import Any

import zmq
import zmq.backend

from benchmarks.run import ANY, Clock, peak_memory


def open_bound(context: zmq.Context[Any], type: int) -> Any:
    socket = context.socket(type)
    socket.bind(ANY)
    print(socket.get_string(zmq.LAST_ENDPOINT), flush=True)
    return socket


def compiled(socket: Any, name: str) -> Any:
    """Return the compiled class's method: pyzmq's own costs more than some contenders' receiving."""
    return getattr(zmq.backend.Socket, name).__get__(socket)


def send(context: zmq.Context[Any], clock: Clock, address: str, count: str, frames: str, size: str) -> None:
    socket = context.socket(zmq.PUSH)
    socket.connect(address)
    message = bytes(int(size))
    flags = [zmq.SNDMORE] * (int(frames) - 1) + [0]
    send_frame = compiled(socket, "send")
    clock.begin()
    for _ in range(int(count)):
        for each in flags:
            send_frame(message, each)
    clock.end()


def publish(
    context: zmq.Context[Any], clock: Clock, address: str, count: str, size: str, tag: str, subscriptions: str
) -> None:
    socket = context.socket(zmq.XPUB)
    socket.set(zmq.SNDHWM, 0)
    socket.connect(address)
    for _ in range(int(subscriptions)):
        socket.recv()
    message = tag.encode() + b"\0" + bytes(int(size))
    send_frame = compiled(socket, "send")
    clock.begin()
    for _ in range(int(count)):
        send_frame(message, 0)
    clock.end()


def receive(context: zmq.Context[Any], clock: Clock, count: str) -> None:
    socket = open_bound(context, zmq.PULL)
    receive_frame = compiled(socket, "recv")
    for number in range(int(count)):
        receive_frame(0)
        while socket.get(zmq.RCVMORE):
            receive_frame(0)
        if not number:
            clock.begin()
    clock.end()


def echo(context: zmq.Context[Any], clock: Clock) -> None:
    socket = open_bound(context, zmq.ROUTER)
    clock.begin()
    while True:
        socket.send_multipart(socket.recv_multipart())


MODES: dict[str, Any] = {"send": send, "publish": publish, "receive": receive, "echo": echo}


def main(mode: str, *arguments: str) -> None:
    clock = Clock()
    context: Any = zmq.Context()
    MODES[mode](context, clock, *arguments)
    context.destroy(linger=-1)
    print(f"{clock.seconds:.9f} {clock.cpu_seconds:.9f} {peak_memory() // 1024}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
