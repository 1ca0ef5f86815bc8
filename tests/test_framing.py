"""The frames of publications, requests and replies: written and read back, and what is malformed."""

from __future__ import annotations

import array
from collections import UserList
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqbridge.errors import LocalProtocolError, RemoteProtocolError
from zmqbridge.framing import (
    RESERVED,
    Envelope,
    Publication,
    frames_of,
    publication_frame,
    read_envelope,
    read_publication,
    read_reply,
    reply_frames,
    request_frames,
    split,
    tag_bytes,
)

frames = st.lists(st.binary(max_size=20), max_size=8)
# Those that a publisher may send.
tags = st.binary(max_size=20).filter(lambda tag: b"\0" not in tag and not tag.startswith(RESERVED))


@given(tags, st.binary())
def test_publication_round_trip(tag: bytes, message: bytes) -> None:
    """What is published under a tag is read back as that tag and that message, zero bytes and all."""
    assert read_publication([publication_frame(message, tag)]) == Publication(tag, message)


@given(st.lists(st.binary(max_size=8) | st.sampled_from([b"", b"\0", b"a\0b\0c", b"no end"])))
def test_split(frames: list[bytes]) -> None:
    """The first zero byte of a frame ends its tag; where there is none, the tag is empty, and all is message."""
    for frame, (tag, message) in zip(frames, split(frames), strict=True):
        assert b"\0" not in tag
        assert frame == (tag + b"\0" + message if b"\0" in frame else message)


def test_split_by_something_else() -> None:
    """Where both ends agree on something else, its first occurrence ends the tag."""
    assert split([b"a, b, c", b"a,b", b""], b", ") == [(b"a", b"b, c"), (b"", b"a,b"), (b"", b"")]
    frame = publication_frame(b"b, c", "a", b", ")
    assert read_publication([frame], b", ") == Publication(b"a", b"b, c")
    assert read_publication([b"a,b"], b", ") == Publication(b"", b"a,b")


def test_publication_on_the_wire() -> None:
    """A publication is its tag, a zero byte and its message, in one frame."""
    assert publication_frame(b"12 C", "weather.köln") == "weather.köln\0".encode() + b"12 C"
    assert publication_frame(memoryview(b"x")) == b"\0x"


@given(tags, st.binary(min_size=1), st.sampled_from([0, 255, 256, 257, 5000]))
def test_publication_in_a_view(tag: bytes, message: bytes, more: int) -> None:
    """A publication that was not copied is read alike, and its message is not copied either."""
    tag = tag + b"t" * more
    frame: Any = memoryview(publication_frame(message, tag))
    read: Any = read_publication([frame])
    assert read == (tag, message)
    assert type(read.tag) is bytes
    assert isinstance(read.message, memoryview)
    assert read.message.obj is frame.obj
    untagged: Any = read_publication([frame[: len(tag)]])
    assert untagged == (b"", tag)
    assert untagged.message.obj is frame.obj


def test_ids_in_views() -> None:
    """What is kept, compared and sent back is bytes, though a peer makes it large enough for a view."""
    peer, id, tag, part = (memoryview(frame) for frame in (b"peer", b"id", b"tag", b"part"))
    layout: Any = [peer, id, b"", part]
    envelope: Any = read_envelope(layout)
    assert envelope == ([b"peer"], b"id", [part])
    assert [type(frame) for frame in (*envelope.route, envelope.id)] == [bytes, bytes]
    layout = [tag, part]
    assert type(read_publication(layout).tag) is bytes


def test_two_frame_publication() -> None:
    """The two-frame form is read too, and its tag may be anything."""
    assert read_publication([b"a\0b", b"c\0d"]) == Publication(b"a\0b", b"c\0d")


@pytest.mark.parametrize("layout", [[b"a", b"b", b"c"], [b"", b"", b"", b""], []], ids=repr)
def test_malformed_publication(layout: list[bytes]) -> None:
    """A publication of three frames and more, or of none, is the peer's mistake."""
    with pytest.raises(RemoteProtocolError, match="a publication of"):
        read_publication(layout)


def test_tag_with_a_zero_byte() -> None:
    """A tag that holds a zero byte is the caller's mistake, and the error shows it."""
    with pytest.raises(LocalProtocolError, match=r"the tag b'a\\x00b' holds b'\\x00', which ends a tag"):
        publication_frame(b"", "a\0b")


def test_tags() -> None:
    """A tag is str, encoded as UTF-8, or bytes, and nothing else."""
    assert tag_bytes("ä") == b"\xc3\xa4"
    assert tag_bytes(b"\xff") == b"\xff"
    with pytest.raises(TypeError, match="a tag is str or bytes, not NoneType: None"):
        tag_bytes(None)  # type: ignore[arg-type]


@given(st.binary(min_size=1), frames)
def test_request_round_trip(id: bytes, parts: list[bytes]) -> None:
    """A request reaches a router with its peer in front, and its reply comes back with its id and parts."""
    request = request_frames(id, parts)
    assert request == [id, b"", *parts]
    envelope = read_envelope([b"peer", *map(bytes, request)])
    assert envelope == Envelope([b"peer"], id, parts)
    reply = reply_frames(envelope, parts)
    assert reply[0] == b"peer"
    assert read_reply([bytes(frame) for frame in reply[1:]]) == (id, parts)


