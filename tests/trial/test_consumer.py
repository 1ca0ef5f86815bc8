"""A connection as ``IConsumer``: producers that are paused, asked, and told of the end."""

from __future__ import annotations

import io
from typing import Any

import zmq
from twisted.internet.interfaces import IPullProducer, IPushProducer
from twisted.internet.task import LoopingCall
from twisted.protocols.basic import FileSender
from zope.interface import implementer

import zmqbridge
import zmqbridge_twisted as tx
from tests.trial.test_sending import NarrowPush, NarrowRouter, SendingCase


@implementer(IPushProducer)
class Pusher:
    """Writes numbers for as long as it is not paused."""

    def __init__(self, consumer: Any, total: int) -> None:
        self.consumer = consumer
        self.total = total
        self.written = 0
        self.paused = True
        self.calls: list[str] = []

    def resumeProducing(self) -> None:
        self.calls.append("resume")
        self.paused = False
        while not self.paused and self.written < self.total:
            self.written += 1
            self.consumer.write(str(self.written - 1))

    def pauseProducing(self) -> None:
        self.calls.append("pause")
        self.paused = True

    def stopProducing(self) -> None:
        self.calls.append("stop")
        self.paused = True


@implementer(IPullProducer)
class Puller:
    """Writes one number whenever it is asked, up to a total, and then unregisters."""

    def __init__(self, consumer: Any, total: int) -> None:
        self.consumer = consumer
        self.total = total
        self.asked = 0
        self.stopped = 0
        self.within = False

    def resumeProducing(self) -> None:
        if self.within:
            raise AssertionError("asked while it writes")
        self.within = True
        self.asked += 1
        self.consumer.write(str(self.asked - 1))
        if self.asked == self.total:
            self.consumer.unregisterProducer()
        self.within = False

    def stopProducing(self) -> None:
        self.stopped += 1


def numbers(total: int) -> list[list[bytes]]:
    """Return the messages that carry the numbers up to a total."""
    return [[b"%d" % number] for number in range(total)]


class RegisterTests(SendingCase):
    def test_second_producer(self) -> None:
        """A second producer is an error that names both, and the first stays; after unregistering, it is welcome."""
        push = self.bind(NarrowPush)
        first, second = Pusher(push, 1), Pusher(push, 1)
        push.registerProducer(first, True)
        for streaming in (True, False):
            with self.assertRaises(RuntimeError) as raised:
                push.registerProducer(second, streaming)
            self.assertIn(repr(first), str(raised.exception))
            self.assertIn(repr(second), str(raised.exception))
        self.assertEqual((first.calls, second.calls), ([], []))
        push.unregisterProducer()
        push.registerProducer(second, True)
        push.shutdown()
        self.assertEqual((first.calls, second.calls), ([], ["stop"]))

    def test_unregister_none(self) -> None:
        """Unregistering where none is registered is no error."""
        self.bind(NarrowPush).unregisterProducer()

    async def test_shutdown(self) -> None:
        """``shutdown`` stops the producer, once, and no more is asked of it."""
        push, other = self.bind(NarrowPush), self.bind(NarrowPush)
        pusher, puller = Pusher(push, 100), Puller(other, 100)
        push.registerProducer(pusher, True)
        pusher.resumeProducing()
        other.registerProducer(puller, False)
        await self.until(lambda: puller.asked)
        push.shutdown()
        other.shutdown()
        await self.turns(5)
        self.assertEqual(pusher.calls, ["resume", "pause", "stop"])
        self.assertEqual((puller.asked, puller.stopped), (1, 1))

    def test_unregistered_before_shutdown(self) -> None:
        """A producer that is not registered any more is not stopped."""
        push = self.bind(NarrowPush)
        pusher = Pusher(push, 1)
        push.registerProducer(pusher, True)
        push.unregisterProducer()
        push.shutdown()
        self.assertEqual(pusher.calls, [])

    def test_after_shutdown(self) -> None:
        """A producer registered after ``shutdown`` is stopped at once, and is not registered."""
        push = self.bind(NarrowPush)
        push.shutdown()
        pushers = [Pusher(push, 1), Pusher(push, 1)]
        push.registerProducer(pushers[0], True)
        push.registerProducer(pushers[1], False)
        self.assertEqual([pusher.calls for pusher in pushers], [["stop"], ["stop"]])

    async def test_write_without_a_producer(self) -> None:
        """Without a producer ``write`` behaves as ``send``: it raises at the high-water mark and after ``shutdown``."""
        push = self.bind(NarrowPush)
        raw = self.peer(push, zmq.PULL)
        taken = self.fill(push.write)
        self.assertEqual(self.read(raw, []), numbers(taken))
        push.shutdown()
        with self.assertRaises(zmqbridge.ConnectionClosed):
            push.write(b"message")

    async def test_write_errors(self) -> None:
        """With a producer, ``write`` raises what ``send`` does but for the high-water mark."""
        router = self.bind(NarrowRouter)
        router.registerProducer(Pusher(router, 0), True)
        with self.assertRaises(TypeError):
            router.write(5)
        with self.assertRaises(zmqbridge.PeerUnreachable) as raised:
            router.write([b"nobody", b"message"])
        self.assertIsInstance(raised.exception, tx.ZmqPeerUnreachable)

    async def test_waiting_write_fails(self) -> None:
        """A write that waits for a router's peer, which goes, is logged, and the producer goes on."""
        router = self.bind(NarrowRouter)
        got = self.collect(router, "gotMessage")
        gone, stays = self.peer(router, zmq.DEALER, b"gone"), self.peer(router, zmq.DEALER, b"stays")
        gone.send(b"hello")
        stays.send(b"hello")
        await self.until(lambda: len(got) == 2)
        pusher = Pusher(router, 0)
        router.registerProducer(pusher, True)
        for _ in range(100):
            if not pusher.calls:
                router.write([b"gone", b"message"])
        self.assertEqual(pusher.calls, ["pause"])
        gone.close(0)
        await self.until(lambda: pusher.calls == ["pause", "resume"])
        self.assertEqual(len(self.flushLoggedErrors(zmqbridge.PeerUnreachable)), 1)


