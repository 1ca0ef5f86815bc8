"""``ZmqREQConnection`` and ``ZmqREPConnection``."""

# ruff: noqa: N815 - the attributes are txZMQ's

from __future__ import annotations

import copy
import errno
import pickle
import random
import threading
import uuid
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import zmq
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import Clock

import zmqbridge
import zmqbridge_twisted as tx
from tests.trial.base import ZmqTestCase
from zmqbridge_twisted import req_rep
from zmqbridge_twisted.req_rep import ZmqXREPConnection, ZmqXREQConnection

TCP = tx.ZmqEndpoint("bind", "tcp://127.0.0.1:*")
YEAR = 365 * 86_400.0


class OwnTime:
    """The global reactor, but its timers go by a clock that a case advances."""

    def __init__(self) -> None:
        self.clock = Clock()

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)

    def seconds(self) -> float:
        return float(self.clock.seconds())

    def callLater(self, delay: float, *call: Any, **keywords: Any) -> Any:
        place: Any = self.clock if delay > 0 else reactor
        return place.callLater(delay, *call, **keywords)


class NarrowREQ(tx.ZmqREQConnection):
    highWaterMark = 1


class QueueingREQ(NarrowREQ):
    queueLimit = 5


class Collecting(tx.ZmqREPConnection):
    """Keeps the requests, to be answered when the case says so."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        self.requests: list[tuple[bytes, tuple[bytes, ...]]] = []
        super().__init__(*arguments, **keywords)

    def gotMessage(self, id: bytes, *parts: bytes) -> None:
        self.requests.append((id, parts))


class NarrowCollecting(Collecting):
    highWaterMark = 1


class Echo(tx.ZmqREPConnection):
    def gotMessage(self, id: bytes, *parts: bytes) -> None:
        self.reply(id, *parts)


class ReqRepCase(ZmqTestCase):
    def setUp(self) -> Any:
        self._contexts: list[zmq.Context[Any]] = []
        self._raw: list[zmq.Socket[bytes]] = []
        return super().setUp()

    def tearDown(self) -> Any:
        for raw in self._raw:
            raw.close(0)
        for context in self._contexts:
            context.destroy(linger=0)
        return super().tearDown()

    def own_time(self) -> tuple[tx.ZmqFactory, Clock]:
        """Return a factory whose reactor's timers go by a clock, and the clock."""
        own = OwnTime()
        factory = tx.ZmqFactory(own)
        self._factories.append(factory)
        return factory, own.clock

    def pair(self, req_class: Any = tx.ZmqREQConnection, rep_class: Any = Echo) -> tuple[Any, Any]:
        rep = rep_class(self.factory, TCP)
        return self.connected(rep, req_class), rep

    def connected(self, rep: Any, req_class: Any = tx.ZmqREQConnection, factory: Any = None) -> Any:
        return req_class(factory or self.factory, tx.ZmqEndpoint("connect", self.bound(rep)))

    def plain(self, type: int, to: tx.ZmqConnection | None = None, identity: bytes | None = None) -> Any:
        """Return a plain socket of another context, bound to a port or connected; the case closes it."""
        if not self._contexts:
            self._contexts.append(zmq.Context())
        raw: zmq.Socket[bytes] = self._contexts[0].socket(type)
        raw.sndhwm = raw.rcvhwm = 0
        if identity is not None:
            raw.routing_id = identity
        if to is None:
            raw.bind("tcp://127.0.0.1:*")
        else:
            raw.connect(self.bound(to))
        return raw

    def narrow(self, rep: tx.ZmqConnection, identity: bytes) -> zmq.Socket[bytes]:
        """Return a plain DEALER in the factory's context that holds next to nothing unread."""
        raw: zmq.Socket[bytes] = self.factory.context.socket(zmq.DEALER)
        self._raw.append(raw)
        raw.linger = 0
        raw.rcvhwm, raw.routing_id = 1, identity
        raw.connect(self.bound(rep))
        return raw

    def asking(
        self, raw: Any, req_class: Any = tx.ZmqREQConnection, factory: Any = None, *, connect: bool = True
    ) -> Any:
        """Return a requester that is connected to a plain socket."""
        return req_class(factory or self.factory, self.endpoint(raw) if connect else None)

    def endpoint(self, raw: Any) -> tx.ZmqEndpoint:
        """Return where to connect to a plain socket."""
        return tx.ZmqEndpoint("connect", raw.get_string(zmq.LAST_ENDPOINT).rstrip("\0"))

    def received(self, raw: Any, count: int, into: list[Any] | None = None) -> Deferred[Any]:
        """Return a Deferred of the messages of a plain socket, once there are so many."""
        got: list[Any] = [] if into is None else into

        def look() -> bool:
            while raw.getsockopt(zmq.EVENTS) & zmq.POLLIN:
                got.append(raw.recv_multipart(zmq.NOBLOCK))
            return len(got) >= count

        return self.until(look).addCallback(lambda _: got)

    def timers(self) -> set[Any]:
        return set(self.reactor.getDelayedCalls())

    def flushed(self, error: type[BaseException], into: list[Any]) -> list[Any]:
        """Move what was logged of one kind to a list."""
        into.extend(self.flushLoggedErrors(error))
        return into

    def ids(self, *given: Any) -> Any:
        """Return a ``_getNextId`` that gives these, one after another."""
        left: Iterator[Any] = iter(given)
        return lambda: next(left)