@given(st.lists(st.binary(min_size=1, max_size=255), min_size=1, max_size=16), frames)
def test_envelope_round_trip(routing_ids: list[bytes], parts: list[bytes]) -> None:
    """Whatever the route of a request, its reply is addressed by the same routing ids in the same order."""
    envelope = read_envelope([*routing_ids, b"", *parts])
    assert [*envelope.route, envelope.id] == routing_ids
    assert reply_frames(envelope, [b"reply"]) == [*routing_ids, b"", b"reply"]


@given(frames)
def test_no_layout_of_a_peer_is_anything_but_read_or_refused(layout: list[bytes]) -> None:
    """Any frames at all are either read or a RemoteProtocolError, by each of the readers."""
    for read in (read_publication, read_envelope, read_reply):
        with suppress(RemoteProtocolError):
            read(layout)


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ([], "no empty delimiter"),
        ([b"peer", b"id"], "no empty delimiter"),
        ([b"", b"x"], "empty envelope"),
        ([b"p" * 255] * 19 + [b"id" * 40, b"", b"x"], r"envelope of 20 frame\(s\) that take 6205 bytes of memory"),
        ([b"id" * 4000, b"", b"x"], r"envelope of 1 frame\(s\) that take 8064 bytes of memory, more than 6144"),
        ([b"id"] * 2045 + [b"", b"x"], r"envelope of 2045 frame\(s\) that take 134970 bytes of memory"),
    ],
)
def test_malformed_request(layout: list[bytes], words: str) -> None:
    """A request with no envelope is the peer's mistake."""
    with pytest.raises(RemoteProtocolError, match=words):
        read_envelope(layout)


@pytest.mark.parametrize("route", [[b"p" * 255] * 16, [b"hop00"] * 80, []])
def test_long_routes(route: list[bytes]) -> None:
    """The route of sixteen proxies with the longest routing ids is read, and that of eighty with libzmq's own."""
    assert read_envelope([*route, b"i" * 16, b"", b"x"]) == Envelope(route, b"i" * 16, [b"x"])


@pytest.mark.parametrize(
    ("layout", "words"),
    [([], "0 frame"), ([b"id"], "1 frame"), ([b"id", b"x"], "empty delimiter")],
)
def test_malformed_reply(layout: list[bytes], words: str) -> None:
    """A reply without id or delimiter is the peer's mistake."""
    with pytest.raises(RemoteProtocolError, match=words):
        read_reply(layout)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"a", (b"a",)),
        ([b"a", b""], [b"a", b""]),
        ((b"a",), (b"a",)),
        (UserList([b"a", bytearray(b"b")]), [b"a", b"b"]),
        (bytearray(b"a"), (b"a",)),
        (memoryview(b"a"), (b"a",)),
    ],
    ids=["frame", "list", "tuple", "other sequence", "bytearray", "memoryview"],
)
def test_frames_of(message: Any, expected: object) -> None:
    """One bytes-like object is one frame, and any sequence of them is a multipart message."""
    assert frames_of(message) == expected


@pytest.mark.parametrize("message", ["text", [b"a", "text"], 5, None, [None], [[b"nested"]], {b"a"}], ids=repr)
def test_not_frames(message: Any) -> None:
    """Anything else is a TypeError."""
    with pytest.raises(TypeError, match="a frame is bytes-like, not"):
        frames_of(message)


def test_no_frame() -> None:
    """A message without frames is refused with the remedy."""
    with pytest.raises(LocalProtocolError, match=r"the message \[\] has no frame; .*: \[b''\]"):
        frames_of([])


def test_memory_with_gaps() -> None:
    """A frame need not be contiguous memory."""
    assert frames_of(memoryview(b"abcd")[::2]) == (b"ac",)


def test_frames_are_copied() -> None:
    """What is sent is what was given, though the caller's buffer changes while the send waits."""
    buffer = bytearray(b"as given")
    (frame,) = frames_of([buffer])
    buffer[:] = b"changed!"
    assert frame == b"as given"


def test_whatever_has_a_buffer_is_one_frame() -> None:
    """An ``array.array`` is one frame, though it is a sequence of numbers; so is any other object with a buffer."""
    numbers: Any = array.array("i", [1, 2, 3])
    assert list(frames_of(numbers)) == [numbers.tobytes()]
    assert list(frames_of(memoryview(numbers))) == [numbers.tobytes()]
    assert list(frames_of([numbers, b"x"])) == [numbers.tobytes(), b"x"]
    table = memoryview(bytes(range(12))).cast("B", (3, 4))
    assert list(frames_of(table)) == [bytes(range(12))]


def test_other_sequences_are_read_once() -> None:
    """A sequence of one's own is read once, when it is given: what its methods do later changes nothing."""

    class Changing(Sequence[bytes]):
        reads = 0

        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: Any) -> Any:
            if index > 1:
                raise IndexError(index)
            self.reads += 1
            return b"%d" % self.reads

    given = Changing()
    frames = frames_of(given)
    assert [*frames, *frames] == [b"1", b"2", b"1", b"2"]
    assert given.reads == 2