class PushProducerTests(SendingCase):
    async def test_paused_and_resumed(self) -> None:
        """A push producer is paused at the high-water mark and resumed when the peer reads; nothing is lost."""
        push = self.bind(NarrowPush)
        raw = self.peer(push, zmq.PULL)
        pusher = Pusher(push, 500)
        push.registerProducer(pusher, True)
        pusher.resumeProducing()
        self.assertTrue(pusher.paused)
        self.assertLess(pusher.written, 10)
        before = pusher.written
        await self.turns(10)
        self.assertEqual(pusher.written, before)
        got: list[Any] = []
        waiting: set[int] = set()

        def read_one() -> bool:
            waiting.add(push.getStats().parked)
            if raw.poll(0):
                got.append(raw.recv_multipart())
            return len(got) == 500

        await self.until(read_one)
        self.assertEqual(got, numbers(500))
        self.assertLessEqual(max(waiting), 1)
        self.assertGreater(pusher.calls.count("pause"), 10)
        await self.until(lambda: pusher.calls[-1] == "resume")
        self.assertEqual(pusher.calls, ["resume", "pause"] * (len(pusher.calls) // 2) + ["resume"])

    async def test_writes_though_paused(self) -> None:
        """What a producer writes while it is paused waits in order; it is resumed once all of it is gone."""
        push = self.bind(NarrowPush)
        pusher = Pusher(push, 0)
        push.registerProducer(pusher, True)
        for number in range(20):
            push.write(str(number))
        self.assertEqual(pusher.calls, ["pause"])
        raw = self.peer(push, zmq.PULL)
        got: list[Any] = []
        await self.until(lambda: len(self.read(raw, got)) == 20)
        await self.until(lambda: len(pusher.calls) == 2)
        self.assertEqual(pusher.calls, ["pause", "resume"])
        self.assertEqual(got, numbers(20))

    async def test_never_paused_with_room(self) -> None:
        """A producer whose writes find room is never told anything."""
        push = self.bind(tx.ZmqPushConnection)
        raw = self.peer(push, zmq.PULL)
        pusher = Pusher(push, 0)
        push.registerProducer(pusher, True)
        got: list[Any] = []
        for number in range(50):
            push.write(str(number))
        await self.until(lambda: len(self.read(raw, got)) == 50)
        self.assertEqual(pusher.calls, [])

    async def test_mixed_with_other_senders(self) -> None:
        """Its writes keep their place among those of ``sendDeferred``."""
        push = self.bind(NarrowPush)
        pusher = Pusher(push, 0)
        push.registerProducer(pusher, True)
        for number in range(10):
            (push.write if number % 2 else push.sendDeferred)(str(number))
        raw = self.peer(push, zmq.PULL)
        got: list[Any] = []
        await self.until(lambda: len(self.read(raw, got)) == 10)
        self.assertEqual(got, numbers(10))

    async def test_unregistered_with_writes_waiting(self) -> None:
        """What an unregistered producer has written is still sent, and it is not resumed."""
        push = self.bind(NarrowPush)
        pusher = Pusher(push, 0)
        push.registerProducer(pusher, True)
        for number in range(5):
            push.write(str(number))
        push.unregisterProducer()
        second = Pusher(push, 0)
        push.registerProducer(second, True)
        raw = self.peer(push, zmq.PULL)
        got: list[Any] = []
        await self.until(lambda: len(self.read(raw, got)) == 5)
        await self.turns(5)
        self.assertEqual(got, numbers(5))
        self.assertEqual((pusher.calls, second.calls), (["pause"], []))

    async def test_raises(self) -> None:
        """A producer that raises when it is paused or resumed is logged, and what it wrote is sent."""

        class Broken(Pusher):
            def pauseProducing(self) -> None:
                super().pauseProducing()
                raise RuntimeError("in pauseProducing")

            def resumeProducing(self) -> None:
                super().resumeProducing()
                raise RuntimeError("in resumeProducing")

            def stopProducing(self) -> None:
                super().stopProducing()
                raise RuntimeError("in stopProducing")

        push = self.bind(NarrowPush)
        broken = Broken(push, 0)
        push.registerProducer(broken, True)
        push.write(b"0")
        raw = self.peer(push, zmq.PULL)
        got: list[Any] = []
        await self.until(lambda: self.read(raw, got) and len(broken.calls) == 2)
        push.shutdown()
        self.assertIsNone(push.factory)
        self.assertEqual(
            [str(failure.value) for failure in self.flushLoggedErrors(RuntimeError)],
            ["in pauseProducing", "in resumeProducing", "in stopProducing"],
        )


class PullProducerTests(SendingCase):
    async def test_asked_one_at_a_time(self) -> None:
        """A pull producer is asked for one write at a time, in the reactor's turns, and all arrive in order."""
        push = self.bind(NarrowPush)
        raw = self.peer(push, zmq.PULL)
        puller = Puller(push, 300)
        push.registerProducer(puller, False)
        self.assertEqual(puller.asked, 0)
        got: list[Any] = []
        await self.until(lambda: len(self.read(raw, got)) >= 300)
        await self.turns(5)
        self.assertEqual(self.read(raw, got), numbers(300))
        self.assertEqual((puller.asked, puller.stopped), (300, 0))

    async def test_stops_at_the_high_water_mark(self) -> None:
        """At the high-water mark it is asked no more until its write is gone."""
        push = self.bind(NarrowPush)
        raw = self.peer(push, zmq.PULL)
        puller = Puller(push, 1000)
        push.registerProducer(puller, False)
        await self.until(lambda: push.getStats().parked)
        asked = puller.asked
        self.assertLess(asked, 10)
        await self.turns(20)
        self.assertEqual((puller.asked, push.getStats().parked), (asked, 1))
        got = self.read(raw, [])
        await self.until(lambda: puller.asked > asked)
        await self.until(lambda: push.getStats().parked)
        self.assertEqual(puller.asked, asked + len(got))
        push.unregisterProducer()

    async def test_reactor_stays_alive(self) -> None:
        """A pull producer that always has more leaves the reactor its turns."""
        pull = self.bind(tx.ZmqPullConnection)
        received = 0

        def on_pull(message: list[bytes]) -> None:
            nonlocal received
            received += 1

        pull.onPull = on_pull
        push = tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(pull)))
        puller = Puller(push, 10**9)
        ticks: list[int] = []
        ticker = LoopingCall(lambda: ticks.append(puller.asked))
        ticker.start(0.001, now=False)
        push.registerProducer(puller, False)
        await self.until(lambda: len(ticks) >= 20 and received > 1000)
        ticker.stop()
        push.shutdown()
        asked = puller.asked
        await self.turns(5)
        self.assertEqual((puller.asked, puller.stopped), (asked, 1))
        self.assertGreater(len(set(ticks)), 10)

    async def test_writes_later(self) -> None:
        """A pull producer that has nothing when it is asked is asked again once it has written."""
        push = self.bind(tx.ZmqPushConnection)
        raw = self.peer(push, zmq.PULL)
        asked: list[bool] = []

        @implementer(IPullProducer)
        class Late:
            def resumeProducing(self) -> None:
                asked.append(True)

            def stopProducing(self) -> None:
                pass

        push.registerProducer(Late(), False)
        got: list[Any] = []
        for number in range(5):
            await self.until(lambda number=number: len(asked) == number + 1)  # type: ignore[misc]
            await self.turns(3)
            self.assertEqual(len(asked), number + 1)
            push.write(str(number))
        await self.until(lambda: len(self.read(raw, got)) == 5)
        self.assertEqual(got, numbers(5))

    async def test_several_writes_at_once(self) -> None:
        """One that writes several messages when it is asked once loses none of them."""
        push = self.bind(NarrowPush)
        raw = self.peer(push, zmq.PULL)
        written = 0

        @implementer(IPullProducer)
        class Several:
            def resumeProducing(self) -> None:
                nonlocal written
                for _ in range(3):
                    push.write(str(written))
                    written += 1
                if written == 30:
                    push.unregisterProducer()

            def stopProducing(self) -> None:
                pass

        push.registerProducer(Several(), False)
        got: list[Any] = []
        await self.until(lambda: len(self.read(raw, got)) >= 30)
        self.assertEqual(got, numbers(30))

    async def test_raises(self) -> None:
        """A pull producer that raises is logged, and not asked for ever."""
        push = self.bind(tx.ZmqPushConnection)
        self.peer(push, zmq.PULL)
        asked: list[bool] = []

        @implementer(IPullProducer)
        class Broken:
            def resumeProducing(self) -> None:
                asked.append(True)
                raise RuntimeError("in resumeProducing")

            def stopProducing(self) -> None:
                pass

        push.registerProducer(Broken(), False)
        await self.until(lambda: asked)
        await self.turns(10)
        self.assertEqual(len(asked), 1)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    async def test_file_sender(self) -> None:
        """Twisted's own ``FileSender`` sends a file through it, whole and in order."""
        push = self.bind(NarrowPush)
        raw = self.peer(push, zmq.PULL)
        data = bytes(range(256)) * 4096
        sender = FileSender()
        sender.CHUNK_SIZE = 10_000
        done = sender.beginFileTransfer(io.BytesIO(data), push)
        got: list[Any] = []
        await self.until(lambda: sum(len(frame) for (frame,) in self.read(raw, got)) >= len(data))
        await done
        self.assertEqual(b"".join(frame for (frame,) in got), data)

    async def test_shut_down_within(self) -> None:
        """A producer that shuts the connection down when it is asked is stopped and asked no more."""
        push = self.bind(tx.ZmqPushConnection)
        self.peer(push, zmq.PULL)
        calls: list[str] = []

        @implementer(IPullProducer)
        class Ending:
            def resumeProducing(self) -> None:
                calls.append("resume")
                push.write(b"message")
                push.shutdown()

            def stopProducing(self) -> None:
                calls.append("stop")

        push.registerProducer(Ending(), False)
        await self.until(lambda: "stop" in calls)
        await self.turns(5)
        self.assertEqual(calls, ["resume", "stop"])


