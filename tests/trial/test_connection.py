"""``ZmqConnection``: its attributes, its endpoints, its place in the reactor, its handlers and its end."""

# ruff: noqa: N815 - the attributes are txZMQ's

from __future__ import annotations

import errno
import inspect
import select
import shutil
import socket
import tempfile
import threading
import time
from typing import Any

import zmq
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IFileDescriptor, IReadDescriptor
from twisted.internet.threads import deferToThread
from twisted.python import context, log
from zope.interface.verify import verifyClass, verifyObject

import zmqbridge
import zmqbridge_twisted as tx
from tests.trial.base import ZmqTestCase
from tests.trial.test_factory import run_program

TCP = tx.ZmqEndpoint("bind", "tcp://127.0.0.1:*")

# What txZMQ 1.0.0 has on the class.
DEFAULTS = {
    "socketType": None,
    "allowLoopbackMulticast": False,
    "multicastRate": 100,
    "highWaterMark": 0,
    "tcpKeepalive": 0,
    "tcpKeepaliveCount": 0,
    "tcpKeepaliveIdle": 0,
    "tcpKeepaliveInterval": 0,
    "reconnectInterval": 100,
    "reconnectIntervalMax": 0,
}


def variant(base: type, **attributes: Any) -> Any:
    """Return a subclass with other attributes."""
    return type("Variant", (base,), attributes)


def hold(seconds: float) -> None:
    """Keep the reactor from running."""
    time.sleep(seconds)


class ConnectionCase(ZmqTestCase):
    def pair(self, transport: str = "inproc", **attributes: Any) -> tuple[Any, Any]:
        """Return two dealers that are connected with each other."""
        dealer = variant(tx.ZmqDealerConnection, **attributes)
        endpoint = TCP if transport == "tcp" else tx.ZmqEndpoint("bind", self.inproc())
        one = dealer(self.factory, endpoint)
        return one, dealer(self.factory, tx.ZmqEndpoint("connect", self.bound(one)))

    def pushing(self, handler: Any = None) -> tuple[Any, Any, list[tuple[Any, ...]]]:
        """Return a pusher, a puller, and what is pulled if no handler is given."""
        pull = tx.ZmqPullConnection(self.factory, tx.ZmqEndpoint("bind", self.inproc()))
        pulled = self.collect(pull, "onPull")
        if handler is not None:
            pull.onPull = handler  # type: ignore[method-assign]
        return tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(pull))), pull, pulled

    def directory(self) -> str:
        """Return a directory whose name is short enough for ipc."""
        path = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return path


class EndpointTests(ConnectionCase):
    def test_named_tuple(self) -> None:
        """An endpoint is a named tuple of a type and an address, and shows as one."""
        endpoint = tx.ZmqEndpoint(tx.ZmqEndpointType.bind, "tcp://127.0.0.1:5555")
        self.assertIsInstance(endpoint, tuple)
        self.assertEqual(endpoint, ("bind", "tcp://127.0.0.1:5555"))
        self.assertEqual((endpoint.type, endpoint.address), ("bind", "tcp://127.0.0.1:5555"))
        self.assertEqual(repr(endpoint), "ZmqEndpoint(type='bind', address='tcp://127.0.0.1:5555')")
        self.assertEqual(endpoint, tx.ZmqEndpoint(address="tcp://127.0.0.1:5555", type="bind"))

    def test_types(self) -> None:
        """The types are plain words."""
        self.assertEqual((tx.ZmqEndpointType.bind, tx.ZmqEndpointType.connect), ("bind", "connect"))

    async def test_plain_tuples(self) -> None:
        """A plain tuple of plain words serves as an endpoint, and is kept as it was given."""
        address = self.inproc()
        pull = tx.ZmqPullConnection(self.factory, ("bind", address))  # type: ignore[arg-type]
        pulled = self.collect(pull, "onPull")
        push = tx.ZmqPushConnection(self.factory)
        push.addEndpoints([("connect", address)])  # type: ignore[list-item]
        self.assertEqual(push.endpoints, [("connect", address)])
        push.push(b"message")
        await self.until(lambda: pulled)

    def test_unknown_type(self) -> None:
        """An unknown type is an error that names it, and opens nothing."""
        for unknown in ("listen", "", None, 1):
            with self.assertRaises(zmqbridge.EndpointError) as raised:
                tx.ZmqPullConnection(self.factory, tx.ZmqEndpoint(unknown, "inproc://x"))  # type: ignore[arg-type]
            self.assertIn(f"the type {unknown!r}", str(raised.exception))
            self.assertIsInstance(raised.exception, zmq.ZMQError)
            self.assertEqual(raised.exception.errno, errno.EINVAL)
        self.assertEqual(self.factory.connections, set())

    def test_unusable_address(self) -> None:
        """An address that cannot be one is an error of both libraries that names it."""
        for address in ("tcp://127.0.0.1", "tcp://127.0.0.1:65536", "nowhere", "tcp://", "foo://bar"):
            with self.assertRaises(tx.ZmqEndpointError) as raised:
                tx.ZmqPullConnection(self.factory, tx.ZmqEndpoint("connect", address))
            self.assertIn(address, str(raised.exception))
        self.assertEqual(self.factory.connections, set())


