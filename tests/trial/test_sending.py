"""``send``, the queue behind it, and ``sendDeferred``."""

# ruff: noqa: N815 - the attributes are txZMQ's

from __future__ import annotations

import errno
from typing import Any

import zmq
from twisted.internet.defer import CancelledError, Deferred
from twisted.python import log

import zmqbridge
import zmqbridge_twisted as tx
from tests.trial.base import ZmqTestCase


class NarrowPush(tx.ZmqPushConnection):
    """With inproc and a peer likewise, it takes two messages that nobody reads."""

    highWaterMark = 1


class QueueingPush(NarrowPush):
    queueLimit = 5


class NarrowRouter(tx.ZmqRouterConnection):
    highWaterMark = 1
    mandatory = True


class SendingCase(ZmqTestCase):
    def peer(self, connection: tx.ZmqConnection, type: int, identity: bytes | None = None) -> zmq.Socket[bytes]:
        """Return a plain socket connected to a connection; it reads when it is told to. The case closes it."""
        raw: zmq.Socket[bytes] = self.factory.context.socket(type)
        raw.linger = 0
        raw.rcvhwm = raw.sndhwm = 1
        if identity is not None:
            raw.routing_id = identity
        raw.connect(self.bound(connection))
        self._raw.append(raw)
        return raw

    def setUp(self) -> Any:
        self._raw: list[zmq.Socket[bytes]] = []
        return super().setUp()

    def tearDown(self) -> Any:
        for raw in self._raw:
            raw.close(0)
        return super().tearDown()

    def bind(self, connection_class: Any) -> Any:
        """Return a connection that binds an address of this case alone."""
        return connection_class(self.factory, tx.ZmqEndpoint("bind", self.inproc()))

    def read(self, raw: zmq.Socket[bytes], into: list[Any]) -> list[Any]:
        """Move what a plain socket has received to a list."""
        try:
            while True:
                into.append(raw.recv_multipart(zmq.NOBLOCK))
        except zmq.Again:
            return into

    def fill(self, send: Any) -> int:
        """Send until there is no room; return how many messages were taken."""
        for number in range(100):
            try:
                send(str(number))
            except zmq.Again:
                return number
        raise self.failureException("a hundred messages did not reach the high-water mark")

    def logged(self) -> list[str]:
        """Return a list that the log's lines of this case are appended to."""
        lines: list[str] = []

        def observe(event: Any) -> None:
            lines.append(log.textFromEventDict(event) or "")

        log.addObserver(observe)
        self.addCleanup(log.removeObserver, observe)
        return lines


