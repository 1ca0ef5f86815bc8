"""The requests that wait for their answer: by a name that is theirs alone, bounded, and not for ever.

A handler answers by the request's id. Two clients may choose the same one; then the later request goes
by a new id of its own here, and its answer still carries the client's. A handler that
never answers must not fill the memory: the oldest requests are forgotten when there are too many, and
any when it is too old.
"""

from __future__ import annotations

from collections import OrderedDict
from uuid import uuid4

from zmqbridge.framing import Envelope

__all__ = ["Unanswered"]


class Unanswered:
    """Envelopes of requests, by the id that answers them.

    Attributes:
        forgotten: how many were dropped unanswered.
    """

    def __init__(self) -> None:
        self.forgotten = 0
        self._requests: OrderedDict[bytes, tuple[float, Envelope]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._requests)

    def add(self, envelope: Envelope, now: float, limit: int, lifetime: float) -> bytes:
        """Keep a request's envelope, and return the id to answer it by.

        Args:
            envelope: the request; its parts are not kept.
            now: any clock, in seconds.
            limit: how many are kept; the newest always is.
            lifetime: for how many seconds.
        """
        requests = self._requests
        id = envelope.id
        while id in requests:
            id = uuid4().bytes
        requests[id] = (now, Envelope(envelope.route, envelope.id, []))
        while len(requests) > 1 and (len(requests) > limit or next(iter(requests.values()))[0] < now - lifetime):
            requests.popitem(last=False)
            self.forgotten += 1
        return id

    def take(self, id: bytes) -> Envelope | None:
        """Return a request's envelope, once."""
        return self._requests.pop(id, (0.0, None))[1]