class AttributeTests(ConnectionCase):
    def test_signature(self) -> None:
        """A connection is made from a factory, and if need be an endpoint and an identity."""
        parameters = inspect.signature(tx.ZmqConnection).parameters.values()
        self.assertEqual(
            [(parameter.name, parameter.default) for parameter in parameters],
            [("factory", inspect.Parameter.empty), ("endpoint", None), ("identity", None)],
        )

    def test_defaults(self) -> None:
        """Every class attribute has txZMQ's default."""
        self.assertEqual({name: getattr(tx.ZmqConnection, name) for name in DEFAULTS}, DEFAULTS)
        self.assertEqual(tx.ZmqConnection.queueLimit, 0)

    def test_defaults_at_the_socket(self) -> None:
        """With the defaults, the socket has txZMQ's values, or libzmq's where txZMQ leaves them."""
        push = tx.ZmqPushConnection(self.factory)
        expected = {
            zmq.RATE: 100,
            zmq.MULTICAST_LOOP: 0,
            zmq.SNDHWM: 0,
            zmq.RCVHWM: 0,
            zmq.TCP_KEEPALIVE: -1,
            zmq.TCP_KEEPALIVE_CNT: -1,
            zmq.TCP_KEEPALIVE_IDLE: -1,
            zmq.TCP_KEEPALIVE_INTVL: -1,
            zmq.RECONNECT_IVL: 100,
            zmq.RECONNECT_IVL_MAX: 0,
            zmq.ROUTING_ID: b"",
        }
        self.assertEqual({option: push.socket.getsockopt(option) for option in expected}, expected)

    def test_reach_the_socket(self) -> None:
        """What a subclass sets reaches the socket."""
        for attribute, value, expected in (
            ("multicastRate", 4321, {zmq.RATE: 4321}),
            ("allowLoopbackMulticast", True, {zmq.MULTICAST_LOOP: 1}),
            ("highWaterMark", 17, {zmq.SNDHWM: 17, zmq.RCVHWM: 17}),
            ("tcpKeepalive", 1, {zmq.TCP_KEEPALIVE: 1, zmq.TCP_KEEPALIVE_CNT: -1, zmq.TCP_KEEPALIVE_IDLE: -1}),
            ("tcpKeepaliveCount", 7, {zmq.TCP_KEEPALIVE_CNT: 7}),
            ("tcpKeepaliveIdle", 8, {zmq.TCP_KEEPALIVE_IDLE: 8}),
            ("tcpKeepaliveInterval", 9, {zmq.TCP_KEEPALIVE_INTVL: 9}),
            ("reconnectInterval", 250, {zmq.RECONNECT_IVL: 250}),
            ("reconnectInterval", 1, {zmq.RECONNECT_IVL: 1}),
            ("reconnectInterval", -1, {zmq.RECONNECT_IVL: -1}),
            ("reconnectInterval", 0, {zmq.RECONNECT_IVL: 100}),
            ("reconnectIntervalMax", 5000, {zmq.RECONNECT_IVL_MAX: 5000}),
        ):
            push = variant(tx.ZmqPushConnection, **{attribute: value})(self.factory)
            self.assertEqual({option: push.socket.getsockopt(option) for option in expected}, expected, attribute)
            self.assertEqual(getattr(push, attribute), value)

    def test_socket_options(self) -> None:
        """Options go before the attributes, a connection's before its factory's, each field for itself."""
        factory = self.make_factory()
        options = zmqbridge.SocketOptions(send_high_water_mark=5, receive_high_water_mark=6, router_handover=True)
        factory.socketOptions = options
        push_class = variant(tx.ZmqPushConnection, highWaterMark=9, reconnectInterval=250)
        plain = push_class(factory)
        own = variant(push_class, socketOptions=zmqbridge.SocketOptions(send_high_water_mark=7, linger=3))(factory)
        told = [zmq.SNDHWM, zmq.RCVHWM, zmq.LINGER, zmq.RECONNECT_IVL]
        self.assertEqual([plain.socket.get(option) for option in told], [5, 6, 100, 250])
        self.assertEqual([own.socket.get(option) for option in told], [7, 6, 3000, 250])
        with self.assertRaisesRegex(zmqbridge.OptionError, "it takes a SocketOptions"):
            variant(push_class, socketOptions={"linger": 3})(factory)

    def test_set_at_the_constructor(self) -> None:
        """What an instance sets before the constructor runs on is applied likewise."""

        class Push(tx.ZmqPushConnection):
            def __init__(self, *arguments: Any) -> None:
                self.highWaterMark = 23
                super().__init__(*arguments)

        self.assertEqual(Push(self.factory).socket.getsockopt(zmq.SNDHWM), 23)

    async def test_keepalive_connects(self) -> None:
        """With keepalive on and no more said, a connection is made, and a message passes."""
        push_class = variant(tx.ZmqPushConnection, tcpKeepalive=1)
        pull = variant(tx.ZmqPullConnection, tcpKeepalive=1)(self.factory, TCP)
        pulled = self.collect(pull, "onPull")
        push_class(self.factory, tx.ZmqEndpoint("connect", self.bound(pull))).push(b"message")
        await self.until(lambda: pulled)

    async def test_bad_values(self) -> None:
        """A value that cannot be used is an error that names attribute and value, and nothing stays open."""
        tx.ZmqPullConnection(self.factory).shutdown()  # the context's own descriptors are open now
        readers, descriptors = set(self.reactor.getReaders()), self._descriptors()
        for attribute, value in (
            ("multicastRate", 0),
            ("multicastRate", "fast"),
            ("highWaterMark", -1),
            ("highWaterMark", 1.5),
            ("highWaterMark", True),
            ("tcpKeepalive", "on"),
            ("tcpKeepaliveCount", 2.5),
            ("tcpKeepaliveIdle", "long"),
            ("tcpKeepaliveInterval", None),
            ("reconnectInterval", "soon"),
            ("reconnectInterval", 2**40),
            ("reconnectIntervalMax", None),
            ("reconnectIntervalMax", -1),
        ):
            with self.assertRaises(zmqbridge.OptionError) as raised:
                variant(tx.ZmqPullConnection, **{attribute: value})(self.factory, TCP)
            self.assertIn(f"{attribute}={value!r}", str(raised.exception))
            self.assertIn("Variant", str(raised.exception))
        self.assertEqual(self.factory.connections, set())
        self.assertEqual(set(self.reactor.getReaders()), readers)
        await self.until(lambda: self._descriptors() <= descriptors)

    def test_bad_socket_type(self) -> None:
        """A socket type that is none is an error, as the base class's own is."""
        for bad in (None, 999, "PUSH"):
            with self.assertRaises(zmqbridge.OptionError) as raised:
                variant(tx.ZmqConnection, socketType=bad)(self.factory)
            self.assertIn(repr(bad), str(raised.exception))
        self.assertEqual(self.factory.connections, set())

    async def test_identity(self) -> None:
        """An identity, bytes or text, is what the socket has and a router sees; the attribute is as it was given."""
        router = tx.ZmqRouterConnection(self.factory, tx.ZmqEndpoint("bind", self.inproc()))
        got = self.collect(router, "gotMessage")
        for given, expected in ((b"\xff\x00bytes", b"\xff\x00bytes"), ("näme", "näme".encode())):
            dealer = tx.ZmqDealerConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(router)), given)
            self.assertEqual(dealer.identity, given)
            self.assertEqual(dealer.socket.getsockopt(zmq.ROUTING_ID), expected)
            dealer.sendMsg(b"message")
            await self.until(lambda: got)
            self.assertEqual(got.pop(), (expected, b"message"))
        self.assertIsNone(tx.ZmqDealerConnection(self.factory).identity)

    def test_bad_identity(self) -> None:
        """An identity that libzmq cannot take is an error that names it."""
        for bad in (b"", "", b"x" * 256, 5, bytearray(b"mutable")):
            with self.assertRaises(zmqbridge.OptionError) as raised:
                tx.ZmqDealerConnection(self.factory, None, bad)  # type: ignore[arg-type]
            self.assertIn("identity=", str(raised.exception))
        self.assertEqual(self.factory.connections, set())

    async def test_before_and_after_shutdown(self) -> None:
        """``factory``, ``socket``, ``endpoints``, ``fd`` and ``queue`` are txZMQ's, and tell of the end."""
        endpoint = tx.ZmqEndpoint("bind", self.inproc())
        pull = tx.ZmqPullConnection(self.factory, endpoint)
        self.assertIs(pull.factory, self.factory)
        self.assertIsInstance(pull.socket, zmq.Socket)
        self.assertEqual(pull.socket.getsockopt(zmq.TYPE), zmq.PULL)
        self.assertEqual(pull.fd, pull.socket.getsockopt(zmq.FD))
        self.assertEqual(pull.endpoints, [endpoint])
        self.assertEqual(list(pull.queue), [])
        self.assertIn(pull, self.reactor.getReaders())
        pull.shutdown()
        self.assertIsNone(pull.factory)
        self.assertIsNone(pull.socket)
        self.assertEqual(pull.fd, -1)
        self.assertEqual(pull.fileno(), -1)
        self.assertEqual(pull.endpoints, [endpoint])
        self.assertEqual(list(pull.queue), [])
        self.assertNotIn(pull, self.reactor.getReaders())
        self.assertEqual(self.factory.connections, set())

    def test_no_endpoint(self) -> None:
        """A connection may be made without an endpoint."""
        pull = tx.ZmqPullConnection(self.factory)
        self.assertEqual(pull.endpoints, [])
        self.assertEqual(repr(pull), "ZmqPullConnection(ZmqFactory(), [])")


