"""``ZmqRouterConnection`` and ``ZmqDealerConnection``."""

# ruff: noqa: N815 - the attributes are txZMQ's

from __future__ import annotations

import errno
from typing import Any

import zmq

import zmqbridge
import zmqbridge_twisted as tx
from tests.trial.base import ZmqTestCase
from zmqbridge_twisted.router_dealer import ZmqBase

TCP = tx.ZmqEndpoint("bind", "tcp://127.0.0.1:*")


class MandatoryRouter(tx.ZmqRouterConnection):
    mandatory = True


class RouterDealerCase(ZmqTestCase):
    async def pair(self, router_class: Any = tx.ZmqRouterConnection) -> tuple[Any, Any]:
        """Return a router and a dealer named ``dealer``, which have met."""
        router = router_class(self.factory, TCP)
        return router, await self.dealer(router, b"dealer")

    async def dealer(self, router: Any, identity: bytes | str | None) -> Any:
        """Return one more dealer, which the router has heard of."""
        dealer = tx.ZmqDealerConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(router)), identity)
        met = self.collect(router, "gotMessage")
        dealer.sendMsg(b"met")
        await self.until(lambda: met)
        self.met = met[0]
        return dealer


class DealerTests(RouterDealerCase):
    async def test_to_a_router(self) -> None:
        """What a dealer sends reaches the router's ``gotMessage`` as the sender's id and the frames."""
        router, dealer = await self.pair()
        got = self.collect(router, "gotMessage")
        dealer.sendMsg(b"one frame")
        dealer.sendMsg("tëxt")
        dealer.sendMultipart([b"several", b"", "frames"])
        dealer.sendMultipart((b"a", "tuple"))
        dealer.sendMsg(b"")
        await self.until(lambda: len(got) == 5)
        self.assertEqual(
            got,
            [
                (b"dealer", b"one frame"),
                (b"dealer", "tëxt".encode()),
                (b"dealer", b"several", b"", b"frames"),
                (b"dealer", b"a", b"tuple"),
                (b"dealer", b""),
            ],
        )

    async def test_between_dealers(self) -> None:
        """Two dealers exchange frames as they are, with no id before them."""
        one = tx.ZmqDealerConnection(self.factory, TCP)
        two = tx.ZmqDealerConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(one)), b"ignored")
        at_one, at_two = self.collect(one, "gotMessage"), self.collect(two, "gotMessage")
        two.sendMultipart([b"a", b"", b"b"])
        await self.until(lambda: at_one)
        one.sendMsg("reply")
        await self.until(lambda: at_two)
        self.assertEqual((at_one, at_two), ([(b"a", b"", b"b")], [(b"reply",)]))

    async def test_in_turn(self) -> None:
        """A dealer's messages go to its peers in turn."""
        routers = [tx.ZmqRouterConnection(self.factory, TCP) for _ in range(3)]
        got = [self.collect(router, "gotMessage") for router in routers]
        dealer = tx.ZmqDealerConnection(self.factory)
        dealer.addEndpoints([tx.ZmqEndpoint("connect", self.bound(router)) for router in routers])
        for number in range(30):
            dealer.sendMsg(str(number))
        await self.until(lambda: sum(map(len, got)) == 30)
        self.assertEqual([len(each) for each in got], [10, 10, 10])

    async def test_send(self) -> None:
        """``send`` takes what both other methods take."""
        router, dealer = await self.pair()
        got = self.collect(router, "gotMessage")
        dealer.send(b"frame")
        dealer.send([b"a", "b"])
        await self.until(lambda: len(got) == 2)
        self.assertEqual(got, [(b"dealer", b"frame"), (b"dealer", b"a", b"b")])

    def test_nothing_to_send(self) -> None:
        """A message without a frame is an error, and what is neither bytes nor text a ``TypeError``."""
        dealer = tx.ZmqDealerConnection(self.factory, tx.ZmqEndpoint("connect", self.inproc()))
        with self.assertRaises(zmqbridge.LocalProtocolError):
            dealer.sendMultipart([])
        for send, message in ((dealer.sendMsg, 5), (dealer.sendMsg, [b"list"]), (dealer.sendMultipart, [b"a", None])):
            with self.assertRaises(TypeError):
                send(message)
        self.assertEqual(dealer.getStats().sent, 0)

    def test_keywords(self) -> None:
        """Arguments go by txZMQ's names as well."""
        dealer = tx.ZmqDealerConnection(self.factory, tx.ZmqEndpoint("connect", self.inproc()))
        dealer.sendMsg(message=b"message")
        dealer.sendMultipart(parts=[b"a", b"b"])
        router = tx.ZmqRouterConnection(self.factory)
        router.sendMsg(recipientId=b"nobody", message=b"message")
        router.sendMultipart(recipientId=b"nobody", parts=[b"a", b"b"])
        self.assertEqual((dealer.getStats().sent, router.getStats().sent), (2, 2))