class StopProducingTests(SendingCase):
    """What a producer may do when it is told of the end."""

    def stopping(self, stop: Any) -> Any:
        push = self.bind(NarrowPush)

        class Stopping(Pusher):
            def stopProducing(self) -> None:
                super().stopProducing()
                stop()

        producer = Stopping(push, 0)
        push.registerProducer(producer, True)
        return producer

    async def test_shuts_down_again(self) -> None:
        """It may shut its connection and the factory down once more."""
        producer: Any = self.stopping(lambda: (producer.consumer.shutdown(), self.factory.shutdown()))
        await self.factory.shutdown()
        self.assertEqual(producer.calls, ["stop"])
        self.assertIsNone(self.factory.context)

    async def test_uses_the_connection(self) -> None:
        """What it writes is refused, and logged."""
        producer: Any = self.stopping(lambda: producer.consumer.write(b"last words"))
        producer.consumer.shutdown()
        self.assertEqual(len(self.flushLoggedErrors(zmqbridge.ConnectionClosed)), 1)

    async def test_opens_a_connection(self) -> None:
        """A connection that it opens while the factory shuts down is refused, or closed with the others."""
        opened: list[tx.ZmqConnection] = []
        self.stopping(lambda: opened.append(tx.ZmqPullConnection(self.factory)))
        ended = self.factory.shutdown()
        self.flushLoggedErrors(zmqbridge.ConnectionClosed)
        left = [connection for connection in opened if connection.factory is not None]
        for connection in left:  # lest the context never ends
            self.factory.connections = {connection}
            connection.shutdown()
        self.factory.connections = None
        await ended
        self.assertEqual(left, [])
