"""Where connections live: one ZeroMQ context, its links, its process and its end.

A :class:`zmqbridge.Context` has one, and so has each factory of :mod:`zmqbridge_twisted`. What both have in common is
here: the ZeroMQ context is made when it is first needed, so that one made at import may first be used in a
forked child; it does not survive a fork after that; it ends in a thread of its own; and the end of the
interpreter closes what is still open, but for what a thread that still runs may be using.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from sys import maxsize
from typing import Any, Protocol

import zmq

from zmqbridge._guessing import seed_routing_ids
from zmqbridge._termination import MAX_SOCKETS, Termination
from zmqbridge.endpoints import Endpoint
from zmqbridge.errors import ConnectionClosed, ContextTerminated, LocalProtocolError, ZmqBridgeError
from zmqbridge.presence.sentry import Sentry
from zmqbridge.security.handler import Handler
from zmqbridge.socket import Socket, open_socket

__all__ = ["Home", "Resident"]


class Resident(Protocol):
    """What lives in a home: a :class:`~zmqbridge.link.Link`."""

    def close(self) -> None:
        """Close the connection that it belongs to."""

    def abandon(self) -> None:
        """Close the socket, whichever thread this is: nobody can use it any more."""

    def check_thread(self) -> None:
        """Return if the calling thread may close it."""

    def inherit(self) -> bool:
        """Take over what belongs to a thread that has ended; return whether it is the calling thread's now."""
        ...


class Home:
    """A ZeroMQ context and the links on its sockets.

    Args:
        make_context: makes the ZeroMQ context when it is first needed.
        max_sockets: how many links may be open at once, where it makes one.
        shared: a ZeroMQ context to use instead; whoever made it terminates it.
        name: what the user calls the whole, for errors.

    Attributes:
        links: those that are open.
        pending: names within the process that a link connected to, and nobody has bound yet.
        closed: no new ones are made.
        termination: the end of the ZeroMQ context, once it has begun.
    """

    def __init__(
        self,
        make_context: Callable[[], zmq.Context[Any]],
        *,
        shared: zmq.Context[Any] | None = None,
        name: str,
        max_sockets: int = MAX_SOCKETS,
    ) -> None:
        self.links: set[Resident] = set()
        self.pending: set[str] = set()
        self._bound: set[str] = set()
        self._most = max_sockets if shared is None else maxsize
        self.closed: bool = False
        self.termination: Termination | None = None
        self._sentry: Sentry | None = None
        self._handler: Handler | None = None
        self._make_context = make_context
        self._context = shared
        self._owns_context = shared is None
        self._pid = None if shared is None else os.getpid()
        self._name = name
        self._longest_linger = 0.0

    @property
    def forked(self) -> bool:
        """Whether this process is the child of a fork, and all of this its parent's."""
        return self._pid not in (None, os.getpid())

    @property
    def context(self) -> zmq.Context[Any]:
        """The ZeroMQ context, made when it is first needed."""
        if self._context is None:
            self._context = self._make_context()
            self._pid = os.getpid()
        return self._context

    @context.setter
    def context(self, context: zmq.Context[Any]) -> None:
        self._context = context
        self._pid = os.getpid()

    def check_open(self) -> None:
        """Return if a connection can be made.

        Raises:
            ConnectionClosed: if it is too late.
            LocalProtocolError: in the child of a fork.
        """
        if self.closed:
            raise ConnectionClosed(f"the {self._name} is closed; make another one")
        if self.forked:
            raise LocalProtocolError(
                f"the {self._name} was used before the process forked; ZeroMQ does not survive a fork: "
                "make a new one in the child"
            )

    def open_socket(self, socket_type: int, linger: float, *, tracing: bool = False) -> Socket:
        """Return a new socket, which will keep what is unsent for so many seconds when it is closed.

        Raises:
            ConnectionClosed, LocalProtocolError: as :meth:`check_open`.
            OptionError: if this libzmq has no such type.
        """
        self.check_open()
        self._longest_linger = max(self._longest_linger, linger)
        seed_routing_ids()
        if self.context.closed:
            raise ContextTerminated(f"the ZeroMQ context was terminated; make another {self._name}")
        if len(self.links) >= self._most:
            raise ZmqBridgeError(
                f"no more sockets: the {self._name} allows {self._most}; close some, or raise max_sockets"
            )
        return open_socket(self.context, socket_type, tracing=tracing)

    @property
    def sentry(self) -> Sentry:
        """The thread that reads monitors, made when it is first asked for."""
        if self._sentry is None:
            self._sentry = Sentry()
        return self._sentry

    @property
    def handler(self) -> Handler:
        """What answers who may come in, made when it is first asked for."""
        if self._handler is None:
            context = self.context
            self._handler = Handler(lambda: context, self.sentry)
        return self._handler

    def leave(self, link: Resident, linger: float) -> None:
        """A link's socket is being closed, and will keep what is unsent for so many seconds."""
        self._longest_linger = max(self._longest_linger, linger)
        self.links.discard(link)

    def join(self, endpoint: Endpoint) -> None:
        """A link has this endpoint now."""
        if not endpoint.address.startswith("inproc://"):
            return
        if endpoint.type == "bind":
            self._bound.add(endpoint.address)
            self.pending.discard(endpoint.address)
        elif endpoint.address not in self._bound:
            self.pending.add(endpoint.address)

    def part(self, endpoints: Iterable[Endpoint]) -> None:
        """A link has these endpoints no more."""
        self._bound.difference_update(endpoint.address for endpoint in endpoints if endpoint.type == "bind")

    @property
    def unclosed(self) -> bool:
        """Whether something is left to close: a connection, or a ZeroMQ context of its own."""
        if self.closed or self.forked:
            return False
        return bool(self.links) or (self._owns_context and self._context is not None)

    def close(self) -> None:
        """Close every connection, and end the ZeroMQ context as :meth:`terminate` does.

        Raises:
            LocalProtocolError: if one belongs to another thread, or in a forked child. Then nothing was closed.
        """
        links = list(self.links)
        for link in links:
            link.check_thread()
        for link in links:
            link.close()
        self.terminate()

    def abandon(self) -> None:
        """The same where nobody can use it any more, in whichever thread that is found out."""
        for link in list(self.links):
            link.abandon()
        # An interpreter that is ending cannot start the thread, and ends without.
        if not sys.is_finalizing():
            self.terminate()

    def inherit(self) -> bool:
        """Whether all is this process's and this thread's, or that of threads that have ended."""
        return not self.forked and all(link.inherit() for link in self.links)

    def terminate(self) -> None:
        """End the ZeroMQ context, in a thread, if it is this home's own and was ever needed. Twice is no error."""
        self.closed = True
        if self.forked:
            return
        if self._sentry is not None:
            self._sentry.stop()
        if self.termination is None and self._context is not None and self._owns_context:
            self.termination = Termination(self._context, self._longest_linger, self.pending)