class SendTests(SendingCase):
    async def test_high_water_mark(self) -> None:
        """At the high-water mark ``send`` raises an error of both libraries; what it took arrives, and no more."""
        push = self.bind(NarrowPush)
        raw = self.peer(push, zmq.PULL)
        taken = self.fill(push.send)
        self.assertIn(taken, range(1, 5))
        with self.assertRaises(zmq.Again) as raised:
            push.send(b"too much")
        self.assertEqual(raised.exception.errno, errno.EAGAIN)
        self.assertIsInstance(raised.exception, zmqbridge.WouldBlock)
        self.assertIsInstance(raised.exception, tx.ZmqWouldBlock)
        self.assertIn("NarrowPush", str(raised.exception))
        self.assertEqual(self.read(raw, []), [[str(number).encode()] for number in range(taken)])
        await self.turns(5)
        self.assertEqual(self.read(raw, []), [])

    async def test_room_again(self) -> None:
        """Once the peer has read, ``send`` takes messages again."""
        push = self.bind(NarrowPush)
        raw = self.peer(push, zmq.PULL)
        taken = self.fill(push.send)
        got = self.read(raw, [])
        self.assertEqual(len(got), taken)

        def sent() -> bool:
            try:
                push.send(b"again")
            except zmq.Again:
                return False
            return True

        await self.until(sent)
        await self.until(lambda: len(self.read(raw, got)) > taken)
        self.assertEqual(got[taken:], [[b"again"]])

    def test_no_peer(self) -> None:
        """A bound pusher without a peer raises likewise, and nothing is queued."""
        push = self.bind(tx.ZmqPushConnection)
        with self.assertRaises(zmq.Again):
            push.send(b"nobody")
        self.assertEqual(list(push.queue), [])

    async def test_kinds_of_messages(self) -> None:
        """A message is text, bytes-like, or a list or tuple of both; a list of frames is left as it is."""
        pull = self.bind(tx.ZmqPullConnection)
        pulled = self.collect(pull, "onPull")
        push = tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(pull)))
        frames: list[Any] = ["tëxt", b"bytes", bytearray(b"array"), memoryview(b"view"), "", b""]
        flat = ["tëxt".encode(), b"bytes", b"array", b"view", b"", b""]
        given = list(frames)
        for message in (*frames, frames, tuple(frames), ["one"], (b"one",)):
            push.send(message)
        await self.until(lambda: len(pulled) == 10)
        self.assertEqual(
            [message for (message,) in pulled], [*([frame] for frame in flat), flat, flat, [b"one"], [b"one"]]
        )
        self.assertEqual(frames, given)

    async def test_buffer_changed_afterwards(self) -> None:
        """A bytearray that the caller changes while its message waits is sent as it was given."""
        push = self.bind(QueueingPush)
        one, two = bytearray(b"one"), bytearray(b"two")
        push.send(one)
        push.sendDeferred([two])
        one[:] = two[:] = b"changed"
        raw = self.peer(push, zmq.PULL)
        got: list[Any] = []
        await self.until(lambda: len(self.read(raw, got)) == 2)
        self.assertEqual(got, [[b"one"], [b"two"]])

    def test_no_frames(self) -> None:
        """A message without a frame is an error, of every way to send."""
        push = tx.ZmqPushConnection(self.factory)
        for send in (push.send, push.push, push.sendDeferred, push.write):
            messages: list[Any] = [[], ()]
            for message in messages:
                with self.assertRaises(zmqbridge.LocalProtocolError) as raised:
                    send(message)
                self.assertIn(repr(message), str(raised.exception))

    def test_no_message(self) -> None:
        """What is neither bytes nor text is an error that names it, and nothing of its message is sent."""
        push = tx.ZmqPushConnection(self.factory)
        for send in (push.send, push.push, push.sendDeferred, push.write):
            wrong: list[tuple[Any, str]] = [
                (5, "int"),
                (None, "NoneType"),
                ([b"fine", 7], "int"),
                (["fine", 1.5], "float"),
            ]
            for message, name in wrong:
                with self.assertRaises(TypeError) as raised:
                    send(message)
                self.assertIn(name, str(raised.exception))
        self.assertEqual(push.getStats().sent, 0)


