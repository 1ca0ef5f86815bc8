"""How many handshakes stand. Pure.

The facts. libzmq names a peer's descriptor when it is accepted and when it is gone, and not when its handshake succeeds
or fails. Each peer that was accepted, or connected to, has one handshake: it succeeds once or fails once, and then
comes one event that says that the peer is gone. Where this end disconnects, nothing is said.

The design. The counts are kept for each address. Of two peers at one address that are gone, one of which failed, the
failed one is taken to be gone first: a handshake that fails ends at once, and in any case after the handshake's time.
"""

from __future__ import annotations

from collections import Counter

from zmqbridge.presence.events import FAILURES, Event, EventKind

__all__ = ["Standing"]

_FAILED = (EventKind.HANDSHAKE_FAILED, EventKind.PROTOCOL_FAILED, EventKind.AUTH_FAILED)


class Standing:
    """The handshakes of one connection that stand.

    Attributes:
        refusals: where a handshake has failed for good, and none has succeeded since.
        latest_failure: what failed last.
    """

    def __init__(self) -> None:
        self.refusals: dict[str, Event] = {}
        self.latest_failure: Event | None = None
        self._standing: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many stand."""
        return self._standing.total()

    def at(self, address: str) -> int:
        """How many stand at an address."""
        return self._standing[address]

    def note(self, event: Event) -> None:
        """Something happened."""
        address = event.address
        if event.kind in FAILURES:
            self.latest_failure = event
        if event.kind is EventKind.HANDSHAKE_SUCCEEDED:
            self._standing[address] += 1
            self.refusals.pop(address, None)
        elif event.kind in _FAILED:
            self._failed[address] += 1
            if event.refused:
                self.refusals[address] = event
        elif event.kind is EventKind.DISCONNECTED:
            books = self._failed if self._failed[address] else self._standing
            if books[address] > 1:
                books[address] -= 1
            else:
                del books[address]

    def forget(self, address: str) -> None:
        """This end has disconnected from an address: nothing will be said of those who were there."""
        del self._standing[address], self._failed[address]
        self.refusals.pop(address, None)
