"""Where connections live: what a fork leaves to its child, and how long the end may take."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import zmq

import zmqbridge
from zmqbridge import home
from zmqbridge._termination import Termination
from zmqbridge.home import Home


def in_a_child(call: Callable[[], object]) -> bool:
    """Whether a call returns something true in the child of a fork."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is the subject
        child = os.fork()
    if child == 0:
        answer: object = False
        try:
            answer = call()
        finally:
            os._exit(0 if answer else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@needs_fork
def test_what_was_read_ahead_is_the_parents() -> None:
    """The child of a fork has none of the messages that its parent has read ahead; the parent has them all."""
    context = zmqbridge.Context(linger=0)
    pair = context.pair(bind="inproc://forked")
    other = context.pair(connect="inproc://forked")
    for number in range(3):
        pair.send_nowait(b"%d" % number)
    assert other.receive_nowait() == [b"0"]
    assert other.stats.buffered == 2
    assert in_a_child(lambda: other.stats.buffered == 0)
    assert [other.receive_nowait() for _ in range(2)] == [[b"1"], [b"2"]]
    context.close()


@needs_fork
def test_the_child_ends_nothing_of_its_parents() -> None:
    """In the child of a fork nothing is inherited, and the parent's ZeroMQ context is not ended."""
    context = zmqbridge.Context(linger=0)
    pair = context.pair(bind="inproc://forked")
    pair.getsockopt(zmq.TYPE)

    def look() -> bool:
        inherits = context._home.inherit()
        context._home.terminate()
        return not inherits and context._home.termination is None

    assert in_a_child(look)
    assert context._home.inherit()
    context.close()
    assert context._home.termination is not None


def test_the_longest_linger_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a context may take the longest linger period of all its connections, whichever came last."""
    begun: list[float] = []

    class Noted(Termination):
        def __init__(self, context: zmq.Context[Any], linger: float, *others: Any) -> None:
            begun.append(linger)
            super().__init__(context, linger, *others)

    monkeypatch.setattr(home, "Termination", Noted)
    place = Home(zmq.Context, name="home")
    for linger in (0.0, 2.0, 1.0):
        place.open_socket(zmq.PUSH, linger).close(0)
    place.terminate()
    place.terminate()
    assert begun == [2.0]
