"""What a subclass overrides, and what a test puts in its place, is what the library calls: here and in txZMQ."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import txzmq
import zmq
from twisted.internet.defer import CancelledError

import zmqbridge_twisted as tx
from tests.trial.base import ZmqTestCase


def counting(base: Any, sent: list[Any]) -> Any:
    """Return a subclass whose ``send`` notes each message and passes it on."""

    class Counting(base):  # type: ignore[misc]
        def send(self, message: Any) -> None:
            sent.append(message)
            base.send(self, message)

    return Counting


class SendTests(ZmqTestCase):
    def bind(self, connection_class: Any) -> Any:
        return connection_class(self.factory, self.library.ZmqEndpoint("bind", self.inproc()))

    def connect(self, connection_class: Any, to: tx.ZmqConnection) -> Any:
        return connection_class(self.factory, self.library.ZmqEndpoint("connect", self.bound(to)))

    async def test_publish(self) -> None:
        """``publish`` sends its one frame by ``send``."""
        sent: list[Any] = []
        pub = self.bind(counting(self.library.ZmqPubConnection, sent))
        pub.publish(b"message", b"tag")
        pub.publish(b"message")
        self.assertEqual(sent, [b"tag\0message", b"\0message"])

    async def test_push(self) -> None:
        """``push`` sends by ``send``, and what it passes on arrives."""
        sent: list[Any] = []
        pull = self.bind(self.library.ZmqPullConnection)
        got = self.collect(pull, "onPull")
        push = self.connect(counting(self.library.ZmqPushConnection, sent), pull)
        push.push(b"one")
        push.push([b"two", b"frames"])
        await self.until(lambda: len(got) == 2)
        self.assertEqual(sent, [b"one", [b"two", b"frames"]])

    async def test_request_and_reply(self) -> None:
        """``sendMsg`` and ``reply`` send their envelopes by ``send``, and the reply finds its request."""
        asked: list[Any] = []
        answered: list[Any] = []
        rep = self.bind(counting(self.library.ZmqREPConnection, answered))
        rep.gotMessage = lambda request, *parts: rep.reply(request, b"re", *parts)
        req = self.connect(counting(self.library.ZmqREQConnection, asked), rep)
        self.assertEqual(await req.sendMsg(b"one", b"two"), [b"re", b"one", b"two"])
        [[id, *rest]] = asked
        self.assertEqual(rest, [b"", b"one", b"two"])
        self.assertEqual([frames[1:] for frames in answered], [[id, b"", b"re", b"one", b"two"]])

    async def test_dealer_and_router(self) -> None:
        """``sendMsg`` and ``sendMultipart`` of dealers and routers send by ``send``."""
        asked: list[Any] = []
        answered: list[Any] = []
        router = self.bind(counting(self.library.ZmqRouterConnection, answered))
        dealer = self.connect(counting(self.library.ZmqDealerConnection, asked), router)
        got, back = self.collect(router, "gotMessage"), self.collect(dealer, "gotMessage")
        dealer.sendMsg(b"one")
        dealer.sendMultipart([b"two", b"frames"])
        await self.until(lambda: len(got) == 2)
        peer = got[0][0]
        router.sendMsg(peer, b"one")
        router.sendMultipart(peer, [b"two", b"frames"])
        await self.until(lambda: len(back) == 2)
        self.assertEqual(asked, [[b"one"], [b"two", b"frames"]])
        self.assertEqual(answered, [[peer, b"one"], [peer, b"two", b"frames"]])

    async def test_changed(self) -> None:
        """What an overridden ``send`` makes of a message is what goes out."""
        library = self.library

        class Loud(library.ZmqPubConnection):  # type: ignore[misc, name-defined]
            def send(self, message: bytes) -> None:
                library.ZmqPubConnection.send(self, message.upper())

        pub = self.bind(Loud)
        sub = self.connect(library.ZmqSubConnection, pub)
        got = self.collect(sub, "gotMessage")
        sub.subscribe(b"")

        def came() -> bool:
            pub.publish(b"message", b"tag")
            return bool(got)

        await self.until(came)
        self.assertEqual(got[0], (b"MESSAGE", b"TAG"))

    async def test_in_its_place(self) -> None:
        """A ``Mock`` in the place of ``send`` is called once for each message, and nothing is sent."""
        pub = self.bind(self.library.ZmqPubConnection)
        pub.send = Mock()
        pub.publish(b"message", b"tag")
        pub.send.assert_called_once_with(b"tag\0message")
        req = self.bind(self.library.ZmqREQConnection)
        req.send = Mock()
        reply = req.sendMsg(b"question")
        [[[id, *rest]]] = [call.args for call in req.send.call_args_list]
        self.assertEqual(rest, [b"", b"question"])
        req.messageReceived([id, b"", b"answer"])
        self.assertEqual(self.successResultOf(reply), [b"answer"])
        rep = self.bind(self.library.ZmqREPConnection)
        rep.send = Mock()
        got = self.collect(rep, "gotMessage")
        rep.messageReceived([b"peer", b"id", b"", b"question"])
        rep.reply(got[0][0], b"answer")
        rep.send.assert_called_once_with([b"peer", b"id", b"", b"answer"])


class TxzmqSendTests(SendTests):
    """The same of txZMQ."""

    library = txzmq


class RefusedTests(ZmqTestCase):
    async def test_request_that_send_refuses(self) -> None:
        """What an overridden ``send`` raises comes out of ``sendMsg``, and leaves no request and no timer behind."""

        class Refusing(tx.ZmqREQConnection):
            def send(self, message: Any) -> None:
                raise ZeroDivisionError

        req = Refusing(self.factory)
        before = set(self.reactor.getDelayedCalls())
        with self.assertRaises(ZeroDivisionError):
            req.sendMsg(b"question", timeout=60)
        self.assertEqual(set(self.reactor.getDelayedCalls()), before)
        req.shutdown()

    async def test_reply_that_send_refuses(self) -> None:
        """A reply for which an overridden ``send`` finds no room is counted as dropped."""

        class Full(tx.ZmqREPConnection):
            def send(self, message: Any) -> None:
                raise tx.ZmqWouldBlock("full")

        rep = Full(self.factory)
        got = self.collect(rep, "gotMessage")
        rep.messageReceived([b"peer", b"id", b"", b"question"])
        rep.reply(got[0][0], b"answer")
        self.assertEqual(rep.getStats().dropped_replies, 1)

    async def test_queued_by_an_overridden_send(self) -> None:
        """A request that an overridden ``send`` queued leaves the queue when it is cancelled."""
        sent: list[Any] = []
        queueing = counting(tx.ZmqREQConnection, sent)
        queueing.queueLimit = 3
        req = queueing(self.factory, tx.ZmqEndpoint("bind", self.inproc()))
        replies = [req.sendMsg(b"%d" % number) for number in range(3)]
        self.assertEqual(len(req.queue), 3)
        replies[1].cancel()
        self.failureResultOf(replies[1], CancelledError)
        self.assertEqual([frames[-1] for frames in req.queue], [b"0", b"2"])
        raw = self.factory.context.socket(zmq.ROUTER)
        self.addCleanup(raw.close, 0)
        raw.connect(self.bound(req))
        self.assertEqual([frames[-1] for frames in await self.came(raw, 2)], [b"0", b"2"])
        for reply in (replies[0], replies[2]):
            reply.addErrback(lambda _: None)