class RouterTests(RouterDealerCase):
    async def test_to_a_dealer(self) -> None:
        """What a router sends to an id reaches that dealer's ``gotMessage`` without the id."""
        router, dealer = await self.pair()
        got = self.collect(dealer, "gotMessage")
        router.sendMsg(b"dealer", b"one frame")
        router.sendMsg(b"dealer", "tëxt")
        router.sendMultipart(b"dealer", [b"several", b"", "frames"])
        router.sendMultipart(b"dealer", (b"a", "tuple"))
        router.sendMsg(b"dealer", b"")
        await self.until(lambda: len(got) == 5)
        self.assertEqual(
            got,
            [(b"one frame",), ("tëxt".encode(),), (b"several", b"", b"frames"), (b"a", b"tuple"), (b"",)],
        )

    async def test_each_to_its_own(self) -> None:
        """Of several dealers each gets what is sent to its id, and nothing else."""
        router = tx.ZmqRouterConnection(self.factory, TCP)
        dealers = {name: await self.dealer(router, name) for name in (b"a", b"b", b"ab")}
        got = {name: self.collect(dealer, "gotMessage") for name, dealer in dealers.items()}
        for number in range(10):
            for name in dealers:
                router.sendMultipart(name, [name, str(number)])
        await self.until(lambda: sum(map(len, got.values())) == 30)
        for name in dealers:
            self.assertEqual(got[name], [(name, b"%d" % number) for number in range(10)])

    async def test_identity_as_text(self) -> None:
        """An identity may be text, which is UTF-8, and so may the recipient's id."""
        router: Any = tx.ZmqRouterConnection(self.factory, TCP)
        dealer = await self.dealer(router, "nämed")
        self.assertEqual(self.met, ("nämed".encode(), b"met"))
        got = self.collect(dealer, "gotMessage")
        router.sendMsg("nämed", b"hello")
        await self.until(lambda: got)
        self.assertEqual(got, [(b"hello",)])

    async def test_without_an_identity(self) -> None:
        """A dealer without an identity is answered by the id that the router got with its message."""
        router = tx.ZmqRouterConnection(self.factory, TCP)
        dealer = await self.dealer(router, None)
        got = self.collect(dealer, "gotMessage")
        self.assertEqual((len(self.met[0]), self.met[0][:1]), (5, b"\0"))
        router.sendMsg(self.met[0], b"hello")
        await self.until(lambda: got)
        self.assertEqual(got, [(b"hello",)])

    async def test_echo_from_the_handler(self) -> None:
        """A router's handler may send the frames back as it got them."""
        router, dealer = await self.pair()
        router.gotMessage = lambda sender, *frames: router.sendMultipart(sender, frames)
        got = self.collect(dealer, "gotMessage")
        for number in range(1000):
            dealer.sendMultipart([str(number), b""])
        await self.until(lambda: len(got) == 1000)
        self.assertEqual(got, [(b"%d" % number, b"") for number in range(1000)])

    async def test_unknown_recipient(self) -> None:
        """A message to nobody that is known is dropped without an error, as in txZMQ, and the next one arrives."""
        router, dealer = await self.pair()
        self.assertFalse(router.mandatory)
        got = self.collect(dealer, "gotMessage")
        router.sendMsg(b"nobody", b"lost")
        router.sendMultipart(b"nobody", [b"lost", b"too"])
        router.send([b"nobody", b"lost"])
        router.sendMsg(b"dealer", b"arrives")
        await self.until(lambda: got)
        await self.turns(5)
        self.assertEqual(got, [(b"arrives",)])

    async def test_mandatory(self) -> None:
        """With ``mandatory`` it is an error of both libraries, with errno EHOSTUNREACH; known peers get theirs."""
        router, dealer = await self.pair(MandatoryRouter)
        got = self.collect(dealer, "gotMessage")
        for send in (
            lambda: router.sendMsg(b"nobody", b"lost"),
            lambda: router.sendMultipart(b"nobody", [b"lost", b"too"]),
            lambda: router.send([b"nobody", b"lost"]),
        ):
            with self.assertRaises(tx.ZmqPeerUnreachable) as raised:
                send()
            self.assertEqual(raised.exception.errno, errno.EHOSTUNREACH)
            self.assertIsInstance(raised.exception, zmq.ZMQError)
            self.assertIsInstance(raised.exception, zmqbridge.PeerUnreachable)
            self.assertIn("nobody", str(raised.exception))
            router.sendMsg(b"dealer", b"arrives")
        await self.until(lambda: len(got) == 3)
        self.assertEqual(got, [(b"arrives",)] * 3)
        self.assertEqual(router.getStats().sent, 3)

    async def test_mandatory_and_gone(self) -> None:
        """With ``mandatory`` a peer that has gone becomes an error as well."""
        router, dealer = await self.pair(MandatoryRouter)
        dealer.shutdown()

        def gone() -> bool:
            try:
                router.sendMsg(b"dealer", b"message")
            except tx.ZmqPeerUnreachable:
                return True
            return False

        await self.until(gone)

    async def test_plain_peers(self) -> None:
        """A plain DEALER is a peer of a router, a plain ROUTER one of a dealer."""
        context: zmq.Context[Any] = zmq.Context()
        try:
            router = tx.ZmqRouterConnection(self.factory, TCP)
            got = self.collect(router, "gotMessage")
            plain_dealer = context.socket(zmq.DEALER)
            plain_dealer.routing_id = b"plain"
            plain_dealer.connect(self.bound(router))
            plain_dealer.send_multipart([b"a", b"", b"b"])
            await self.until(lambda: got)
            self.assertEqual(got, [(b"plain", b"a", b"", b"b")])
            router.sendMultipart(b"plain", [b"", b"c"])
            await self.until(lambda: plain_dealer.poll(0))
            self.assertEqual(plain_dealer.recv_multipart(zmq.NOBLOCK), [b"", b"c"])
            plain_router = context.socket(zmq.ROUTER)
            plain_router.bind("tcp://127.0.0.1:*")
            address = plain_router.get_string(zmq.LAST_ENDPOINT).rstrip("\0")
            dealer = tx.ZmqDealerConnection(self.factory, tx.ZmqEndpoint("connect", address), b"named")
            answered = self.collect(dealer, "gotMessage")
            dealer.sendMsg(b"question")
            await self.until(lambda: plain_router.poll(0))
            self.assertEqual(plain_router.recv_multipart(zmq.NOBLOCK), [b"named", b"question"])
            plain_router.send_multipart([b"named", b"", b"answer"])
            await self.until(lambda: answered)
            self.assertEqual(answered, [(b"", b"answer")])
        finally:
            context.destroy(linger=0)