class AddEndpointsTests(ConnectionCase):
    async def test_range_of_ports(self) -> None:
        """Of a range of ports a free one is bound, and the endpoints say which; when none is, the error says that."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        given = [tx.ZmqEndpoint("bind", f"tcp://127.0.0.1:[{port}-{port}]")]
        pull = tx.ZmqPullConnection(self.factory)
        pull.addEndpoints(given)
        self.assertEqual(pull.endpoints, [("bind", f"tcp://127.0.0.1:{port}")])
        other = tx.ZmqPullConnection(self.factory)
        with self.assertRaisesRegex(tx.ZmqEndpointError, r"none of its 1 port\(s\) is free"):
            other.addEndpoints(given)
        with self.assertRaisesRegex(tx.ZmqEndpointError, "a range of ports is to bind"):
            other.addEndpoints([tx.ZmqEndpoint("connect", "tcp://127.0.0.1:[1-2]")])
        self.assertEqual(other.endpoints, [])
        pulled = self.collect(pull, "onPull")
        tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", pull.endpoints[0].address)).push(b"hello")
        await self.until(lambda: pulled)
        self.assertEqual(pulled, [([b"hello"],)])

    async def test_several_transports(self) -> None:
        """One connection may bind and connect at several endpoints of mixed transports, and uses them all."""
        directory = self.directory()
        other = tx.ZmqPushConnection(self.factory, TCP)
        first = tx.ZmqEndpoint("bind", "tcp://127.0.0.1:*")
        pull = tx.ZmqPullConnection(self.factory, first)
        pulled = self.collect(pull, "onPull")
        tcp = self.bound(pull)
        more = [
            tx.ZmqEndpoint("bind", f"ipc://{directory}/socket"),
            tx.ZmqEndpoint("bind", self.inproc()),
            tx.ZmqEndpoint("connect", self.bound(other)),
        ]
        pull.addEndpoints(iter(more))
        self.assertEqual(pull.endpoints, [first, *more])
        other.sendDeferred(b"other")
        for address in (tcp, more[0].address, more[1].address):
            tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", address)).push(address)
        await self.until(lambda: len(pulled) == 4)
        self.assertEqual(
            {message[0] for (message,) in pulled},
            {b"other", tcp.encode(), more[0].address.encode(), more[1].address.encode()},
        )

    def test_address_in_use(self) -> None:
        """An address in use is an error of both libraries, with its errno; those before it are in use."""
        address = self.bound(tx.ZmqPullConnection(self.factory, TCP))
        pull = tx.ZmqPullConnection(self.factory)
        good = tx.ZmqEndpoint("bind", self.inproc())
        unused = tx.ZmqEndpoint("bind", self.inproc())
        with self.assertRaises(zmq.ZMQError) as raised:
            pull.addEndpoints([good, tx.ZmqEndpoint("bind", address), unused])
        self.assertEqual(raised.exception.errno, errno.EADDRINUSE)
        self.assertIsInstance(raised.exception, zmqbridge.EndpointError)
        self.assertIn(address, str(raised.exception))
        self.assertEqual(pull.endpoints, [good])
        tx.ZmqPullConnection(self.factory, unused)

    async def test_constructor_fails(self) -> None:
        """A constructor whose endpoint cannot be used leaves no descriptor, no reader and no connection."""
        address = self.bound(tx.ZmqPullConnection(self.factory, TCP))
        readers, descriptors = set(self.reactor.getReaders()), self._descriptors()
        connections = set(self.factory.connections)
        for endpoint in (("bind", address), ("bind", "tcp://127.0.0.1"), ("hold", "inproc://x"), "neither", 5):
            with self.assertRaises((tx.ZmqEndpointError, ValueError, TypeError)):
                tx.ZmqPullConnection(self.factory, endpoint)  # type: ignore[arg-type]
        self.assertEqual(set(self.reactor.getReaders()), readers)
        self.assertEqual(self.factory.connections, connections)
        await self.until(lambda: self._descriptors() <= descriptors)

    async def test_while_messages_come(self) -> None:
        """An endpoint added to a connection in use does not keep it from what has arrived."""
        push, pull, pulled = self.pushing()
        push.push(b"one")
        await self.until(lambda: pulled)
        push.push(b"two")
        pull.addEndpoints([tx.ZmqEndpoint("bind", self.inproc())])
        await self.until(lambda: len(pulled) == 2)


class ReactorTests(ConnectionCase):
    def test_interfaces(self) -> None:
        """A connection provides what it says, on every class."""
        for name in tx.__all__:
            if name.endswith("Connection"):
                for interface in (IReadDescriptor, IFileDescriptor, IConsumer):
                    self.assertTrue(verifyClass(interface, getattr(tx, name)), name)
        push, pull, _ = self.pushing()
        for connection in (push, pull):
            for interface in (IReadDescriptor, IFileDescriptor, IConsumer):
                self.assertTrue(verifyObject(interface, connection))

    def test_fileno(self) -> None:
        """``fileno()`` is libzmq's descriptor."""
        _, pull, _ = self.pushing()
        self.assertEqual(pull.fileno(), pull.fd)
        self.assertGreaterEqual(pull.fileno(), 0)

    def test_log_prefix(self) -> None:
        """Its lines in the log begin with ``ZMQ``."""
        self.assertEqual(tx.ZmqPullConnection(self.factory).logPrefix(), "ZMQ")

    async def test_logged_from_a_handler(self) -> None:
        """What a handler logs carries the prefix, whether the reactor or a look of its own called it."""
        prefixes: list[Any] = []
        push, _, _ = self.pushing(lambda message: prefixes.append(context.get(log.ILogContext)))
        for count in (1, 2, 3):
            push.push(b"message")
            await self.until(lambda count=count: len(prefixes) == count)  # type: ignore[misc]
        self.assertEqual([prefix["system"] for prefix in prefixes], ["ZMQ"] * 3)

    def test_repr(self) -> None:
        """It shows its class, its factory and its endpoints."""

        class Name(tx.ZmqPullConnection):
            pass

        address = self.inproc()
        self.assertEqual(
            repr(Name(self.factory, tx.ZmqEndpoint("bind", address))),
            f"Name(ZmqFactory(), [ZmqEndpoint(type='bind', address='{address}')])",
        )

    def test_repr_of_many_endpoints(self) -> None:
        """With many endpoints it shows the first, and how many more there are."""
        pull = tx.ZmqPullConnection(self.factory)
        pull.addEndpoints([tx.ZmqEndpoint("bind", self.inproc()) for _ in range(100)])
        self.assertIn("97 more", repr(pull))
        self.assertLess(len(repr(pull)), 1000)

    async def test_do_read_by_hand(self) -> None:
        """A program may call ``doRead`` itself: what is there is delivered before it returns, and once."""
        push, pull, pulled = self.pushing()
        pull._zmqPump._clock = lambda: 0.0  # however slow this machine is, no turn is over
        await self.turns()
        pull.doRead()
        self.assertEqual(pulled, [])
        push.push(b"one")
        push.push(b"two")
        pull.doRead()
        self.assertEqual(pulled, [([b"one"],), ([b"two"],)])
        pull.doRead()
        push.push(b"three")
        await self.until(lambda: len(pulled) == 3)
        await self.turns()
        self.assertEqual(len(pulled), 3)

    async def test_connection_lost(self) -> None:
        """After ``connectionLost`` it is no longer read, without an error, until it is shut down."""
        push, pull, pulled = self.pushing()
        push.push(b"one")
        await self.until(lambda: pulled)
        await self.turns()
        pull.connectionLost(None)
        self.assertNotIn(pull, self.reactor.getReaders())
        push.push(b"two")
        await self.until(lambda: select.select([pull.fd], [], [], 0)[0])
        await self.turns()
        self.assertEqual(pulled, [([b"one"],)])
        pull.connectionLost(None)
        self.assertIs(pull.factory, self.factory)
        pull.shutdown()
        pull.connectionLost(None)
        await self.turns()
        self.assertEqual(pulled, [([b"one"],)])

    async def test_connection_lost_and_sending(self) -> None:
        """After ``connectionLost`` a send does not have it read again."""
        one, two = self.pair()
        got = self.collect(one, "gotMessage")
        echoed = self.collect(two, "gotMessage")
        await self.turns()
        one.connectionLost(None)
        two.sendMsg(b"not read")
        await self.until(lambda: select.select([one.fd], [], [], 0)[0])
        one.sendMsg(b"sent")
        await self.until(lambda: echoed)
        await self.turns(5)
        self.assertEqual(got, [])

    async def test_false_edges(self) -> None:
        """A descriptor that is readable with nothing to receive is no error, makes no spin, and loses no message."""
        pull = tx.ZmqPullConnection(self.factory, tx.ZmqEndpoint("bind", self.inproc()))
        pulled = self.collect(pull, "onPull")
        address = self.bound(pull)
        await self.turns()
        drains = 0
        real = pull._zmqLink.socket.receive

        def drain(limit: int) -> tuple[list[list[bytes]], bool]:
            nonlocal drains
            drains += 1
            return real(limit)

        self.patch(pull._zmqLink.socket, "receive", drain)
        peers = 20
        for _ in range(peers):
            before = drains
            tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", address)).shutdown()
            await self.until(lambda: drains > before)  # noqa: B023 (looked at within this round)
        await self.turns(50 * peers)
        # Its coming, its going and the end of its pipe, each seen twice at most.
        self.assertLessEqual(drains, 8 * peers)
        self.assertEqual(pulled, [])
        tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", address)).push(b"a real one")
        await self.until(lambda: pulled)
        self.assertEqual(pulled, [([b"a real one"],)])

    async def test_idle_reactor_is_left_alone(self) -> None:
        """A connection with nothing to do schedules nothing and is not read."""
        await self.turns()
        before = self.reactor.getDelayedCalls()  # the case's own timeout
        push, pull, pulled = self.pushing()
        push.push(b"message")
        await self.until(lambda: pulled)
        await self.turns(5)
        self.assertEqual(self.reactor.getDelayedCalls(), before)
        self.assertEqual(select.select([pull.fd], [], [], 0)[0], [])

    async def test_removed_before_shutdown(self) -> None:
        """A connection that the reactor has dropped already is shut down without an error."""
        _, pull, _ = self.pushing()
        self.reactor.removeReader(pull)
        pull.shutdown()
        self.assertEqual(self.factory.connections - {pull}, self.factory.connections)


