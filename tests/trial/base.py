"""What every case has: factories that are shut down, conditions to wait for, and nothing left open."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import zmq
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.task import LoopingCall
from twisted.trial import unittest

import zmqbridge_twisted as tx

__all__ = ["ZmqTestCase"]

SECONDS = 20.0
PAUSE = 0.002
DESCRIPTORS = "/proc/self/fd"


class ZmqTestCase(unittest.TestCase):
    """A case with a factory, on the global reactor."""

    timeout = SECONDS
    library: Any = tx
    """Whose classes it uses: a subclass may run the same cases on txZMQ itself."""

    def setUp(self) -> Any:
        self.reactor: Any = reactor
        self._factories: list[tx.ZmqFactory] = []
        self._addresses = 0
        self.factory = self.make_factory()
        # Not before the reactor runs, which opens some of its own.
        return self.turns(1).addCallback(self._count)

    def _count(self, _: object) -> None:
        self._open = self._descriptors()

    def make_factory(self) -> tx.ZmqFactory:
        """Return one more factory, which the case need not shut down."""
        factory: tx.ZmqFactory = self.library.ZmqFactory()
        self._factories.append(factory)
        return factory

    def tearDown(self) -> Any:
        ended: Deferred[Any] = gatherResults([maybeDeferred(factory.shutdown) for factory in self._factories])
        return ended.addCallback(lambda _: self.until(lambda: self._descriptors() <= self._open))

    def _descriptors(self) -> int:
        """How many descriptors the process has open, where the system tells."""
        return len(os.listdir(DESCRIPTORS)) if os.path.isdir(DESCRIPTORS) else 0

    def until(self, condition: Callable[[], object]) -> Deferred[Any]:
        """Return a Deferred that fires once the condition holds; the case's timeout is the limit."""

        def look() -> None:
            if condition():
                looking.stop()

        looking = LoopingCall(look)
        return looking.start(PAUSE)

    def turns(self, count: int = 3) -> Deferred[None]:
        """Return a Deferred that fires after some turns of the reactor."""
        turned: Deferred[None] = Deferred()

        def turn(left: int) -> None:
            if left:
                self.reactor.callLater(0, turn, left - 1)
            else:
                turned.callback(None)

        turn(count)
        return turned

    def inproc(self) -> str:
        """Return an address of this case alone, within one factory."""
        self._addresses += 1
        return f"inproc://{self.id()}-{self._addresses}"

    def bound(self, connection: tx.ZmqConnection) -> str:
        """Return the address that a connection bound last, with the real port."""
        address: str = connection.socket.get_string(zmq.LAST_ENDPOINT)
        return address.rstrip("\0")

    async def came(self, raw: zmq.Socket[bytes], count: int = 1) -> list[list[bytes]]:
        """Return the next messages of a plain socket, once there are so many."""
        got: list[list[bytes]] = []

        def look() -> bool:
            while len(got) < count and raw.poll(0):
                got.append(raw.recv_multipart())
            return len(got) == count

        await self.until(look)
        return got

    def collect(self, connection: Any, handler: str) -> list[tuple[Any, ...]]:
        """Assign a handler that appends its arguments to the list that is returned."""
        calls: list[tuple[Any, ...]] = []
        setattr(connection, handler, lambda *arguments: calls.append(arguments))
        return calls
