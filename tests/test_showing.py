"""How values stand in errors and logs: shortly, whatever their size."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import zmqbridge
from zmqbridge.framing import frames_of, publication_frame, tag_bytes
from zmqbridge.protocols import Faults, SubscriberProtocol
from zmqbridge.showing import listed, shown, shown_id

SHORT = 2000
LARGE = 1_000_000


class Faulty:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize("value", [b"bytes", "text", 5, None, ["a", b"b"], ("a",), {"a": 1}, b"", ""])
def test_short_values(value: object) -> None:
    """What is short is written as in Python."""
    assert shown(value) == repr(value)


@pytest.mark.parametrize(
    "value",
    [
        b"x" * LARGE,
        bytearray(LARGE),
        "x" * LARGE,
        [b"x"] * LARGE,
        (b"x" * LARGE, b"x" * LARGE),
        dict.fromkeys(range(1000), b""),
        memoryview(bytes(LARGE)),
        10**10_000,
        Faulty(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_large_values(value: object) -> None:
    """What is large is cut, and what cannot be written is named by its class."""
    assert 0 < len(shown(value)) < SHORT


def test_sizes() -> None:
    """What is cut says how long it is."""
    assert shown(b"x" * LARGE).endswith("... of 1000000 bytes")
    assert shown("x" * LARGE).endswith("... of 1000000 characters")
    assert shown([b"x"] * LARGE) == "a list of 1000000: b'x', b'x', b'x' and 999997 more"


def test_listed() -> None:
    """Of many values the first few are named, and how many more there are."""
    assert listed([]) == "none"
    assert listed([b"a", b"b", b"c"]) == "b'a', b'b', b'c'"
    assert listed({b"%d" % number: None for number in range(100_000)}) == "b'0', b'1', b'2' and 99997 more"


def test_ids() -> None:
    """An id is written in hexadecimal, and a long one as the bytes that it begins with."""
    assert shown_id(bytes(range(16))) == bytes(range(16)).hex()
    assert len(shown_id(b"x" * LARGE)) < SHORT


def test_errors_of_many_tags() -> None:
    """An unsubscription that is one too many names the tag, not the hundred thousand that are subscribed to."""
    protocol = SubscriberProtocol(Faults())
    for number in range(100_000):
        protocol.subscribe(b"%d" % number)
    with pytest.raises(zmqbridge.LocalProtocolError) as raised:
        protocol.unsubscribe("none of them")
    assert "b'none of them'" in str(raised.value)
    assert "99997 more" in str(raised.value)
    assert len(str(raised.value)) < SHORT


def test_errors_of_large_values() -> None:
    """No error of a tag, a frame or an option is as large as the value that is wrong."""
    large = b"x" * LARGE
    wrong: list[Callable[[], object]] = [
        lambda: publication_frame(b"", large + b"\0"),
        lambda: frames_of("x" * LARGE),  # type: ignore[arg-type]
        lambda: frames_of([[b"x"] * LARGE]),  # type: ignore[list-item]
        lambda: tag_bytes([b"x"] * LARGE),  # type: ignore[arg-type]
        lambda: zmqbridge.SocketOptions(identity=large),
        lambda: zmqbridge.SocketOptions(linger="x" * LARGE),  # type: ignore[call-overload]
        lambda: zmqbridge.SocketOptions(send_high_water_mark=[0] * LARGE),  # type: ignore[call-overload]
    ]
    for call in wrong:
        with pytest.raises((TypeError, ValueError, zmqbridge.LocalProtocolError)) as raised:
            call()
        assert len(str(raised.value)) < SHORT
