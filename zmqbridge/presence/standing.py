"""How many handshakes stand. Pure.

The facts. libzmq names the descriptor of a peer's connection when that is made and when it is gone, and not when the
handshake succeeds or fails. A handshake that fails is told right before the connection is gone; that of a peer who
speaks ZMTP 1.0, or garbage that looks so, is told in no way. Where this end disconnects, nothing is told.

The consequence. Of a success it is known whose it is where only one connection at that address is still in its
handshake. Else it is one of several.

The design. Each success is kept with the connections that it may belong to, and the books are closed as they go: one
that is gone and has failed was none of them; one that is gone without a word is taken for one that succeeded; and where
as many are left as have succeeded, it is known of all of them. So what is known stays right whatever strangers do, and
what is not is right again when those are gone who came at the same moment.
"""

from __future__ import annotations

from zmqbridge.presence.events import FAILURES, Event, EventKind

__all__ = ["Standing"]

_MADE = (EventKind.ACCEPTED, EventKind.CONNECTED)
_FAILED = (EventKind.HANDSHAKE_FAILED, EventKind.PROTOCOL_FAILED, EventKind.AUTH_FAILED)


class _Address:
    """The connections at one address.

    Attributes:
        standing: those whose handshake stands, by descriptor.
        open: those in their handshake, or of which it is not known how it ended.
        among: how many of the latter stand.
        failed: how many of them have failed.
    """

    __slots__ = ("among", "failed", "open", "standing")

    def __init__(self) -> None:
        self.standing: set[int] = set()
        self.open: set[int] = set()
        self.among = 0
        self.failed = 0

    @property
    def count(self) -> int:
        return len(self.standing) + self.among

    def made(self, fd: int) -> None:
        self.gone(fd)  # where nothing was told of the one that had this descriptor before
        self.open.add(fd)

    def succeeded(self) -> None:
        self.among = min(self.among + 1, len(self.open))
        self._settle()

    def gone(self, fd: int) -> None:
        if fd in self.standing:
            self.standing.remove(fd)
        elif fd in self.open:
            self.open.remove(fd)
            if self.failed:
                self.failed -= 1
            elif self.among:
                self.among -= 1
            self._settle()

    def _settle(self) -> None:
        self.among = min(self.among, len(self.open))
        if self.among == len(self.open):
            self.standing |= self.open
            self.open.clear()
            self.among = self.failed = 0


class Standing:
    """The handshakes of one connection that stand.

    Attributes:
        refusals: where a handshake has failed for good, and none has succeeded since.
        hung_up: how often a peer went in the middle of the handshake, by address, since one has succeeded there.
        latest_failure: what failed last.
    """

    def __init__(self) -> None:
        self.refusals: dict[str, Event] = {}
        self.hung_up: dict[str, int] = {}
        self.latest_failure: Event | None = None
        self._addresses: dict[str, _Address] = {}

    @property
    def count(self) -> int:
        """How many stand."""
        return sum(self.at(address) for address in tuple(self._addresses))

    def at(self, address: str) -> int:
        """How many stand at an address."""
        books = self._addresses.get(address)
        return 0 if books is None else books.count

    def note(self, event: Event) -> None:
        """Something happened."""
        address, fd = event.address, event.fd
        if event.kind in FAILURES:
            self.latest_failure = event
        if event.kind is EventKind.LEFT:
            self.forget(address)
        elif event.kind is EventKind.HANDSHAKE_FAILED:
            self.hung_up[address] = self.hung_up.get(address, 0) + 1
        if event.kind in _MADE and fd is not None:
            self._addresses.setdefault(address, _Address()).made(fd)
            return
        books = self._addresses.get(address)
        if books is None:
            return
        if event.kind is EventKind.HANDSHAKE_SUCCEEDED:
            books.succeeded()
            self.refusals.pop(address, None)
            self.hung_up.pop(address, None)
        elif event.kind in _FAILED:
            books.failed += 1
            if event.refused:
                self.refusals[address] = event
        elif event.kind is EventKind.DISCONNECTED and fd is not None:
            books.gone(fd)
            if not (books.open or books.standing):
                del self._addresses[address]

    def forget(self, address: str) -> None:
        """This end has disconnected from an address: nothing will be told of those who were there."""
        self._addresses.pop(address, None)
        self.refusals.pop(address, None)
        self.hung_up.pop(address, None)