class RawSocketTests(ConnectionCase):
    """The program touches ``connection.socket`` itself: no wake-up is lost."""

    async def _edge(self, one: Any, two: Any) -> None:
        """Have a message arrive at one whose descriptor says so, while the reactor has not looked."""
        got = self.collect(one, "gotMessage")
        two.sendMsg(b"first")
        await self.until(lambda: got)
        got.clear()
        await self.turns(5)
        self.got = got
        two.socket.send(b"second", zmq.NOBLOCK)
        readable, _, _ = select.select([one.fd], [], [], 10)
        self.assertTrue(readable)

    async def _delivered(self) -> None:
        self.assertEqual(self.got, [])
        await self.until(lambda: self.got)
        self.assertEqual(self.got, [(b"second",)])

    async def test_reading_events(self) -> None:
        """A read of EVENTS that eats the descriptor's edge does not keep the message from the handler."""
        for transport in ("inproc", "tcp"):
            one, two = self.pair(transport)
            await self._edge(one, two)
            while not one.socket.get(zmq.EVENTS) & zmq.POLLIN:
                hold(0.001)
            self.assertEqual(select.select([one.fd], [], [], 0)[0], [])
            await self._delivered()

    async def test_sending(self) -> None:
        """A send on the socket itself does not either."""
        one, two = self.pair("tcp")
        await self._edge(one, two)
        hold(0.01)  # libzmq looks at its commands in a send only now and then
        one.socket.send(b"raw", zmq.NOBLOCK)
        self.assertEqual(select.select([one.fd], [], [], 0)[0], [])
        echoed = self.collect(two, "gotMessage")
        await self._delivered()
        await self.until(lambda: echoed)

    async def test_setting_an_option(self) -> None:
        """Setting an option on the socket does not either."""
        one, two = self.pair("tcp")
        await self._edge(one, two)
        one.socket.setsockopt(zmq.SNDHWM, 5)
        one.socket.setsockopt(zmq.LINGER, 0)
        one.socket.get(zmq.EVENTS)
        await self._delivered()

    async def test_in_a_handler(self) -> None:
        """A handler that reads EVENTS of its own socket loses no message that came meanwhile."""
        push, pull, pulled = self.pushing()

        def on_pull(message: list[bytes]) -> None:
            pulled.append((message,))
            if len(pulled) < 50:
                push.socket.send(b"more", zmq.NOBLOCK)
                pull.socket.get(zmq.EVENTS)

        pull.onPull = on_pull
        push.push(b"first")
        await self.until(lambda: len(pulled) == 50)

    async def test_receiving(self) -> None:
        """A message that the program takes from the socket itself is its own; the next goes to the handler."""
        one, two = self.pair("tcp")
        await self._edge(one, two)
        self.assertEqual(one.socket.recv(), b"second")
        two.sendMsg(b"third")
        await self.until(lambda: self.got)
        self.assertEqual(self.got, [(b"third",)])


