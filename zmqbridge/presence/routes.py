"""Which routing ids are there, as far as a router can know.

The facts. A ROUTER socket says whose a message is, and nothing when a peer comes or goes. The message's frames say by
which connection it came; the monitor says that a descriptor is gone, a moment before it is closed. When the program
learns of that, the descriptor may be another connection's. A message may be read when its connection is gone, and then
too the descriptor may be another's.

The design. A peer is there from its first message on, by the connection that it came by. It is gone when its connection
is: when another peer has the descriptor, or when the monitor has said so and the descriptor is not the connection's any
more. Where it still is, or nobody has spoken yet, it is looked at again a little later. What is read late tells of
nobody who is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from zmqbridge.decoding import Decoder
from zmqbridge.presence.events import Event, EventKind
from zmqbridge.presence.ring import Ring

if TYPE_CHECKING:
    from zmqbridge.socket import Source

__all__ = ["PeerChange", "Routes", "RoutesDecoder"]

# Seconds after which it is looked again whether a connection is gone that is said to be.
LOOK_AGAIN = (0.002, 0.02, 0.2, 2.0)

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class PeerChange:
    """A peer that came or went.

    Attributes:
        peer: its routing id.
        connected: it came.
        left_out: how many changes nobody can read any more; then nothing else is said.
    """

    peer: bytes = b""
    connected: bool = False
    left_out: int = 0


class Routes:
    """The peers of one router that have said something, and are there.

    Args:
        changed: is called when one came or went.
        later: has the loop call something after so many seconds.
    """

    def __init__(self, changed: Callable[[], object], later: Callable[[float, Callable[[], object]], object]) -> None:
        self.changes: Ring[PeerChange] = Ring()
        self._changed = changed
        self._later = later
        self._sources: dict[bytes, Source] = {}
        self._peers: dict[int, bytes] = {}
        self._former: dict[int, bytes] = {}

    @property
    def peers(self) -> frozenset[bytes]:
        """Their routing ids."""
        return frozenset(self._sources)

    def __call__(self, peer: bytes, source: Source | None) -> None:
        """A message came from a peer."""
        if source is None or self._sources.get(peer) == source or self._is_late(peer, source):
            return
        holder = self._peers.get(source.fd)
        if holder is not None and holder != peer:
            self._gone(holder)
        before = self._sources.get(peer)
        if before is not None:
            self._peers.pop(before.fd, None)
        self._sources[peer] = source
        self._peers[source.fd] = peer
        if before is None:
            self.changes.add(PeerChange(peer, True))
            self._changed()

    def _is_late(self, peer: bytes, source: Source) -> bool:
        """Whether a message was read after its connection was gone, by what is found at the descriptor now."""
        if source.closed:
            return True
        holder = self._peers.get(source.fd)
        return holder is not None and self._sources[holder] == source and self._former.get(source.fd) == peer

    def tell(self, events: Iterable[Event]) -> None:
        """Take note of what happened to the connection."""
        for event in events:
            if event.kind is EventKind.DISCONNECTED and event.fd is not None:
                self._look(event.fd, 0)
            elif event.kind is EventKind.LEFT_OUT:
                for fd in list(self._peers):
                    self._look(fd, len(LOOK_AGAIN))

    def _look(self, fd: int, times: int) -> None:
        peer = self._peers.get(fd)
        if peer is not None and not self._sources[peer].alive:
            self._gone(peer)
        elif times < len(LOOK_AGAIN):
            self._later(LOOK_AGAIN[times], lambda: self._look(fd, times + 1))

    def _gone(self, peer: bytes) -> None:
        source = self._sources.pop(peer)
        if self._peers.get(source.fd) == peer:
            del self._peers[source.fd]
        self._former[source.fd] = peer
        self.changes.add(PeerChange(peer, False))
        self._changed()


class RoutesDecoder(Generic[Item]):
    """Takes note of whose messages come, and leaves what they mean to another decoder.

    Attributes:
        noted: called with each message's peer and connection; ``None`` as long as nobody wants to know.
    """

    def __init__(self, decoder: Decoder[Item, Any]) -> None:
        self.single: type[Any] | None = decoder.single
        self.max_frames: int = decoder.max_frames
        self.noted: Callable[[bytes, Source | None], object] | None = None
        self._decoder = decoder

    def decode(self, messages: list[Any]) -> tuple[Any, Any]:
        """Return what the other decoder makes of these messages."""
        if self.noted is not None:
            peer = source = None
            for message in messages:
                if message.source is not source or message[0] != peer:
                    peer, source = message[0], message.source
                    self.noted(peer, source)
        return self._decoder.decode(messages)
