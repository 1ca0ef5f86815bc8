"""The factory: one ZeroMQ context, the connections in it, and the reactor that they share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from zmqbridge._termination import Termination, at_exit, open_context
from zmqbridge.home import Home
from zmqbridge.options import SocketOptions
from zmqbridge.socket.releasing import Release
from zmqbridge.waiting.turn import TURN_LIMIT
from zmqbridge_twisted.attributes import options_of
from zmqbridge_twisted.backend import TwistedBackend
from zmqbridge_twisted.reactors import global_reactor, lazily

__all__ = ["ZmqFactory"]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)


RELEASE_SECONDS = 1.0


class _GlobalReactor:
    """The reactor that the program runs, imported when it is first asked for."""

    def __get__(self, instance: object, owner: type) -> Any:
        return global_reactor()


class ZmqFactory:
    """Owns a ZeroMQ context and the connections in it, and shuts them down together.

    Class attributes are the defaults: a subclass may set them, and so may the instance until its first
    connection is made.

    Args:
        reactor: the reactor of all its connections; the program's global one if it is left out.

    Attributes:
        reactor: see above.
        ioThreads: libzmq's own threads for the network.
        lingerPeriod: milliseconds for which unsent messages are kept when a connection is shut down; -1 is
            until they are sent.
        socketOptions: what the options of its connections are where their own say nothing, and before their
            attributes; ``None`` says nothing.
        turnLimit: how many messages one turn of the reactor reads on each connection at most.
        connections: the set of the :class:`ZmqConnection` objects that are open; ``None`` after
            :meth:`shutdown`.
        trigger: the reactor's handle of :meth:`registerForShutdown`.
    """

    reactor: Any = _GlobalReactor()
    ioThreads: int = 1
    lingerPeriod: int = 100
    socketOptions: SocketOptions[Any] | None = None
    turnLimit: int = TURN_LIMIT
    trigger: Any = None

    def __init__(self, reactor: Any = None) -> None:
        if reactor is not None:
            self.reactor = reactor
        # Any, for it is None in the end, as programs of txZMQ know it.
        self.connections: Any = set()
        self._zmqHome = Home(lambda: open_context(self.ioThreads), name="factory")
        at_exit(self, ZmqFactory._zmqShutdownAtExit)

    @property
    def context(self) -> Any:
        """The ``zmq.Context``, made when it is first needed; ``None`` after :meth:`shutdown`.

        To share it with coroutines, for inproc, pass it as ``zmq_context=`` to :class:`zmqbridge.Context`.
        """
        return None if self._zmqHome.closed else self._zmqHome.context

    @context.setter
    def context(self, context: Any) -> None:
        self._zmqHome.context = context

    @cached_property
    def _zmqBackend(self) -> TwistedBackend:
        return TwistedBackend(self.reactor)

    def __repr__(self) -> str:
        return "ZmqFactory()"

    def shutdown(self) -> Deferred[None]:
        """Shut all connections down, and end the ZeroMQ context; at once, without blocking. Twice is no error.

        When it returns, the addresses at which they listened can be bound again: for that it waits for libzmq's
        own threads, less than a millisecond as a rule, and a second at most. What is unsent goes on being sent
        by libzmq's own threads for :attr:`lingerPeriod`. The end of the reactor, when it has nothing else to do
        any more, and that of the interpreter wait for it.

        Returns:
            A Deferred that fires with ``None`` when the context has ended. Return it from a test's
            ``tearDown``, or ignore it.

        Raises:
            LocalProtocolError: from another thread than the reactor's; then nothing was shut down.
            OptionError: if the linger period cannot be used; likewise.
        """
        if self.connections is not None:
            options_of(self, {"lingerPeriod": self.lingerPeriod})
            for connection in self.connections:
                connection._zmqLink.channel.guard.check_thread()
            # From here on it takes no new ones, whatever is called while the old ones close.
            connections, self.connections = self.connections, None
            links = [connection._zmqLink for connection in connections]
            releases = [
                Release(link.socket, [endpoint.address for endpoint in link.endpoints if endpoint.type == "bind"])
                for link in links
                if link.channel.guard.open
            ]
            for connection in list(connections):
                connection.shutdown()
            until = monotonic() + RELEASE_SECONDS
            for release in releases:
                release.wait(until)
            if self.trigger is not None:
                self._zmqRemoveTrigger(self.trigger)
                self.trigger = None
            self._zmqHome.terminate()
            if self._zmqHome.termination is not None:
                self._zmqHoldReactor(self._zmqHome.termination)
        ended: Deferred[None] = Deferred()
        self._zmqWhenEnded(lambda: ended.callback(None))
        return ended

    def _zmqHoldReactor(self, termination: Termination) -> None:
        # A program that a signal ends, as twistd's, never comes to the end of the interpreter. One that is to wait
        # for ever does so there, where a signal still ends it.
        if self.lingerPeriod >= 0:
            hold = self.reactor.addSystemEventTrigger("after", "shutdown", termination.join)
            self._zmqWhenEnded(lambda: self._zmqRemoveTrigger(hold))

    def _zmqRemoveTrigger(self, trigger: Any) -> None:
        # While the reactor is shutting down it has no trigger to remove any more.
        with suppress(Exception):
            self.reactor.removeSystemEventTrigger(trigger)

    def _zmqWhenEnded(self, call: Callable[[], object]) -> None:
        """Have something called in the reactor once the context has ended; at once, if there was none."""
        reactor = self.reactor

        def tell() -> None:
            # A reactor that has gone in the meantime has nobody to tell.
            with suppress(Exception):
                reactor.callFromThread(call)

        if self._zmqHome.termination is None:
            call()
        else:
            self._zmqHome.termination.when_done(tell)

    def _zmqShutdownAtExit(self) -> None:
        if self._zmqHome.inherit():
            self.shutdown()

    def __del__(self) -> None:
        # Connections that are open keep their factory, and it them: then the reactor is gone as well.
        home = getattr(self, "_zmqHome", None)
        if home is not None and home.unclosed:
            home.abandon()

    def registerForShutdown(self) -> None:
        """Have the reactor call :meth:`shutdown` when it shuts down; recommended for every factory."""
        if self.trigger is None:
            self.trigger = self.reactor.addSystemEventTrigger("during", "shutdown", self.shutdown)