class RequestTests(ReqRepCase):
    async def test_parts(self) -> None:
        """A request and its reply may be of many parts, of empty ones, of text, and of none at all."""
        req, _ = self.pair()
        self.assertEqual(await req.sendMsg(b"one"), [b"one"])
        self.assertEqual(await req.sendMsg(b"", b"two", b"", b"", b"three"), [b"", b"two", b"", b"", b"three"])
        self.assertEqual(await req.sendMsg("tëxt", b"bytes"), ["tëxt".encode(), b"bytes"])
        self.assertEqual(await req.sendMsg(), [])
        self.assertEqual(await req.sendMsg(b""), [b""])
        self.assertEqual(await req.sendMsg(bytearray(b"a"), memoryview(b"b")), [b"a", b"b"])

    async def test_reply_is_a_list(self) -> None:
        """The Deferred of a request fires with a list of ``bytes``."""
        req, _ = self.pair()
        reply = await req.sendMsg("a", "b")
        self.assertIs(type(reply), list)
        self.assertEqual({type(part) for part in reply}, {bytes})

    def test_no_parts(self) -> None:
        """A part that is neither bytes nor text is a ``TypeError``; nothing is sent and nothing left pending."""
        req = self.pair()[0]
        before = self.timers()
        for parts in ((5,), (b"fine", None), ([b"list"],), ("text", 1.5)):
            with self.assertRaises(TypeError):
                req.sendMsg(*parts, timeout=60)
        self.assertEqual(req.getStats().sent, 0)
        self.assertEqual(self.timers(), before)

    async def test_hundred_out_of_order(self) -> None:
        """A hundred requests are outstanding and answered in any order; each gets its own reply."""
        req, rep = self.pair(rep_class=Collecting)
        replies = [req.sendMsg(b"%d" % number, b"part") for number in range(100)]
        await self.until(lambda: len(rep.requests) == 100)
        self.assertFalse(any(reply.called for reply in replies))
        random.Random(5).shuffle(rep.requests)
        for id, parts in rep.requests:
            rep.reply(id, b"reply to", *parts)
        self.assertEqual(
            await gatherResults(replies), [[b"reply to", b"%d" % number, b"part"] for number in range(100)]
        )
        self.assertEqual(req.getStats().unmatched_replies, 0)
        self.assertEqual((req.getStats().received, rep.getStats().received), (100, 100))

    async def test_from_a_callback(self) -> None:
        """The callback of a reply may send the next request, a thousand times over."""
        req, _ = self.pair()
        ended: Deferred[Any] = Deferred()

        def again(reply: list[bytes]) -> None:
            if reply == [b"0"]:
                ended.callback(None)
            else:
                req.sendMsg(b"%d" % (int(reply[0]) - 1)).addCallbacks(again, ended.errback)

        again([b"1001"])
        await ended
        self.assertEqual(req.getStats().received, 1001)

    async def test_raising_callback(self) -> None:
        """An error in the callback of one reply leaves the others alone."""
        req, _ = self.pair()
        bad = req.sendMsg(b"bad").addCallback(lambda _: 1 / 0)
        good = req.sendMsg(b"good")
        self.assertEqual(await good, [b"good"])
        await self.assertFailure(bad, ZeroDivisionError)

    async def test_on_the_wire(self) -> None:
        """A request is its id, an empty frame, and its parts."""
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw, factory=self.factory)
        reply = req.sendMsg(b"a", b"", b"b")
        [[peer, id, *rest]] = await self.received(raw, 1)
        self.assertEqual(rest, [b"", b"a", b"", b"b"])
        raw.send_multipart([peer, id, b"", b"reply"])
        self.assertEqual(await reply, [b"reply"])

    async def test_several_repliers(self) -> None:
        """A requester that is connected to several repliers asks them in turn."""
        reps = [Collecting(self.factory, TCP) for _ in range(2)]
        req = tx.ZmqREQConnection(self.factory)
        req.addEndpoints([tx.ZmqEndpoint("connect", self.bound(rep)) for rep in reps])
        replies = [req.sendMsg(b"%d" % number) for number in range(10)]
        await self.until(lambda: [len(rep.requests) for rep in reps] == [5, 5])
        for rep in reversed(reps):
            for id, parts in reversed(rep.requests):
                rep.reply(id, *parts)
        self.assertEqual(await gatherResults(replies), [[b"%d" % number] for number in range(10)])

    async def test_malformed_replies(self) -> None:
        """Replies whose frames make no sense are dropped, counted and logged once; the good one arrives."""
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw)
        reply = req.sendMsg(b"request")
        [[peer, id, *_]] = await self.received(raw, 1)
        for frames in ([id], [id, b"no delimiter", b"part"], [b"\0"], [id, id], [b"part"]):
            raw.send_multipart([peer, *frames])
        raw.send_multipart([peer, id, b"", b"good"])
        self.assertEqual(await reply, [b"good"])
        self.assertEqual(req.getStats().malformed, 5)
        self.assertEqual((req.getStats().unmatched_replies, req.getStats().received), (0, 1))
        self.assertEqual(len(self.flushLoggedErrors(zmqbridge.RemoteProtocolError)), 1)


class TimeoutTests(ReqRepCase):
    async def test_default(self) -> None:
        """``defaultRequestTimeout`` is for requests that say nothing; ``timeout=`` goes before it."""

        class Req(tx.ZmqREQConnection):
            defaultRequestTimeout = 5.0

        factory, clock = self.own_time()
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw, Req, factory)
        default, longer, none = req.sendMsg(b"a"), req.sendMsg(b"b", timeout=10), req.sendMsg(b"c", timeout=None)
        shorter = req.sendMsg(b"d", timeout=0.5)
        clock.advance(0.4)
        self.assertFalse(shorter.called)
        clock.advance(0.2)
        await self.assertFailure(shorter, tx.ZmqRequestTimeoutError)
        clock.advance(4.3)
        self.assertFalse(default.called or none.called)
        clock.advance(0.2)
        await self.assertFailure(default, tx.ZmqRequestTimeoutError)
        await self.assertFailure(none, tx.ZmqRequestTimeoutError)
        self.assertFalse(longer.called)
        clock.advance(5)
        await self.assertFailure(longer, tx.ZmqRequestTimeoutError)
        self.assertEqual(clock.getDelayedCalls(), [])

    async def test_assigned(self) -> None:
        """``defaultRequestTimeout`` may be assigned on the instance, and holds from the next request on."""
        factory, clock = self.own_time()
        req = self.asking(self.plain(zmq.ROUTER), factory=factory)
        forever = req.sendMsg(b"before")
        req.defaultRequestTimeout = 3
        limited = req.sendMsg(b"after")
        clock.advance(4)
        await self.assertFailure(limited, tx.ZmqRequestTimeoutError)
        self.assertFalse(forever.called)
        forever.addErrback(lambda _: None)

    async def test_none(self) -> None:
        """With ``None`` a request waits for ever, and has no timer."""
        factory, clock = self.own_time()
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw, factory=factory)
        self.assertIsNone(req.defaultRequestTimeout)
        reply = req.sendMsg(b"request")
        self.assertEqual(clock.getDelayedCalls(), [])
        clock.advance(YEAR)
        [[peer, id, *_]] = await self.received(raw, 1)
        self.assertFalse(reply.called)
        raw.send_multipart([peer, id, b"", b"late"])
        self.assertEqual(await reply, [b"late"])

    async def test_error(self) -> None:
        """The error is txZMQ's, zmqbridge's and Python's own at once, and tells the request's id and the time."""
        factory, clock = self.own_time()
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw, factory=factory)
        reply = req.sendMsg(b"request", timeout=2.5)
        [[_, id, *_]] = await self.received(raw, 1)
        clock.advance(2.5)
        error = await self.assertFailure(reply, tx.ZmqRequestTimeoutError)
        self.assertIsInstance(error, zmqbridge.RequestTimeout)
        self.assertIsInstance(error, TimeoutError)
        self.assertEqual((error.args, error.messageId, error.timeout), ((id,), id, 2.5))
        self.assertIn(id.hex(), str(error))
        self.assertIn("2.5", str(error))

    def test_errors_of_a_programs_own(self) -> None:
        """The error may be made with anything, as txZMQ's may, and copied, pickled and printed."""
        for arguments in ((), (b"id",), ("words",), (None,), (b"id", 2.5), (1, 2, 3), (b"a", "b", "c", "d", "e", "f")):
            error = tx.ZmqRequestTimeoutError(*arguments)
            self.assertEqual(error.args, arguments)
            for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
                self.assertEqual((type(again), again.args, str(again)), (type(error), arguments, str(error)))
        self.assertEqual(str(tx.ZmqRequestTimeoutError("words")), "words")
        self.assertEqual(str(tx.ZmqRequestTimeoutError(1, 2, 3)), "(1, 2, 3)")

    def test_other_errors_pickled(self) -> None:
        """The other errors of the package are copied and pickled whole, with their errno."""
        for error in (
            tx.ZmqWouldBlock("words"),
            tx.ZmqPeerUnreachable("words"),
            tx.ZmqEndpointError("words", errno.EADDRINUSE),
            tx.ZmqSendRefused("words", zmq.EFSM),
            tx.ZmqContextTerminated("words"),
        ):
            for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
                self.assertEqual((type(again), again.errno, str(again)), (type(error), error.errno, str(error)))
        unknown = pickle.loads(pickle.dumps(tx.ZmqUnknownRequestError("words")))
        self.assertEqual((str(unknown), str(tx.ZmqUnknownRequestError())), ("words", ""))

    async def test_reactor_in_the_module(self) -> None:
        """The timeouts go by a clock that a test has put in the place of ``req_rep.reactor``, as in txZMQ."""
        clock = Clock()
        self.patch(req_rep, "reactor", clock)
        reply = self.asking(self.plain(zmq.ROUTER)).sendMsg(b"request", timeout=3600)
        clock.advance(3600)
        await self.assertFailure(reply, tx.ZmqRequestTimeoutError)

    async def test_zero(self) -> None:
        """With a timeout of 0 the request is sent, and given up in a turn to come, not within the call."""
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw)
        reply = req.sendMsg(b"request", timeout=0)
        self.assertFalse(reply.called)
        await self.assertFailure(reply, tx.ZmqRequestTimeoutError)
        [[_, _, *rest]] = await self.received(raw, 1)
        self.assertEqual(rest, [b"", b"request"])

    async def test_zero_default(self) -> None:
        """A default of 0 is a timeout of 0, not none."""
        req = self.asking(self.plain(zmq.ROUTER))
        req.defaultRequestTimeout = 0
        await self.assertFailure(req.sendMsg(b"request"), tx.ZmqRequestTimeoutError)

    async def test_bad_timeouts(self) -> None:
        """A negative timeout, or one that is no number, is an error; nothing is sent."""
        req = self.asking(self.plain(zmq.ROUTER))
        before = self.timers()
        for timeout in (-1, -0.001, float("-inf"), float("nan")):
            with self.assertRaises(ValueError) as raised:
                req.sendMsg(b"request", timeout=timeout)
            self.assertIn("timeout", str(raised.exception))
            req.defaultRequestTimeout = timeout
            with self.assertRaises(ValueError):
                req.sendMsg(b"request")
            req.defaultRequestTimeout = None
        with self.assertRaises(TypeError):
            req.sendMsg(b"request", timeout="soon")
        self.assertEqual(req.getStats().sent, 0)
        self.assertEqual(self.timers(), before)

    def test_unsupported_keyword(self) -> None:
        """Any other keyword is a ``TypeError``, and nothing is sent."""
        req = self.asking(self.plain(zmq.ROUTER))
        for keywords in ({"timeOut": 5}, {"timeout": 5, "retries": 3}, {"message": b"m"}):
            with self.assertRaises(TypeError):
                req.sendMsg(b"request", **keywords)
        self.assertEqual(req.getStats().sent, 0)

    async def test_reactor(self) -> None:
        """The timer runs on the factory's reactor: the global one gets none, and a reply stops it."""
        factory, clock = self.own_time()
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw, factory=factory)
        await self.turns(5)
        before = self.timers()
        reply = req.sendMsg(b"request", timeout=1000)
        self.assertEqual(len(clock.getDelayedCalls()), 1)
        await self.turns(5)
        self.assertEqual(self.timers(), before)
        [[peer, id, *_]] = await self.received(raw, 1)
        raw.send_multipart([peer, id, b"", b"reply"])
        self.assertEqual(await reply, [b"reply"])
        self.assertEqual(clock.getDelayedCalls(), [])

    async def test_reply_and_timeout(self) -> None:
        """A request that was answered does not time out, one that timed out is not answered."""
        factory, clock = self.own_time()
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw, factory=factory)
        first, second = req.sendMsg(b"first", timeout=1), req.sendMsg(b"second", timeout=1)
        (peer, one, *_), (_, two, *_) = await self.received(raw, 2)
        raw.send_multipart([peer, one, b"", b"in time"])
        self.assertEqual(await first, [b"in time"])
        clock.advance(1)
        await self.assertFailure(second, tx.ZmqRequestTimeoutError)
        raw.send_multipart([peer, two, b"", b"late"])
        await self.until(lambda: req.getStats().unmatched_replies)
        self.assertEqual((req.getStats().unmatched_replies, req.getStats().received), (1, 1))

    async def test_in_the_errback(self) -> None:
        """The errback of a timeout may send the request again."""
        factory, clock = self.own_time()
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw, factory=factory)
        reply = req.sendMsg(b"first", timeout=1).addErrback(lambda _: req.sendMsg(b"second", timeout=1))
        clock.advance(1)
        (_, one, _, _), (peer, two, _, part) = await self.received(raw, 2)
        self.assertNotEqual(one, two)
        self.assertEqual(part, b"second")
        raw.send_multipart([peer, two, b"", b"reply"])
        self.assertEqual(await reply, [b"reply"])
        self.assertEqual(clock.getDelayedCalls(), [])


