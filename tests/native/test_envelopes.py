"""Requests taken apart by the extension: whatever a peer sends, it says what its specification says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.native.blocks import blocks_left
from zmqbridge.errors import RemoteProtocolError
from zmqbridge.framing import FRAME_MEMORY, MAX_ENVELOPE, Envelope, read_envelope


class Bytes(bytes):
    """Bytes of a class of their own."""


class Frames(list[Any]):
    """A list of a class of its own."""


def outcome(read: Any, frames: Any) -> Any:
    """Return what comes of reading: the envelope and the types of its frames, or the error and its words."""
    try:
        envelope = read(frames)
    except (RemoteProtocolError, AttributeError, TypeError) as error:
        return type(error), str(error)
    assert type(envelope) is Envelope
    return envelope, [type(frame) for frame in (*envelope.route, envelope.id, *envelope.parts)]


def as_view(frame: bytes) -> memoryview:
    """Return a frame as one that was not copied is given."""
    return memoryview(frame)


frames = st.one_of(
    st.binary(max_size=5),
    st.just(b""),
    st.binary(max_size=5).map(as_view),
    st.binary(max_size=5).map(Bytes),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.lists(frames, max_size=8), st.lists(frames, max_size=4).map(tuple)))
def test_any_layout(extension: Any, layout: Any) -> None:
    """Any frames at all are read as the specification reads them, or refused in its words, and stay as they are."""
    before = list(layout)
    assert outcome(extension.read_envelope, layout) == outcome(read_envelope, layout)
    assert list(layout) == before


@pytest.mark.parametrize("layout", [Frames([b"peer", b"id", b"", b"x"]), (b"id", b""), None, 5, b"abc", [5, b""]])
def test_what_is_no_list(extension: Any, layout: Any) -> None:
    """What is no plain list of plain frames is left to the specification."""
    assert outcome(extension.read_envelope, layout) == outcome(read_envelope, layout)


@pytest.mark.parametrize("over", [-1, 0, 1])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_largest_envelope(extension: Any, over: int, count: int) -> None:
    """An envelope of just as many bytes as it may take is read, and one of a byte more is refused."""
    size = MAX_ENVELOPE - FRAME_MEMORY * count + over
    layout = [b"x"] * (count - 1) + [b"i" * (size - count + 1), b"", b"payload"]
    assert outcome(extension.read_envelope, layout) == outcome(read_envelope, layout)
    assert (outcome(extension.read_envelope, layout)[0] is RemoteProtocolError) == (over > 0)


def test_nothing_stays_behind(extension: Any) -> None:
    """Requests that were read, and those that were refused, leave nothing."""

    def exchange(rounds: int) -> None:
        for number in range(rounds):
            extension.read_envelope([b"%d" % number, b"%d" % number, b"", b"a" * 100, b"b" * 100])
            with pytest.raises(RemoteProtocolError):
                extension.read_envelope([b"%d" % number])

    assert blocks_left(__file__, exchange, 1000) < 20
