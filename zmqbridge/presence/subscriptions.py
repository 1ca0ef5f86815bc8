"""Who has subscribed to a publisher, as far as it can know. Pure.

The facts. An XPUB socket that is verbose is told of each subscription and of its end, also where its subscriber goes
without a word: a byte, 1 or 0, and the prefix. It is not told whose it is. A proxy sends each prefix once, however many
stand behind it. A subscription counts already when it is told of. A peer may send anything instead, and any number of
prefixes of any length.

Who subscribes to the same prefix twice is told of twice, and its end once. What is read when its connection has gone
cannot be told from what another said that had the same descriptor.

The design. Equal prefixes are counted, of each connection once, as far as libzmq says by which one they came: it does
for all but those within the process, and not for the end of those that are gone. What subscriptions take in memory is
bounded: beyond that they are not counted, and their number is. The reserved tags are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from zmqbridge.errors import RemoteProtocolError
from zmqbridge.framing import RESERVED, memory_of
from zmqbridge.presence.echo import Allowance, is_echo
from zmqbridge.presence.ring import Ring
from zmqbridge.protocols import Faults

if TYPE_CHECKING:
    from zmqbridge.socket import Source

__all__ = ["ECHOES_A_SECOND", "SubscriptionChange", "Subscriptions"]

MEMORY = 64 << 20

ECHOES_A_SECOND = 1000

# What a subscription takes beside its prefix: a place in two tables that have just grown, and a count.
SUBSCRIPTION_MEMORY = 256


# Pairs of a connection and a prefix that may be known of connections that are gone, beside as many as there are.
ROOM = 1000


@dataclass(frozen=True, slots=True)
class SubscriptionChange:
    """A subscription that came or went.

    Attributes:
        tag: the prefix.
        subscribed: it came.
        count: how many there are now for the same prefix.
        left_out: how many changes nobody can read any more; then nothing else is said.
    """

    tag: bytes = b""
    subscribed: bool = False
    count: int = 0
    left_out: int = 0


class Subscriptions:
    """The subscriptions that have arrived at a publisher; a decoder of what an XPUB socket receives.

    Args:
        faults: counts what is none.
        memory: bytes that the subscriptions may take.
        echoes: how many answers a second are given.
        clock: what that is measured by, in seconds.

    Attributes:
        counts: how many there are for each prefix; not to be changed.
        changes: what came and went.
        untold: subscriptions that found no memory here.
        allowance: how many answers may be given yet, and how many were refused.
        changed: is called when any came or went.
        passed_over: how many messages of subscribers came that make sense.
    """

    single: ClassVar[None] = None
    max_frames: ClassVar[int] = 1

    def __init__(
        self,
        faults: Faults,
        memory: int = MEMORY,
        echoes: float = ECHOES_A_SECOND,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._counts: dict[bytes, int] = {}
        self.counts: Mapping[bytes, int] = MappingProxyType(self._counts)
        self.changes: Ring[SubscriptionChange] = Ring()
        self.untold: int = 0
        self.passed_over: int = 0
        self.allowance: Allowance = Allowance(echoes)
        self.changed: Callable[[], object] = int
        self._faults = faults
        self._clock = clock
        self._total = 0
        self._of: dict[Source, set[bytes]] = {}
        self._known = 0
        self._most = memory
        self._memory = 0

    @property
    def total(self) -> int:
        """How many there are, whatever for."""
        return self._total

    def hearing(self, start: bytes) -> int:
        """Return how many subscriptions select a frame that begins so."""
        counts = self._counts
        return sum(counts.get(start[:length], 0) for length in range(len(start) + 1))

    def decode(self, messages: list[Sequence[bytes]]) -> tuple[list[bytes], tuple[()]]:
        """Take note of subscriptions, and return the echo tags that are to be answered."""
        asked, told = [], self.changes.total
        self.passed_over += len(messages)
        for message in messages:
            frame = bytes(message[0])
            if len(message) != 1 or frame[:1] not in (b"\0", b"\1"):
                self.passed_over -= 1
                self._faults.count(RemoteProtocolError("a message to a publisher that is no subscription"))
            elif not frame.startswith(RESERVED, 1):
                self._note(frame[1:], getattr(message, "source", None), subscribed=frame[0] == 1)
            elif frame[0] == 1 and is_echo(frame[1:]) and self.allowance.take(self._clock()):
                asked.append(frame[1:])
        if self.changes.total != told:
            self.changed()
        return asked, ()

    def _note(self, tag: bytes, source: Source | None, *, subscribed: bool) -> None:
        if source is not None and source.closed:
            source = None
        known = self._of.get(source, ()) if source is not None else None
        if known is not None and subscribed == (tag in known):
            return  # it has said so before
        count = self._counts.get(tag, 0)
        memory = memory_of((tag,)) + SUBSCRIPTION_MEMORY
        if subscribed:
            if self._memory + memory > self._most:
                self.untold += 1
                return
            self._counts[tag] = count + 1
        elif count > 1:
            self._counts[tag] = count - 1
        elif count:
            del self._counts[tag]
        else:
            return
        sign = 1 if subscribed else -1
        self._memory += sign * memory
        self._total += sign
        if source is not None:
            self._remember(tag, source, subscribed=subscribed)
        self.changes.add(SubscriptionChange(tag, subscribed, count + sign))

    def _remember(self, tag: bytes, source: Source, *, subscribed: bool) -> None:
        if subscribed:
            self._of.setdefault(source, set()).add(tag)
            self._known += 1
            if self._known > ROOM + 2 * self._total:
                self._forget_the_gone()
        else:
            self._of[source].discard(tag)
            self._known -= 1

    def _forget_the_gone(self) -> None:
        self._of = {source: tags for source, tags in self._of.items() if tags and source.alive}
        self._known = sum(map(len, self._of.values()))
