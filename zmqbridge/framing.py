"""What the frames of a message mean: pure functions, no socket, no loop.

=================  =============================  =======================================
where              frames                         note
=================  =============================  =======================================
PUB to SUB         ``[tag + b"\0" + message]``    one, for multicast splits multipart ones
PUB to SUB         ``[message]``                  accepted on receipt where it holds no zero byte
PUB to SUB         ``[tag, message]``             accepted on receipt, never sent
DEALER to ROUTER   ``[id, b"", *parts]``          ``id`` is the 16 bytes of a uuid4
at a ROUTER        ``[*route, id, b"", *parts]``  each ROUTER on the way adds its peer
either way         ``[b""]``                      a peer introduces itself, ``PROBE_ROUTER``; ignored
=================  =============================  =======================================

A plain REQ socket sends no id of its own: a router then sees
``[peer, b"", *parts]``, and the peer's routing id serves as the id. The envelope
is that of ZeroMQ's RFC 28, so plain REQ and REP sockets and any proxy between
the ends understand it.

What a peer sent is read by functions that raise
:exc:`~zmqbridge.RemoteProtocolError`; what the caller gave, by functions that
raise :exc:`~zmqbridge.LocalProtocolError` or :exc:`TypeError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeAlias

from zmqbridge.errors import LocalProtocolError, RemoteProtocolError
from zmqbridge.origins import origin_of
from zmqbridge.showing import shown

if TYPE_CHECKING:
    # Type checkers carry it: collections.abc has Buffer from Python 3.12 on, typing the defaults from 3.13 on.
    from typing_extensions import Buffer, TypeVar

    FrameT = TypeVar("FrameT", bound=bytes | memoryview, default=bytes)
else:
    from typing import TypeVar

    FrameT = TypeVar("FrameT")

__all__ = [
    "FRAME_MEMORY",
    "MAX_ENVELOPE",
    "MAX_FRAMES",
    "MAX_PREFIX",
    "NO_MEMORY",
    "RESERVED",
    "BytesLike",
    "Envelope",
    "FrameT",
    "Message",
    "Publication",
    "Tag",
    "check_not_reserved",
    "frames_of",
    "held",
    "is_one_frame",
    "is_probe",
    "memory_of",
    "new_tuple",
    "prefix_bytes",
    "publication_frame",
    "read_envelope",
    "read_publication",
    "read_reply",
    "reply_frames",
    "request_frames",
    "split",
    "tag_bytes",
]

BytesLike: TypeAlias = "Buffer"
"""One frame, as a caller gives it: ``bytes``, ``memoryview``, ``array.array`` or any other buffer."""

Message: TypeAlias = "BytesLike | Sequence[BytesLike]"
"""One frame, or a sequence of one or more frames, as a caller gives a message."""
Tag: TypeAlias = str | bytes
"""What a message is published under, as a caller gives it; a ``str`` is encoded as UTF-8."""

SEPARATOR = b"\0"
DELIMITER = b""
NO_MEMORY = "a message for which there was no memory"

RESERVED = b"~zmqbridge."
"""What the tags begin with that publishers and subscribers of this library use among themselves."""

FRAME_MEMORY = 64
"""Bytes that a small frame takes in memory at most, beside its own: an object of Python's, and a place in a list."""

MAX_ENVELOPE = 6144
"""Bytes of memory that a request's envelope takes at most: sixteen proxies fit whose routing ids have 255 bytes."""

MAX_FRAMES = 1024
"""Frames of a publication, a request or a reply at most, unless ``SocketOptions(max_frames=...)`` says otherwise."""

MAX_PREFIX = 4096
"""Bytes of a tag to subscribe to at most: each is a call of libzmq's, on a stack that may have half a megabyte."""

_LIKELY_TAG = 256  # how much of a large publication is looked at first for the end of its tag
# As in ``new_tuple(Publication, (tag, message))``: the named tuple's own constructor costs thrice as much.
new_tuple: Any = tuple.__new__


class Publication(NamedTuple, Generic[FrameT]):
    """One published message.

    Attributes:
        tag: what the publisher filed the message under; holds no zero byte.
        message: the payload, which may hold anything.
    """

    tag: bytes
    message: FrameT

    @property
    def user_id(self) -> str | None:
        """Who sent it, where that is known; see :func:`zmqbridge.origin_of`."""
        return origin_of(self).user_id

    @property
    def peer_address(self) -> str | None:
        """Where it came from; likewise."""
        return origin_of(self).peer_address


