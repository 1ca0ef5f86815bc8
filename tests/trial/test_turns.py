"""Subclasses for sockets that take turns, or whose messages must be answered one by one: here and in txZMQ."""

# ruff: noqa: N815 - the attributes are txZMQ's

from __future__ import annotations

from typing import Any

import txzmq
import zmq

import zmqbridge
import zmqbridge_twisted as tx
from tests.trial.base import ZmqTestCase


class TurnsCase(ZmqTestCase):
    def setUp(self) -> Any:
        self.plain = zmq.Context()
        return super().setUp()

    def tearDown(self) -> Any:
        self.plain.destroy(linger=0)
        return super().tearDown()

    def raw(self, type: int) -> zmq.Socket[bytes]:
        """Return a plain socket, which the case closes."""
        return self.plain.socket(type)

    def make(self, type: int, received: Any) -> Any:
        """Return a connection of a subclass of its own for a type of socket, and without an endpoint."""

        class Own(self.library.ZmqConnection):  # type: ignore[misc, name-defined]
            socketType = type

            def messageReceived(self, message: list[bytes]) -> None:
                received(message)

        return Own(self.factory)

    def at(self, connection: Any, kind: str, address: str) -> Any:
        connection.addEndpoints([self.library.ZmqEndpoint(kind, address)])
        return connection


class TurnsTests(TurnsCase):
    async def test_by_turns(self) -> None:
        """A REQ asks again in its handler, and a REP answers at once, a thousand times over."""
        got: list[Any] = []
        address = self.inproc()

        def again(message: list[bytes]) -> None:
            got.append(message)
            if len(got) < 1000:
                req.send(b"%d" % len(got))

        def send_back(message: list[bytes]) -> None:
            rep.send(message)

        rep = self.at(self.make(zmq.REP, send_back), "bind", address)
        req = self.at(self.make(zmq.REQ, again), "connect", address)
        req.send(b"0")
        await self.until(lambda: len(got) == 1000)
        self.assertEqual(got, [[b"%d" % number] for number in range(1000)])
        self.assertEqual(len(self.flushLoggedErrors()), 0)

    async def test_answered_later(self) -> None:
        """A REP that answers in a later turn gets the next client's request after that, and each its own answer."""
        asked: list[Any] = []

        def later(message: list[bytes]) -> None:
            asked.append(message)
            self.reactor.callLater(0.001, lambda: rep.send([part.upper() for part in message]))

        rep = self.at(self.make(zmq.REP, later), "bind", "tcp://127.0.0.1:*")
        clients = [self.raw(zmq.REQ) for _ in range(5)]
        for number, client in enumerate(clients):
            client.connect(self.bound(rep))
            client.send_multipart([b"of", b"%d" % number])
        answers = [(await self.came(client))[0] for client in clients]
        self.assertEqual(answers, [[b"OF", b"%d" % number] for number in range(5)])
        self.assertEqual(len(asked), 5)
        self.assertEqual(len(self.flushLoggedErrors()), 0)

    async def test_one_request_at_a_time(self) -> None:
        """A REP gets no second request before it has answered the first."""
        asked: list[Any] = []
        rep = self.at(self.make(zmq.REP, asked.append), "bind", "tcp://127.0.0.1:*")
        clients = [self.raw(zmq.REQ) for _ in range(2)]
        for client in clients:
            client.connect(self.bound(rep))
            client.send(b"question")
        await self.until(lambda: asked)
        await self.turns(20)
        self.assertEqual(asked, [[b"question"]])
        rep.send(b"first")
        await self.until(lambda: len(asked) == 2)
        rep.send(b"second")
        self.assertEqual(sorted([(await self.came(client))[0] for client in clients]), [[b"first"], [b"second"]])

    async def test_out_of_turn(self) -> None:
        """A send out of turn is a ``zmq.ZMQError`` with the errno EFSM, and the reply of the first still comes."""
        got: list[Any] = []
        server = self.raw(zmq.REP)
        port = server.bind_to_random_port("tcp://127.0.0.1")
        req = self.at(self.make(zmq.REQ, got.append), "connect", f"tcp://127.0.0.1:{port}")
        req.send(b"first")
        with self.assertRaises(zmq.ZMQError) as raised:
            req.send(b"second")
        self.assertEqual(raised.exception.errno, zmq.EFSM)
        self.assertEqual(await self.came(server), [[b"first"]])
        server.send(b"reply")
        await self.until(lambda: got)
        self.assertEqual(got, [[b"reply"]])

    async def test_relaxed(self) -> None:
        """A REQ with RELAXED and CORRELATE that asks anew gets the answer to the newer question alone."""
        got: list[Any] = []
        server = self.raw(zmq.ROUTER)
        port = server.bind_to_random_port("tcp://127.0.0.1")
        req = self.make(zmq.REQ, got.append)
        req.socket.set(zmq.REQ_RELAXED, 1)
        req.socket.set(zmq.REQ_CORRELATE, 1)
        self.at(req, "connect", f"tcp://127.0.0.1:{port}")
        questions = []
        for question in (b"one", b"two"):
            req.send(question)
            questions += await self.came(server)
        for *envelope, question in questions:
            server.send_multipart([*envelope, b"answer to " + question])
        await self.until(lambda: got)
        await self.turns(20)
        self.assertEqual(got, [[b"answer to two"]])

    async def test_manual_subscriptions(self) -> None:
        """An XPUB with MANUAL says in its handler what became of just that subscription, whoever else subscribes."""
        asked: list[bytes] = []

        def grant(message: list[bytes]) -> None:
            asked.append(message[0])
            xpub.socket.set(zmq.SUBSCRIBE, message[0][1:])

        tags = [b"A", b"B", b"C", b"D"]
        xpub = self.make(zmq.XPUB, grant)
        xpub.socket.set(zmq.XPUB_MANUAL, 1)
        xpub.socket.set(zmq.RCVHWM, 100)
        # All subscriptions are there before the first is read.
        subscribers = {tag: self.factory.context.socket(zmq.SUB) for tag in tags}
        address = self.inproc()
        xpub.socket.bind(address)
        for tag, subscriber in subscribers.items():
            self.addCleanup(subscriber.close, 0)
            subscriber.connect(address)
            subscriber.subscribe(tag)
        await self.until(lambda: len(asked) == len(tags))
        for tag in tags:
            xpub.send([tag, b"news"])
        for tag, subscriber in subscribers.items():
            self.assertEqual(await self.came(subscriber), [[tag, b"news"]])
        for subscriber in subscribers.values():
            self.assertFalse(subscriber.poll(0))


