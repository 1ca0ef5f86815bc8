"""More messages than a connection can keep up with: the reactor goes on turning."""

from __future__ import annotations

import sys
import time
from typing import Any

import zmq
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import LoopingCall

import zmqbridge_twisted as tx
from tests.trial.base import ZmqTestCase

TCP = tx.ZmqEndpoint("bind", "tcp://127.0.0.1:*")
SIZE = 100
# A turn looks once because the descriptor is readable and once because the last look left something. The call
# that counts may come a turn later than it is due, for its time is rounded.
FOUR_BATCHES = 1024

# Sends numbered messages to each of several addresses in turn, as fast as it can.
SENDER = f"""
import sys, zmq

count, *addresses = sys.argv[1:]
context = zmq.Context()
sockets = []
for address in addresses:
    socket = context.socket(zmq.PUSH)
    socket.sndhwm = 0
    socket.connect(address)
    sockets.append(socket)
for number in range(int(count)):
    message = b"%0{SIZE}d" % number
    for socket in sockets:
        socket.send(message)
context.destroy(linger=-1)
"""


class Unlimited(tx.ZmqPullConnection):
    highWaterMark = 0  # noqa: N815 (the name is txZMQ's)


class Sender(ProcessProtocol):
    """The other process; its end is awaited by the case."""

    def __init__(self) -> None:
        self.ended: Deferred[Any] = Deferred()
        self.errors = b""

    def errReceived(self, data: bytes) -> None:
        self.errors += data

    def processEnded(self, reason: Any) -> None:
        self.ended.callback(reason.value.exitCode)


class Turns:
    """Counts the reactor's turns, by a chain of calls each of which is due at once.

    Attributes:
        count: how many there were.
        most: how many messages came between two of them at most.
    """

    def __init__(self, reactor: Any, messages: Any) -> None:
        self.count = self.most = 0
        self._reactor = reactor
        self._messages = messages
        self._seen = messages()
        self._next = reactor.callLater(0, self._turn)

    def _turn(self) -> None:
        self.count += 1
        seen = self._messages()
        self.most = max(self.most, seen - self._seen)
        self._seen = seen
        self._next = self._reactor.callLater(0, self._turn)

    def stop(self) -> None:
        self._next.cancel()


class FloodCase(ZmqTestCase):
    timeout = 60.0

    def flood(self, count: int, *pulls: tx.ZmqConnection) -> Deferred[Any]:
        """Have another process send so many messages to each; return a Deferred that fires when it has ended well."""
        sender = Sender()
        addresses = [self.bound(pull) for pull in pulls]
        process = self.reactor.spawnProcess(
            sender, sys.executable, [sys.executable, "-c", SENDER, str(count), *addresses], env=None
        )

        def kill() -> None:
            if process.pid:
                process.signalProcess("KILL")

        def check(code: Any) -> None:
            self.assertEqual((code, sender.errors), (0, b""))

        self.addCleanup(kill)
        return sender.ended.addCallback(check)

    async def test_one(self) -> None:
        """Every message of a flood arrives, in order, while timers keep running and no turn is long."""
        count = 300_000
        pull = tx.ZmqPullConnection(self.factory, TCP)
        numbers: list[int] = []
        pull.onPull = lambda message: numbers.append(int(message[0]))  # type: ignore[method-assign]
        sent = self.flood(count, pull)
        await self.until(lambda: numbers)
        ticks: list[int] = []
        ticker = LoopingCall(lambda: ticks.append(len(numbers)))
        ticking = ticker.start(0.001)
        turns = Turns(self.reactor, lambda: len(numbers))
        await self.until(lambda: len(numbers) >= count)
        turns.stop()
        ticker.stop()
        await ticking
        await sent
        await self.turns()
        self.assertTrue(numbers == list(range(count)))
        self.assertLessEqual(turns.most, FOUR_BATCHES)
        during = [seen for seen in ticks if 0 < seen < count]
        self.assertGreater(len(during), 50)
        self.assertGreater(len(set(during)), 50)

    async def test_two(self) -> None:
        """Two flooded connections share the reactor: neither waits for the other to be empty."""
        count = 60_000
        pulls = [Unlimited(self.factory, tx.ZmqEndpoint("bind", f"inproc://{number}")) for number in range(2)]
        counts = [0, 0]
        others: list[int] = []

        def handler(this: int, other: int) -> Any:
            def pulled(message: list[bytes]) -> None:
                self.assertEqual(int(message[0]), counts[this])
                counts[this] += 1
                if counts[this] == count // 2 and not others:
                    others.append(counts[other])

            return pulled

        for this, pull in enumerate(pulls):
            pull.onPull = handler(this, 1 - this)  # type: ignore[method-assign]
        # All of it is there before the first turn: what a network brings more of is no matter of sharing.
        for pull in pulls:
            socket = self.factory.context.socket(zmq.PUSH)
            self.addCleanup(socket.close)
            socket.sndhwm = 0
            socket.connect(self.bound(pull))
            for number in range(count):
                socket.send(b"%d" % number)
        turns = Turns(self.reactor, lambda: sum(counts))
        await self.until(lambda: counts == [count, count])
        turns.stop()
        self.assertGreaterEqual(others[0], count // 4)
        self.assertLessEqual(turns.most, 2 * FOUR_BATCHES)

    async def test_slow_handler(self) -> None:
        """A handler that takes a millisecond does not keep the reactor for many messages at once."""
        count = 500
        pull = tx.ZmqPullConnection(self.factory, TCP)
        numbers: list[int] = []

        def handler(message: list[bytes]) -> None:
            numbers.append(int(message[0]))
            time.sleep(0.001)

        pull.onPull = handler  # type: ignore[method-assign]
        sent = self.flood(count, pull)
        turns = Turns(self.reactor, lambda: len(numbers))
        await self.until(lambda: len(numbers) >= count)
        turns.stop()
        await sent
        self.assertEqual(numbers, list(range(count)))
        self.assertLessEqual(turns.most, 50)

    async def test_other_connections(self) -> None:
        """Requests on another connection are answered all through a flood."""
        count = 100_000
        pull = tx.ZmqPullConnection(self.factory, TCP)
        numbers: list[int] = []
        pull.onPull = lambda message: numbers.append(int(message[0]))  # type: ignore[method-assign]
        rep = tx.ZmqREPConnection(self.factory, TCP)
        rep.gotMessage = rep.reply  # type: ignore[method-assign]
        req = tx.ZmqREQConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(rep)))
        self.assertEqual(await req.sendMsg(b"before"), [b"before"])
        sent = self.flood(count, pull)
        await self.until(lambda: numbers)
        answered: list[int] = []
        while len(numbers) < count:
            await req.sendMsg(b"request")
            answered.append(len(numbers))
        await sent
        self.assertGreater(len([seen for seen in answered if seen < count]), 20)
        self.assertTrue(numbers == list(range(count)))
