"""Connections with handlers count as the awaited ones do: each message that libzmq gave is in exactly one count."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import zmq

import zmqbridge_twisted as tx
from tests.trial.base import ZmqTestCase
from zmqbridge.errors import RemoteProtocolError


def counted(stats: Any) -> int:
    """How many messages a connection says that it was given."""
    total: int = stats.received + stats.buffered + stats.malformed + stats.unmatched_replies + stats.dropped
    return total


class StatsTests(ZmqTestCase):
    """The counts of connections with handlers."""

    async def test_a_subscriber_that_is_shut_down(self) -> None:
        """Of ten messages one is handled, and the rest is dropped when its handler shuts down."""
        address = self.inproc()
        subscriber = tx.ZmqSubConnection(self.factory, tx.ZmqEndpoint("bind", address))
        subscriber.subscribe("")
        counts: list[Any] = []

        def gotMessage(message: bytes, tag: bytes) -> None:
            subscriber.shutdown()
            counts.append(subscriber.getStats())

        subscriber.gotMessage = gotMessage  # type: ignore[method-assign]
        publisher = self.factory.context.socket(zmq.XPUB)
        publisher.connect(address)
        await self.until(lambda: publisher.poll(0))
        self.assertEqual(publisher.recv(), b"\1")
        for message in [b"tag\0more"] * 10:
            publisher.send(message)
        await self.until(lambda: counts)
        publisher.close()
        (stats,) = counts
        self.assertEqual((stats.received, stats.buffered, stats.malformed, stats.dropped), (1, 0, 0, 9))
        self.assertEqual(counted(stats), 10)

    async def test_a_requester(self) -> None:
        """Of four replies one finds its request, one comes twice, and two make no sense."""
        address = self.inproc()
        requester = tx.ZmqREQConnection(self.factory, tx.ZmqEndpoint("bind", address))
        router = self.factory.context.socket(zmq.DEALER)
        router.connect(address)
        asking = requester.sendMsg(b"?")
        await self.until(lambda: router.poll(0))
        id, delimiter, question = router.recv_multipart()
        for reply in ([b"junk"], [id, b"no delimiter"], [id, delimiter, question], [id, delimiter, b"again"]):
            router.send_multipart(reply)
        self.assertEqual(await asking, [b"?"])
        await self.until(lambda: requester.getStats().unmatched_replies)
        router.close()
        stats = requester.getStats()
        self.assertEqual((stats.sent, stats.received, stats.malformed, stats.unmatched_replies), (1, 1, 2, 1))
        self.assertEqual(counted(stats), 4)
        self.assertEqual(len(self.flushLoggedErrors(RemoteProtocolError)), 1)


class TurnLimitTests(ZmqTestCase):
    """How much one turn of the reactor does."""

    async def test_so_many_in_one_turn(self) -> None:
        """Handlers are called for so many messages in one turn of the reactor as the factory says, in order."""
        for limit in (1, 2, 3):
            factory = self.make_factory()
            factory.turnLimit = limit
            pull = tx.ZmqPullConnection(factory, tx.ZmqEndpoint("bind", "inproc://turns"))
            got: list[bytes] = []
            turns: list[int] = []
            pull.onPull = lambda message, got=got: got.append(message[0])  # type: ignore[method-assign, misc]
            push = factory.context.socket(zmq.PUSH)
            push.connect("inproc://turns")
            for number in range(10):
                push.send(b"%d" % number)

            def turn(got: list[bytes] = got, turns: list[int] = turns) -> None:
                turns.append(len(got))
                if len(got) < 10:
                    self.reactor.callLater(0, turn)

            turn()
            await self.until(lambda got=got: len(got) == 10)  # type: ignore[misc]
            push.close()
            self.assertEqual(got, [b"%d" % number for number in range(10)])
            self.assertLessEqual(max(after - before for before, after in pairwise(turns)), 2 * limit)

    def test_no_limit(self) -> None:
        """A turn that could do nothing is refused when a connection is made, and nothing is left open."""
        self.factory.turnLimit = 0
        with self.assertRaisesRegex(ValueError, "turn_limit=0 lets nothing be read or sent"):
            tx.ZmqPullConnection(self.factory)