class GivenUpTests(ReqRepCase):
    async def test_cancel(self) -> None:
        """Cancelling the Deferred gives the request up: no timer stays, and the late reply is dropped and counted."""
        factory, clock = self.own_time()
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw, factory=factory)
        given_up, other = req.sendMsg(b"given up", timeout=60), req.sendMsg(b"other")
        (peer, one, *_), (_, two, *_) = await self.received(raw, 2)
        given_up.cancel()
        await self.assertFailure(given_up, CancelledError)
        self.assertEqual(clock.getDelayedCalls(), [])
        raw.send_multipart([peer, one, b"", b"late"])
        raw.send_multipart([peer, two, b"", b"reply"])
        self.assertEqual(await other, [b"reply"])
        self.assertEqual((req.getStats().unmatched_replies, req.getStats().received), (1, 1))

    async def test_cancel_afterwards(self) -> None:
        """Cancelling a Deferred that has fired is no error and changes nothing."""
        req, _ = self.pair()
        reply = req.sendMsg(b"request", timeout=60)
        await self.until(lambda: reply.called)
        reply.cancel()
        self.assertEqual(await reply, [b"request"])
        self.assertEqual(await req.sendMsg(b"next"), [b"next"])

    async def test_cancel_one_from_another(self) -> None:
        """The callback of one reply may cancel a request whose reply has come in the same batch."""
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw)
        replies = [req.sendMsg(b"%d" % number, timeout=60) for number in range(3)]
        replies[0].addCallback(lambda reply: replies[1].cancel() or reply)
        frames = await self.received(raw, 3)
        for peer, id, _, part in frames:
            raw.send_multipart([peer, id, b"", part])
        self.assertEqual(await replies[2], [b"2"])
        self.assertEqual(await replies[0], [b"0"])
        await self.assertFailure(replies[1], CancelledError)
        self.assertEqual(req.getStats().unmatched_replies, 1)

    async def test_unmatched(self) -> None:
        """Duplicate, forged and late replies resolve nothing else, and are counted."""
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw)
        first, second = req.sendMsg(b"first"), req.sendMsg(b"second")
        (peer, one, *_), (_, two, *_) = await self.received(raw, 2)
        for id, part in (
            (one, b"first's"),
            (one, b"duplicate"),
            (uuid.uuid4().bytes, b"forged"),
            (b"x", b"forged"),
            (b"", b"forged"),
            (two[:15], b"forged"),
            (two + b"x", b"forged"),
            (one, b"late"),
        ):
            raw.send_multipart([peer, id, b"", part])
        self.assertEqual(await first, [b"first's"])
        await self.until(lambda: req.getStats().unmatched_replies == 7)
        self.assertFalse(second.called)
        third = req.sendMsg(b"third")
        raw.send_multipart([peer, one, b"", b"late"])
        raw.send_multipart([peer, two, b"", b"second's"])
        self.assertEqual(await second, [b"second's"])
        self.assertFalse(third.called)
        self.assertEqual((req.getStats().unmatched_replies, req.getStats().received), (8, 2))
        self.assertEqual(req.getStats().malformed, 0)
        third.addErrback(lambda _: None)


