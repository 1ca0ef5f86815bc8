"""A socket that reads publications gives those of one frame without a list, and the decoder makes the same of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.opened import OpenedSockets
from zmqbridge.framing import Publication
from zmqbridge.protocols import Faults, SubscriberProtocol
from zmqbridge.socket import FastSocket, Socket

GOOD = [[b"tag\0message"], [b"\0"], [b"a\0b\0c"], [b"a\0"], [b"none"], [b"b\0c"], [b""], [b"\0" + b"x" * 1000]]
READ = [
    *[(b"tag", b"message"), (b"", b""), (b"a", b"b\0c"), (b"a", b""), (b"", b"none")],
    *[(b"b", b"c"), (b"", b""), (b"", b"x" * 1000)],
]
OTHERS = [[b"two\0", b"frames"], [b"", b"\0"], [b"of", b"three", b"frames"]]

Exchange = Callable[..., Any]


@pytest.fixture
def exchange(opened: OpenedSockets, kind: type[Socket]) -> Exchange:
    """What one end of a pair, which reads publications, makes of the messages that the other sends."""
    one, other = opened.pair(kind)
    other.single = Publication

    def exchange(messages: list[list[bytes]]) -> list[Any]:
        for message in messages:
            assert one.send(message)
        received, drained = other.receive(len(messages) + 1)
        assert drained
        return received

    return exchange


def test_single(opened: OpenedSockets, kind: type[Socket], exchange: Exchange) -> None:
    """A message of one frame is the bare frame; the extension makes a publication of it at once."""
    received = exchange(GOOD)
    if kind is FastSocket:
        assert received == READ
        assert {type(publication) for publication in received} == {Publication}
        assert received[0].message == b"message"
        assert exchange(OTHERS) == OTHERS
    else:
        assert received == [frame for (frame,) in GOOD]
        assert exchange(OTHERS) == OTHERS


def test_decoded(exchange: Exchange) -> None:
    """A message of one frame, or two, is a publication; what is none is counted, and left out."""
    received = exchange([*GOOD, *OTHERS, *GOOD])
    faults = Faults()
    read, answered = SubscriberProtocol(faults).decode(received)
    assert read == [*READ, (b"two\0", b"frames"), (b"", b"\0"), *READ]
    assert {type(publication) for publication in read} == {Publication}
    assert (faults.malformed, answered) == (1, ())


@pytest.mark.parametrize("other", OTHERS, ids=repr)
def test_one_that_is_none(exchange: Exchange, other: list[bytes]) -> None:
    """What is no publication of one frame is read the same alone as among others."""
    faults = Faults()
    (read, _) = SubscriberProtocol(faults).decode(exchange([other]))
    assert [list(publication) for publication in read] == ([other] if len(other) == 2 else [])
    assert faults.malformed == (len(other) == 3)


def test_large_publications(opened: OpenedSockets, kind: type[Socket]) -> None:
    """One of a size to be received as a view is left for the protocol, which copies none of it but the tag."""
    one, other = opened.pair(kind)
    other.single, other.views_from = Publication, 100
    messages = [[b"small\0" + b"x" * 93], [b"large\0" + b"x" * 94]]
    for message in messages:
        assert one.send(message)
    small, large = other.receive(10)[0]
    if kind is FastSocket:
        assert small == (b"small", b"x" * 93)
        (view,) = large
    else:
        assert small == b"small\0" + b"x" * 93
        view = large
    assert isinstance(view, memoryview)
    first, second = SubscriberProtocol(Faults()).receive([small, large])
    assert (first, second) == ((b"small", b"x" * 93), (b"large", b"x" * 94))
    payload: Any = second.message
    assert isinstance(payload, memoryview)
    assert payload.obj is view.obj
