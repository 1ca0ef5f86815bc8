"""How many messages a connection reads ahead at most."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
import zmq

import zmqbridge
from zmqbridge import SocketOptions

LIMIT = 5


def asked_for(connection: zmqbridge.connections.RawConnection, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many messages a receive asks the connection's socket for, in each of its calls."""
    asked: list[int] = []

    def receive(limit: int) -> tuple[list[Any], bool]:
        asked.append(limit)
        return [], True

    monkeypatch.setattr(connection._link.socket, "receive", receive)
    with suppress(zmqbridge.WouldBlock):
        connection.receive_nowait()
    return asked


@pytest.mark.parametrize(
    ("socket_type", "options", "expected"),
    [
        (zmq.PULL, SocketOptions(), LIMIT),
        (zmq.PULL, SocketOptions(receive_high_water_mark=0), LIMIT),
        (zmq.PULL, SocketOptions(receive_high_water_mark=2), 2),
        (zmq.PULL, SocketOptions(conflate=True), 1),
        (zmq.REQ, SocketOptions(), 1),
        (zmq.REP, SocketOptions(), 1),
        (zmq.ROUTER, SocketOptions(), LIMIT),
    ],
    ids=["as many as a turn", "no high-water mark", "a high-water mark", "the newest", "REQ", "REP", "ROUTER"],
)
def test_limits(monkeypatch: pytest.MonkeyPatch, socket_type: int, options: SocketOptions, expected: int) -> None:
    """As many as one turn reads, fewer where libzmq is to hold few, and none where another one may not come first."""
    context = zmqbridge.Context(linger=0, turn_limit=LIMIT)
    connection = context.connection(socket_type, bind="inproc://ahead", options=options)
    asked = asked_for(connection, monkeypatch)
    context.close()
    assert asked == [expected]


@pytest.mark.parametrize(("value", "expected"), [(2, 2), (0, LIMIT), (1000, LIMIT)])
def test_limits_set_later(monkeypatch: pytest.MonkeyPatch, value: int, expected: int) -> None:
    """A high-water mark that is set on the open connection bounds what is read ahead from then on."""
    context = zmqbridge.Context(linger=0, turn_limit=LIMIT)
    options = SocketOptions(receive_high_water_mark=3)
    connection = context.connection(zmq.PULL, bind="inproc://later", options=options)
    connection.setsockopt(zmq.RCVHWM, value)
    asked = asked_for(connection, monkeypatch)
    context.close()
    assert asked == [expected]


@pytest.mark.parametrize("mark", [0, 1, 1000])
def test_limits_while_a_send_waits(mark: int) -> None:
    """What libzmq holds from a peer bounds what is read beyond a batch while a send waits, however it was set."""
    context = zmqbridge.Context(linger=0)
    router = context.router(bind="inproc://ahead", options=SocketOptions(receive_high_water_mark=mark))
    beyond = router._link.channel.intake.beyond
    marks = [beyond.mark]
    router.setsockopt(zmq.RCVHWM, mark + 1)
    marks.append(beyond.mark)
    context.close()
    assert marks == [mark, mark + 1]
