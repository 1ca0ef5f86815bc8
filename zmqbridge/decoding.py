"""What a connection hands to its channel: how messages become what their receivers should have. Pure.

The channel reads batches and knows who waits; what the frames mean it leaves to its decoder, which knows no socket and
nobody who waits. So the rules of each pattern stand in its own protocol: see :mod:`zmqbridge.protocols`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from sys import maxsize
from typing import Any, Generic, Protocol, TypeVar

from zmqbridge.framing import RESERVED
from zmqbridge.origins import Origin, Traced, origin_of

__all__ = ["Decoder", "FramesDecoder", "OriginsDecoder", "PublishedFramesDecoder", "with_origins"]

Frames = list[bytes]
Item = TypeVar("Item")
Item_co = TypeVar("Item_co", covariant=True)
Caller_co = TypeVar("Caller_co", covariant=True)


class Decoder(Protocol[Item_co, Caller_co]):
    """Turns messages into what their receivers should have: what a connection hands to its channel."""

    @property
    def single(self) -> type[Any] | None:
        """Return the class that a message of one frame is best given as; ``None`` asks for a list of that frame.

        With a class it may come as the frame itself, or as an instance of the class already.
        """

    @property
    def max_frames(self) -> int:
        """How many frames a message has at most, where the caller leaves that open."""

    def decode(self, messages: list[Any], /) -> tuple[Sequence[Item_co], Sequence[Caller_co]]:
        """Read a batch.

        Args:
            messages: each a list of frames, or as :attr:`single` says.

        Returns:
            The items for whoever receives next, in order, and those who waited for one message of their own
            that has come. What makes no sense is counted and left out.
        """
        ...


class FramesDecoder:
    """Leaves messages as they are: lists of frames."""

    single = None
    max_frames = maxsize

    def decode(self, messages: list[Frames]) -> tuple[list[Frames], tuple[()]]:
        """Return the messages."""
        return messages, ()


class PublishedFramesDecoder(FramesDecoder):
    """Likewise, and leaves out what comes under the reserved tags.

    Attributes:
        passed_over: how many that were.
    """

    def __init__(self) -> None:
        self.passed_over: int = 0

    def decode(self, messages: list[Frames]) -> tuple[list[Frames], tuple[()]]:
        """Return the messages that are for the program."""
        length = len(RESERVED)
        visible = [message for message in messages if message[0][:length] != RESERVED]
        self.passed_over += len(messages) - len(visible)
        return visible, ()


def with_origins(decoder: Decoder[Item, Any]) -> Decoder[Item, Any]:
    """Return a decoder whose items know whose they are; where they are the messages themselves, they know already."""
    given: Any = decoder
    return decoder if isinstance(given, FramesDecoder) else OriginsDecoder(decoder)


class OriginsDecoder(Generic[Item]):
    """Has each item know whose it is, and leaves what the messages mean to another decoder.

    Args:
        decoder: the other. Each of its items is a list that was received, a tuple, or an object with a place for its
            origin.
    """

    single = None

    def __init__(self, decoder: Decoder[Item, Any]) -> None:
        self.max_frames: int = decoder.max_frames
        self._decoder = decoder

    def decode(self, messages: list[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Return what the other decoder makes of these messages."""
        items: list[Any] = []
        answered: list[Any] = []
        for message in messages:
            made, told = self._decoder.decode([message])
            items += [_known(item, origin_of(message)) for item in made]
            answered += told
        return items, answered


def _known(item: Any, origin: Origin) -> Any:
    if isinstance(item, tuple):
        item = tuple.__new__(_with_origin(type(item)), item)
    if not isinstance(item, Traced):
        item.origin = origin
    return item


@cache
def _with_origin(kind: type[Any]) -> type[Any]:
    """Return the class of those of a named tuple's that know whose they are. What is pickled or copied does not."""
    return type(kind.__name__, (kind,), {"__doc__": kind.__doc__, "__reduce__": lambda self: (kind, tuple(self))})