class IdTests(ReqRepCase):
    async def test_uuids(self) -> None:
        """Ids are the 16 bytes of a uuid4, and none comes twice in 10,000 requests, answered or not."""
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw)
        seen: list[bytes] = []
        pending: list[Deferred[Any]] = []
        for _ in range(10):
            replies = [req.sendMsg(b"request") for _ in range(1000)]
            frames = await self.received(raw, 1000)
            seen.extend(id for _, id, *_ in frames)
            for peer, id, *_ in frames[::2]:
                raw.send_multipart([peer, id, b"", b"reply"])
            await gatherResults(replies[::2])
            pending.extend(replies[1::2])
        self.assertEqual({len(id) for id in seen}, {16})
        self.assertEqual({uuid.UUID(bytes=id).version for id in seen}, {4})
        self.assertEqual(len(set(seen)), 10_000)
        self.assertFalse(any(reply.called for reply in pending))
        req.shutdown()
        for reply in pending:
            self.assertIsInstance(self.failureResultOf(reply).value, zmqbridge.ConnectionClosed)

    async def test_overridden(self) -> None:
        """A subclass may make the ids itself; they go on the wire as they are, and find their replies."""

        class Req(tx.ZmqREQConnection):
            count = 0

            def _getNextId(self) -> bytes:
                self.count += 1
                return b"mine-%d" % self.count

        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw, Req)
        replies = [req.sendMsg(b"a"), req.sendMsg(b"b")]
        frames = await self.received(raw, 2)
        self.assertEqual([id for _, id, *_ in frames], [b"mine-1", b"mine-2"])
        for peer, id, _, part in reversed(frames):
            raw.send_multipart([peer, id, b"", part])
        self.assertEqual(await gatherResults(replies), [[b"a"], [b"b"]])

    async def test_calls_the_inherited(self) -> None:
        """A subclass may build on the ids that it inherits."""

        class Req(tx.ZmqREQConnection):
            def _getNextId(self) -> bytes:
                return b"mine" + super()._getNextId()

        req = self.connected(Echo(self.factory, TCP), Req)
        self.assertEqual(await req.sendMsg(b"request"), [b"request"])
        self.assertEqual(len(req._getNextId()), 20)

    async def test_assigned(self) -> None:
        """``_getNextId`` may be assigned on the instance, between two requests."""
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw)
        first = req.sendMsg(b"a")
        req._getNextId = self.ids(b"assigned")
        second = req.sendMsg(b"b")
        (peer, one, *_), (_, two, *_) = await self.received(raw, 2)
        self.assertEqual((len(one), two), (16, b"assigned"))
        for id in (one, two):
            raw.send_multipart([peer, id, b"", id])
        self.assertEqual((await first, await second), ([one], [two]))

    async def test_repeated(self) -> None:
        """An id that is repeated while its request is pending is an error; the first still gets its reply."""
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw)
        req._getNextId = lambda: b"same"
        before = self.timers()
        first = req.sendMsg(b"first")
        with self.assertRaises(zmqbridge.LocalProtocolError) as raised:
            req.sendMsg(b"second", timeout=60)
        self.assertIn("same", str(raised.exception))
        self.assertEqual(self.timers(), before)
        [[peer, id, _, part]] = await self.received(raw, 1)
        self.assertEqual(part, b"first")
        raw.send_multipart([peer, id, b"", b"reply"])
        self.assertEqual(await first, [b"reply"])
        again = req.sendMsg(b"again")
        [[*_, part]] = await self.received(raw, 1)
        self.assertEqual(part, b"again")
        raw.send_multipart([peer, id, b"", b"reply again"])
        self.assertEqual(await again, [b"reply again"])

    async def test_raising(self) -> None:
        """An error in an overridden ``_getNextId`` comes out of ``sendMsg``; the next request is not affected."""
        req, _ = self.pair()
        original = req._getNextId
        req._getNextId = lambda: 1 // 0
        with self.assertRaises(ZeroDivisionError):
            req.sendMsg(b"request")
        req._getNextId = original
        self.assertEqual(await req.sendMsg(b"request"), [b"request"])

    async def test_no_id(self) -> None:
        """An overridden ``_getNextId`` that returns no bytes is an error, and the next request is not affected."""
        req, _ = self.pair()
        original = req._getNextId
        for wrong in (None, 5):
            req._getNextId = partial(lambda wrong: wrong, wrong)
            with self.assertRaises((TypeError, zmqbridge.LocalProtocolError)):
                req.sendMsg(b"request")
            req._getNextId = original
            self.assertEqual(await req.sendMsg(b"request"), [b"request"])


class SameIdTests(ReqRepCase):
    """Two clients choose their ids without knowing of each other."""

    async def _answered(self, *, backwards: bool) -> None:
        rep = Collecting(self.factory, TCP)
        clients = [self.plain(zmq.DEALER, rep) for _ in range(2)]
        for number, client in enumerate(clients):
            client.send_multipart([b"same id", b"", b"request of", b"%d" % number])
        await self.until(lambda: len(rep.requests) == 2)
        for id, (_, part) in sorted(rep.requests, key=lambda each: each[1], reverse=backwards):
            rep.reply(id, b"reply to", part)
        for number, client in enumerate(clients):
            got = await self.received(client, 1)
            await self.turns(5)
            self.assertEqual(await self.received(client, 1, got), [[b"same id", b"", b"reply to", b"%d" % number]])

    async def test_first_answered_first(self) -> None:
        """Two clients with the same id are answered in the order of their requests; each gets its own reply."""
        await self._answered(backwards=False)

    async def test_last_answered_first(self) -> None:
        """Two clients with the same id are answered in the other order; each gets its own reply."""
        await self._answered(backwards=True)

    async def test_one_client_twice(self) -> None:
        """A client that uses one id for two requests at once gets both replies, in the order they were sent."""
        rep = Collecting(self.factory, TCP)
        client = self.plain(zmq.DEALER, rep)
        for part in (b"a", b"b"):
            client.send_multipart([b"id", b"", part])
        await self.until(lambda: len(rep.requests) == 2)
        self.assertEqual(len({id for id, _ in rep.requests}), 2)
        for id, parts in reversed(rep.requests):
            rep.reply(id, *parts)
        self.assertEqual(await self.received(client, 2), [[b"id", b"", b"b"], [b"id", b"", b"a"]])

    async def test_again_after_the_reply(self) -> None:
        """An id that was answered may be used again."""
        rep = Collecting(self.factory, TCP)
        client = self.plain(zmq.DEALER, rep)
        for part in (b"a", b"b"):
            client.send_multipart([b"id", b"", part])
            await self.until(lambda: rep.requests)
            [(id, parts)] = rep.requests
            del rep.requests[:]
            rep.reply(id, *parts)
            self.assertEqual(await self.received(client, 1), [[b"id", b"", part]])


