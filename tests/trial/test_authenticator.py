"""An authenticator for connections with handlers: who comes in to them, and what becomes of it at the end."""

from __future__ import annotations

from typing import Any

import zmq
from twisted.internet.defer import Deferred, inlineCallbacks

import zmqbridge
import zmqbridge_twisted as tx
from tests.conformance.knocking import CUT, IN, REFUSED, Knocker
from tests.trial.base import ZmqTestCase
from zmqbridge import Handshake, KeyPair, SocketOptions

SERVER, ADA, BOB = KeyPair.generate(), KeyPair.generate(), KeyPair.generate()
CURVE = SocketOptions.curve_as_server(SERVER, domain="lab") | SocketOptions(handshake_interval=0.5)


class Server(tx.ZmqPullConnection):
    """A CURVE server with a handler."""

    def __init__(self, *args: Any) -> None:
        self.socketOptions = CURVE
        super().__init__(*args)
        self.received: list[Any] = []

    def onPull(self, message: Any) -> None:
        self.received.append(message)


class TestAuthenticator(ZmqTestCase):
    """Cases of :class:`zmqbridge_twisted.ZmqAuthenticator`."""

    def server(self) -> tuple[Server, str]:
        server = Server(self.factory, tx.ZmqEndpoint("bind", "tcp://127.0.0.1:*"))
        return server, server._zmqLink.endpoints[0].address

    def knocker(self, address: str, keys: KeyPair) -> Knocker:
        knocker = Knocker.with_keys(address, keys, SERVER.public, kind=zmq.PUSH)
        self.addCleanup(knocker.close)
        return knocker

    @inlineCallbacks
    def test_origins(self) -> Any:
        """A handler learns whose message it was called with, as long as it runs, however it ends."""

        class Knowing(tx.ZmqPullConnection):
            socketOptions = CURVE | SocketOptions(metadata=True)  # noqa: N815

            def onPull(self, message: Any) -> None:
                heard.append((message, self.getOrigin()))
                raise KeyError

        class Subscriber(tx.ZmqSubConnection):
            socketOptions = CURVE | SocketOptions(metadata=True)  # noqa: N815

            def gotMessage(self, message: Any, tag: Any) -> None:
                heard.append((tag, self.getOrigin()))

        heard: list[Any] = []
        yield tx.ZmqAuthenticator(self.factory, "lab", keys={ADA.public: "ada", BOB.public: "bob"}).opened
        server = Knowing(self.factory, tx.ZmqEndpoint("bind", "tcp://127.0.0.1:*"))
        address = server._zmqLink.endpoints[0].address
        for name, keys in (("ada", ADA), ("bob", BOB)):
            self.knocker(address, keys).socket.send(b"hello")
            yield self.until(lambda: heard)
            self.assertEqual(heard.pop(), ([b"hello"], (name, "127.0.0.1")))
            self.assertEqual(server.getOrigin(), (None, None))
            self.flushLoggedErrors(KeyError)
        subscriber = Subscriber(self.factory, tx.ZmqEndpoint("bind", "tcp://127.0.0.1:*"))
        subscriber.subscribe(b"")
        publisher = Knocker.with_keys(subscriber._zmqLink.endpoints[0].address, BOB, SERVER.public, kind=zmq.PUB)
        self.addCleanup(publisher.close)

        def publish() -> list[Any]:
            publisher.socket.send(b"tag\0message")
            return heard

        yield self.until(publish)
        self.assertEqual(heard[0], (b"tag", ("bob", "127.0.0.1")))

    @inlineCallbacks
    def test_keys(self) -> Any:
        """Handlers get messages of known keys alone."""
        authenticator = tx.ZmqAuthenticator(self.factory, "lab", keys={ADA.public})
        yield authenticator.opened
        server, address = self.server()
        known, stranger = self.knocker(address, ADA), self.knocker(address, BOB)
        yield self.until(lambda: known.hears(IN) and stranger.hears(REFUSED))
        known.socket.send(b"hello")
        yield self.until(lambda: server.received)
        self.assertEqual(server.received, [[b"hello"]])
        self.assertEqual((authenticator.stats.accepted, authenticator.stats.refused), (1, 1))
        self.assertIn("ZmqAuthenticator of 'lab': open", repr(authenticator))
        self.assertEqual(authenticator.domain, "lab")
        yield authenticator.shutdown()
        later = self.knocker(address, ADA)
        yield self.until(lambda: later.hears(CUT))
        self.assertNotIn(IN, later.told)

    @inlineCallbacks
    def test_a_deferred_decides(self) -> Any:
        """A function may return a Deferred; one that fails, or never fires, lets nobody in, and is cancelled."""
        asked: list[Deferred[Any]] = []

        def authorize(handshake: Handshake) -> Deferred[Any]:
            answer: Deferred[Any] = Deferred()
            asked.append(answer)
            return answer

        authenticator = tx.ZmqAuthenticator(self.factory, "lab", authorize=authorize)
        yield authenticator.opened
        _, address = self.server()
        for keys in (ADA, BOB, ADA):
            self.knocker(address, keys)
        yield self.until(lambda: len(asked) == 3)
        asked[0].callback("somebody")
        asked[1].errback(RuntimeError("the database is gone"))
        yield self.until(lambda: authenticator.stats.pending == 1)
        self.assertEqual((authenticator.stats.accepted, authenticator.stats.failed), (1, 1))
        yield authenticator.shutdown()
        self.assertTrue(asked[2].called)
        self.assertEqual(authenticator.stats.accepted, 1)

    @inlineCallbacks
    def test_it_cannot_be_opened(self) -> Any:
        """A second one of a domain fails; one of a factory that is shut down is an error at once."""
        yield tx.ZmqAuthenticator(self.factory, "lab", keys={ADA.public}).opened
        second = tx.ZmqAuthenticator(self.factory, "lab", keys={ADA.public})
        yield self.assertFailure(second.opened, zmqbridge.ZmqBridgeError)
        yield self.factory.shutdown()
        self.assertRaises(zmqbridge.ConnectionClosed, tx.ZmqAuthenticator, self.factory, "lab", keys=())
