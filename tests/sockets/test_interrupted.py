"""Calls that a signal interrupts are made again: nothing is lost, and nothing repeated."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import zmq

from tests.forcing import before_calls
from tests.opened import OpenedSockets
from tests.twins import KINDS
from zmqbridge.socket import POLLIN, POLLOUT, FastSocket, LeanSocket

MESSAGES: list[list[bytes]] = [[b"a", b"b", b"c"], [b"d"], [b"e"], [b"", b""], [b"f" * 100_000, b"g"], [b"h", b"i"]]


def test_interrupted_in_the_extension(opened: OpenedSockets, extension: Any) -> None:
    """Calls that signals interrupt, each of them twice and in the middle of a message too, lose and repeat nothing."""
    push, pull = opened.joined(FastSocket, zmq.PUSH, zmq.PULL)
    calls: Counter[str] = Counter()

    def interrupt(name: str) -> Callable[..., int]:
        def hook(*_: Any) -> int:
            calls[name] += 1
            return errno.EINTR if calls[name] % 3 else 0

        return hook

    names = ["zmq_send", "zmq_msg_send", "zmq_msg_recv", "zmq_getsockopt"]
    with before_calls(**{name: interrupt(name) for name in names}):
        assert all(push.send(message) for message in MESSAGES)
        assert push.events() == POLLOUT
        assert pull.events() == POLLIN
        received, drained = pull.receive(100)
    assert drained
    assert received == MESSAGES
    # One receive finds nothing.
    assert calls == {"zmq_send": 3 * 2, "zmq_msg_send": 3 * 9, "zmq_msg_recv": 3 * 12, "zmq_getsockopt": 3 * 2}


def test_interrupted_question(opened: OpenedSockets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where libzmq's own RCVMORE fails, pyzmq says whether more frames follow."""
    kind = KINDS["lean"](monkeypatch)
    push, pull = opened.joined(kind, zmq.PUSH, zmq.PULL)
    for message in ([b"a", b"b", b"c"], [b"d"], [b"e", b"f"]):
        assert push.send(message)
    assert isinstance(pull, LeanSocket)
    pull._more.read = lambda *_: -1
    assert pull.receive(100) == ([[b"a", b"b", b"c"], [b"d"], [b"e", b"f"]], True)


def test_interrupted_look(opened: OpenedSockets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where libzmq's own EVENTS fails, pyzmq says what is ready."""
    kind = KINDS["lean"](monkeypatch)
    one, other = opened.pair(kind)
    assert other.send([b"x"])
    assert isinstance(one, LeanSocket)
    one._events.read = lambda *_: -1
    assert one.events() == POLLIN | POLLOUT
    assert one.input_pending