class QueueTests(SendingCase):
    def test_off_by_default(self) -> None:
        """Without ``queueLimit`` nothing is queued."""
        push = self.bind(NarrowPush)
        self.assertEqual(push.queueLimit, 0)
        with self.assertRaises(zmq.Again):
            push.send(b"one")
        self.assertEqual(list(push.queue), [])

    async def test_in_order(self) -> None:
        """Up to ``queueLimit`` messages wait in ``queue``, then it is an error; they are delivered in order."""
        push = self.bind(QueueingPush)
        for number in range(5):
            push.send(str(number))
            self.assertEqual([list(frames) for frames in push.queue], [[b"%d" % each] for each in range(number + 1)])
        with self.assertRaises(zmq.Again):
            push.send(b"too much")
        self.assertEqual(len(push.queue), 5)
        await self.turns(5)
        self.assertEqual(len(push.queue), 5)
        raw = self.peer(push, zmq.PULL)
        got: list[Any] = []
        await self.until(lambda: len(self.read(raw, got)) == 5)
        self.assertEqual(got, [[b"%d" % number] for number in range(5)])
        await self.until(lambda: not push.queue)
        push.send(b"behind")
        await self.until(lambda: len(self.read(raw, got)) == 6)
        self.assertEqual(got[5:], [[b"behind"]])

    async def test_lists_of_frames(self) -> None:
        """``queue`` shows each message as a list of its frames."""
        push = self.bind(QueueingPush)
        push.send("text")
        push.send(b"bytes")
        push.send(["two", b"frames"])
        self.assertEqual(list(push.queue), [[b"text"], [b"bytes"], [b"two", b"frames"]])

    async def test_equal_messages(self) -> None:
        """Messages that are equal are each delivered."""
        push = self.bind(QueueingPush)
        for message in (b"same", [b"same"], "same", b"other", b"same"):
            push.send(message)
        raw = self.peer(push, zmq.PULL)
        got: list[Any] = []
        await self.until(lambda: len(self.read(raw, got)) == 5)
        self.assertEqual(got, [[b"same"], [b"same"], [b"same"], [b"other"], [b"same"]])
        await self.until(lambda: not push.queue)

    async def test_while_it_drains(self) -> None:
        """What is sent while the queue drains comes behind what is in it."""
        push = self.bind(QueueingPush)
        raw = self.peer(push, zmq.PULL)
        next_number = 0
        got: list[Any] = []

        def send_and_read() -> bool:
            nonlocal next_number
            try:
                while next_number < 200:
                    push.send(str(next_number))
                    next_number += 1
            except zmq.Again:
                pass
            self.assertLessEqual(len(push.queue), 5)
            self.read(raw, got)
            return len(got) == 200

        await self.until(send_and_read)
        self.assertEqual(got, [[b"%d" % number] for number in range(200)])

    async def test_shutdown(self) -> None:
        """Shutting down with messages in the queue raises nothing, is logged, and never delivers them."""
        lines = self.logged()
        push = self.bind(QueueingPush)
        for number in range(3):
            push.send(str(number))
        push.shutdown()
        await self.turns(5)
        told = [line for line in lines if "in its queue" in line]
        self.assertEqual(len(told), 1)
        self.assertIn("3 message(s)", told[0])
        self.assertIn("QueueingPush", told[0])
        self.assertEqual(self.flushLoggedErrors(), [])

    async def test_shutdown_with_an_empty_queue(self) -> None:
        """Shutting down with nothing in the queue logs nothing of it."""
        lines = self.logged()
        self.bind(QueueingPush).shutdown()
        await self.turns()
        self.assertEqual([line for line in lines if "queue" in line], [])

    async def test_peer_gone(self) -> None:
        """A queued message to a router's peer that has gone is logged, as an error of both libraries."""
        router = self.bind(type("Router", (NarrowRouter,), {"queueLimit": 10}))
        got = self.collect(router, "gotMessage")
        gone, stays = self.peer(router, zmq.DEALER, b"gone"), self.peer(router, zmq.DEALER, b"stays")
        gone.send(b"hello")
        stays.send(b"hello")
        await self.until(lambda: len(got) == 2)
        while not router.queue:
            router.sendMsg(b"gone", b"message")
        gone.close(0)
        await self.until(lambda: not router.queue)
        errors = self.flushLoggedErrors(zmqbridge.PeerUnreachable)
        self.assertEqual(len(errors), 1)
        router.sendMsg(b"stays", b"the queue goes on")
        self.assertTrue(errors[0].check(tx.ZmqPeerUnreachable))


