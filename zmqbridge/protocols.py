"""The state machines of the patterns and of a connection: pure, no socket, no loop.

Each is a :class:`~zmqbridge.decoding.Decoder`: it reads batches of messages (a message is a list of frames) and
returns what the callers should have. What a peer got wrong is counted in :class:`Faults` and
left out; nothing that a peer sends makes one of these raise.

A connection's life is short to tell. It begins *open*. It ends once, and stays
so: *closed* by this program, *terminated* under it with the ZeroMQ context, or *forked*, in the
child of a fork, where no ZeroMQ socket works. In these every operation raises, each with its own
error.

An id is never used twice, and the requester knows nothing of an id but whether
somebody still waits for its reply: a reply that is late, repeated or forged finds
nobody, is counted and dropped. All that is needed to answer a request is in the
:class:`~zmqbridge.framing.Envelope` that came with it, so a request that is never
answered leaves nothing behind in the replier, and two clients that choose the same
id cannot take each other's replies.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from enum import Enum
from typing import Any, ClassVar, Generic, TypeVar

from zmqbridge.bursts import Burst
from zmqbridge.errors import ConnectionClosed, ContextTerminated, LocalProtocolError, RemoteProtocolError
from zmqbridge.framing import (
    MAX_FRAMES,
    NO_MEMORY,
    RESERVED,
    Envelope,
    Publication,
    Tag,
    new_tuple,
    prefix_bytes,
    read_envelope,
    read_publication,
    read_reply,
    request_frames,
    split,
    tag_bytes,
)
from zmqbridge.showing import listed, shown

__all__ = [
    "ConnectionState",
    "Echoes",
    "Faults",
    "PendingRequest",
    "ReplierProtocol",
    "RequesterProtocol",
    "State",
    "SubscriberProtocol",
    "request_ids",
]

Frames = list[bytes]
Caller = TypeVar("Caller")


class State(Enum):
    """Where a connection is in its life."""

    OPEN = "open"
    CLOSED = "closed"
    TERMINATED = "terminated"
    FORKED = "forked"


class ConnectionState:
    """A connection's life: open, then closed, terminated or forked for good."""

    __slots__ = ("_reason", "state")

    def __init__(self) -> None:
        self.state = State.OPEN
        self._reason = ""

    def close(self, reason: str = "the connection is closed; open another one from its context") -> bool:
        """This program closes the connection; return whether it was open or terminated till now.

        Args:
            reason: what every operation says from now on.

        Raises:
            LocalProtocolError: in the child of a fork.
        """
        if self.state is State.FORKED:
            self.check()
        if self.state is State.CLOSED:
            return False
        self.state = State.CLOSED
        self._reason = reason
        return True

    def terminate(self) -> None:
        """The context was terminated under an open connection."""
        if self.state is State.OPEN:
            self.state = State.TERMINATED

    def fork(self) -> None:
        """This process is the child of a fork, and the connection its parent's."""
        self.state = State.FORKED

    def check(self) -> None:
        """Return if the connection is open.

        Raises:
            ConnectionClosed: if it was closed.
            ContextTerminated: if its context was terminated.
            LocalProtocolError: if it was opened before the process forked.
        """
        if self.state is State.OPEN:
            return
        if self.state is State.CLOSED:
            raise ConnectionClosed(self._reason)
        if self.state is State.FORKED:
            raise LocalProtocolError(
                "the connection was opened before the process forked; ZeroMQ sockets do not survive a fork: "
                "open a new Context in the child"
            )
        raise ContextTerminated("the ZeroMQ context was terminated while the connection was open; close the connection")


class Faults(Burst):
    """What peers got wrong on one connection, counted, and told once in a while.

    Attributes:
        latest: what was wrong with the latest of them. The words alone: an exception would
            keep the frames of its message alive.
    """

    __slots__ = ("latest",)

    def __init__(self) -> None:
        super().__init__()
        self.latest = ""

    @property
    def malformed(self) -> int:
        """Messages dropped because their frames made no sense, were too many, or found no memory."""
        return self.total

    def count(self, error: RemoteProtocolError | MemoryError) -> None:
        """Count a message that made no sense, or found no memory."""
        self.total += 1
        self.latest = NO_MEMORY if isinstance(error, MemoryError) else str(error)


# Of a publisher's name no more is kept, whatever a peer sends.
LONGEST_NAME = 16


