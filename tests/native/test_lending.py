"""Large frames that libzmq sends from an object's own memory."""

from __future__ import annotations

import errno
import sys
from typing import Any

import pytest
import zmq

from tests.forcing import before_calls
from tests.opened import OpenedSockets
from zmqbridge.socket import FastSocket


def test_lent_memory_comes_back(opened: OpenedSockets, extension: Any) -> None:
    """A large frame that was sent is Python's again once libzmq has let go of it, whoever read it."""
    one, other = opened.pair(FastSocket, "tcp://127.0.0.1:*")
    other.views_from = 1000
    payload = bytes(1_000_000)
    before = sys.getrefcount(payload)
    for _ in range(20):
        while not one.send([payload]):
            pass
        while not other.receive(256)[0]:
            pass
    while sys.getrefcount(payload) > before:
        one.receive(1)
    assert sys.getrefcount(payload) == before
    full = opened.open(FastSocket, zmq.PAIR)
    assert not full.send([payload])
    full.receive(1)
    assert sys.getrefcount(payload) == before


@pytest.mark.parametrize("how", ["send", "receive", "events"])
def test_every_call_takes_it_back(opened: OpenedSockets, extension: Any, how: str) -> None:
    """Whichever call comes next, on whichever socket, gives back what libzmq has let go of."""
    one, other = opened.pair(FastSocket)
    payload = bytes(100_000)
    before = sys.getrefcount(payload)
    assert one.send([payload])
    assert other.receive(10) == ([[payload]], True)  # copied, and let go of
    calls: dict[str, Any] = {
        "send": lambda: other.send([b"x"]),
        "receive": lambda: other.receive(1),
        "events": other.events,
    }
    calls[how]()
    assert sys.getrefcount(payload) == before


@pytest.mark.parametrize("number", [errno.EAGAIN, int(zmq.ETERM), errno.EINTR])
def test_a_send_that_fails_lends_nothing(opened: OpenedSockets, extension: Any, number: int) -> None:
    """A large frame that libzmq did not take is Python's again, and the errno is that of the send."""
    one, other = opened.pair(FastSocket)
    payload = bytes(100_000)
    before = sys.getrefcount(payload)
    numbers = [0, number]
    with before_calls(zmq_msg_send=lambda *_: numbers.pop() if numbers else 0):
        if number == zmq.ETERM:
            with pytest.raises(Exception, match="terminated"):
                one.send([payload])
        else:
            assert one.send([payload])
            assert other.receive(10) == ([[payload]], True)
        one.events()
    assert sys.getrefcount(payload) == before


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
    """What libzmq still holds as its context ends is given back by the next call on any socket."""
    payload = bytes(100_000)
    before = sys.getrefcount(payload)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    one, other = FastSocket(context, zmq.PAIR), FastSocket(context, zmq.PAIR)
    other.connect(one.bind("inproc://lent").address)
    assert one.send([payload])
    one.close(0)
    other.close(0)
    context.term()
    with zmq.Context() as another:
        socket = FastSocket(another, zmq.PAIR)
        socket.events()
        socket.close(0)
    assert sys.getrefcount(payload) == before