class TxzmqTurnsTests(TurnsTests):
    """The same of txZMQ."""

    library = txzmq


class ManyInOneTurnTests(TurnsCase):
    async def test_what_is_read_one_by_one(self) -> None:
        """What is read one by one is still handed over many a turn, up to the limit."""
        self.factory.turnLimit = 8
        turns: list[int] = []
        turn = [0]
        xpub = self.make(zmq.XPUB, lambda message: turns.append(turn[0]))

        def count() -> None:
            turn[0] += 1
            counting[0] = self.reactor.callLater(0, count)

        counting: list[Any] = [self.reactor.callLater(0, count)]
        xpub.socket.set(zmq.XPUB_VERBOSE, 1)
        address = self.inproc()
        xpub.socket.bind(address)
        subscriber = self.factory.context.socket(zmq.SUB)
        self.addCleanup(subscriber.close, 0)
        subscriber.connect(address)
        for number in range(64):
            subscriber.subscribe(b"%d" % number)
        await self.until(lambda: len(turns) == 64)
        counting[0].cancel()
        most = max(map(turns.count, turns))
        self.assertGreater(most, 1)
        self.assertLessEqual(most, 2 * 8)

    async def test_refused(self) -> None:
        """A send that the type of the socket does not allow is zmqbridge's error and zmq's at once."""
        pull = tx.ZmqPullConnection(self.factory, tx.ZmqEndpoint("bind", self.inproc()))
        with self.assertRaises(tx.ZmqSendRefused) as raised:
            pull.send(b"message")
        self.assertEqual(raised.exception.errno, zmq.ENOTSUP)
        self.assertIsInstance(raised.exception, zmqbridge.LocalProtocolError)
        self.assertIsInstance(raised.exception, zmq.ZMQError)