class ShutdownTests(ReqRepCase):
    async def _pending(self) -> tuple[Any, list[Deferred[Any]], Clock, tx.ZmqFactory]:
        factory, clock = self.own_time()
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw, factory=factory)
        replies = [req.sendMsg(b"request", timeout=timeout) for timeout in (None, 60, 3600)]
        await self.received(raw, 3)
        return req, replies, clock, factory

    def _failed(self, replies: list[Deferred[Any]], clock: Clock) -> None:
        for reply in replies:
            error = self.failureResultOf(reply).value
            self.assertIsInstance(error, zmqbridge.ConnectionClosed)
        self.assertEqual(clock.getDelayedCalls(), [])

    async def test_connection(self) -> None:
        """``shutdown`` fails the pending requests before it returns, and leaves no timer."""
        req, replies, clock, _ = await self._pending()
        req.shutdown()
        self._failed(replies, clock)
        req.shutdown()
        with self.assertRaises(zmqbridge.ConnectionClosed):
            req.sendMsg(b"too late", timeout=60)
        self.assertEqual(clock.getDelayedCalls(), [])

    async def test_factory(self) -> None:
        """The factory's ``shutdown`` does so as well."""
        _, replies, clock, factory = await self._pending()
        ended = factory.shutdown()
        self._failed(replies, clock)
        await ended

    async def test_errbacks_use_the_connection(self) -> None:
        """The errbacks may ask, cancel and shut down again; each request fails once."""
        req, replies, clock, _ = await self._pending()
        errors: list[Any] = []

        def errback(failure: Any) -> None:
            errors.append(failure.value)
            for reply in replies:
                reply.cancel()
            req.shutdown()
            with self.assertRaises(zmqbridge.ConnectionClosed):
                req.sendMsg(b"again")

        for reply in replies:
            reply.addErrback(errback)
        req.shutdown()
        self.assertEqual(len(errors), 3)
        self.assertIsInstance(errors[0], zmqbridge.ConnectionClosed)
        self.assertTrue(all(reply.called for reply in replies))
        self.assertEqual(clock.getDelayedCalls(), [])

    async def test_in_a_callback(self) -> None:
        """The callback of a reply may shut the connection down: the other requests fail, though replies have come."""
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw)
        replies = [req.sendMsg(b"%d" % number, timeout=60) for number in range(10)]
        replies[0].addCallback(lambda _: req.shutdown())
        for peer, id, _, part in await self.received(raw, 10):
            raw.send_multipart([peer, id, b"", part])
        await self.until(lambda: all(reply.called for reply in replies))
        self.assertIsNone(self.successResultOf(replies[0]))
        for reply in replies[1:]:
            self.failureResultOf(reply, zmqbridge.ConnectionClosed)

    async def test_in_the_replier(self) -> None:
        """``gotMessage`` may shut its connection down: no further request is delivered."""
        rep = Collecting(self.factory, TCP)
        req = self.connected(rep)
        requests: list[Any] = []

        def handler(id: bytes, *parts: bytes) -> None:
            requests.append(parts)
            rep.shutdown()
            with self.assertRaises(zmqbridge.ConnectionClosed):
                rep.reply(id, b"too late")

        rep.gotMessage = handler  # type: ignore[method-assign]
        for number in range(10):
            req.sendMsg(b"%d" % number).addErrback(lambda _: None)
        await self.until(lambda: requests)
        await self.turns(5)
        self.assertEqual(requests, [(b"0",)])

    async def test_reply_then_shutdown(self) -> None:
        """A reply that was sent just before ``shutdown`` arrives."""
        rep = Collecting(self.factory, TCP)
        req = self.connected(rep)
        reply = req.sendMsg(b"request")
        await self.until(lambda: rep.requests)
        rep.reply(rep.requests[0][0], b"last words")
        rep.shutdown()
        self.assertEqual(await reply, [b"last words"])


class FullTests(ReqRepCase):
    def test_high_water_mark(self) -> None:
        """A request that libzmq does not take raises ``zmq.Again``, and leaves nothing pending."""
        req = NarrowREQ(self.factory, TCP)
        req._getNextId = lambda: b"same"  # type: ignore[method-assign]
        before = self.timers()
        for _ in range(3):
            with self.assertRaises(zmq.Again) as raised:
                req.sendMsg(b"request", timeout=60)
            self.assertIsInstance(raised.exception, zmqbridge.WouldBlock)
        self.assertEqual(self.timers(), before)
        self.assertEqual((req.getStats().sent, req.getStats().parked), (0, 0))

    async def test_those_sent_before(self) -> None:
        """At the high-water mark the requests that were taken stay pending, and are answered."""
        address = self.inproc()
        req = NarrowREQ(self.factory, tx.ZmqEndpoint("connect", address))
        replies = [req.sendMsg(b"first")]
        with self.assertRaises(zmq.Again):
            for _ in range(100):
                replies.append(req.sendMsg(b"more"))
        rep = Echo(self.factory, tx.ZmqEndpoint("bind", address))
        self.assertEqual((await gatherResults(replies))[0], [b"first"])
        self.assertEqual(rep.getStats().received, len(replies))

    async def test_queued(self) -> None:
        """With ``queueLimit`` requests wait for room and are sent then; beyond it is the error."""
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw, QueueingREQ, connect=False)
        replies = [req.sendMsg(b"%d" % number) for number in range(5)]
        self.assertEqual(len(req.queue), 5)
        with self.assertRaises(zmq.Again):
            req.sendMsg(b"one too many")
        req.addEndpoints([self.endpoint(raw)])
        frames = await self.received(raw, 5)
        self.assertEqual([part for *_, part in frames], [b"%d" % number for number in range(5)])
        for peer, id, _, part in frames:
            raw.send_multipart([peer, id, b"", part])
        self.assertEqual(await gatherResults(replies), [[b"%d" % number] for number in range(5)])
        self.assertEqual(len(req.queue), 0)

    async def test_queued_and_timed_out(self) -> None:
        """A queued request that times out is never sent, leaves the queue, and logs nothing."""
        factory, clock = self.own_time()
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw, QueueingREQ, factory, connect=False)
        replies = [req.sendMsg(b"%d" % number, timeout=1 if number == 1 else 60) for number in range(3)]
        clock.advance(2)
        await self.assertFailure(replies[1], tx.ZmqRequestTimeoutError)
        self.assertEqual([frames[-1] for frames in req.queue], [b"0", b"2"])
        req.addEndpoints([self.endpoint(raw)])
        frames = await self.received(raw, 2)
        await self.turns(5)
        self.assertEqual([part for *_, part in await self.received(raw, 2, frames)], [b"0", b"2"])
        req.shutdown()
        for reply in (replies[0], replies[2]):
            self.failureResultOf(reply, zmqbridge.ConnectionClosed)
        self.assertEqual(clock.getDelayedCalls(), [])

    async def test_queued_and_cancelled(self) -> None:
        """A queued request that is cancelled is never sent, leaves the queue, and logs nothing."""
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw, QueueingREQ, connect=False)
        replies = [req.sendMsg(b"%d" % number, timeout=60) for number in range(3)]
        replies[0].cancel()
        await self.assertFailure(replies[0], CancelledError)
        self.assertEqual([frames[-1] for frames in req.queue], [b"1", b"2"])
        req.addEndpoints([self.endpoint(raw)])
        frames = await self.received(raw, 2)
        await self.turns(5)
        self.assertEqual([part for *_, part in await self.received(raw, 2, frames)], [b"1", b"2"])
        for peer, id, _, part in frames:
            raw.send_multipart([peer, id, b"", part])
        self.assertEqual(await gatherResults(replies[1:]), [[b"1"], [b"2"]])

    async def test_queued_and_shut_down(self) -> None:
        """Queued requests fail with ``ConnectionClosed`` at ``shutdown``, and nothing is logged as an error."""
        req = QueueingREQ(self.factory, TCP)
        replies = [req.sendMsg(b"%d" % number, timeout=60) for number in range(3)]
        req.shutdown()
        for reply in replies:
            self.failureResultOf(reply, zmqbridge.ConnectionClosed)
        await self.turns()
        self.assertEqual(len(req.queue), 0)