def _read_at_once(batch: list[Any]) -> list[Publication] | None:
    """Return all of a batch, or ``None`` if one is not what nearly all are: well-formed, and one frame of bytes."""
    if batch and type(batch[0]) is Publication:
        return batch if set(map(type, batch)) == {Publication} else None
    with suppress(AttributeError, MemoryError):
        publications = [new_tuple(Publication, parts) for parts in split(batch) if not parts[0].startswith(RESERVED)]
        return publications if len(publications) == len(batch) else None
    return None


class Echoes(Generic[Caller]):
    """The answers to one echo tag.

    Args:
        tag: nobody else has it.
        count: how many publishers are to answer.
        caller: whoever waits for them.

    Attributes:
        tag, caller: as given.
        names: of the publishers that have answered.
    """

    __slots__ = ("_count", "caller", "names", "tag")

    def __init__(self, tag: bytes, count: int, caller: Caller) -> None:
        self.tag = tag
        self.caller = caller
        self.names: set[bytes] = set()
        self._count = count

    @property
    def complete(self) -> bool:
        """Whether enough have answered."""
        return len(self.names) >= self._count


class SubscriberProtocol:
    """Which tags a subscriber asked for, and what its messages say.

    libzmq counts equal subscriptions, so each needs its own unsubscription; this
    class counts with it, to name a mistake that libzmq would pass over.

    What publishers and subscribers tell each other under the reserved tags is no publication: an answer to an echo tag
    is given to whoever asked, and anything else is passed over.

    Attributes:
        passed_over: how many messages came under reserved tags.
    """

    __slots__ = ("_echoes", "_tags", "faults", "passed_over")

    single: ClassVar[type[Any] | None] = Publication
    max_frames: ClassVar[int] = MAX_FRAMES

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.passed_over = 0
        self._tags: Counter[bytes] = Counter()
        self._echoes: dict[bytes, Echoes[Any]] = {}

    @property
    def tags(self) -> tuple[bytes, ...]:
        """The prefixes subscribed to, each once."""
        return tuple(self._tags)

    def subscribe(self, tag: Tag) -> bytes:
        """Note a subscription and return the prefix for libzmq.

        Raises:
            LocalProtocolError: if it is too long for libzmq, or one of the reserved tags.
        """
        prefix = prefix_bytes(tag)
        if prefix.startswith(RESERVED):
            raise LocalProtocolError(f"the tag {shown(tag)} begins with {shown(RESERVED)}, which is this library's own")
        self._tags[prefix] += 1
        return prefix

    def times(self, prefix: bytes) -> int:
        """Return how many subscriptions to a prefix there are."""
        return self._tags.get(prefix, 0)

    def unsubscribe(self, tag: Tag) -> bytes:
        """Note the end of a subscription and return the prefix for libzmq.

        Raises:
            LocalProtocolError: if there is no such subscription.
        """
        prefix = tag_bytes(tag)
        if not self._tags[prefix]:
            del self._tags[prefix]
            raise LocalProtocolError(f"not subscribed to {shown(prefix)}; subscribed are {listed(self._tags)}")
        self._tags[prefix] -= 1
        if not self._tags[prefix]:
            del self._tags[prefix]
        return prefix

    def ask(self, echoes: Echoes[Any]) -> None:
        """From now on, give these the answers that come for them."""
        self._echoes[echoes.tag] = echoes

    def end(self, echoes: Echoes[Any]) -> None:
        """Nobody waits for these any more."""
        self._echoes.pop(echoes.tag, None)

    def decode(self, messages: list[Any]) -> tuple[list[Publication], Sequence[Any]]:
        """Return the publications among these messages, and those whose answers have come."""
        publications = self.receive(messages)
        if not self._echoes:
            return publications, ()
        complete = [echoes for echoes in self._echoes.values() if echoes.complete]
        for echoes in complete:
            self.end(echoes)
        return publications, [echoes.caller for echoes in complete]

    def receive(self, batch: Iterable[Frames | bytes | Publication]) -> list[Publication]:
        """Return the publications among these messages, some of which may have been read already."""
        batch = list(batch)
        publications = _read_at_once(batch)
        if publications is not None:
            return publications
        publications = []
        for message in batch:
            try:
                publication = self._read(message)
                if publication.tag.startswith(RESERVED):
                    self._hear(publication)
                else:
                    publications.append(publication)
            except (RemoteProtocolError, MemoryError) as error:
                self.faults.count(error)
        return publications

    def _hear(self, publication: Publication) -> None:
        self.passed_over += 1
        echoes = self._echoes.get(publication.tag)
        if echoes is not None:
            echoes.names.add(bytes(publication.message[:LONGEST_NAME]))

    @staticmethod
    def _read(message: Frames | bytes | Publication) -> Publication:
        if isinstance(message, Publication):
            return message
        return read_publication([message] if isinstance(message, (bytes, memoryview)) else message)