class SendDeferredTests(SendingCase):
    def watch(self, deferred: Deferred[None], name: Any, order: list[Any]) -> Deferred[Any]:
        """Append a name to a list when a Deferred fires, or its name and the error's class."""
        deferred.addCallbacks(
            lambda result: order.append(name if result is None else (name, result)),
            lambda failure: order.append((name, failure.type)),
        )
        return deferred

    async def test_room(self) -> None:
        """With room, the Deferred has fired with ``None`` when it is returned."""
        pull = self.bind(tx.ZmqPullConnection)
        pulled = self.collect(pull, "onPull")
        push = tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(pull)))
        order: list[Any] = []
        self.watch(push.sendDeferred("text"), 1, order)
        self.watch(push.sendDeferred(["two", b"frames"]), 2, order)
        self.assertEqual(order, [1, 2])
        await self.until(lambda: len(pulled) == 2)
        self.assertEqual(pulled, [([b"text"],), ([b"two", b"frames"],)])

    async def test_waits_for_room(self) -> None:
        """At the high-water mark it waits, without raising, and fires once the peer has read."""
        push = self.bind(NarrowPush)
        raw = self.peer(push, zmq.PULL)
        taken = self.fill(push.send)
        waiting = push.sendDeferred(b"waits")
        await self.turns(5)
        self.assertFalse(waiting.called)
        got = self.read(raw, [])
        self.assertEqual(len(got), taken)
        await waiting
        await self.until(lambda: len(self.read(raw, got)) > taken)
        self.assertEqual(got[taken:], [[b"waits"]])

    async def test_waits_for_a_peer(self) -> None:
        """Without a peer it waits until one has come."""
        push = self.bind(tx.ZmqPushConnection)
        waiting = push.sendDeferred(b"waits")
        await self.turns(5)
        self.assertFalse(waiting.called)
        raw = self.peer(push, zmq.PULL)
        await waiting
        got: list[Any] = []
        await self.until(lambda: self.read(raw, got))
        self.assertEqual(got, [[b"waits"]])

    async def test_order(self) -> None:
        """Messages of ``send`` with a queue and of ``sendDeferred`` go in the order of the calls, and fire so."""
        push = self.bind(QueueingPush)
        order: list[Any] = []
        for number in range(10):
            if number % 2:
                self.watch(push.sendDeferred(str(number)), number, order)
            else:
                push.send(str(number))
        self.assertEqual(order, [])
        raw = self.peer(push, zmq.PULL)
        got: list[Any] = []
        await self.until(lambda: len(self.read(raw, got)) == 10)
        self.assertEqual(got, [[b"%d" % number] for number in range(10)])
        self.assertEqual(order, [1, 3, 5, 7, 9])

    async def test_send_behind_those_who_wait(self) -> None:
        """While one waits, ``send`` without a queue does not overtake it, though there may be room by then."""
        push = self.bind(NarrowPush)
        waiting = push.sendDeferred(b"first")
        raw = self.peer(push, zmq.PULL)
        with self.assertRaises(zmq.Again):
            push.send(b"second")
        await waiting
        push.send(b"second")
        got: list[Any] = []
        await self.until(lambda: len(self.read(raw, got)) == 2)
        self.assertEqual(got, [[b"first"], [b"second"]])

    async def test_cancel(self) -> None:
        """Cancelling takes a message back, wherever it stands; the others keep their order."""
        push = self.bind(NarrowPush)
        order: list[Any] = []
        waiting = [self.watch(push.sendDeferred(str(number)), number, order) for number in range(6)]
        for number in (0, 3, 5):
            waiting[number].cancel()
        self.assertEqual(order, [(number, CancelledError) for number in (0, 3, 5)])
        order.clear()
        raw = self.peer(push, zmq.PULL)
        got: list[Any] = []
        await self.until(lambda: len(self.read(raw, got)) == 3)
        await self.turns(5)
        self.assertEqual(self.read(raw, got), [[b"1"], [b"2"], [b"4"]])
        self.assertEqual(order, [1, 2, 4])
        self.assertEqual(push.getStats().parked, 0)

    async def test_cancel_when_there_is_room(self) -> None:
        """Cancelled in the very turn in which room came, a message is not sent, and the next one goes."""
        push = self.bind(NarrowPush)
        first, second = push.sendDeferred(b"first"), push.sendDeferred(b"second")
        first.addErrback(lambda failure: failure.trap(CancelledError))
        raw = self.peer(push, zmq.PULL)
        push.doRead()  # it finds the room, and lets the first one try in the next turn
        first.cancel()
        await second
        got: list[Any] = []
        await self.until(lambda: self.read(raw, got))
        await self.turns(5)
        self.assertEqual(self.read(raw, got), [[b"second"]])

    async def test_cancel_after_it_is_sent(self) -> None:
        """Cancelling what has been sent does nothing."""
        push = self.bind(NarrowPush)
        raw = self.peer(push, zmq.PULL)
        sent = push.sendDeferred(b"message")
        self.assertTrue(sent.called)
        sent.cancel()
        await sent
        got: list[Any] = []
        await self.until(lambda: self.read(raw, got))

    async def test_cancelled_in_another_ones_callback(self) -> None:
        """The callback of one may cancel the next, which is then never sent."""
        push = self.bind(NarrowPush)
        order: list[Any] = []
        first = push.sendDeferred(b"first")
        second = self.watch(push.sendDeferred(b"second"), 2, order)
        third = self.watch(push.sendDeferred(b"third"), 3, order)
        first.addCallback(lambda _: second.cancel())
        raw = self.peer(push, zmq.PULL)
        await third
        got: list[Any] = []
        await self.until(lambda: len(self.read(raw, got)) == 2)
        await self.turns(5)
        self.assertEqual(self.read(raw, got), [[b"first"], [b"third"]])
        self.assertEqual(order, [(2, CancelledError), 3])

    async def test_shutdown(self) -> None:
        """At ``shutdown`` all that wait fail with ``ConnectionClosed``, in order, and are never delivered."""
        push = self.bind(QueueingPush)
        order: list[Any] = []
        for number in range(5):
            self.watch(push.sendDeferred(str(number)), number, order)
        push.send(b"queued")
        push.shutdown()
        await self.until(lambda: len(order) == 5)
        self.assertEqual(order, [(number, zmqbridge.ConnectionClosed) for number in range(5)])

    async def test_shutdown_in_a_callback(self) -> None:
        """The callback of one may shut the connection down; the others fail."""
        push = self.bind(NarrowPush)
        order: list[Any] = []
        push.sendDeferred(b"first").addCallback(lambda _: push.shutdown())
        self.watch(push.sendDeferred(b"second"), 2, order)
        self.peer(push, zmq.PULL)
        await self.until(lambda: order)
        self.assertEqual(order, [(2, zmqbridge.ConnectionClosed)])

    async def test_send_in_a_callback(self) -> None:
        """The callback of one may send the next, a hundred times over."""
        push = self.bind(NarrowPush)
        raw = self.peer(push, zmq.PULL)
        got: list[Any] = []

        def send_next(_: object, number: int) -> None:
            if number < 100:
                push.sendDeferred(str(number)).addCallback(send_next, number + 1)

        send_next(None, 0)
        await self.until(lambda: len(self.read(raw, got)) == 100)
        self.assertEqual(got, [[b"%d" % number] for number in range(100)])

    async def test_hundred(self) -> None:
        """A hundred that wait keep their order, as messages and as Deferreds."""
        push = self.bind(NarrowPush)
        raw = self.peer(push, zmq.PULL)
        order: list[Any] = []
        for number in range(100):
            self.watch(push.sendDeferred(str(number)), number, order)
        self.assertGreater(push.getStats().parked, 90)
        got: list[Any] = []
        await self.until(lambda: len(self.read(raw, got)) == 100)
        self.assertEqual(got, [[b"%d" % number] for number in range(100)])
        self.assertEqual(order, list(range(100)))

    async def test_over_tcp(self) -> None:
        """Large messages to a peer that does not read wait, while the reactor runs, and arrive in order."""
        push = NarrowPush(self.factory, tx.ZmqEndpoint("bind", "tcp://127.0.0.1:*"))
        raw = self.peer(push, zmq.PULL)
        order: list[Any] = []
        for number in range(40):
            self.watch(push.sendDeferred([str(number), b"x" * 500_000]), number, order)
        self.assertLess(len(order), 40)
        await self.turns(20)
        self.assertLess(len(order), 40)
        got: list[Any] = []
        await self.until(lambda: len(self.read(raw, got)) == 40)
        self.assertEqual([int(message[0]) for message in got], list(range(40)))
        self.assertEqual(order, list(range(40)))


