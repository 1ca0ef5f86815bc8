"""What a connection that is watched knows of its peers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zmqbridge.abc import Backend
from zmqbridge.connections.following import Following, check_count, deadline_in
from zmqbridge.errors import LocalProtocolError, WaitTimeout
from zmqbridge.presence.events import Event
from zmqbridge.presence.refusals import hang_ups, refusal_error, refusals
from zmqbridge.presence.watch import Watch, left_out_event

if TYPE_CHECKING:
    from zmqbridge.link import Link

__all__ = ["Watched"]


class Watched:
    """A connection whose peers come and go.

    All of this needs ``options=SocketOptions(watch=True)``, or a ``Context(watch=True)``, and is about peers in other
    processes: of those within this one (``inproc``) libzmq says nothing.
    """

    _link: Link[Any]

    @property
    def connected(self) -> int:
        """With how many peers the handshake stands, at this moment.

        Raises:
            LocalProtocolError: if the connection is not watched.
        """
        return self._watch.peers

    @property
    def peers(self) -> int:
        """The same as :attr:`connected`; a router names its peers instead.

        Raises:
            LocalProtocolError: if the connection is not watched.
        """
        return self._watch.peers

    def events(self) -> Following[Event]:
        """Iterate over what happens to the connection, with ``async for``, from its first bind or connect on.

        The latest thousand events are kept for those who have not read them. Whoever comes later, or does not read
        for a while, gets one event first that says how many are gone. Several iterators get all events each. The
        iteration ends when the connection is closed.

        Raises:
            LocalProtocolError: if the connection is not watched.
        """
        return Following(self._link, self._watch.events, left_out_event, self._listen)

    def _listen(self, backend: Backend) -> None:
        self._watch.attach(backend)

    async def wait_connected(self, count: int = 1, *, timeout: float | None = None) -> int:
        """Wait until the handshakes with so many peers stand, and return with how many they do.

        Messages then flow; but a publisher's peers may not have subscribed yet.

        Args:
            count: how many peers, 1 or more.
            timeout: seconds to wait; ``None`` is for ever.

        Raises:
            WaitTimeout: if there are not so many in time; it says what happened last, and how often the other side
                hung up in the handshake. That is all that there is to see where a CURVE client has a key for its
                server that is not that server's.
            AuthenticationFailed: if an address that this end connects to says no. libzmq does not try it again.
            HandshakeFailed: if nobody there speaks ZeroMQ's protocol; likewise.
            ConnectionClosed: if the connection is closed, or closes meanwhile.
            LocalProtocolError: if the connection is not watched.
            ValueError: if the count is below one, or the timeout no time.
        """
        check_count(count, "peers")
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
            raise refusal_error(repr(self), refusal)
        assert not there, "it waits for nothing else"
        latest = watch.latest_failure
        words = f"; the latest: {latest}" if latest is not None else ""
        words += hang_ups(watch, link.endpoints, link.socket)
        raise WaitTimeout(f"{watch.peers} of {count} peer(s) within {timeout} s at {self!r}{words}")

    def _refusal(self) -> Event | None:
        """What the last word of an address is that this end connects to, if it is no."""
        return next(filter(None, refusals(self._watch, self._link.endpoints)), None)

    @property
    def _watch(self) -> Watch:
        watch = self._link.watch
        if watch is None:
            raise LocalProtocolError(f"{self!r} is not watched; make it with options=SocketOptions(watch=True)")
        return watch