class HandlerTests(RouterDealerCase):
    async def test_overridden(self) -> None:
        """Subclasses override ``gotMessage``: a router's gets the sender's id first, a dealer's the frames alone."""
        calls: list[Any] = []

        class Router(tx.ZmqRouterConnection):
            def gotMessage(self, sender: bytes, *frames: bytes) -> None:
                calls.append((sender, frames))
                self.sendMsg(sender, b"reply")

        class Dealer(tx.ZmqDealerConnection):
            def gotMessage(self, *frames: bytes) -> None:
                calls.append(frames)

        router = Router(self.factory, TCP)
        Dealer(self.factory, tx.ZmqEndpoint("connect", self.bound(router)), b"me").sendMsg(b"question")
        await self.until(lambda: len(calls) == 2)
        self.assertEqual(calls, [(b"me", (b"question",)), (b"reply",)])

    async def test_message_received(self) -> None:
        """``messageReceived`` may be overridden: it gets the list of all frames."""
        frames: list[Any] = []

        class Router(tx.ZmqRouterConnection):
            def messageReceived(self, message: list[bytes]) -> None:
                frames.append(message)

        router = Router(self.factory, TCP)
        tx.ZmqDealerConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(router)), b"me").sendMultipart(
            [b"a", b"b"]
        )
        await self.until(lambda: frames)
        self.assertEqual(frames, [[b"me", b"a", b"b"]])

    async def test_no_handler(self) -> None:
        """Without ``gotMessage`` a message is a logged ``NotImplementedError`` that names the class."""
        router = tx.ZmqRouterConnection(self.factory, TCP)
        tx.ZmqDealerConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(router))).sendMsg(b"message")
        errors: list[Any] = []

        def logged() -> list[Any]:
            errors.extend(self.flushLoggedErrors(NotImplementedError))
            return errors

        await self.until(logged)
        self.assertIn("ZmqRouterConnection", errors[0].getErrorMessage())

    def test_base(self) -> None:
        """Both derive from ``ZmqBase``, as in txZMQ, which delegates what it can to ``send``."""
        sent: list[Any] = []

        class Base(ZmqBase):
            socketType = zmq.PAIR

            def send(self, message: Any) -> None:
                sent.append(message)

        base = Base(self.factory)
        base.sendMsg(b"message")
        base.sendMultipart([b"a", b"b"])
        self.assertEqual(sent, [[b"message"], [b"a", b"b"]])
        for connection_class in (tx.ZmqRouterConnection, tx.ZmqDealerConnection):
            self.assertTrue(issubclass(connection_class, ZmqBase))
