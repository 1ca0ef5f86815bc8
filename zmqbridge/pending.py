"""Requests from the moment they have ids until their callers have the replies or give up. Pure.

The facts. A task and a wake for each request cost more than the request does. Whoever asks a hundred things at once
wants a hundred replies, or to know which did not come.

The design. :class:`PendingRequest` is one request, whose caller is told when its reply came. :class:`PendingRequests`
are many of one caller, who is told once: when nothing is left to wait for. Each keeps a place for each
request, in the order in which they were begun, for its reply or for the error that took its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from zmqbridge.errors import ZmqBridgeError
from zmqbridge.framing import request_frames

__all__ = ["NobodyLeft", "Pending", "PendingRequest", "PendingRequests"]

Frames = list[bytes]
Caller = TypeVar("Caller")


class NobodyLeft(Exception):
    """Nobody will answer: there is no sense in sending more."""


class PendingRequest(Generic[Caller]):
    """One request from the moment it has an id until its caller has the reply or gives up.

    Attributes:
        id: 16 bytes that no other request ever has.
        frames: what goes on the wire.
        sent: they were sent.
        reply: the reply's parts, once they came.
        error: what took the reply's place.
        caller: whoever waits for the reply.
    """

    __slots__ = ("caller", "error", "frames", "id", "reply", "sent")

    def __init__(self, id: bytes, parts: Sequence[bytes], caller: Caller) -> None:
        self.id: bytes = id
        self.frames: list[bytes] = request_frames(id, parts)
        self.sent: bool = False
        self.reply: Frames | None = None
        self.error: ZmqBridgeError | None = None
        self.caller: Caller = caller

    def take(self, id: bytes, parts: Frames) -> bool:
        """Take a reply; return whether the caller is to be told."""
        self.reply = parts
        return True

    def lose(self, error: Callable[[], ZmqBridgeError]) -> bool:
        """Nobody can answer any more, if it was sent; return whether the caller is to be told."""
        return self.sent and self.fail(error)

    def fail(self, error: Callable[[], ZmqBridgeError]) -> bool:
        """Nobody will answer, sent or not; return whether the caller is to be told."""
        if self.reply is None:
            self.error = error()
        return True

    def check(self) -> None:
        """Return unless it has failed.

        Raises:
            ZmqBridgeError: why.
        """
        if self.error is not None:
            raise self.error


class PendingRequests(Generic[Caller]):
    """Many requests of one caller.

    Args:
        caller: whoever waits for the replies.
        keeps_errors: an error stands in the place of a reply; else the first is the end of all.

    Attributes:
        caller: as given.
        left: how many have neither a reply nor an error.
        sent: how many were sent, the first of them first.
        complete: no more will be added.
        over: makes the error of those that nobody will answer, sent or not, once there are such.
        error: the first that took the place of a reply, where the first is the end of all.
    """

    __slots__ = ("_keeps_errors", "_places", "caller", "complete", "error", "left", "over", "sent")

    def __init__(self, caller: Caller, *, keeps_errors: bool) -> None:
        self.caller: Caller = caller
        self.left: int = 0
        self.sent: int = 0
        self.complete: bool = False
        self.over: Callable[[], ZmqBridgeError] | None = None
        self.error: ZmqBridgeError | None = None
        self._keeps_errors = keeps_errors
        self._places: dict[bytes, Any] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._places)

    @property
    def replies(self) -> list[Any]:
        """What is in the places; the parts of a reply, an error, or ``None``."""
        return list(self._places.values())

    @property
    def unanswered(self) -> list[bytes]:
        """The ids of those that have no reply."""
        return [id for id, reply in self._places.items() if type(reply) is not list]

    def add(self, id: bytes) -> None:
        """Make a place for one request more."""
        self._places[id] = None
        self.left += 1

    def take(self, id: bytes, parts: Frames) -> bool:
        """Take a reply; return whether the caller is to be told."""
        self._places[id] = parts
        self.left -= 1
        return self.complete and not self.left

    def lose(self, error: Callable[[], ZmqBridgeError]) -> bool:
        """Nobody can answer any more what was sent so far; return whether the caller is to be told."""
        places = self._places
        for id in [id for id, _ in zip(places, range(self.sent), strict=False) if places[id] is None]:
            self._fail(id, error)
        return self._settled

    def fail(self, error: Callable[[], ZmqBridgeError]) -> bool:
        """None of those that are left, or are to be added, will have a reply; return whether the caller is to be
        told."""
        self.over = error
        for id in [id for id, reply in self._places.items() if reply is None]:
            self._fail(id, error)
        return self._settled

    @property
    def _settled(self) -> bool:
        return self.error is not None or (self.complete and not self.left)

    def _fail(self, id: bytes, error: Callable[[], ZmqBridgeError]) -> None:
        failed = self._places[id] = error()
        self.left -= 1
        if not self._keeps_errors and self.error is None:
            self.error = failed

    def check(self) -> None:
        """Return unless one has failed whose error is the end of all.

        Raises:
            ZmqBridgeError: that error.
        """
        if self.error is not None:
            raise self.error

    def go_on(self) -> None:
        """Return if there is sense in sending more.

        Raises:
            ZmqBridgeError: as :meth:`check`.
            NobodyLeft: if nobody will answer, and the errors are kept.
        """
        self.check()
        if self.over is not None:
            raise NobodyLeft


Pending = PendingRequest[Caller] | PendingRequests[Caller]
