"""An attempt in Python on each kind of socket, and its twin in C on the one that it knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import zmq

import zmqbridge
from tests.channel.desk import Desk
from tests.opened import OpenedSockets, opened
from tests.twins import KINDS, UNITS, extension

__all__ = ["desk", "extension", "open_desk", "opened", "small"]

WAYS = [("python", "plain"), ("python", "lean"), ("python", "fast"), ("c", "fast")]

OpenDesk = Callable[..., Desk]


@pytest.fixture(params=WAYS, ids="-".join)
def open_desk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, opened: OpenedSockets) -> OpenDesk:
    """Opens a desk on sockets of two types, the second connected to the first; their queues are short."""
    units, kind = request.param
    chosen, socket = UNITS[units](monkeypatch), KINDS[kind](monkeypatch)

    def open_desk(binds: int = zmq.PAIR, connects: int = zmq.PAIR, *, joined: bool = True, **more: Any) -> Desk:
        one, other = opened.open(socket, binds), opened.open(socket, connects)
        for end in (one, other):
            end.apply(small(end is other and binds == zmq.ROUTER))
        if binds == zmq.ROUTER:
            one.set_option(zmq.ROUTER_MANDATORY, 1)
        address = one.bind("inproc://desk").address
        if joined:
            other.connect(address)
        return Desk(chosen, one, other, **more)

    return open_desk


def small(named: bool) -> zmqbridge.SocketOptions:
    """Return what makes a queue short, and gives a router's peer its name."""
    identity = b"peer" if named else None
    return zmqbridge.SocketOptions(send_high_water_mark=10, receive_high_water_mark=10, identity=identity)


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    """A desk on a pair."""
    return open_desk()
