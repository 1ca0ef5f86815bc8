"""The state machines of the patterns and of a connection: pure, no socket, no loop.

Each is a :class:`~zmqbridge.decoding.Decoder`: it reads batches of messages (a message is a list of frames) and
returns what the callers should have. What a peer got wrong is counted in :class:`Faults` and
left out; nothing that a peer sends makes one of these raise.

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
from typing import Any, ClassVar, Generic, TypeVar

from zmqbridge.errors import LocalProtocolError, RemoteProtocolError
from zmqbridge.framing import (
    MAX_FRAMES,
    RESERVED,
    Envelope,
    Publication,
    Tag,
    check_not_reserved,
    is_probe,
    prefix_bytes,
    read_envelope,
    read_reply,
    request_frames,
    tag_bytes,
)
from zmqbridge.framings import TAGGED, Framing
from zmqbridge.life import ConnectionState, Faults, State
from zmqbridge.pending import NobodyLeft, Pending, PendingRequest, PendingRequests
from zmqbridge.showing import listed, shown

__all__ = [
    "AskedTags",
    "ConnectionState",
    "Echoes",
    "Faults",
    "NobodyLeft",
    "PendingRequest",
    "PendingRequests",
    "ReplierProtocol",
    "RequesterProtocol",
    "State",
    "SubscriberProtocol",
    "request_ids",
]

Frames = list[bytes]
Caller = TypeVar("Caller")


# Of a publisher's name no more is kept, whatever a peer sends.
LONGEST_NAME = 16


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
        self.tag: bytes = tag
        self.caller: Caller = caller
        self.names: set[bytes] = set()
        self._count = count

    @property
    def complete(self) -> bool:
        """Whether enough have answered."""
        return len(self.names) >= self._count


class AskedTags:
    """Which tags were asked for.

    libzmq counts equal subscriptions, so each needs its own unsubscription; this
    class counts with it, to name a mistake that libzmq would pass over.
    """

    __slots__ = ("_tags",)

    def __init__(self) -> None:
        self._tags: Counter[bytes] = Counter()

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
        check_not_reserved(prefix)
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


class SubscriberProtocol(AskedTags):
    """Which tags a subscriber asked for, and what its messages say.

    What publishers and subscribers tell each other under the reserved tags is no publication: an answer to an echo tag
    is given to whoever asked, and anything else is passed over.

    Args:
        faults: counts what is no publication.
        framing: how publications are laid out.

    Attributes:
        passed_over: how many messages came under reserved tags.
    """

    __slots__ = ("_echoes", "_framing", "faults", "passed_over", "single")

    max_frames: ClassVar[int] = MAX_FRAMES

    def __init__(self, faults: Faults, framing: Framing[Any] = TAGGED) -> None:
        super().__init__()
        self.faults: Faults = faults
        self.passed_over: int = 0
        self.single: type[Any] | None = framing.single
        self._framing = framing
        self._echoes: dict[bytes, Echoes[Any]] = {}

    def ask(self, echoes: Echoes[Any]) -> None:
        """From now on, give these the answers that come for them."""
        self._echoes[echoes.tag] = echoes

    def end(self, echoes: Echoes[Any]) -> None:
        """Nobody waits for these any more."""
        self._echoes.pop(echoes.tag, None)

    def decode(self, messages: list[Any]) -> tuple[list[Any], Sequence[Any]]:
        """Return the publications among these messages, and those whose answers have come."""
        publications = self.receive(messages)
        if not self._echoes:
            return publications, ()
        complete = [echoes for echoes in self._echoes.values() if echoes.complete]
        for echoes in complete:
            self.end(echoes)
        return publications, [echoes.caller for echoes in complete]

    def receive(self, batch: Iterable[Any]) -> list[Any]:
        """Return the publications among these messages, some of which may have been read already."""
        batch = list(batch)
        framing = self._framing
        with suppress(MemoryError):
            publications = framing.read_at_once(batch)
            if publications is not None:
                return publications
        publications = []
        for message in batch:
            try:
                publication = framing.read(message)
                if framing.start(publication).startswith(RESERVED):
                    self._hear(TAGGED.read(message))
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


class RequesterProtocol(Generic[Caller]):
    """Requests by id, and the replies that find them.

    Attributes:
        unmatched: replies that nobody waits for: late, repeated, or forged.
        probes: empty messages with which routers introduced themselves.
    """

    __slots__ = ("_ids", "_pending", "faults", "probes", "unmatched")

    single: ClassVar[type[Any] | None] = None
    max_frames: ClassVar[int] = MAX_FRAMES

    def __init__(self, faults: Faults, ids: Iterator[bytes] | None = None) -> None:
        self.faults: Faults = faults
        self.unmatched: int = 0
        self.probes: int = 0
        self._ids = request_ids() if ids is None else ids
        self._pending: dict[bytes, Pending[Caller]] = {}

    def __len__(self) -> int:
        """How many requests are pending."""
        return len(self._pending)

    def begin(self, parts: Sequence[bytes], caller: Caller) -> PendingRequest[Caller]:
        """Return a new request, to be sent by the caller and ended with :meth:`end`.

        Raises:
            LocalProtocolError: if the ids are not this module's own, and one came twice.
        """
        pending = PendingRequest(next(self._ids), parts, caller)
        self._register(pending.id, pending)
        return pending

    def begin_more(self, pending: PendingRequests[Caller], messages: Iterable[Sequence[bytes]]) -> list[Frames]:
        """Add requests to those of a caller who ends all of them with :meth:`end_many`; return what goes on the wire.

        Raises:
            LocalProtocolError: as :meth:`begin`.
        """
        frames = []
        for parts in messages:
            id = next(self._ids)
            self._register(id, pending)
            pending.add(id)
            frames.append(request_frames(id, parts))
        return frames

    def _register(self, id: bytes, pending: Pending[Caller]) -> None:
        if id in self._pending:
            raise LocalProtocolError(f"the id {shown(id)} belongs to another pending request; each needs its own")
        self._pending[id] = pending

    def decode(self, messages: list[Frames]) -> tuple[tuple[()], list[Caller]]:
        """Return nothing for just anyone, and the callers whose replies have come."""
        return (), [pending.caller for pending in self.receive(messages)]

    def receive(self, batch: Iterable[Frames]) -> list[Any]:
        """Give the replies among these messages to their requests; return those whose callers are to be told."""
        answered = []
        for frames in batch:
            try:
                id, parts = read_reply(frames)
            except RemoteProtocolError as error:
                if is_probe(frames):
                    self.probes += 1
                else:
                    self.faults.count(error)
                continue
            pending = self._pending.pop(id, None)
            if pending is None:
                self.unmatched += 1
            elif pending.take(id, parts):
                answered.append(pending)
        return answered

    def end(self, pending: PendingRequest[Caller]) -> None:
        """The caller has its reply or gave up: forget the request."""
        self._pending.pop(pending.id, None)

    def end_many(self, pending: PendingRequests[Caller]) -> None:
        """The caller has what there is, or gave up: forget all of them."""
        for id in pending.unanswered:
            self._pending.pop(id, None)

    def end_all(self) -> list[Any]:
        """Nothing will come any more: forget all requests, and return them for their callers to be told."""
        pending = list(dict.fromkeys(self._pending.values()))
        self._pending.clear()
        return pending


class ReplierProtocol:
    """What the requests say that reach a replier.

    Args:
        faults: what peers got wrong.
        read: takes a request apart: :func:`~zmqbridge.framing.read_envelope`, or its twin.

    Attributes:
        probes: empty messages with which peers introduced themselves.
    """

    __slots__ = ("_read", "faults", "probes")

    single: ClassVar[type[Any] | None] = None
    max_frames: ClassVar[int] = MAX_FRAMES

    def __init__(self, faults: Faults, read: Callable[[Frames], Envelope] = read_envelope) -> None:
        self.faults: Faults = faults
        self.probes: int = 0
        self._read = read

    def decode(self, messages: list[Frames]) -> tuple[list[Envelope], tuple[()]]:
        """Return the requests among these messages."""
        return self.receive(messages), ()

    def receive(self, batch: Iterable[Frames]) -> list[Envelope]:
        """Return the requests among these messages."""
        envelopes = []
        for frames in batch:
            if len(frames) == 2 and is_probe(frames[1:]):  # behind the peer's routing id
                self.probes += 1
                continue
            try:
                envelopes.append(self._read(frames))
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