class Envelope(NamedTuple):
    """A request as a router sees it, taken apart.

    Attributes:
        route: the routing ids that lead back to the client, this router's own peer first;
            empty where the client is a plain REQ socket connected to this router.
        id: what the client will recognise the reply by.
        parts: the payload's frames.
    """

    route: list[bytes]
    id: bytes
    parts: list[bytes]


def frames_of(message: Message) -> Sequence[bytes]:
    """Return the frames of a message as the caller gave it.

    The caller's list or buffer may change meanwhile: both are copied, but for frames that are ``bytes``.

    Args:
        message: one bytes-like frame, or a sequence of one or more of them.

    Raises:
        TypeError: for a ``str``, or for a frame that is not bytes-like.
        LocalProtocolError: for an empty sequence.
    """
    if isinstance(message, bytes):
        return (message,)
    given: Any = message
    if not isinstance(message, (list, tuple)) and is_one_frame(message):
        return (_frame(given),)
    if type(message) is not tuple:
        given = list(given)
    for frame in given:
        if not isinstance(frame, bytes):
            return [_frame(frame) for frame in given]
    if not given:
        raise LocalProtocolError(f"the message {message!r} has no frame; an empty message is one empty frame: [b'']")
    frames: Sequence[bytes] = given
    return frames


def is_one_frame(message: Any) -> bool:
    """Whether what is no list and no tuple is one frame, and no sequence of frames."""
    return not isinstance(message, Sequence) or _is_frame(message)


def _is_frame(given: Any) -> bool:
    """Whether a sequence is one frame, as an ``array.array`` is, or none at all, as a ``str`` is."""
    if isinstance(given, str):
        return True
    try:
        memoryview(given).release()
    except TypeError:
        return False
    return True


def _frame(given: object) -> bytes:
    if isinstance(given, bytes):
        return given
    if isinstance(given, str):
        raise TypeError(f"a frame is bytes-like, not the str {given[:60]!r}; encode it first, as in 'text'.encode()")
    try:
        return memoryview(given).tobytes()  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(
            f"a frame is bytes-like, not {type(given).__name__}: {shown(given)}; "
            "pass bytes, bytearray or memoryview, or a list of them for a multipart message"
        ) from None


def tag_bytes(tag: Tag) -> bytes:
    """Return a tag, or a prefix of one, as bytes.

    Raises:
        TypeError: if it is neither ``str`` nor ``bytes``.
    """
    if isinstance(tag, bytes):
        return tag
    if isinstance(tag, str):
        return tag.encode()
    raise TypeError(f"a tag is str or bytes, not {type(tag).__name__}: {shown(tag)}")


def prefix_bytes(tag: Tag) -> bytes:
    """Return what a subscriber subscribes to, as bytes.

    libzmq walks over its tree of subscriptions by recursion, a call for each byte, when one ends or all do. A long one
    overflows the stack of its thread, and the process ends.

    Raises:
        TypeError: if it is neither ``str`` nor ``bytes``.
        LocalProtocolError: if it is longer than 4,096 bytes.
    """
    prefix = tag_bytes(tag)
    if len(prefix) > MAX_PREFIX:
        raise LocalProtocolError(
            f"the tag {shown(prefix)} has {len(prefix)} bytes, and libzmq crashes over long ones; "
            f"subscribe to its first {MAX_PREFIX} bytes at most"
        )
    return prefix


def split(frames: Iterable[bytes], separator: bytes = SEPARATOR) -> list[tuple[bytes, bytes]]:
    """Return the tag and the message in each frame.

    This is the rule of tags: the first separator ends the tag. Where a frame holds none, the tag is empty, and all is
    message.
    """
    parts = [frame.partition(separator) for frame in frames]
    return [(tag, message) if found else (found, tag) for tag, found, message in parts]


def publication_frame(message: BytesLike, tag: Tag = b"", separator: bytes = SEPARATOR) -> bytes:
    """Return the one frame that carries a published message.

    Args:
        message: the payload, bytes-like; it may hold zero bytes.
        tag: what subscribers select by; it does not hold the separator, which ends it on the wire.
        separator: a zero byte, unless both ends agree on something else.

    Raises:
        TypeError: if the message is not bytes-like or the tag neither ``str`` nor ``bytes``.
        LocalProtocolError: if the tag holds the separator, or is one of the reserved.
    """
    tag = tag_bytes(tag)
    if separator in tag:
        raise LocalProtocolError(
            f"the tag {shown(tag)} holds {shown(separator)}, which ends a tag on the wire; leave it out"
        )
    check_not_reserved(tag)
    return b"".join((tag, separator, _frame(message)))


