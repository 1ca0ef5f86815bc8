"""What a connection that is watched knows of its peers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from math import inf
from typing import TYPE_CHECKING, Any

from zmqbridge.errors import AuthenticationFailed, HandshakeFailed, LocalProtocolError, WaitTimeout
from zmqbridge.options import check_wait
from zmqbridge.presence.events import Event
from zmqbridge.presence.watch import Watch, left_out_event
from zmqbridge.showing import shown

if TYPE_CHECKING:
    from zmqbridge.link import Link

__all__ = ["Events", "Watched", "deadline_in"]


class Watched:
    """A connection whose peers come and go.

    All of this needs ``options=SocketOptions(watch=True)``, or a ``Context(watch=True)``, and is about peers in other
    processes: of those within this one (``inproc``) libzmq says nothing.
    """

    _link: Link[Any]

    @property
    def peers(self) -> int:
        """With how many peers the handshake stands, at this moment.

        Raises:
            LocalProtocolError: if the connection is not watched.
        """
        return self._watch.peers

    def events(self) -> Events:
        """Iterate over what happens to the connection, with ``async for``, from its first bind or connect on.

        The latest thousand events are kept for those who have not read them. Whoever comes later, or does not read
        for a while, gets one event first that says how many are gone. Several iterators get all events each. The
        iteration ends when the connection is closed.

        Raises:
            LocalProtocolError: if the connection is not watched.
        """
        return Events(self._link, self._watch)

    async def wait_connected(self, count: int = 1, *, timeout: float | None = None) -> int:
        """Wait until the handshakes with so many peers stand, and return with how many they do.

        Messages then flow; but a publisher's peers may not have subscribed yet.

        Args:
            count: how many peers, 1 or more.
            timeout: seconds to wait; ``None`` is for ever.

        Raises:
            WaitTimeout: if there are not so many in time; it says what happened last.
            AuthenticationFailed: if an address that this end connects to says no. libzmq does not try it again.
            HandshakeFailed: if nobody there speaks ZeroMQ's protocol; likewise.
            ConnectionClosed: if the connection is closed, or closes meanwhile.
            LocalProtocolError: if the connection is not watched.
            ValueError: if the count is below one, or the timeout no time.
        """
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(f"count={shown(count)} is no number of peers; it is 1 or more")
        watch, link = self._watch, self._link
        backend = link.channel.enter()
        watch.attach(backend)

        def settled() -> bool:
            return not link.channel.guard.open or watch.peers >= count or self._refusal() is not None

        there = await watch.bell.until(settled, backend, deadline_in(timeout, backend.current_time))
        link.channel.guard.check()
        if watch.peers >= count:
            return watch.peers
        refusal = self._refusal()
        if refusal is not None:
            kind = AuthenticationFailed if refusal.denied else HandshakeFailed
            raise kind(f"{self!r} was refused: {refusal}")
        assert not there, "it waits for nothing else"
        latest = watch.latest_failure
        words = f"; the latest: {latest}" if latest is not None else ""
        raise WaitTimeout(f"{watch.peers} of {count} peer(s) within {timeout} s at {self!r}{words}")

    def _refusal(self) -> Event | None:
        """What the last word of an address is that this end connects to, if it is no."""
        for endpoint in self._link.endpoints:
            if endpoint.type == "connect":
                refusal = self._watch.refusal_at(endpoint.address)
                if refusal is not None:
                    return refusal
        return None

    @property
    def _watch(self) -> Watch:
        watch = self._link.watch
        if watch is None:
            raise LocalProtocolError(f"{self!r} is not watched; make it with options=SocketOptions(watch=True)")
        return watch


class Events(AsyncIterator[Event]):
    """What happens to one connection, read at one pace. Made by :meth:`Watched.events`."""

    def __init__(self, link: Link[Any], watch: Watch) -> None:
        self._link = link
        self._watch = watch
        self._place = 0
        self._unread: list[Event] = []

    def __aiter__(self) -> Events:
        return self

    async def __anext__(self) -> Event:
        backend = self._link.channel.enter_open()
        if backend is None:
            raise StopAsyncIteration
        self._watch.attach(backend)
        await self._watch.bell.until(self._is_ready, backend)
        if not self._unread:
            raise StopAsyncIteration
        return self._unread.pop()

    def _is_ready(self) -> bool:
        if not self._unread:
            events, left_out, self._place = self._watch.read(self._place)
            self._unread = events[::-1]
            if left_out:
                self._unread.append(left_out_event(left_out))
        return bool(self._unread) or not self._link.channel.guard.open


def deadline_in(timeout: float | None, clock: Any) -> float | None:
    """Return the loop's time in so many seconds; ``None`` is never.

    Raises:
        ValueError: if the timeout is no time.
    """
    if timeout is None:
        return None
    seconds = check_wait("timeout", timeout)
    now: float = clock()
    return None if seconds == inf else now + seconds
