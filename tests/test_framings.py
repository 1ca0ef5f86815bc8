"""The framings: what each writes, what it reads, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from zmqbridge.errors import LocalProtocolError, RemoteProtocolError
from zmqbridge.framing import Publication
from zmqbridge.framings import Framing, Multipart, MultipartPublication, Raw, Tagged, framing_of
from zmqbridge.protocols import Faults, SubscriberProtocol

TAGGED, MULTIPART, RAW = Tagged(), Multipart(), Raw()


@pytest.mark.parametrize(
    ("framing", "message", "tag", "frames"),
    [
        (TAGGED, b"m", "t", [b"t\0m"]),
        (TAGGED, bytearray(b"m"), b"", [b"\0m"]),
        (Tagged(b", "), b"m", "t", [b"t, m"]),
        (MULTIPART, [], "t", [b"t"]),
        (MULTIPART, b"m", "t", [b"t", b"m"]),
        (MULTIPART, [b"m"], b"", [b"", b"m"]),
        (MULTIPART, (b"m", bytearray(b"n")), b"t\0t", [b"t\0t", b"m", b"n"]),
        (MULTIPART, [b""], "é", ["é".encode(), b""]),
        (RAW, b"m", b"", [b"m"]),
        (RAW, [b"m"], b"", [b"m"]),
        (RAW, (b"", memoryview(b"n"), b""), b"", [b"", b"n", b""]),
    ],
)
def test_writes(framing: Framing[Any], message: Any, tag: Any, frames: list[bytes]) -> None:
    """What is published is laid out as the framing says, alone or among many."""
    assert list(framing.write(message, tag)) == frames
    given = message if framing is RAW else (tag, message)
    written: Any
    (written,) = framing.write_many(iter([given]))
    assert ([written] if isinstance(written, bytes) else list(written)) == frames
    assert framing.write_many([]) == []


@pytest.mark.parametrize(
    ("framing", "frames", "item"),
    [
        (TAGGED, [b"t\0m"], Publication(b"t", b"m")),
        (TAGGED, [b"m"], Publication(b"", b"m")),
        (TAGGED, [b"t", b"m"], Publication(b"t", b"m")),
        (MULTIPART, [b"t"], MultipartPublication(b"t", [])),
        (MULTIPART, [b"t\0m"], MultipartPublication(b"t\0m", [])),
        (MULTIPART, [b"t", b"m"], MultipartPublication(b"t", [b"m"])),
        (MULTIPART, [b"", b"m", b""], MultipartPublication(b"", [b"m", b""])),
        (RAW, [b"m"], [b"m"]),
        (RAW, [b"m", b"n"], [b"m", b"n"]),
        (RAW, [b"", b"", b""], [b"", b"", b""]),
    ],
)
def test_reads(framing: Framing[Any], frames: list[bytes], item: Any) -> None:
    """What comes is read as the framing says, alone or in a batch; nothing of it is malformed."""
    assert framing.read(list(frames)) == item
    faults = Faults()
    for count in (0, 1, 2, 3):
        items, answered = SubscriberProtocol(faults, framing).decode([list(frames) for _ in range(count)])
        assert (items, answered) == ([item] * count, ())
        assert {type(each) for each in items} <= {type(item)}
    assert faults.malformed == 0


@pytest.mark.parametrize("count", [3, 4, 200])
def test_names_the_framing(count: int) -> None:
    """What a tagged subscriber drops is told with the framing that would have taken it."""
    with pytest.raises(
        RemoteProtocolError, match=rf"of {count} frames instead of one or two; framing='multipart' takes"
    ):
        TAGGED.read([b"x"] * count)


def test_large_tags_are_held() -> None:
    """A tag in a large frame is bytes, though the frame came as a view, and what is behind it stays a view."""
    view: Any = memoryview(b"x" * 2000)
    publication: Any = MULTIPART.read([view, view])
    assert (type(publication.tag), type(publication.frames[0])) == (bytes, memoryview)


@pytest.mark.parametrize("framing", [TAGGED, MULTIPART, RAW], ids=lambda framing: type(framing).__name__)
def test_wrong_messages(framing: Framing[Any]) -> None:
    """A frame that is none is the caller's mistake in every framing, alone or among many."""
    for wrong in ("text", [b"good", "text"], 5):
        with pytest.raises(TypeError, match="a frame is bytes-like"):
            framing.write(wrong, b"")
        with pytest.raises(TypeError, match="a frame is bytes-like"):
            framing.write_many([wrong if framing is RAW else (b"", wrong)])


def test_wrong_tags() -> None:
    """A tag is text or bytes; a tagged one has no zero byte, and a raw message has none at all."""
    for framing in (TAGGED, MULTIPART):
        with pytest.raises(TypeError, match="a tag is str or bytes, not int"):
            framing.write(b"m", 5)  # type: ignore[arg-type]
    with pytest.raises(LocalProtocolError, match="which ends a tag on the wire"):
        TAGGED.write(b"m", "a\0b")
    with pytest.raises(LocalProtocolError, match="has no place in framing='raw'; begin the first frame with it"):
        RAW.write(b"m", "tag")
    with pytest.raises(LocalProtocolError, match="has no frame"):
        RAW.write([])


def test_names() -> None:
    """A framing is asked for by its name; another name is refused, with those that there are."""
    assert [type(framing_of(name)) for name in ("tagged", "multipart", "raw")] == [Tagged, Multipart, Raw]
    for wrong in ("Multipart", b"raw", None, ["raw"]):
        with pytest.raises(ValueError, match="is none; it is one of 'tagged', 'multipart', 'raw'"):
            framing_of(wrong)


class Scarce(bytes):
    """A frame that there is no memory for."""


def test_no_memory() -> None:
    """A message for which there is no memory costs itself alone, in every framing that makes anything of it."""

    class Starved(Multipart):
        def read(self, message: list[bytes]) -> MultipartPublication:
            if isinstance(message[0], Scarce):
                raise MemoryError
            return super().read(message)

    faults = Faults()
    read, _ = SubscriberProtocol(faults, Starved()).decode([[b"a"], [Scarce(b"b")], [b"c"]])
    assert [each.tag for each in read] == [b"a", b"c"]
    assert faults.malformed == 1