def check_not_reserved(tag: bytes) -> None:
    """Return if a tag, or a frame that begins with one, is the caller's to use.

    Raises:
        LocalProtocolError: if it is one of the reserved.
    """
    if tag.startswith(RESERVED):
        raise LocalProtocolError(f"the tag {shown(tag)} begins with {shown(RESERVED)}, which is this library's own")


def read_publication(frames: Sequence[bytes], separator: bytes = SEPARATOR) -> Publication:
    """Take a published message apart.

    One frame without a separator, as publishers send that know nothing of tags, is a message with an empty tag.

    Raises:
        RemoteProtocolError: if it is none of ``[tag\\0message]``, ``[message]`` and ``[tag, message]``.
    """
    if len(frames) == 1:
        frame: Any = frames[0]
        if isinstance(frame, memoryview):
            return _read_view(frame, separator)
        (parts,) = split(frames, separator)
        publication: Publication = new_tuple(Publication, parts)
        return publication
    if len(frames) == 2:
        return Publication(held(frames[0]), frames[1])
    raise RemoteProtocolError(
        f"a publication of {len(frames)} frames instead of one or two; framing='multipart' takes any number"
    )


def _read_view(frame: memoryview, separator: bytes) -> Publication:
    """Take apart a large publication that was not copied: its message is not copied either."""
    head = _LIKELY_TAG
    while True:
        start = bytes(frame[:head])
        ((tag, message),) = split((start,), separator)
        if len(message) < len(start) or head >= len(frame):
            behind: Any = frame[len(start) - len(message) :]
            return Publication(tag, behind)
        head *= 16


def held(frame: Any) -> bytes:
    """Return what is compared, hashed and sent back, as bytes, though a peer made it large enough for a view."""
    if isinstance(frame, memoryview):
        return bytes(frame)
    held: bytes = frame
    return held


def request_frames(id: bytes, parts: Sequence[bytes]) -> list[bytes]:
    """Return the frames of a request as its DEALER sends them."""
    return [id, DELIMITER, *parts]


def is_probe(frames: Sequence[bytes]) -> bool:
    """Whether this is the empty message with which a peer introduces itself and no more: ``PROBE_ROUTER``."""
    return len(frames) == 1 and not frames[0]


def read_reply(frames: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
    """Return the id and the parts of a reply as its DEALER received it.

    Raises:
        RemoteProtocolError: if it is not ``[id, b"", *parts]``.
    """
    if len(frames) < 2:
        raise RemoteProtocolError(f"a reply of {len(frames)} frame(s) instead of an id, a delimiter and parts")
    if frames[1] != DELIMITER:
        raise RemoteProtocolError("a reply whose second frame is not the empty delimiter")
    return frames[0], list(frames[2:])


def read_envelope(frames: Sequence[bytes]) -> Envelope:
    """Take a request apart as its ROUTER received it. It has a twin in C.

    Raises:
        RemoteProtocolError: if no empty frame parts the envelope from the payload, if nothing
            stands before it, or if it is larger than any chain of proxies makes it: whoever answers
            keeps it till then.
    """
    try:
        end = frames.index(DELIMITER)
    except ValueError:
        raise RemoteProtocolError(
            f"a request of {len(frames)} frame(s) with no empty delimiter behind its envelope"
        ) from None
    if end == 0:
        raise RemoteProtocolError("a request with an empty envelope")
    route = list(frames[:end])
    memory = memory_of(route)
    if memory > MAX_ENVELOPE:
        raise RemoteProtocolError(
            f"a request with an envelope of {end} frame(s) that take {memory} bytes of memory, more than {MAX_ENVELOPE}"
        )
    if memoryview in map(type, route):
        route = list(map(held, route))
    id = route.pop()
    envelope: Envelope = new_tuple(Envelope, (route, id, list(frames[end + 1 :])))
    return envelope


def memory_of(frames: Sequence[bytes]) -> int:
    """Return how many bytes of memory frames take that are kept, at most."""
    return sum(map(len, frames)) + FRAME_MEMORY * len(frames)


def reply_frames(envelope: Envelope, parts: Sequence[bytes]) -> list[bytes]:
    """Return the frames that take a reply back along the route its request came by."""
    return [*envelope.route, envelope.id, DELIMITER, *parts]