class ReplierTests(ReqRepCase):
    async def test_arguments(self) -> None:
        """``gotMessage`` gets the request's id and then its parts."""
        rep = Collecting(self.factory, TCP)
        client = self.plain(zmq.DEALER, rep)
        for parts in ([b"a", b"", b"b"], [], [b""]):
            client.send_multipart([b"id%d" % len(parts), b"", *parts])
        await self.until(lambda: len(rep.requests) == 3)
        self.assertEqual(rep.requests, [(b"id3", (b"a", b"", b"b")), (b"id0", ()), (b"id1", (b"",))])

    async def test_assigned(self) -> None:
        """``gotMessage`` may be assigned on the instance."""
        rep = tx.ZmqREPConnection(self.factory, TCP)
        rep.gotMessage = lambda request, *parts: rep.reply(request, b"assigned", *parts)  # type: ignore[method-assign]
        self.assertEqual(await self.connected(rep).sendMsg(b"request"), [b"assigned", b"request"])

    async def test_kinds_of_replies(self) -> None:
        """A reply may be of many parts, of text, and of none at all."""
        req, rep = self.pair(rep_class=Collecting)
        for parts, came in (
            ((), []),
            ((b"",), [b""]),
            (("tëxt", b"", bytearray(b"c")), ["tëxt".encode(), b"", b"c"]),
        ):
            reply = req.sendMsg(b"request")
            await self.until(lambda: rep.requests)
            rep.reply(rep.requests.pop()[0], *parts)
            self.assertEqual(await reply, came)

    async def test_later(self) -> None:
        """A reply may come from a later turn of the reactor."""
        rep = tx.ZmqREPConnection(self.factory, TCP)
        rep.gotMessage = lambda request, *parts: self.reactor.callLater(0, rep.reply, request, *parts)  # type: ignore[method-assign]
        req = self.connected(rep)
        replies = [req.sendMsg(b"%d" % number) for number in range(20)]
        self.assertEqual(await gatherResults(replies), [[b"%d" % number] for number in range(20)])

    async def test_twice(self) -> None:
        """A second reply to a request is an error, which is a ``KeyError`` too; the client gets the first alone."""
        req, rep = self.pair(rep_class=Collecting)
        reply = req.sendMsg(b"request")
        await self.until(lambda: rep.requests)
        [(id, _)] = rep.requests
        rep.reply(id, b"first")
        for error in (tx.ZmqUnknownRequestError, KeyError, zmqbridge.LocalProtocolError):
            with self.assertRaises(error) as raised:
                rep.reply(id, b"second")
        self.assertIn(repr(id), str(raised.exception))
        self.assertEqual(await reply, [b"first"])
        self.assertEqual(await self._next(req, rep), [b"next"])
        self.assertEqual(req.getStats().unmatched_replies, 0)

    async def _next(self, req: Any, rep: Any) -> Any:
        del rep.requests[:]
        reply = req.sendMsg(b"next")
        await self.until(lambda: rep.requests)
        rep.reply(rep.requests[0][0], b"next")
        return await reply

    def test_unknown(self) -> None:
        """A reply to a request that never came is the same error, and nothing is sent."""
        rep = tx.ZmqREPConnection(self.factory, TCP)
        for id in (b"", b"never", uuid.uuid4().bytes):
            with self.assertRaises(tx.ZmqUnknownRequestError):
                rep.reply(id, b"reply")
        self.assertEqual((rep.getStats().sent, rep.getStats().dropped_replies), (0, 0))

    async def test_bad_part(self) -> None:
        """A reply with a part that is neither bytes nor text is a ``TypeError``, and may be put right."""
        req, rep = self.pair(rep_class=Collecting)
        reply = req.sendMsg(b"request")
        await self.until(lambda: rep.requests)
        [(id, _)] = rep.requests
        with self.assertRaises(TypeError):
            rep.reply(id, b"fine", 5)
        rep.reply(id, b"right")
        self.assertEqual(await reply, [b"right"])

    async def test_client_gone(self) -> None:
        """A reply to a client that is gone is dropped and counted, without an error."""
        rep = Collecting(self.factory, TCP)
        client = self.plain(zmq.DEALER, rep)
        for number in range(5000):
            client.send_multipart([b"%d" % number, b"", b"request"])
        await self.until(lambda: len(rep.requests) == 5000)
        client.close(0)
        requests = iter(rep.requests)

        def answer() -> int:
            id, _ = next(requests)
            rep.reply(id, b"reply")
            return rep.getStats().dropped_replies

        await self.until(answer)
        self.assertEqual(rep.getStats().dropped_replies, 1)
        for id, _ in requests:
            rep.reply(id, b"reply")
        stats = rep.getStats()
        self.assertEqual(stats.sent + stats.dropped_replies, 5000)
        self.assertEqual(await self._next(self.connected(rep), rep), [b"next"])

    async def test_client_that_never_reads(self) -> None:
        """Replies to a client that reads none are dropped and counted; another client is served meanwhile."""
        rep = NarrowCollecting(self.factory, tx.ZmqEndpoint("bind", self.inproc()))
        other = self.connected(rep)
        deaf = self.narrow(rep, b"deaf")
        for number in range(20):
            deaf.send_multipart([b"%d" % number, b"", b"request"])
            await self.until(lambda: rep.requests)
            rep.reply(rep.requests.pop()[0], b"reply")
            self.assertEqual(await self._next(other, rep), [b"next"])
            del rep.requests[:]
        dropped = rep.getStats().dropped_replies
        self.assertGreaterEqual(dropped, 15)
        self.assertEqual(rep.getStats().sent + dropped, 40)
        self.assertEqual(rep.getStats().parked, 0)

    async def test_queue_for_a_client_that_goes(self) -> None:
        """Replies that wait in the queue for a client that goes are dropped and counted, without an error."""

        class Queueing(NarrowCollecting):
            queueLimit = 100

        rep = Queueing(self.factory, tx.ZmqEndpoint("bind", self.inproc()))
        deaf = self.narrow(rep, b"deaf")
        for number in range(10):
            deaf.send_multipart([b"%d" % number, b"", b"request"])
            await self.until(lambda number=number: len(rep.requests) > number)  # type: ignore[misc]
        for id, _ in rep.requests:
            rep.reply(id, b"reply")
        queued = len(rep.queue)
        self.assertGreaterEqual(queued, 5)
        self.assertEqual(rep.getStats().dropped_replies, 0)
        deaf.close(0)
        await self.until(lambda: not rep.queue)
        self.assertEqual(rep.getStats().dropped_replies, queued)

    async def test_queue_for_a_slow_client(self) -> None:
        """With ``queueLimit`` replies wait for a client that reads late, and arrive in order."""

        class Queueing(NarrowCollecting):
            queueLimit = 100

        rep = Queueing(self.factory, tx.ZmqEndpoint("bind", self.inproc()))
        slow = self.narrow(rep, b"slow")
        for number in range(10):
            slow.send_multipart([b"%d" % number, b"", b"request"])
            await self.until(lambda number=number: len(rep.requests) > number)  # type: ignore[misc]
        for id, _ in rep.requests:
            rep.reply(id, b"reply")
        got = await self.received(slow, 10)
        self.assertEqual([id for id, *_ in got], [b"%d" % number for number in range(10)])
        self.assertEqual(rep.getStats().dropped_replies, 0)

    async def test_malformed(self) -> None:
        """Requests without a delimiter are dropped, counted and logged once; the next good one is answered."""
        rep = Echo(self.factory, TCP)
        client = self.plain(zmq.DEALER, rep)
        for frames in ([b"id"], [b"id", b"no delimiter"], [b"a", b"b", b"c", b"d"], *[[b"again"]] * 300):
            client.send_multipart(frames)
        client.send_multipart([b"good", b"", b"request"])
        self.assertEqual(await self.received(client, 1), [[b"good", b"", b"request"]])
        self.assertEqual((rep.getStats().malformed, rep.getStats().received), (303, 1))
        logged = self.flushLoggedErrors(zmqbridge.RemoteProtocolError)
        self.assertEqual(len(logged), 1)
        self.assertIn("malformed", logged[0].getErrorMessage())

    async def test_delimiter_first(self) -> None:
        """A request that begins with the delimiter, as a plain REQ socket's does, is answered in its own form."""
        rep = Echo(self.factory, TCP)
        client = self.plain(zmq.DEALER, rep)
        for frames in ([b"", b"request"], [b"", b""], [b"", b"", b"", b"part"]):
            client.send_multipart(frames)
            self.assertEqual(await self.received(client, 1), [frames])
        self.assertEqual(rep.getStats().malformed, 0)

    async def test_probes(self) -> None:
        """The empty message with which a peer introduces itself is no request, and no reply; nothing is logged."""
        rep = Echo(self.factory, TCP)
        client = self.plain(zmq.DEALER, rep)
        for frames in ([b""], [b"id", b"", b"request"]):
            client.send_multipart(frames)
        self.assertEqual(await self.received(client, 1), [[b"id", b"", b"request"]])
        stats = rep.getStats()
        self.assertEqual((stats.probes, stats.received, stats.malformed), (1, 1, 0))
        raw = self.plain(zmq.ROUTER)
        req = self.asking(raw)
        reply = req.sendMsg(b"request")
        [[peer, id, *_]] = await self.received(raw, 1)
        for frames in ([b""], [id, b"", b"good"]):
            raw.send_multipart([peer, *frames])
        self.assertEqual(await reply, [b"good"])
        stats = req.getStats()
        self.assertEqual((stats.probes, stats.received, stats.malformed), (1, 1, 0))

    async def test_first_delimiter_counts(self) -> None:
        """The first empty frame ends the envelope, whatever the payload holds."""
        rep = Echo(self.factory, TCP)
        client = self.plain(zmq.DEALER, rep)
        for frames in ([b"id", b"", b"", b"a", b""], [b"hop", b"hop", b"id", b"", b"a"]):
            client.send_multipart(frames)
            self.assertEqual(await self.received(client, 1), [frames])

    async def test_handler_raises(self) -> None:
        """An error in ``gotMessage`` is logged; its client times out, and the next request is answered."""
        rep = Collecting(self.factory, TCP)

        def handler(id: bytes, *parts: bytes) -> None:
            if parts == (b"bad",):
                raise ZeroDivisionError("the handler's own")
            rep.reply(id, *parts)

        rep.gotMessage = handler  # type: ignore[method-assign]
        factory, clock = self.own_time()
        req = self.connected(rep, factory=factory)
        bad, good = req.sendMsg(b"bad", timeout=5), req.sendMsg(b"good")
        self.assertEqual(await good, [b"good"])
        self.assertFalse(bad.called)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        clock.advance(5)
        await self.assertFailure(bad, tx.ZmqRequestTimeoutError)
        self.assertEqual(await req.sendMsg(b"next"), [b"next"])

    async def test_no_handler(self) -> None:
        """Without ``gotMessage`` a request is a logged ``NotImplementedError``."""
        rep = tx.ZmqREPConnection(self.factory, TCP)
        self.connected(rep).sendMsg(b"request").addErrback(lambda _: None)
        logged: list[Any] = []
        await self.until(lambda: self.flushed(NotImplementedError, logged))
        self.assertIn("ZmqREPConnection", logged[0].getErrorMessage())


