"""The limit of a turn, where a program sets it."""

from __future__ import annotations

import pytest
import zmq
from twisted.internet.testing import MemoryReactorClock

import zmqbridge
import zmqbridge_twisted


@pytest.mark.parametrize("limit", [0, -1, True, 1.5])
def test_no_limit(limit: int) -> None:
    """A limit that would let a turn do nothing, or is no number of messages, is refused."""
    with pytest.raises(ValueError, match="turn_limit="):
        zmqbridge.Context(turn_limit=limit)


@pytest.mark.parametrize("limit", [0, -1])
def test_no_limit_of_a_factory(limit: int) -> None:
    """Nor does a connection with handlers take one, and nothing is left open of it."""
    factory = zmqbridge_twisted.ZmqFactory(MemoryReactorClock())
    factory.turnLimit = limit
    with pytest.raises(ValueError, match="turn_limit="):
        zmqbridge_twisted.ZmqPullConnection(factory, zmqbridge_twisted.ZmqEndpoint("bind", "inproc://turns"))
    assert factory.connections == set()
    factory.turnLimit = 1
    zmqbridge_twisted.ZmqPullConnection(factory, zmqbridge_twisted.ZmqEndpoint("bind", "inproc://turns"))
    factory.shutdown()


def test_of_a_factory() -> None:
    """One turn of the reactor delivers no more messages than the factory says."""
    got: list[list[bytes]] = []

    class Pulling(zmqbridge_twisted.ZmqPullConnection):
        def onPull(self, message: list[bytes]) -> None:
            got.append(message)

    factory = zmqbridge_twisted.ZmqFactory(MemoryReactorClock())
    factory.turnLimit = 3
    endpoint = "inproc://turns"
    pull = Pulling(factory, zmqbridge_twisted.ZmqEndpoint("bind", endpoint))
    push = zmqbridge_twisted.ZmqPushConnection(factory, zmqbridge_twisted.ZmqEndpoint("connect", endpoint))
    for number in range(8):
        push.push(b"%d" % number)
    while not pull.socket.get(zmq.EVENTS) & zmq.POLLIN:
        """They are on their way."""
    turns = []
    while len(got) < 8:
        before = len(got)
        pull.doRead()
        turns.append(len(got) - before)
    factory.shutdown()
    assert turns == [3, 3, 2]
