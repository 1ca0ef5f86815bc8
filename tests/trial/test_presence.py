"""Who is there, with handlers: events of the peers, and subscriptions."""

from __future__ import annotations

from typing import Any

import zmq

import zmqbridge
import zmqbridge_twisted as tx
from tests.trial.base import ZmqTestCase
from zmqbridge import EventKind


class Watched(tx.ZmqDealerConnection):
    watchPeers = True  # noqa: N815

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.got: list[zmqbridge.Event] = []
        super().__init__(*arguments, **named)

    def gotEvent(self, event: zmqbridge.Event) -> None:
        self.got.append(event)
        if event.kind is EventKind.DISCONNECTED:
            raise ValueError("in the handler")


class Present(tx.ZmqPubConnection):
    presence = True

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.told: list[tuple[str, bytes, int]] = []
        super().__init__(*arguments, **named)

    def gotSubscription(self, tag: bytes, count: int) -> None:
        self.told.append(("got", tag, count))

    def lostSubscription(self, tag: bytes, count: int) -> None:
        self.told.append(("lost", tag, count))
        raise ValueError("in the handler")


class PresenceTests(ZmqTestCase):
    async def test_events(self) -> None:
        """``gotEvent()`` is called with what happens to the connection; what it raises is logged, and it goes on."""
        one = Watched(self.factory, tx.ZmqEndpoint("bind", "tcp://127.0.0.1:*"))
        address = one.socket.get(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()
        for _ in range(2):
            other = Watched(self.factory, tx.ZmqEndpoint("connect", address))
            await self.until(lambda: one.getConnected() == other.getConnected() == 1)  # noqa: B023
            other.shutdown()
            await self.until(lambda: one.getConnected() == 0)
        await self.until(lambda: [event.kind for event in one.got].count(EventKind.DISCONNECTED) == 2)
        kinds = [EventKind.ACCEPTED, EventKind.HANDSHAKE_SUCCEEDED, EventKind.DISCONNECTED]
        self.assertEqual([event.kind for event in one.got], [EventKind.LISTENING, *kinds, *kinds])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        one.shutdown()

    async def test_not_watched(self) -> None:
        """Without ``watchPeers`` nobody knows who is there, and it is said how to."""
        dealer = tx.ZmqDealerConnection(self.factory)
        with self.assertRaisesRegex(zmqbridge.LocalProtocolError, "watchPeers = True"):
            dealer.getConnected()

    async def test_subscriptions(self) -> None:
        """A publisher with presence is told of each subscription; the answers to echo tags are seen by nobody."""
        publisher = Present(self.factory, tx.ZmqEndpoint("bind", "tcp://127.0.0.1:*"))
        address = publisher.socket.get(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()
        got: list[Any] = []
        subscriber = tx.ZmqSubConnection(self.factory, tx.ZmqEndpoint("connect", address))
        subscriber.gotMessage = lambda message, tag: got.append((message, tag))  # type: ignore[method-assign]
        subscriber.subscribe("")
        await self.until(lambda: publisher.told == [("got", b"", 1)])
        stranger = self.factory.context.socket(zmq.XSUB)
        stranger.connect(address)
        echo = b"~zmqbridge.echo." + b"0" * 32
        stranger.send(b"\1" + echo)
        stranger.send(b"\1x")
        await self.until(lambda: publisher.told[1:] == [("got", b"x", 1)])
        publisher.publish(b"first", b"x")
        await self.until(lambda: got)
        self.assertEqual(got, [(b"first", b"x")])
        self.assertEqual(subscriber.getStats().received, 1)
        self.assertEqual((publisher.getStats().sent, publisher.getStats().received), (1, 0))
        await self.until(lambda: stranger.poll(0))
        self.assertTrue(stranger.recv().startswith(echo + b"\0"))
        stranger.close(0)
        await self.until(lambda: publisher.told[2:] == [("lost", b"x", 0)])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
