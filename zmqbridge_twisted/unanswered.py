"""The requests that wait for their answer: by a name that is theirs alone, bounded, and not for ever.

The facts. A handler answers by the request's id, perhaps much later, so the way back is kept until then. Two clients
may choose the same id. A peer chooses how long its ids are, and how many frames stand before them, and each frame
costs memory of its own beside its bytes.

The consequence. What is kept is bounded thrice: in number, in memory and in time. Of two requests with the same id the
later goes by a new id of its own here, and its answer still carries the client's. Where there are too many the oldest
are forgotten.

The design. Of each request no more is kept than the answer needs, and what it takes is reckoned from above:
:data:`~zmqbridge.framing.FRAME_MEMORY` for each frame, and :data:`REQUEST_MEMORY` for the rest. So the memory that
all take together is never more than was allowed, whatever the peers send.
"""

from __future__ import annotations

from collections import OrderedDict
from uuid import uuid4

from zmqbridge.framing import FRAME_MEMORY, Envelope, new_tuple

__all__ = ["REQUEST_MEMORY", "Unanswered"]

# What a request takes beside its frames: its name, its place where the table has just grown, its tuple and its list.
REQUEST_MEMORY = 384


class Unanswered:
    """Envelopes of requests, by the id that answers them.

    Attributes:
        forgotten: how many were dropped unanswered.
        memory: how many bytes they take, at most.
    """

    def __init__(self) -> None:
        self.forgotten: int = 0
        self.memory: int = 0
        # The time, the memory, the client's id, and the route.
        self._requests: OrderedDict[bytes, tuple[float, int, bytes, list[bytes]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._requests)

    def add(self, envelope: Envelope, now: float, limit: int, lifetime: float, memory: int) -> bytes:
        """Keep a request's envelope, and return the id to answer it by.

        Args:
            envelope: the request; its parts are not kept.
            now: any clock, in seconds.
            limit: how many are kept; the newest always is.
            lifetime: for how many seconds.
            memory: how many bytes all may take together; the newest is always kept.
        """
        requests = self._requests
        id = envelope.id
        while id in requests:
            id = uuid4().bytes
        route, own, _ = envelope
        taken = REQUEST_MEMORY + FRAME_MEMORY + len(own)
        for hop in route:
            taken += FRAME_MEMORY + len(hop)
        requests[id] = (now, taken, own, route)
        self.memory += taken
        while len(requests) > 1 and (
            len(requests) > limit or self.memory > memory or next(iter(requests.values()))[0] < now - lifetime
        ):
            self._forget(next(iter(requests)))
        return id

    def take(self, id: bytes) -> Envelope | None:
        """Return a request's envelope, once."""
        request = self._requests.pop(id, None)
        if request is None:
            return None
        _, taken, own, route = request
        self.memory -= taken
        envelope: Envelope = new_tuple(Envelope, (route, own, []))
        return envelope

    def _forget(self, id: bytes) -> None:
        self.take(id)
        self.forgotten += 1
