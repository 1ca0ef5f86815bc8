"""A factory whose life is that of a Twisted service, so of an application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred

from zmqbridge_twisted.factory import ZmqFactory

__all__ = ["ZmqService"]


class ZmqService(Service):
    """Makes a factory when it starts, and shuts it down when it stops.

    ::

        from twisted.application.service import Application
        from zmqbridge_twisted import ZmqEndpoint, ZmqPullConnection
        from zmqbridge_twisted.service import ZmqService

        def connect(factory):
            pull = ZmqPullConnection(factory, ZmqEndpoint("bind", "tcp://127.0.0.1:5555"))
            pull.onPull = print

        application = Application("puller")
        ZmqService(connect).setServiceParent(application)

    Nothing of ZeroMQ exists before it starts, so ``twistd`` may fork; and it may be started again.

    Args:
        connect: makes the connections; called with the factory whenever the service starts. Or override
            :meth:`connect` in a subclass.
        reactor: the factory's reactor; the program's global one if it is left out.

    Attributes:
        factory: the factory while the service runs, else ``None``.
        makeFactory: called without arguments for each factory; :class:`ZmqFactory` with the reactor.
    """

    def __init__(self, connect: Callable[[ZmqFactory], object] | None = None, reactor: Any = None) -> None:
        self.factory: ZmqFactory | None = None
        self.makeFactory: Callable[[], ZmqFactory] = lambda: ZmqFactory(reactor)
        if connect is not None:
            self.connect = connect  # type: ignore[method-assign, assignment]

    def connect(self, factory: ZmqFactory) -> object:
        """Make the connections; for a subclass to override."""
        return None

    def startService(self) -> None:
        """Make the factory and its connections. If one cannot be made, nothing is left open, and it raises.

        A service that runs already is left as it is.
        """
        if self.factory is not None:
            return
        self.factory = self.makeFactory()
        try:
            self.connect(self.factory)
        except BaseException:
            self.factory.shutdown()
            self.factory = None
            raise
        super().startService()  # type: ignore[no-untyped-call]

    def stopService(self) -> Deferred[None] | None:
        """Shut the factory down.

        Returns:
            A Deferred that fires when what was unsent is sent, or the linger period is over.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        factory, self.factory = self.factory, None
        return None if factory is None else factory.shutdown()