class RouterTests(SendingCase):
    """A router that must deliver, and its peers, each with room of its own."""

    async def router(self, *identities: bytes) -> tuple[Any, list[zmq.Socket[bytes]]]:
        """Return a router and its peers, plain sockets that it knows."""
        router = self.bind(NarrowRouter)
        got = self.collect(router, "gotMessage")
        peers = [self.peer(router, zmq.DEALER, identity) for identity in identities]
        for peer in peers:
            peer.send(b"hello")
        await self.until(lambda: len(got) == len(peers))
        return router, peers

    def fill_peer(self, router: Any, identity: bytes) -> Deferred[None]:
        """Send to a peer until a message waits; return its Deferred."""
        for _ in range(100):
            waiting: Deferred[None] = router.sendDeferred([identity, b"message"])
            if not waiting.called:
                return waiting
        raise self.failureException("a hundred messages did not reach the high-water mark")

    async def test_full_peer(self) -> None:
        """A message to a full peer waits, while another peer's flow; it fires when its own peer reads."""
        router, (full, other) = await self.router(b"full", b"other")
        waiting = self.fill_peer(router, b"full")
        with self.assertRaises(tx.ZmqWouldBlock):
            router.sendMsg(b"full", b"not now")
        got: list[Any] = []
        for number in range(20):
            await router.sendDeferred([b"other", str(number)])
            await self.until(lambda number=number: len(self.read(other, got)) > number)  # type: ignore[misc]
        self.assertEqual(got, [[b"%d" % number] for number in range(20)])
        self.assertFalse(waiting.called)
        got_late: list[Any] = []
        await self.until(lambda: self.read(full, got_late) and waiting.called)
        await waiting
        await self.until(lambda: self.read(full, got_late) and len(got_late) == router.getStats().sent - 20)

    async def test_only_peer_is_full(self) -> None:
        """A message to a full peer that is the only one waits likewise, until it reads."""
        router, (full,) = await self.router(b"full")
        waiting = self.fill_peer(router, b"full")
        await self.turns(5)
        self.assertFalse(waiting.called)
        got: list[Any] = []
        await self.until(lambda: self.read(full, got) and waiting.called)
        await waiting

    async def test_unknown_peer(self) -> None:
        """A message to a peer that is not there fails at once, with errno EHOSTUNREACH."""
        router, _ = await self.router(b"peer")
        for send in (lambda: router.sendDeferred([b"nobody", b"message"]), lambda: self.failing(router)):
            with self.assertRaises(tx.ZmqPeerUnreachable) as raised:
                await send()
            self.assertEqual(raised.exception.errno, errno.EHOSTUNREACH)
            self.assertIsInstance(raised.exception, zmqbridge.PeerUnreachable)
            self.assertIsInstance(raised.exception, zmq.ZMQError)
            self.assertIn("nobody", str(raised.exception))

    async def failing(self, router: Any) -> None:
        router.sendMsg(b"nobody", b"message")

    async def test_waiting_for_a_peer_that_goes(self) -> None:
        """A message that waits for a full peer fails when the peer goes, as one to an unknown peer does."""
        router, (full, _) = await self.router(b"full", b"other")
        waiting = self.fill_peer(router, b"full")
        full.close(0)
        with self.assertRaises(zmqbridge.PeerUnreachable) as raised:
            await waiting
        self.assertIsInstance(raised.exception, tx.ZmqPeerUnreachable)
        self.assertEqual(raised.exception.errno, errno.EHOSTUNREACH)

    async def test_waiting_for_the_only_peer_that_goes(self) -> None:
        """It fails likewise when that peer was the router's only one."""
        router, (full,) = await self.router(b"full")
        waiting = self.fill_peer(router, b"full")
        full.close(0)
        with self.assertRaises(zmqbridge.PeerUnreachable):
            await waiting.addTimeout(10, self.reactor)

    async def test_not_mandatory(self) -> None:
        """A router that need not deliver drops what it cannot, as txZMQ's does."""
        router = self.bind(tx.ZmqRouterConnection)
        await router.sendDeferred([b"nobody", b"message"])
        router.sendMsg(b"nobody", b"message")
        self.assertEqual(router.getStats().sent, 2)