class UnansweredTests(ReqRepCase):
    async def test_too_many(self) -> None:
        """Beyond ``maxUnanswered`` requests the oldest is forgotten; the others are answered."""

        class Rep(Collecting):
            maxUnanswered = 3

        req, rep = self.pair(rep_class=Rep)
        replies = [req.sendMsg(b"%d" % number) for number in range(5)]
        await self.until(lambda: len(rep.requests) == 5)
        for id, _ in rep.requests[:2]:
            with self.assertRaises(tx.ZmqUnknownRequestError) as raised:
                rep.reply(id, b"reply")
            self.assertIn("maxUnanswered=3", str(raised.exception))
        for id, parts in rep.requests[2:]:
            rep.reply(id, *parts)
        self.assertEqual(await gatherResults(replies[2:]), [[b"2"], [b"3"], [b"4"]])
        self.assertFalse(replies[0].called or replies[1].called)
        for reply in replies[:2]:
            reply.addErrback(lambda _: None)

    async def test_answered_do_not_count(self) -> None:
        """Requests that were answered make room for others."""

        class Rep(Collecting):
            maxUnanswered = 2

        req, rep = self.pair(rep_class=Rep)
        kept = req.sendMsg(b"kept")
        await self.until(lambda: len(rep.requests) == 1)
        for number in range(1, 20):
            reply = req.sendMsg(b"%d" % number)
            await self.until(lambda number=number: len(rep.requests) == number + 1)  # type: ignore[misc]
            rep.reply(rep.requests[-1][0])
            await reply
        rep.reply(rep.requests[0][0], b"late")
        self.assertEqual(await kept, [b"late"])

    async def test_one(self) -> None:
        """The least that may be kept is one: the latest."""

        class Rep(Collecting):
            maxUnanswered = 1

        req, rep = self.pair(rep_class=Rep)
        replies = [req.sendMsg(b"%d" % number) for number in range(3)]
        await self.until(lambda: len(rep.requests) == 3)
        rep.reply(rep.requests[2][0], b"reply")
        self.assertEqual(await replies[2], [b"reply"])
        for (id, _), reply in zip(rep.requests[:2], replies[:2], strict=True):
            self.assertRaises(tx.ZmqUnknownRequestError, rep.reply, id)
            reply.addErrback(lambda _: None)

    async def test_too_old(self) -> None:
        """A request older than ``unansweredLifetime``, by the factory's reactor, is forgotten when another comes."""
        factory, clock = self.own_time()

        class Rep(Collecting):
            unansweredLifetime = 10.0

        rep = Rep(factory, TCP)
        client = self.plain(zmq.DEALER, rep)
        for number, pause in enumerate((4, 4, 4, 0)):
            client.send_multipart([b"%d" % number, b"", b"request"])
            await self.until(lambda number=number: len(rep.requests) > number)  # type: ignore[misc]
            clock.advance(pause)
        with self.assertRaises(tx.ZmqUnknownRequestError) as raised:
            rep.reply(b"0", b"reply")
        self.assertIn("unansweredLifetime=10", str(raised.exception))
        for id in (b"1", b"2", b"3"):
            rep.reply(id, b"reply")
        self.assertEqual([id for id, *_ in await self.received(client, 3)], [b"1", b"2", b"3"])

    async def test_assigned(self) -> None:
        """Both bounds may be assigned on the instance."""
        factory, clock = self.own_time()
        rep = Collecting(factory, TCP)
        client = self.plain(zmq.DEALER, rep)

        async def ask(*ids: bytes) -> None:
            count = len(rep.requests) + len(ids)
            for id in ids:
                client.send_multipart([id, b"", b"request"])
            await self.until(lambda: len(rep.requests) == count)

        await ask(b"0", b"1", b"2")
        rep.maxUnanswered = 2
        await ask(b"3")
        rep.unansweredLifetime = 0
        clock.advance(1)
        await ask(b"4")
        for id in (b"0", b"1", b"2", b"3"):
            self.assertRaises(tx.ZmqUnknownRequestError, rep.reply, id)
        rep.reply(b"4", b"reply")
        self.assertEqual(await self.received(client, 1), [[b"4", b"", b"reply"]])

    async def test_too_much_memory(self) -> None:
        """Beyond ``maxUnansweredMemory`` bytes the oldest requests are forgotten; the others are answered."""

        class Rep(Collecting):
            maxUnansweredMemory = 20_000

        rep = Rep(self.factory, TCP)
        client = self.plain(zmq.DEALER, rep)
        for number in range(100):
            client.send_multipart([b"%05d" % number + b"i" * 4000, b"", b"request"])
        await self.until(lambda: len(rep.requests) == 100)
        answered = []
        for id, _ in reversed(rep.requests):
            try:
                rep.reply(id)
                answered.append(int(id[:5]))
            except tx.ZmqUnknownRequestError as error:
                self.assertIn("maxUnansweredMemory=20000", str(error))
                self.assertLess(len(str(error)), 1000)
        self.assertEqual(answered, [99, 98, 97, 96])

    async def test_many_small_frames(self) -> None:
        """An envelope of very many small frames is malformed, as a large one is: each frame takes memory."""
        rep = Echo(self.factory, TCP)
        client = self.plain(zmq.DEALER, rep)
        client.send_multipart([b"%02d" % (number % 100) for number in range(2000)] + [b"", b"request"])
        client.send_multipart([b"good", b"", b"request"])
        self.assertEqual(await self.received(client, 1), [[b"good", b"", b"request"]])
        self.assertEqual(rep.getStats().malformed, 1)
        self.assertEqual(len(self.flushLoggedErrors(zmqbridge.RemoteProtocolError)), 1)

    async def test_handler_raised(self) -> None:
        """A request whose handler raised before it answered is forgotten; one that was answered before is answered."""
        ids: list[bytes] = []

        class Rep(tx.ZmqREPConnection):
            def gotMessage(self, id: bytes, *parts: bytes) -> None:
                ids.append(id)
                if parts == (b"answered",):
                    self.reply(id, b"answer")
                raise ZeroDivisionError

        rep = Rep(self.factory, TCP)
        client = self.plain(zmq.DEALER, rep)
        for part in (b"not answered", b"answered"):
            client.send_multipart([part, b"", part])
        self.assertEqual(await self.received(client, 1), [[b"answered", b"", b"answer"]])
        for id in ids:
            with self.assertRaises(tx.ZmqUnknownRequestError) as raised:
                rep.reply(id)
            self.assertIn("its handler raised", str(raised.exception))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_thousands(self) -> None:
        """Requests by the thousand that nobody answers are kept up to the bound and no further."""

        class Rep(tx.ZmqREPConnection):
            maxUnanswered = 100

            def gotMessage(self, id: bytes, *parts: bytes) -> None:
                ids.append(id)

        ids: list[bytes] = []
        rep = Rep(self.factory, TCP)
        client = self.plain(zmq.DEALER, rep)
        for number in range(5000):
            client.send_multipart([b"%d" % number, b"", b"request"])
        await self.until(lambda: len(ids) == 5000)
        for id in ids[:-100]:
            self.assertRaises(tx.ZmqUnknownRequestError, rep.reply, id)
        for id in ids[-100:]:
            rep.reply(id)
        self.assertEqual(rep.getStats().sent, 100)


