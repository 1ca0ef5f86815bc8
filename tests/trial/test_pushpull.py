"""``ZmqPushConnection`` and ``ZmqPullConnection``."""

from __future__ import annotations

from typing import Any

import zmq

import zmqbridge
import zmqbridge_twisted as tx
from tests.trial.base import ZmqTestCase

TCP = tx.ZmqEndpoint("bind", "tcp://127.0.0.1:*")


class PushPullTests(ZmqTestCase):
    async def test_frames_as_they_are(self) -> None:
        """What is pushed is pulled, in order, each a list of its frames; text is UTF-8."""
        pull = tx.ZmqPullConnection(self.factory, TCP)
        pulled = self.collect(pull, "onPull")
        push = tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(pull)))
        for message in (b"one", [b"two", b"", b"frames"], b"", "tëxt", ["tëxt", b"bytes"]):
            push.push(message)
        await self.until(lambda: len(pulled) == 5)
        self.assertEqual(
            [message for (message,) in pulled],
            [[b"one"], [b"two", b"", b"frames"], [b""], ["tëxt".encode()], ["tëxt".encode(), b"bytes"]],
        )

    async def test_tuples_and_buffers(self) -> None:
        """A message may be a tuple, and a frame any buffer; what is pulled is ``bytes``."""
        pull = tx.ZmqPullConnection(self.factory, TCP)
        pulled = self.collect(pull, "onPull")
        push = tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(pull)))
        for message in ((b"a", "b"), bytearray(b"c"), (memoryview(b"d"), bytearray(b"e"))):
            push.push(message)
        await self.until(lambda: len(pulled) == 3)
        self.assertEqual([message for (message,) in pulled], [[b"a", b"b"], [b"c"], [b"d", b"e"]])
        self.assertEqual({type(frame) for (message,) in pulled for frame in message}, {bytes})

    async def test_large(self) -> None:
        """Messages of many megabytes, and of many frames, arrive whole and in order."""
        pull = tx.ZmqPullConnection(self.factory, TCP)
        pulled = self.collect(pull, "onPull")
        push = tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(pull)))
        large, many = bytes(range(256)) * 40_000, [b"%d" % number for number in range(5000)]
        push.push(large)
        push.push(many)
        push.push([b"", large, b""])
        await self.until(lambda: len(pulled) == 3)
        self.assertTrue(pulled[0][0] == [large])
        self.assertTrue(pulled[1][0] == many)
        self.assertTrue(pulled[2][0] == [b"", large, b""])

    async def test_in_turn(self) -> None:
        """A pusher's messages go to its pullers in turn, each to one, and in order at each."""
        push = tx.ZmqPushConnection(self.factory, TCP)
        pulled = [
            self.collect(tx.ZmqPullConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(push))), "onPull")
            for _ in range(3)
        ]
        ready = 0

        def both() -> bool:
            nonlocal ready
            if not all(pulled):
                try:
                    push.push("ready")
                    ready += 1
                except zmq.Again:
                    pass
            return all(pulled) and sum(map(len, pulled)) == ready

        await self.until(both)
        for each in pulled:
            del each[:]
        for number in range(300):
            push.push(str(number))
        await self.until(lambda: sum(map(len, pulled)) == 300)
        numbers = [[int(message[0]) for (message,) in each] for each in pulled]
        self.assertEqual([len(each) for each in numbers], [100, 100, 100])
        self.assertEqual(numbers, [sorted(each) for each in numbers])
        self.assertEqual(sorted(number for each in numbers for number in each), list(range(300)))

    async def test_several_pushers(self) -> None:
        """A puller gets what all of its pushers send, in order from each."""
        pull = tx.ZmqPullConnection(self.factory, TCP)
        pulled = self.collect(pull, "onPull")
        for pusher in range(5):
            push = tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(pull)))
            for number in range(100):
                push.push([str(pusher), str(number)])
        await self.until(lambda: len(pulled) == 500)
        for pusher in range(5):
            mine = [int(message[1]) for (message,) in pulled if message[0] == b"%d" % pusher]
            self.assertEqual(mine, list(range(100)))
        self.assertEqual(pull.getStats().received, 500)

    async def test_overridden(self) -> None:
        """A subclass overrides ``onPull``, which gets the list of frames in the place of ``message``."""
        pulled: list[Any] = []

        class Pull(tx.ZmqPullConnection):
            def onPull(self, message: list[bytes]) -> None:
                pulled.append(message)

        pull = Pull(self.factory, TCP)
        tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(pull))).push(message=b"message")
        await self.until(lambda: pulled)
        self.assertEqual(pulled, [[b"message"]])

    async def test_plain_peers(self) -> None:
        """Plain PUSH and PULL sockets are peers like any other."""
        context: zmq.Context[Any] = zmq.Context()
        try:
            pull = tx.ZmqPullConnection(self.factory, TCP)
            pulled = self.collect(pull, "onPull")
            plain_push = context.socket(zmq.PUSH)
            plain_push.connect(self.bound(pull))
            plain_push.send_multipart([b"from", b"", b"plain"])
            await self.until(lambda: pulled)
            self.assertEqual(pulled, [([b"from", b"", b"plain"],)])
            push = tx.ZmqPushConnection(self.factory, TCP)
            plain_pull = context.socket(zmq.PULL)
            plain_pull.connect(self.bound(push))
            await push.sendDeferred([b"to", b"", b"plain"])
            await self.until(lambda: plain_pull.poll(0))
            self.assertEqual(plain_pull.recv_multipart(zmq.NOBLOCK), [b"to", b"", b"plain"])
        finally:
            context.destroy(linger=0)

    def test_one_way_only(self) -> None:
        """To send on a puller is an error that names what it is, and the puller stays in use."""
        pull = tx.ZmqPullConnection(self.factory, TCP)
        with self.assertRaises(zmqbridge.ZmqBridgeError) as raised:
            pull.send(b"message")
        self.assertIn("PULL", str(raised.exception))
        self.assertIn(pull, self.factory.connections)

    async def test_pushed_before_there_is_a_puller(self) -> None:
        """A pusher that is connected to an address where nobody listens yet delivers when somebody does."""
        address = self.inproc()
        push = tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", address))
        for number in range(10):
            push.push(str(number))
        await self.turns()
        pull = tx.ZmqPullConnection(self.factory, tx.ZmqEndpoint("bind", address))
        pulled = self.collect(pull, "onPull")
        await self.until(lambda: len(pulled) == 10)
        self.assertEqual([message for (message,) in pulled], [[b"%d" % number] for number in range(10)])