class ThreadTests(ConnectionCase):
    async def test_other_thread(self) -> None:
        """From another thread than the reactor's every operation raises, and harms nothing."""
        push, _, pulled = self.pushing()
        await self.turns()
        failures: list[Any] = []
        for operation in (
            lambda: push.send(b"stray"),
            lambda: push.push(b"stray"),
            lambda: push.addEndpoints([tx.ZmqEndpoint("bind", "inproc://stray")]),
            push.shutdown,
        ):
            with self.assertRaises(zmqbridge.LocalProtocolError) as raised:
                await deferToThread(operation)
            self.assertIn("another thread", str(raised.exception))

        def send_deferred() -> None:
            push.sendDeferred(b"stray").addErrback(failures.append)

        await deferToThread(send_deferred)
        self.assertEqual([failure.type for failure in failures], [zmqbridge.LocalProtocolError])
        push.push(b"message")
        await self.until(lambda: pulled)
        await self.turns()
        self.assertEqual(pulled, [([b"message"],)])


class EndTests(ConnectionCase):
    async def test_use_after_shutdown(self) -> None:
        """After ``shutdown`` every operation raises ``ConnectionClosed``, and the reactor's calls do nothing."""
        push, pull, pulled = self.pushing()
        push.push(b"never read")
        for connection in (push, pull):
            connection.shutdown()
            connection.shutdown()
            connection.doRead()
            connection.connectionLost(None)
        for operation in (
            lambda: push.send(b"message"),
            lambda: push.push(b"message"),
            lambda: push.write(b"message"),
            lambda: push.addEndpoints([TCP]),
        ):
            with self.assertRaises(zmqbridge.ConnectionClosed):
                operation()
        with self.assertRaises(zmqbridge.ConnectionClosed):
            await push.sendDeferred(b"message")
        self.assertEqual(repr(push), f"ZmqPushConnection(None, {push.endpoints!r})")
        await self.turns()
        self.assertEqual(pulled, [])

    async def test_shutdown_frees_the_address(self) -> None:
        """After ``shutdown`` the address can be bound again."""
        pull = tx.ZmqPullConnection(self.factory, TCP)
        endpoint = tx.ZmqEndpoint("bind", self.bound(pull))
        pull.shutdown()
        bound: list[Any] = []

        def bind() -> bool:
            try:
                bound.append(tx.ZmqPullConnection(self.factory, endpoint))
            except zmq.ZMQError as error:
                self.assertEqual(error.errno, errno.EADDRINUSE)
            return bool(bound)

        await self.until(bind)

    async def test_messages_unread_at_shutdown(self) -> None:
        """Messages that arrived and were not delivered before ``shutdown`` are never delivered."""
        push, pull, pulled = self.pushing()
        for _ in range(10):
            push.push(b"message")
        pull.shutdown()
        await self.turns(5)
        self.assertEqual(pulled, [])

    def _terminate(self) -> threading.Thread:
        """Terminate the context in a thread of its own; return once it is at it."""
        thread = threading.Thread(target=self.factory.context.term, daemon=True)
        thread.start()
        return thread

    async def test_context_terminated(self) -> None:
        """If another thread terminates the context, each connection logs it and is shut down, and nothing hangs."""
        push, pull, _ = self.pushing()
        router = tx.ZmqRouterConnection(self.factory, TCP)
        publisher = tx.ZmqPubConnection(self.factory, TCP)
        await self.turns()
        thread = self._terminate()
        await self.until(lambda: not self.factory.connections and not thread.is_alive())
        self.assertEqual(len(self.flushLoggedErrors(tx.ZmqContextTerminated)), 4)
        for connection in (push, pull, router, publisher):
            self.assertIsNone(connection.factory)
            self.assertIsNone(connection.socket)
            self.assertNotIn(connection, self.reactor.getReaders())

    async def test_context_terminated_with_waiting_sends(self) -> None:
        """A ``sendDeferred`` that waits fails then, as an error that a caller can tell."""
        push = tx.ZmqPushConnection(self.factory, TCP)
        waiting = push.sendDeferred(b"nobody there")
        thread = self._terminate()
        with self.assertRaises((zmqbridge.ConnectionClosed, tx.ZmqContextTerminated)):
            await waiting
        await self.until(lambda: not thread.is_alive())
        self.assertEqual(len(self.flushLoggedErrors(tx.ZmqContextTerminated)), 1)

    def _send_until_terminated(self, send: Any) -> None:
        """Send without the reactor's running, until a send finds the context terminated."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            time.sleep(0.005)
            try:
                send()
            except zmq.ContextTerminated as error:
                self.assertIsInstance(error, tx.ZmqContextTerminated)
                return
            except zmq.Again:
                pass
        self.fail("no send found the context terminated")

    async def _all_shut_down(self, connection: Any, thread: threading.Thread) -> None:
        await self.turns(5)
        factory, left = connection.factory, set(self.factory.connections)
        connection.shutdown()  # lest a failure here be a hang
        await self.until(lambda: not thread.is_alive())
        logged = self.flushLoggedErrors(tx.ZmqContextTerminated)
        self.assertEqual((factory, left), (None, set()))
        self.assertEqual(len(logged), 2)

    async def test_context_terminated_found_by_a_send(self) -> None:
        """If a send is the first to find it, the connection is shut down likewise, and nothing hangs."""
        push, pull, _ = self.pushing()
        await self.turns()
        thread = self._terminate()
        self._send_until_terminated(lambda: push.push(b"message"))
        await self.until(lambda: pull.factory is None)
        await self._all_shut_down(push, thread)

    async def test_context_terminated_found_in_a_handler(self) -> None:
        """If a handler's own send is the first to find it, the connection is shut down likewise."""
        one, two = self.pair()
        threads: list[threading.Thread] = []

        def got_message(*frames: bytes) -> None:
            threads.append(self._terminate())
            self._send_until_terminated(lambda: one.sendMsg(b"reply"))

        one.gotMessage = got_message
        two.sendMsg(b"message")
        await self.until(lambda: two.factory is None)
        await self._all_shut_down(one, threads[0])

    PROGRAM = """
        import importlib, sys
        importlib.import_module(sys.argv[1]).install()
        from twisted.internet import reactor
        from twisted.python import context, log
        import zmqbridge_twisted as tx

        log.addObserver(lambda event: event["isError"] and print("logged:", event["failure"].value))
        factory = tx.ZmqFactory()
        connection = getattr(tx, sys.argv[2])(factory, tx.ZmqEndpoint("bind", "inproc://one"))

        def close():
            connection.socket.close()
            if sys.argv[2] == "ZmqPushConnection":
                try:
                    connection.send(b"message")
                except Exception as error:
                    print("raised:", type(error).__name__)
            reactor.callLater(0, look, 10)

        def look(turns):
            if turns and connection.factory is not None:
                reactor.callLater(0.01, look, turns - 1)
                return
            print(connection.factory, connection.socket, connection.fd, len(factory.connections))
            factory.shutdown().addCallback(lambda _: reactor.crash())

        reactor.callLater(0.01, close)
        reactor.callLater(5, reactor.crash)
        reactor.run()
        """

    async def test_socket_closed_by_other_code(self) -> None:
        """If the program closes the socket itself, the connection logs it and is shut down; the factory ends."""
        # In a process of its own: a reactor cannot always let go of a descriptor that was closed behind its back.
        done = await run_program(self.PROGRAM, type(reactor).__module__, "ZmqPullConnection")
        lines = done.stdout.splitlines()
        self.assertTrue(any(line.startswith("logged: the socket was closed by other code") for line in lines), lines)
        self.assertEqual((lines[-1:], done.returncode), (["None None -1 0"], 0), done.stdout + done.stderr)

    async def test_socket_closed_by_other_code_found_by_a_send(self) -> None:
        """If a send is the first to find that, it raises, and the connection is shut down likewise."""
        done = await run_program(self.PROGRAM, type(reactor).__module__, "ZmqPushConnection")
        lines = done.stdout.splitlines()
        self.assertEqual(lines[:1], ["raised: ConnectionClosed"])
        self.assertEqual((lines[-1:], done.returncode), (["None None -1 0"], 0), done.stdout + done.stderr)