class PlainPeerTests(ReqRepCase):
    async def test_plain_req(self) -> None:
        """A plain REQ socket is answered, again and again."""
        rep = Echo(self.factory, TCP)
        client = self.plain(zmq.REQ, rep)
        for number in range(5):
            client.send_multipart([b"request", b"", b"%d" % number])
            self.assertEqual(await self.received(client, 1), [[b"request", b"", b"%d" % number]])

    async def test_several_plain_reqs(self) -> None:
        """Several plain REQ sockets are answered out of order, each with its own reply."""
        rep = Collecting(self.factory, TCP)
        clients = [self.plain(zmq.REQ, rep) for _ in range(5)]
        for number, client in enumerate(clients):
            client.send(b"%d" % number)
        await self.until(lambda: len(rep.requests) == 5)
        for id, parts in sorted(rep.requests, key=lambda each: each[1], reverse=True):
            rep.reply(id, *parts)
        for number, client in enumerate(clients):
            self.assertEqual(await self.received(client, 1), [[b"%d" % number]])

    async def test_plain_rep(self) -> None:
        """A plain REP socket answers a requester, one request after another."""
        raw = self.plain(zmq.REP)
        req = self.asking(raw)
        replies = [req.sendMsg(b"request", b"%d" % number) for number in range(5)]
        for number in range(5):
            self.assertEqual(await self.received(raw, 1), [[b"request", b"%d" % number]])
            raw.send_multipart([b"reply", b"%d" % number])
        self.assertEqual(await gatherResults(replies), [[b"reply", b"%d" % number] for number in range(5)])

    async def test_proxy(self) -> None:
        """Requests of several clients go through a proxy to several repliers, and the replies come back."""
        context: zmq.Context[Any] = zmq.Context()
        self._contexts.append(context)
        front, back = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
        addresses = []
        for raw in (front, back):
            raw.linger = 0
            raw.bind("tcp://127.0.0.1:*")
            addresses.append(raw.get_string(zmq.LAST_ENDPOINT).rstrip("\0"))

        def forward() -> None:
            try:
                zmq.proxy(front, back)
            except zmq.ContextTerminated:
                front.close(0)
                back.close(0)

        proxy = threading.Thread(target=forward, daemon=True)
        proxy.start()
        try:
            reps = [Echo(self.factory, tx.ZmqEndpoint("connect", addresses[1])) for _ in range(2)]
            reqs = [tx.ZmqREQConnection(self.factory, tx.ZmqEndpoint("connect", addresses[0])) for _ in range(3)]
            for number, req in enumerate(reqs):
                req._getNextId = self.ids(*(b"%d" % count for count in range(100)))  # type: ignore[method-assign]
                self.assertEqual(await req.sendMsg(b"warm up", b"%d" % number), [b"warm up", b"%d" % number])
            replies = [req.sendMsg(b"%d" % number, b"part") for number in range(50) for req in reqs]
            self.assertEqual(
                await gatherResults(replies), [[b"%d" % number, b"part"] for number in range(50) for _ in reqs]
            )
            self.assertEqual(sum(rep.getStats().received for rep in reps), 153)
        finally:
            self._contexts.remove(context)
            context.term()
            proxy.join()


class DeprecatedTests(ReqRepCase):
    async def test_old_names(self) -> None:
        """``ZmqXREPConnection`` and ``ZmqXREQConnection`` warn where they are used, take many endpoints, and work."""
        first, second = (tx.ZmqEndpoint("bind", self.inproc()) for _ in range(2))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            rep = ZmqXREPConnection(self.factory, first, second)
            req = ZmqXREQConnection(self.factory, tx.ZmqEndpoint("connect", first.address))
            other = ZmqXREQConnection(self.factory)
        self.assertEqual([warning.category for warning in caught], [DeprecationWarning] * 3)
        self.assertEqual({warning.filename for warning in caught}, {__file__})
        self.assertIn("ZmqREPConnection", str(caught[0].message))
        self.assertIn("ZmqREQConnection", str(caught[1].message))
        rep.gotMessage = rep.reply  # type: ignore[method-assign]
        other.addEndpoints([tx.ZmqEndpoint("connect", second.address)])
        self.assertEqual(rep.endpoints, [first, second])
        self.assertEqual(await req.sendMsg(b"one"), [b"one"])
        self.assertEqual(await other.sendMsg(b"two"), [b"two"])
        self.assertIsInstance(rep, tx.ZmqREPConnection)
        self.assertIsInstance(req, tx.ZmqREQConnection)