class PendingRequest(Generic[Caller]):
    """One request from the moment it has an id until its caller has the reply or gives up.

    Attributes:
        id: 16 bytes that no other request ever has.
        frames: what goes on the wire.
        reply: the reply's parts, once they came.
        caller: whoever waits for the reply.
    """

    __slots__ = ("caller", "frames", "id", "reply")

    def __init__(self, id: bytes, parts: Sequence[bytes], caller: Caller) -> None:
        self.id = id
        self.frames = request_frames(id, parts)
        self.reply: Frames | None = None
        self.caller = caller


class RequesterProtocol(Generic[Caller]):
    """Requests by id, and the replies that find them.

    Attributes:
        unmatched: replies that nobody waits for: late, repeated, or forged.
    """

    __slots__ = ("_ids", "_pending", "faults", "unmatched")

    single: ClassVar[type[Any] | None] = None
    max_frames: ClassVar[int] = MAX_FRAMES

    def __init__(self, faults: Faults, ids: Iterator[bytes] | None = None) -> None:
        self.faults = faults
        self.unmatched = 0
        self._ids = request_ids() if ids is None else ids
        self._pending: dict[bytes, PendingRequest[Caller]] = {}

    def __len__(self) -> int:
        """How many requests are pending."""
        return len(self._pending)

    def begin(self, parts: Sequence[bytes], caller: Caller) -> PendingRequest[Caller]:
        """Return a new request, to be sent by the caller and ended with :meth:`end`.

        Raises:
            LocalProtocolError: if the ids are not this module's own, and one came twice.
        """
        pending = PendingRequest(next(self._ids), parts, caller)
        if pending.id in self._pending:
            raise LocalProtocolError(
                f"the id {shown(pending.id)} belongs to another pending request; each needs its own"
            )
        self._pending[pending.id] = pending
        return pending

    def decode(self, messages: list[Frames]) -> tuple[tuple[()], list[Caller]]:
        """Return nothing for just anyone, and the callers whose replies have come."""
        return (), [pending.caller for pending in self.receive(messages)]

    def receive(self, batch: Iterable[Frames]) -> list[PendingRequest[Caller]]:
        """Give the replies among these messages to their requests, and return these requests."""
        answered = []
        for frames in batch:
            try:
                id, parts = read_reply(frames)
            except RemoteProtocolError as error:
                self.faults.count(error)
                continue
            pending = self._pending.pop(id, None)
            if pending is None:
                self.unmatched += 1
            else:
                pending.reply = parts
                answered.append(pending)
        return answered

    def end(self, pending: PendingRequest[Caller]) -> None:
        """The caller has its reply or gave up: forget the request."""
        self._pending.pop(pending.id, None)

    def end_all(self) -> list[PendingRequest[Caller]]:
        """Nothing will come any more: forget all requests, and return them for their callers to be told."""
        pending = list(self._pending.values())
        self._pending.clear()
        return pending


class ReplierProtocol:
    """What the requests say that reach a replier."""

    __slots__ = ("faults",)

    single: ClassVar[type[Any] | None] = None
    max_frames: ClassVar[int] = MAX_FRAMES

    def __init__(self, faults: Faults) -> None:
        self.faults = faults

    def decode(self, messages: list[Frames]) -> tuple[list[Envelope], tuple[()]]:
        """Return the requests among these messages."""
        return self.receive(messages), ()

    def receive(self, batch: Iterable[Frames]) -> list[Envelope]:
        """Return the requests among these messages."""
        envelopes = []
        for frames in batch:
            try:
                envelopes.append(read_envelope(frames))
            except RemoteProtocolError as error:
                self.faults.count(error)
        return envelopes


_VERSION_4 = bytes(byte & 0x0F | 0x40 for byte in range(256))
_VARIANT = bytes(byte & 0x3F | 0x80 for byte in range(256))
_IDS_AT_ONCE = 256


def request_ids(random: Callable[[int], bytes] = os.urandom) -> Iterator[bytes]:
    """Yield the 16 bytes of one uuid4 after another (RFC 9562), for ever.

    The same as ``uuid.uuid4().bytes``, at a tenth of the cost: the random bytes
    are asked of the system for many ids at once.
    """
    while True:
        block = bytearray(random(16 * _IDS_AT_ONCE))
        block[6::16] = block[6::16].translate(_VERSION_4)
        block[8::16] = block[8::16].translate(_VARIANT)
        ids = bytes(block)
        for start in range(0, len(ids), 16):
            yield ids[start : start + 16]
