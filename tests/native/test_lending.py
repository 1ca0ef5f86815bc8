"""Large frames that libzmq sends from an object's own memory."""

from __future__ import annotations

import errno
import sys
import threading
from typing import Any

import pytest
import zmq

import zmqbridge
from tests.forcing import before_calls
from tests.opened import OpenedSockets
from zmqbridge.socket import FastSocket, Socket

TCP = "tcp://127.0.0.1:*"


def send(socket: Socket, message: list[bytes]) -> None:
    """Send a message as soon as there is room."""
    while not socket.send(message):
        pass


def test_lent_memory_comes_back(opened: OpenedSockets, extension: Any) -> None:
    """A large frame that was sent is Python's again once libzmq has let go of it, whoever read it."""
    one, other = opened.pair(FastSocket, TCP)
    other.views_from = 1000
    payload = bytes(1_000_000)
    before = sys.getrefcount(payload)
    for _ in range(20):
        send(one, [payload])
        while not other.receive(256)[0]:
            pass
    while sys.getrefcount(payload) > before:
        one.receive(1)
    assert sys.getrefcount(payload) == before
    full = opened.open(FastSocket, zmq.PAIR)
    assert not full.send([payload])
    full.receive(1)
    assert sys.getrefcount(payload) == before


def test_nothing_need_be_called(opened: OpenedSockets, extension: Any) -> None:
    """What libzmq has let go of is given back though nobody calls the library again."""
    one, other = opened.pair(FastSocket, TCP)
    payload = bytes(1_000_000)
    before = sys.getrefcount(payload)
    send(one, [b"large", payload])
    assert other.raw.recv_multipart() == [b"large", payload]
    while sys.getrefcount(payload) > before:  # libzmq's thread lets go of it when it has nothing else to do
        pass


def test_another_thread_than_the_main_one(opened: OpenedSockets, extension: Any) -> None:
    """What libzmq has let go of is given back to a thread that calls, though the main one runs no Python."""
    one, other = opened.pair(FastSocket, TCP)
    payload = bytes(1_000_000)
    before = sys.getrefcount(payload)

    def exchange() -> None:
        send(one, [payload])
        other.raw.recv_multipart()
        while sys.getrefcount(payload) > before:
            extension.collect()

    thread = threading.Thread(target=exchange)
    thread.start()
    thread.join()
    assert sys.getrefcount(payload) == before


@pytest.mark.parametrize("frames", [1, 3])
def test_inproc(opened: OpenedSockets, extension: Any, frames: int) -> None:
    """Over inproc nothing is lent: there the other side would be given the very memory, and may write to it."""
    one, other = opened.pair(FastSocket)
    payload = b"A" * 100_000
    assert one.send([payload] * frames)
    for received in other.raw.recv_multipart(copy=False):
        received.buffer[0:4] = b"EVIL"
    assert payload == b"A" * 100_000


@pytest.mark.parametrize("number", [errno.EAGAIN, int(zmq.ETERM), errno.EINTR])
@pytest.mark.parametrize("message", [[bytes(100_000)], [b"head", bytes(100_000), bytes(200_000)]], ids=["one", "three"])
def test_a_send_that_fails_lends_nothing(
    opened: OpenedSockets, extension: Any, number: int, message: list[bytes]
) -> None:
    """A large frame that libzmq did not take is Python's again, and the errno is that of the send."""
    one, other = opened.pair(FastSocket, TCP)
    send(other, [b"ready"])
    while not one.receive(1)[0]:
        pass
    before = [sys.getrefcount(frame) for frame in message]
    numbers = [0, number]
    with before_calls(zmq_msg_send=lambda *_: numbers.pop() if numbers else 0):
        if number == zmq.ETERM:
            with pytest.raises(zmqbridge.ContextTerminated):
                one.send(message)
        else:
            assert one.send(message)
            assert other.raw.recv_multipart() == message
    while [sys.getrefcount(frame) for frame in message] != before:
        one.events()


def test_what_is_more_than_bytes_is_not_lent(opened: OpenedSockets, extension: Any) -> None:
    """A frame whose end runs code is copied: that code might close the socket that is about to be used."""
    gone: list[bool] = []

    class Loud(bytes):
        def __del__(self) -> None:
            gone.append(True)

    one, other = opened.pair(FastSocket)
    assert one.send([Loud(1_000_000)])
    assert gone == [True]
    assert other.receive(1) == ([[bytes(1_000_000)]], False)


def test_lent_while_the_context_ends(extension: Any) -> None:
    """What libzmq still holds as its context ends is given back when it has ended."""
    payload = bytes(100_000)
    before = sys.getrefcount(payload)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    one, other = FastSocket(context, zmq.PAIR), FastSocket(context, zmq.PAIR)
    other.connect(one.bind(TCP).address)
    send(one, [payload])
    one.close(0)
    other.close(0)
    context.term()
    extension.collect()
    assert sys.getrefcount(payload) == before
