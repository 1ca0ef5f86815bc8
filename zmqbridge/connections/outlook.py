"""Whether those who were asked can still answer.

The facts. A reply comes over the connection that its request went over, or not at all: where that breaks, nobody
answers. A server that has refused a client for good is not tried again, so what waits to be sent to it waits for ever.

The design. Where the program has asked for it, the requests that wait are known here, and ended with the error that
says why. While another connection stands, or may come to stand, nothing is ended: nobody can tell which one a request
went over, or will.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import ref

from zmqbridge.errors import PeerLost, ZmqBridgeError
from zmqbridge.pending import Pending
from zmqbridge.presence.events import Event, EventKind
from zmqbridge.presence.refusals import refusal_error, refused_everywhere
from zmqbridge.presence.standing import Standing
from zmqbridge.waiting.parking import Parked

if TYPE_CHECKING:
    from zmqbridge.link import Link

__all__ = ["Outlook"]


class Outlook:
    """The requests of one requester that are to end where nobody can answer them.

    Args:
        link: of a connection that is watched; it is not kept alive by this.
        describe: names the connection in errors.
        lost: end those that were sent, when the last connection breaks.
        refused: end all, when each address that is connected to has refused for good.
    """

    def __init__(self, link: Link[Any], describe: Callable[[], str], *, lost: bool, refused: bool) -> None:
        self._link = ref(link)
        self._describe = describe
        self._lost = lost
        self._refused = refused
        self._standing = Standing()
        self._asked: set[Pending[Parked]] = set()
        link.listen(self._hear)

    def begin(self, pending: Pending[Parked]) -> None:
        """End this one too, from now on; it may be at its end already."""
        link = self._link()
        if link is None:
            return
        link.attach()
        self._asked.add(pending)
        refusal = self._refusal(link)
        if refusal is not None:
            pending.fail(partial(refusal_error, self._describe(), refusal))

    def forget(self, pending: Pending[Parked]) -> None:
        """This one has ended."""
        self._asked.discard(pending)

    def _refusal(self, link: Link[Any]) -> Event | None:
        if not self._refused or link.watch is None:
            return None
        return refused_everywhere(link.watch, link.endpoints)

    def _hear(self, events: list[Event]) -> None:
        gone = False
        for event in events:
            self._standing.note(event)
            left = event.kind in (EventKind.DISCONNECTED, EventKind.LEFT)
            gone = gone or (left and not self._standing.count)
        link = self._link()
        if link is None or not self._asked:
            return
        if gone and self._lost:
            self._read(link)
            words = f"the connection of {self._describe()} broke before the reply came"
            self._tell(link, lambda pending: pending.lose(lambda: PeerLost(words)))
        refusal = self._refusal(link)
        if refusal is not None:
            self._read(link)
            error = partial(refusal_error, self._describe(), refusal)
            self._tell(link, lambda pending: pending.fail(error))

    def _read(self, link: Link[Any]) -> None:
        """What has arrived already is an answer all the same."""
        with suppress(ZmqBridgeError):
            link.channel.guard.check()
            link.channel.look()

    def _tell(self, link: Link[Any], end: Callable[[Pending[Parked]], bool]) -> None:
        lot = link.channel.lot
        for pending in list(self._asked):
            if end(pending):
                lot.answer(pending.caller)
        lot.wake_all()  # some may wait to be sent
