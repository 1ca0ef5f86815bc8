"""txZMQ, or the library that has its interface, as a program on the reactor uses it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import zmq

from benchmarks.contender import Contender
from benchmarks.run import ANY, Run
from benchmarks.taking import Watch

OURS, THEIRS = "zmqbridge_twisted", "txzmq"


class Handlers:
    """One of the two libraries with a factory, and the reactor.

    Args:
        library: its package.
    """

    def __init__(self, library: str) -> None:
        from twisted.internet import reactor

        self.tx: Any = import_module(library)
        self.loop: Any = reactor
        self.factory: Any = self.tx.ZmqFactory()
        self.factory.registerForShutdown()

    def bind(self, cls: Any) -> Any:
        """Return a connection of a class, bound to any port."""
        return cls(self.factory, self.tx.ZmqEndpoint("bind", ANY))

    def connect(self, cls: Any, address: str) -> Any:
        """Return a connection of a class that is connected to an address."""
        return cls(self.factory, self.tx.ZmqEndpoint("connect", address))

    def take(self, kind: str, method: str, watch: Watch) -> Any:
        """Return a connection of a kind whose handler takes the messages in; with the last of them the reactor stops.

        Args:
            kind: its class.
            method: what is called with a message, and with its tag if it has one.
            watch: notes the first and the last.
        """
        loop = self.loop

        def handle(connection: Any, message: object, tag: bytes = b"") -> None:
            if connection.left == watch.count:
                watch.begin()
            connection.left -= 1
            if not connection.left:
                watch.stop()
                loop.stop()

        return self.bind(type(kind, (getattr(self.tx, kind),), {"left": watch.count, method: handle}))


def address_of(connection: Any) -> str:
    """Return where a connection is bound."""
    address: str = connection.socket.get_string(zmq.LAST_ENDPOINT)
    return address


def with_handlers(library: str, run: Callable[[str, Run], None], rate: float) -> Contender:
    """Return one of the two libraries as a contender, its name the same in each workload."""
    if library == OURS:
        return Contender("zmqbridge_twisted, handlers", partial(run, library), rate, ("twisted",), ours=True)
    return Contender("txZMQ, handlers", partial(run, library), rate, (library,))
