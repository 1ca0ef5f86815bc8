"""How a publication is laid out in frames: one class for each framing, pure. Both ends of a connection speak the same.

==================  ====================  =========================================
framing             frames on the wire    who speaks it
==================  ====================  =========================================
:class:`Tagged`     ``[tag\\0message]``     this library and txZMQ; the default
:class:`Multipart`  ``[tag, *frames]``    most other publishers
:class:`Raw`        ``[*frames]``         any: the program reads the frames itself
==================  ====================  =========================================

A subscription is a prefix of the first frame, whatever the framing: libzmq knows of no other.

A framing says how what the caller gives is written, and what a subscriber makes of what it reads. The rules themselves
are functions of :mod:`zmqbridge.framing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Generic, Literal, NamedTuple, TypeAlias, TypeVar

from zmqbridge.errors import LocalProtocolError
from zmqbridge.framing import (
    RESERVED,
    SEPARATOR,
    BytesLike,
    FrameT,
    Message,
    Publication,
    Tag,
    check_not_reserved,
    frames_of,
    held,
    new_tuple,
    publication_frame,
    read_publication,
    split,
    tag_bytes,
)
from zmqbridge.origins import origin_of
from zmqbridge.showing import listed, shown

__all__ = ["TAGGED", "Framing", "FramingName", "Multipart", "MultipartPublication", "Raw", "Tagged", "framing_of"]

Frames = list[bytes]
Item = TypeVar("Item")

FramingName: TypeAlias = Literal["tagged", "multipart", "raw"]
"""A framing, as a caller names it."""


class MultipartPublication(NamedTuple, Generic[FrameT]):
    """One published message of any number of frames.

    Attributes:
        tag: the first frame, by which the publisher's message is selected.
        frames: those behind it; there may be none.
    """

    tag: bytes
    frames: list[FrameT]

    @property
    def user_id(self) -> str | None:
        """Who sent it, where that is known; see :func:`zmqbridge.origin_of`."""
        return origin_of(self).user_id

    @property
    def peer_address(self) -> str | None:
        """Where it came from; likewise."""
        return origin_of(self).peer_address


_RESERVED_SIZE = len(RESERVED)


class Framing(Generic[Item]):
    """How publications are written and read.

    Attributes:
        single: what a message of one frame is best read as: see :class:`~zmqbridge.decoding.Decoder`.
    """

    __slots__ = ()

    single: ClassVar[type[Any] | None] = None

    def write(self, message: Any, tag: Tag) -> Sequence[bytes]:
        """Return the frames of a publication.

        Raises:
            TypeError: if the message or the tag is not of a kind that the framing takes.
            LocalProtocolError: if the framing cannot carry them.
        """
        raise NotImplementedError

    def write_many(self, publications: Iterable[Any]) -> list[Message]:
        """Return the frames of several publications, each a pair of the tag and the message.

        Raises:
            TypeError, LocalProtocolError: as :meth:`write`, for the first that is wrong.
        """
        return [self.write(message, tag) for tag, message in publications]

    def read(self, message: Any) -> Item:
        """Return the publication in a message.

        Raises:
            RemoteProtocolError: if it is none.
        """
        raise NotImplementedError

    def start(self, publication: Item) -> bytes:
        """Return what a publication that was read begins with: the tag, or as much of it as tells a reserved one."""
        raise NotImplementedError

    def prefix(self, tag: Tag) -> bytes:
        """Return what each message begins with that is published under a tag."""
        return tag_bytes(tag)

    def read_at_once(self, batch: list[Any]) -> list[Item] | None:
        """Return the publications in a batch, or ``None`` if they are to be read one by one."""
        if any(message[0][:_RESERVED_SIZE] == RESERVED for message in batch):
            return None
        return [self.read(message) for message in batch]


class Tagged(Framing[Publication]):
    """One frame: the tag, a separator, the message.

    Args:
        separator: a zero byte, unless both ends agree on something else.
    """

    __slots__ = ("_separator",)

    single: ClassVar[type[Any] | None] = Publication

    def __init__(self, separator: bytes = SEPARATOR) -> None:
        self._separator = separator

    def write(self, message: BytesLike, tag: Tag) -> tuple[bytes]:
        return (publication_frame(message, tag, self._separator),)

    def write_many(self, publications: Iterable[tuple[Tag, BytesLike]]) -> list[Message]:
        separator = self._separator
        return [publication_frame(message, tag, separator) for tag, message in publications]

    def read(self, message: Any) -> Publication:
        if isinstance(message, Publication):
            return message
        frames: Any = [message] if isinstance(message, (bytes, memoryview)) else message
        return read_publication(frames, self._separator)

    def read_at_once(self, batch: list[Any]) -> list[Publication] | None:
        # All of it, if each is what nearly all are: well-formed, and one frame of bytes.
        if batch and type(batch[0]) is Publication:
            return batch if set(map(type, batch)) == {Publication} else None
        with suppress(AttributeError):
            parted = split(batch, self._separator)
            publications = [new_tuple(Publication, parts) for parts in parted if not parts[0].startswith(RESERVED)]
            return publications if len(publications) == len(batch) else None
        return None

    def start(self, publication: Publication) -> bytes:
        return publication.tag

    def prefix(self, tag: Tag) -> bytes:
        return publication_frame(b"", tag, self._separator)


class Multipart(Framing[MultipartPublication]):
    """The tag in a frame of its own, and any number of frames behind it."""

    __slots__ = ()

    def write(self, message: Message, tag: Tag) -> list[bytes]:
        nothing = isinstance(message, (list, tuple)) and not message
        first = tag_bytes(tag)
        check_not_reserved(first)
        return [first, *(() if nothing else frames_of(message))]

    def read(self, message: Frames) -> MultipartPublication:
        publication: MultipartPublication = new_tuple(MultipartPublication, (held(message[0]), message[1:]))
        return publication

    def start(self, publication: MultipartPublication) -> bytes:
        return publication.tag


class Raw(Framing[Frames]):
    """The frames as the program gives them. There is no tag but the beginning of the first."""

    __slots__ = ()

    def write(self, message: Message, tag: Tag = b"") -> Sequence[bytes]:
        if tag:
            raise LocalProtocolError(
                f"the tag {shown(tag)} has no place in framing='raw'; begin the first frame with it, "
                "or use framing='multipart'"
            )
        frames = frames_of(message)
        check_not_reserved(frames[0])
        return frames

    def write_many(self, publications: Iterable[Message]) -> list[Message]:
        return [self.write(message) for message in publications]

    def read(self, message: Frames) -> Frames:
        return message

    def start(self, publication: Frames) -> bytes:
        return bytes(publication[0][:_RESERVED_SIZE])


TAGGED = Tagged()
_FRAMINGS: dict[str, Framing[Any]] = {"tagged": TAGGED, "multipart": Multipart(), "raw": Raw()}


def framing_of(name: object) -> Framing[Any]:
    """Return the framing of a name.

    Raises:
        ValueError: if there is none.
    """
    framing = _FRAMINGS.get(name) if isinstance(name, str) else None
    if framing is None:
        raise ValueError(f"framing={shown(name)} is none; it is one of {listed(_FRAMINGS)}")
    return framing