class HandlerTests(ConnectionCase):
    async def test_no_handler(self) -> None:
        """A connection without a handler logs that as an error, and goes on."""
        plain = variant(tx.ZmqConnection, socketType=zmq.PULL)
        for pull_class in (plain, tx.ZmqPullConnection):
            pull = pull_class(self.factory, tx.ZmqEndpoint("bind", self.inproc()))
            push = tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(pull)))
            push.push(b"one")
            push.push(b"two")
            await self.until(lambda pull=pull: pull.getStats().received == 2)  # type: ignore[misc]
            [error] = self.flushLoggedErrors(NotImplementedError)
            self.assertIn(pull_class.__name__, str(error.value))

    async def test_overridden(self) -> None:
        """A handler may be a subclass's method, of the pattern or of the base; it gets the frames as a list."""
        got: list[Any] = []

        class Pull(tx.ZmqPullConnection):
            def onPull(self, message: list[bytes]) -> None:
                got.append(("onPull", self, message))

        class Base(tx.ZmqConnection):
            socketType = zmq.PULL

            def messageReceived(self, message: list[bytes]) -> None:
                got.append(("messageReceived", self, message))

        for pull_class, name in ((Pull, "onPull"), (Base, "messageReceived")):
            pull = pull_class(self.factory, tx.ZmqEndpoint("bind", self.inproc()))
            push = tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(pull)))
            push.push([b"two", b"frames"])
            await self.until(lambda: got)
            self.assertEqual(got.pop(), (name, pull, [b"two", b"frames"]))

    async def test_assigned_again(self) -> None:
        """A handler may be assigned on the instance, and another between two messages, even of one batch."""
        first: list[Any] = []
        second: list[Any] = []

        def handler(message: list[bytes]) -> None:
            first.append(message)
            pull.onPull = second.append

        push, pull, _ = self.pushing(handler)
        for number in range(3):
            push.push(str(number))
        await self.until(lambda: len(second) == 2)
        self.assertEqual((first, second), ([[b"0"]], [[b"1"], [b"2"]]))

    async def test_raises_once(self) -> None:
        """What a handler raises is logged, as the error of one message; the next, of the same batch too, arrives."""
        pulled: list[Any] = []

        def handler(message: list[bytes]) -> None:
            pulled.append(message)
            if len(pulled) == 1:
                raise RuntimeError("of the first message")

        push, pull, _ = self.pushing(handler)
        push.push(b"one")
        push.push(b"two")
        await self.until(lambda: len(pulled) == 2)
        push.push(b"three")
        await self.until(lambda: len(pulled) == 3)
        self.assertEqual(pulled, [[b"one"], [b"two"], [b"three"]])
        self.assertEqual(
            [str(failure.value) for failure in self.flushLoggedErrors(RuntimeError)], ["of the first message"]
        )
        self.assertIn(pull, self.reactor.getReaders())

    async def test_raises_on_every_message(self) -> None:
        """A handler that raises each time gets each message. What it raises is logged once a burst and a kind: another
        error is told at once; and the end tells how many were not."""
        lines: list[str] = []

        def observe(event: Any) -> None:
            lines.append(log.textFromEventDict(event) or "")

        log.addObserver(observe)
        self.addCleanup(log.removeObserver, observe)
        push, pull, _ = self.pushing(lambda message: int(message[0], 2) // 0)
        for _ in range(1000):
            push.push(b"no number")
        push.push(b"1")
        push.push(b"1")
        await self.until(lambda: pull.getStats().received == 1002)
        self.assertIn(pull, self.reactor.getReaders())
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        pull.shutdown()
        self.assertTrue(any("1000 more failure(s)" in line for line in lines), lines)

    async def test_raises_what_is_no_exception(self) -> None:
        """A handler that raises ``SystemExit`` or ``GeneratorExit`` neither ends the program nor the connection."""
        push, pull, pulled = self.pushing()
        raising = [SystemExit(3), GeneratorExit()]

        def handler(message: list[bytes]) -> None:
            pulled.append((message,))
            if raising:
                raise raising.pop()

        pull.onPull = handler
        for _ in range(3):
            push.push(b"message")
        await self.until(lambda: len(pulled) == 3)
        self.assertEqual(len(self.flushLoggedErrors(SystemExit, GeneratorExit)), 2)

    async def test_shuts_its_own_connection_down(self) -> None:
        """A handler may shut its own connection down; the rest of the batch is not delivered, and nothing is logged."""
        pulled: list[Any] = []

        def handler(message: list[bytes]) -> None:
            pulled.append(message)
            if len(pulled) == 2:
                pull.shutdown()

        push, pull, _ = self.pushing(handler)
        for number in range(10):
            push.push(str(number))
        await self.until(lambda: pull.factory is None)
        await self.turns(5)
        self.assertEqual(pulled, [[b"0"], [b"1"]])

    async def test_shuts_the_other_down(self) -> None:
        """A handler may shut another connection down whose messages wait."""
        one, two = self.pushing(), self.pushing()
        for push, pull, pulled in (one, two):
            other = two if pull is one[1] else one
            pull.onPull = lambda message, other=other, pulled=pulled: (pulled.append(message), other[1].shutdown())
            push.push(b"one")
            push.push(b"two")
        await self.until(lambda: len(one[2]) + len(two[2]) == 2)
        await self.turns(5)
        self.assertEqual(len(one[2]) + len(two[2]), 2)
        self.assertEqual(sum(pull.factory is None for _, pull, _ in (one, two)), 1)

    async def test_opens_another_connection(self) -> None:
        """A handler may open another connection and use it."""
        second: list[Any] = []

        def handler(message: list[bytes]) -> None:
            pull = tx.ZmqPullConnection(self.factory, tx.ZmqEndpoint("bind", self.inproc()))
            pull.onPull = second.append  # type: ignore[method-assign, assignment]
            tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(pull))).push(message)

        push, _, _ = self.pushing(handler)
        push.push(b"message")
        await self.until(lambda: second)
        self.assertEqual(second, [[b"message"]])

    async def test_sends(self) -> None:
        """Handlers may answer each other, each in its own handler, a thousand times."""
        one, two = self.pair()
        got = self.collect(one, "gotMessage")

        def back_and_forth(*frames: bytes) -> None:
            got.append(frames)
            if len(got) < 1000:
                one.sendMsg(str(len(got)))

        one.gotMessage = back_and_forth
        two.gotMessage = two.sendMsg
        two.sendMsg(b"0")
        await self.until(lambda: len(got) == 1000)
        self.assertEqual(got, [(str(number).encode(),) for number in range(1000)])

    async def test_endless_conversation(self) -> None:
        """Two connections that answer each other without end leave the reactor its turns."""
        one, two = self.pair()
        one.gotMessage = one.sendMsg
        two.gotMessage = two.sendMsg
        one.sendMsg(b"ping")
        await self.turns(20)
        await self.until(lambda: one.getStats().received > 1000)
        one.shutdown()

    async def test_reads_again(self) -> None:
        """A handler that calls ``doRead`` gets no message twice, nor one within the other."""
        depth = 0
        pulled: list[Any] = []

        def handler(message: list[bytes]) -> None:
            nonlocal depth
            self.assertEqual(depth, 0)
            depth += 1
            pull.doRead()
            depth -= 1
            pulled.append(message)

        push, pull, _ = self.pushing(handler)
        for number in range(600):
            push.push(str(number))
        await self.until(lambda: len(pulled) >= 600)
        await self.turns()
        self.assertEqual(pulled, [[str(number).encode()] for number in range(600)])

    async def test_shuts_the_factory_down(self) -> None:
        """A handler may shut the factory down: nothing more is delivered, and the context ends."""
        ended: list[Deferred[None]] = []

        def handler(message: list[bytes]) -> None:
            ended.append(self.factory.shutdown())

        push, pull, _ = self.pushing(handler)
        for _ in range(10):
            push.push(b"message")
        await self.until(lambda: ended)
        self.assertIsNone(pull.factory)
        self.assertIsNone(push.factory)
        await ended[0]
        self.assertEqual(len(ended), 1)

    async def test_slow_handler(self) -> None:
        """A handler that takes long leaves the reactor its turns between messages, and loses none."""
        pulled: list[Any] = []
        seen: list[int] = []

        def handler(message: list[bytes]) -> None:
            time.sleep(0.01)
            pulled.append(message)

        push, _, _ = self.pushing(handler)
        for number in range(20):
            push.push(str(number))

        def look() -> bool:
            seen.append(len(pulled))
            return len(pulled) == 20

        await self.until(look)
        self.assertGreater(len(set(seen)), 10)
        self.assertEqual(pulled, [[str(number).encode()] for number in range(20)])

    async def test_many_messages(self) -> None:
        """More messages than one batch arrive in order, each once, large ones and small."""
        push, _, pulled = self.pushing()
        for number in range(2000):
            push.push([str(number), b"x" * (200_000 if number % 400 == 0 else 10)])
        await self.until(lambda: len(pulled) >= 2000)
        await self.turns()
        self.assertEqual([int(message[0]) for (message,) in pulled], list(range(2000)))
