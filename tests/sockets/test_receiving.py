"""Messages arrive as they were sent, in batches that end where they should."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import zmq

from tests.opened import OpenedSockets
from zmqbridge.socket import POLLIN, POLLOUT, Socket

FRAME_LAYOUTS: list[list[bytes]] = [
    [b""],
    [b"x"],
    [b"", b""],
    [b"a", b"", b"c"],
    [b"x" * 255, b"x" * 256, b"x" * 1_000_000],
    [b"%d" % number for number in range(5000)],
]


@pytest.fixture
def pair(opened: OpenedSockets, kind: type[Socket]) -> tuple[Socket, Socket]:
    """Two sockets of one of the kinds that are connected with each other."""
    return opened.pair(kind)


def test_messages(pair: tuple[Socket, Socket]) -> None:
    """Messages of any number of frames of any size arrive as they were sent, lists and tuples of frames alike."""
    one, other = pair
    for layout in FRAME_LAYOUTS:
        assert one.send(layout)
        assert one.send(tuple(layout))
    received: list[list[bytes]] = []
    while len(received) < 2 * len(FRAME_LAYOUTS):
        received += other.receive(256)[0]
    assert received == [layout for layout in FRAME_LAYOUTS for _ in range(2)]


def test_batches(pair: tuple[Socket, Socket]) -> None:
    """A batch ends at its limit, at what it may cost, or with the last message, and says which."""
    one, other = pair
    for number in range(10):
        assert one.send([b"%d" % number])
    assert other.receive(4) == ([[b"%d" % number] for number in range(4)], False)
    assert other.receive(100) == ([[b"%d" % number] for number in range(4, 10)], True)
    assert other.receive(100) == ([], True)
    for _ in range(10):
        assert one.send([b"x" * 300_000, b"y" * 300_000])
    assert len(other.receive(256)[0]) == 2
    while not other.receive(256)[1]:
        pass
    for _ in range(20):
        assert one.send([b""] * 1000)
    assert len(other.receive(256)[0]) == 4


# A batch has room for 4,091 empty frames behind the first message: of one more, the last is alone in the next call.
@pytest.mark.parametrize(
    ("frames", "size", "calls"), [(4092, 0, 2), (4093, 0, 2), (5000, 0, 2), (10_000, 0, 3), (20, 500_000, 7)]
)
def test_long_message(pair: tuple[Socket, Socket], frames: int, size: int, calls: int) -> None:
    """A message that is longer than a batch is read by several calls, of which each reads no more than a batch."""
    one, other = pair
    first, long = [b"1" * 1025], [b"x" * size] * frames
    for message in (first, long, [b"2"]):
        assert one.send(message)
    received = [other.receive(10) for _ in range(calls)]
    assert received == [([first], False), *[([], False)] * (calls - 2), ([long, [b"2"]], True)]


def test_batch_of_large_messages(opened: OpenedSockets, kind: type[Socket]) -> None:
    """A batch ends at a mebibyte, so that large messages are not read ahead by the hundred."""
    push, pull = opened.joined(kind, zmq.PUSH, zmq.PULL)
    for _ in range(10):
        assert push.send([b"x" * 300_000, b"y" * 300_000])
    messages, drained = pull.receive(256)
    assert (len(messages), drained) == (2, False)


@pytest.mark.parametrize("size", [1000, 65_536, 1_000_000])
def test_views(pair: tuple[Socket, Socket], size: int) -> None:
    """Frames of the size that was asked for are read-only memoryviews, which outlive their sockets."""
    one, other = pair
    other.views_from = 1000
    payloads = [bytes([number]) * size for number in range(5)]
    for payload in payloads:
        assert one.send([b"head", payload, b"tail"])
    received: list[Any] = []
    while len(received) < 5:
        received += other.receive(256)[0]
    del payload
    payloads.clear()
    gc.collect()
    one.close(0)
    other.close(0)
    for number, (head, view, tail) in enumerate(received):
        assert (head, tail) == (b"head", b"tail")
        assert isinstance(view, memoryview)
        assert view.readonly
        assert view == bytes([number]) * size


def test_events(pair: tuple[Socket, Socket]) -> None:
    """EVENTS tells of messages and of room, and that there are messages is kept until it is read again."""
    one, other = pair
    pending = [(one.events(), one.input_pending)]
    assert other.send([b"x"])
    pending.append((one.events(), one.input_pending))
    assert one.receive(10) == ([[b"x"]], True)
    pending.append((one.events(), one.input_pending))
    assert pending == [(POLLOUT, False), (POLLIN | POLLOUT, True), (POLLOUT, False)]
