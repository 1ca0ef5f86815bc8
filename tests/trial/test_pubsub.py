"""``ZmqPubConnection`` and ``ZmqSubConnection``."""

# ruff: noqa: N815 - the attributes are txZMQ's

from __future__ import annotations

from typing import Any
from unittest import mock

import txzmq
import zmq

import zmqbridge
import zmqbridge_twisted as tx
from tests.trial.base import ZmqTestCase

TCP = tx.ZmqEndpoint("bind", "tcp://127.0.0.1:*")
SETTLED = b"~settled"


class PubSubCase(ZmqTestCase):
    def setUp(self) -> Any:
        self._raw: zmq.Context[Any] | None = None
        self._settled = 0
        return super().setUp()

    def tearDown(self) -> Any:
        if self._raw is not None:
            self._raw.destroy(linger=0)
        return super().tearDown()

    def pair(self, pub_class: Any = tx.ZmqPubConnection, sub_class: Any = tx.ZmqSubConnection) -> tuple[Any, Any, Any]:
        """Return a publisher, a subscriber of it, and the list of what its handler gets."""
        pub = pub_class(self.factory, TCP)
        sub = sub_class(self.factory, tx.ZmqEndpoint("connect", self.bound(pub)))
        return pub, sub, self.collect(sub, "gotMessage")

    def insist(self, sub: Any, got: list[Any]) -> None:
        """Assign a handler that cannot be called without a tag."""
        sub.gotMessage = lambda message, tag: got.append((message, tag))

    async def plain(self, sub: Any, got: list[Any]) -> zmq.Socket[bytes]:
        """Return a plain publisher that a subscriber listens to; the case closes it."""
        self._raw = zmq.Context()
        raw: zmq.Socket[bytes] = self._raw.socket(zmq.PUB)
        port = raw.bind_to_random_port("tcp://127.0.0.1")
        sub.addEndpoints([tx.ZmqEndpoint("connect", f"tcp://127.0.0.1:{port}")])
        await self.settled(lambda tag: raw.send_multipart([tag, b""]), sub, got)
        return raw

    async def settled(self, publish: Any, sub: Any, got: list[Any]) -> None:
        """Return when the publisher knows of all that was subscribed to before; clear what came until then."""
        self._settled += 1
        tag, last = (b"%s-%d-%s" % (SETTLED, self._settled, end) for end in (b"first", b"last"))
        sub.subscribe(last)
        sub.subscribe(tag)

        def came(tag: bytes) -> bool:
            return any(call[1] == tag for call in got)

        def came_first() -> bool:
            publish(tag)
            return came(tag)

        await self.until(came_first)
        publish(last)  # once: nothing of this comes after it
        await self.until(lambda: came(last))
        del got[:]

    def without(self, got: list[Any]) -> list[Any]:
        """Return what came but for what :meth:`settled` sent."""
        return [call for call in got if not call[1].startswith(SETTLED)]

    async def exchanged(self, publications: list[Any], pub: Any, got: list[Any], tag: Any = b"~end") -> list[Any]:
        """Publish, and return what came of it; the subscriber is subscribed to everything."""
        for publication in publications:
            pub.publish(*publication)
        pub.publish(b"", tag)
        end = tag.encode() if isinstance(tag, str) else tag
        await self.until(lambda: (b"", end) in got)
        came = self.without(got)
        self.assertEqual(came.pop(), (b"", end))
        del got[:]
        return came


class UntaggedTests(ZmqTestCase):
    """What is published without a tag, by programs that know nothing of txZMQ."""

    def heard(self, handler: Any, *messages: list[bytes]) -> Any:
        """Have a subscriber with a handler take messages, as its socket would bring them; return the subscriber."""
        sub = self.library.ZmqSubConnection(self.factory)
        sub.gotMessage = handler
        for message in messages:
            sub.messageReceived(message)
        return sub

    def test_message_alone(self) -> None:
        """A handler that can be called with one argument gets the whole frame, with zero arguments for the tag."""
        got: list[Any] = []
        for handler in (
            lambda message: got.append((message,)),
            lambda message, tag=None: got.append((message, tag)),
            lambda *arguments: got.append(arguments),
            got.append,
        ):
            self.heard(handler, [b'{"action":"say"}'])
        self.assertEqual(
            got,
            [(b'{"action":"say"}',), (b'{"action":"say"}', None), (b'{"action":"say"}',), b'{"action":"say"}'],
        )

    def test_overridden(self) -> None:
        """So does a method of a subclass."""
        got: list[Any] = []

        class Bot(self.library.ZmqSubConnection):  # type: ignore[misc, name-defined]
            def gotMessage(self, message: bytes, tag: bytes = b"none") -> None:
                got.append((message, tag))

        bot = Bot(self.factory)
        bot.messageReceived([b"plain"])
        bot.messageReceived([b"tag\0message"])
        bot.messageReceived([b""])
        self.assertEqual(got, [(b"plain", b"none"), (b"message", b"tag"), (b"", b"none")])

    def test_frames(self) -> None:
        """Of three frames and more it is the first that counts, with a tag or without."""
        got: list[Any] = []
        self.heard(
            lambda message, tag=None: got.append((message, tag)),
            [b"hashblock", b"body", b"\1\0\0\0"],
            [b"tag\0message", b"", b""],
            [b"tag", b"message"],
        )
        self.assertEqual(got, [(b"hashblock", None), (b"message", b"tag"), (b"message", b"tag")])

    def test_mock(self) -> None:
        """A ``Mock`` in the place of the handler is called as the handler would be."""
        handler = mock.Mock()
        self.heard(handler, [b"plain"], [b"tag\0message"])
        self.assertEqual(handler.call_args_list, [mock.call(b"plain"), mock.call(b"message", b"tag")])


class TxzmqUntaggedTests(UntaggedTests):
    """The same of txZMQ."""

    library = txzmq


class UntaggedCountTests(UntaggedTests):
    def test_handlers_that_change(self) -> None:
        """Each handler that is assigned is asked anew; one that insists on a tag is given an empty one."""
        got: list[Any] = []
        sub = self.heard(lambda message: got.append((message,)), [b"one"])
        sub.gotMessage = lambda message, tag: got.append((message, tag))
        sub.messageReceived([b"two"])
        sub.gotMessage = got.append
        sub.messageReceived([b"three"])
        self.assertEqual((got, sub.getStats().malformed), ([(b"one",), (b"two", b""), b"three"], 0))


class LongTagTests(PubSubCase):
    def test_longest(self) -> None:
        """A tag of 4,096 bytes can be subscribed to; a longer one is an error, for libzmq crashes over it."""
        _, sub, _ = self.pair()
        sub.subscribe("x" * 4096)
        sub.unsubscribe("x" * 4096)
        with self.assertRaisesRegex(zmqbridge.LocalProtocolError, "4097 bytes.* first 4096 bytes"):
            sub.subscribe("x" * 4097)


class PublishTests(PubSubCase):
    async def test_bytes_and_text(self) -> None:
        """A message and its tag may each be bytes or text, which is UTF-8; a subscriber gets bytes."""
        pub, sub, got = self.pair()
        sub.subscribe("")
        await self.settled(lambda tag: pub.publish(b"", tag), sub, got)
        came = await self.exchanged(
            [(b"message", b"tag"), ("mëssage", b"tag"), (b"message", "täg"), ("mëssage", "täg")], pub, got
        )
        text, tag = "mëssage".encode(), "täg".encode()
        self.assertEqual(came, [(b"message", b"tag"), (text, b"tag"), (b"message", tag), (text, tag)])

    async def test_empty(self) -> None:
        """An empty tag, which is the default, and an empty payload arrive as they are, and so do both."""
        pub, sub, got = self.pair()
        sub.subscribe(b"")
        await self.settled(lambda tag: pub.publish(b"", tag), sub, got)
        came = await self.exchanged(
            [(b"message",), (b"message", b""), ("message", ""), (b"", b"tag"), (b"", b""), ("",)], pub, got
        )
        self.assertEqual(
            came, [(b"message", b""), (b"message", b""), (b"message", b""), (b"", b"tag"), (b"", b""), (b"", b"")]
        )

    async def test_zero_bytes_in_the_payload(self) -> None:
        """The payload may hold zero bytes anywhere: the first of the frame ends the tag, and no other."""
        pub, sub, got = self.pair()
        sub.subscribe("")
        await self.settled(lambda tag: pub.publish(b"", tag), sub, got)
        payloads = [b"\0", b"\0\0", b"\0begin", b"mid\0dle", b"end\0", bytes(range(256)) * 4]
        came = await self.exchanged([(payload, tag) for payload in payloads for tag in (b"", b"tag")], pub, got)
        self.assertEqual(came, [(payload, tag) for payload in payloads for tag in (b"", b"tag")])

    async def test_buffers(self) -> None:
        """A payload may be any buffer, and what changes in it afterwards does not change what was published."""
        pub, sub, got = self.pair()
        sub.subscribe("")
        await self.settled(lambda tag: pub.publish(b"", tag), sub, got)
        buffer = bytearray(b"given")
        pub.publish(buffer, "one")
        buffer[:] = b"later"
        came = await self.exchanged([(memoryview(b"view"), "two")], pub, got)
        self.assertEqual(came, [(b"given", b"one"), (b"view", b"two")])

    def test_keywords(self) -> None:
        """``publish`` takes its arguments by txZMQ's names as well."""
        pub = tx.ZmqPubConnection(self.factory)
        pub.publish(message=b"message", tag=b"tag")
        pub.publish(b"message", tag="tag")
        self.assertEqual(pub.getStats().sent, 2)

    def test_tag_with_the_separator(self) -> None:
        """A tag that holds the separator is an error that shows the tag, and nothing is sent."""
        pub = tx.ZmqPubConnection(self.factory)
        for tag in (b"\0", b"a\0b", "a\0", "\0b"):
            with self.assertRaises(zmqbridge.LocalProtocolError) as raised:
                pub.publish(b"message", tag)
            self.assertIn(repr(tag.encode() if isinstance(tag, str) else tag), str(raised.exception))
        self.assertEqual(pub.getStats().sent, 0)

    def test_no_message(self) -> None:
        """A payload or a tag that is neither bytes nor text is a ``TypeError``, and nothing is sent."""
        pub = tx.ZmqPubConnection(self.factory)
        for message, tag in ((5, b"tag"), (None, b"tag"), ([b"a", b"b"], b"tag"), (b"message", 5), (b"message", None)):
            with self.assertRaises(TypeError):
                pub.publish(message, tag)  # type: ignore[arg-type]
        self.assertEqual(pub.getStats().sent, 0)

    def test_nobody_subscribed(self) -> None:
        """To publish with no subscriber is no error, however often."""
        pub = tx.ZmqPubConnection(self.factory, TCP)
        for _ in range(3000):
            pub.publish(b"message", b"tag")
        self.assertEqual(pub.getStats().sent, 3000)

    async def test_on_the_wire(self) -> None:
        """A publication is one frame: the tag, a zero byte, the payload."""
        pub = tx.ZmqPubConnection(self.factory, TCP)
        self._raw = zmq.Context()
        raw = self._raw.socket(zmq.SUB)
        raw.subscribe(b"")
        raw.connect(self.bound(pub))

        def came() -> bool:
            pub.publish("pay\0load", "tag")
            return bool(raw.poll(0))

        await self.until(came)
        self.assertEqual(raw.recv_multipart(zmq.NOBLOCK), [b"tag\0pay\0load"])

    def test_closed(self) -> None:
        """After ``shutdown`` publishing and subscribing are errors."""
        pub, sub, _ = self.pair()
        pub.shutdown()
        sub.shutdown()
        for call in (lambda: pub.publish(b"message"), lambda: sub.subscribe(b""), lambda: sub.unsubscribe(b"")):
            with self.assertRaises(zmqbridge.ConnectionClosed):
                call()


class FramingTests(PubSubCase):
    """What is txZMQ's by default, and another framing where a connection asks for it."""

    async def exchange(self, framing: str, publications: list[Any]) -> list[Any]:
        """Return what a handler gets of what is published in a framing, behind the probing."""
        pub_class = type("Pub", (tx.ZmqPubConnection,), {"framing": framing})
        sub_class = type("Sub", (tx.ZmqSubConnection,), {"framing": framing})
        pub, sub, got = self.pair(pub_class, sub_class)
        sub.subscribe("")
        while not got:
            pub.publish([b"probe"])
            await self.turns(1)
        for publication in publications:
            pub.publish(*publication)
        await self.until(lambda: len(self.of(got)) == len(publications))
        return self.of(got)

    def of(self, got: list[Any]) -> list[Any]:
        return [each for each in got if b"probe" not in each[0]]

    async def test_multipart(self) -> None:
        """In the multipart framing the tag is a frame, and the handler gets those behind it, however many there are."""
        publications = [([b"a", "é"], "tag"), (b"one", b"t\0"), ([], "none")]
        got = await self.exchange("multipart", publications)
        self.assertEqual(got, [([b"a", "é".encode()], b"tag"), ([b"one"], b"t\0"), ([], b"none")])

    async def test_raw(self) -> None:
        """In the raw framing the handler gets all frames, and an empty tag."""
        got = await self.exchange("raw", [([b"a", b"", b"c"],), ("text",)])
        self.assertEqual(got, [([b"a", b"", b"c"], b""), ([b"text"], b"")])

    def test_wrong(self) -> None:
        """A framing that is none, and a tag that has no place in one, are refused."""
        pub = tx.ZmqPubConnection(self.factory)
        pub.framing = "topic"  # type: ignore[assignment]
        with self.assertRaisesRegex(ValueError, "framing='topic' is none"):
            pub.publish(b"x")
        pub.framing = "raw"
        with self.assertRaisesRegex(zmqbridge.LocalProtocolError, "has no place in framing='raw'"):
            pub.publish(b"x", "tag")


class SubscribeTests(PubSubCase):
    async def test_prefixes(self) -> None:
        """A subscriber gets what is published under tags that begin as one of its subscriptions, each once."""
        pub, sub, got = self.pair()
        for tag in (b"a", "ab", "tä", b"z.", "~end"):
            sub.subscribe(tag)
        await self.settled(lambda tag: pub.publish(b"", tag), sub, got)
        tags = ["a", "abc", "b", "tä", "täg", "t", "z", "z.1", "", "A"]
        came = await self.exchanged([(tag, tag) for tag in tags], pub, got)
        self.assertEqual([message.decode() for message, _ in came], ["a", "abc", "tä", "täg", "z.1"])

    async def test_nothing_subscribed(self) -> None:
        """A subscriber that has not subscribed gets nothing."""
        pub, sub, got = self.pair()
        await self.settled(lambda tag: pub.publish(b"", tag), sub, got)
        sub.subscribe("~end")
        await self.settled(lambda tag: pub.publish(b"", tag), sub, got)
        self.assertEqual(await self.exchanged([(b"a", b"a"), (b"", b""), (b"~", b"~")], pub, got), [])

    async def test_unsubscribe(self) -> None:
        """After ``unsubscribe`` what only it asked for comes no more; the other subscriptions stay."""
        pub, sub, got = self.pair()
        for tag in ("a", "b", "bb", "~end"):
            sub.subscribe(tag)
        sub.unsubscribe("a")
        sub.unsubscribe(b"bb")
        await self.settled(lambda tag: pub.publish(b"", tag), sub, got)
        came = await self.exchanged([(b"", b"a"), (b"", b"b"), (b"", b"bb")], pub, got)
        self.assertEqual([tag for _, tag in came], [b"b", b"bb"])

    async def test_counted(self) -> None:
        """What was subscribed to twice takes two calls to end."""
        pub, sub, got = self.pair()
        for tag in ("a", b"a", "~end"):
            sub.subscribe(tag)
        sub.unsubscribe("a")
        await self.settled(lambda tag: pub.publish(b"", tag), sub, got)
        self.assertEqual(await self.exchanged([(b"", b"a")], pub, got), [(b"", b"a")])
        sub.unsubscribe("a")
        await self.settled(lambda tag: pub.publish(b"", tag), sub, got)
        self.assertEqual(await self.exchanged([(b"", b"a")], pub, got), [])

    async def test_unsubscribe_what_is_not_subscribed(self) -> None:
        """To unsubscribe from what was never subscribed to, or once too often, is no error and changes nothing."""
        pub, sub, got = self.pair()
        for tag in ("a", "~end"):
            sub.subscribe(tag)
        for never in ("", b"", "never", b"ab"):
            sub.unsubscribe(never)
        sub.subscribe("twice")
        sub.unsubscribe("twice")
        sub.unsubscribe("twice")
        await self.settled(lambda tag: pub.publish(b"", tag), sub, got)
        came = await self.exchanged([(b"", b"abc"), (b"", b"never"), (b"", b"twice")], pub, got)
        self.assertEqual([tag for _, tag in came], [b"abc"])

    def test_bad_tags(self) -> None:
        """A tag that is neither bytes nor text is a ``TypeError``."""
        _, sub, _ = self.pair()
        for tag in (None, 5, [b"tag"]):
            for call in (sub.subscribe, sub.unsubscribe):
                with self.assertRaises(TypeError):
                    call(tag)

    async def test_within_a_handler(self) -> None:
        """A handler may subscribe, unsubscribe and publish: nothing that comes then is lost."""
        pub, sub, got = self.pair()

        def handler(message: bytes, tag: bytes) -> None:
            got.append((message, tag))
            if tag == b"0":
                sub.unsubscribe("0")
                sub.subscribe("1")
                pub.publish(b"", "always")

        sub.gotMessage = handler
        for tag in ("0", "always", "~end"):
            sub.subscribe(tag)
        await self.settled(lambda tag: pub.publish(b"", tag), sub, got)
        pub.publish(b"", "0")
        await self.until(lambda: (b"", b"always") in got)
        await self.settled(lambda tag: pub.publish(b"", tag), sub, got)
        came = await self.exchanged([(b"", b"0"), (b"", b"1")], pub, got)
        self.assertEqual(came, [(b"", b"1")])

    async def test_several_publishers(self) -> None:
        """A subscriber that is connected to several publishers gets what each of them publishes."""
        pubs = [tx.ZmqPubConnection(self.factory, TCP) for _ in range(3)]
        sub = tx.ZmqSubConnection(self.factory)
        got = self.collect(sub, "gotMessage")
        sub.subscribe("")
        sub.addEndpoints([tx.ZmqEndpoint("connect", self.bound(pub)) for pub in pubs])
        for number, pub in enumerate(pubs):

            def came(number: int = number, pub: Any = pub) -> bool:
                pub.publish(b"%d" % number)
                return any(message == b"%d" % number for message, _ in got)

            await self.until(came)


class SeparatorTests(PubSubCase):
    async def check(self, pub: Any, sub: Any, got: list[Any], separator: bytes) -> None:
        """What is published comes whole, with the separator in the payload, and zero bytes too."""
        sub.subscribe("")
        await self.settled(lambda tag: pub.publish(b"", tag), sub, got)
        payload = b"a" + separator + b"b\0" + separator
        came = await self.exchanged([(payload, "tag"), (separator, ""), (b"", b"tag"), (b"", b"")], pub, got)
        self.assertEqual(came, [(payload, b"tag"), (separator, b""), (b"", b"tag"), (b"", b"")])
        with self.assertRaises(zmqbridge.LocalProtocolError):
            pub.publish(b"message", b"t" + separator + b"g")

    async def test_on_the_class(self) -> None:
        """A subclass may redefine ``topicSep`` as bytes, at both ends."""

        class Pub(tx.ZmqPubConnection):
            topicSep = b"|"

        class Sub(tx.ZmqSubConnection):
            topicSep = b"|"

        await self.check(*self.pair(Pub, Sub), b"|")

    async def test_text_on_the_class(self) -> None:
        """A subclass may redefine ``topicSep`` as text, of several bytes even, where the other end says it in bytes."""

        class Pub(tx.ZmqPubConnection):
            topicSep = "→"

        class Sub(tx.ZmqSubConnection):
            topicSep = "→".encode()

        await self.check(*self.pair(Pub, Sub), "→".encode())

    async def test_on_the_instance(self) -> None:
        """``topicSep`` may be assigned to connections in use; the class and its other instances keep theirs."""
        pub, sub, got = self.pair()
        pub.topicSep, sub.topicSep = "::", b"::"
        await self.check(pub, sub, got, b"::")
        pub.topicSep, sub.topicSep = b"\xff", b"\xff"
        self.assertEqual(
            await self.exchanged([(b"a::b\xff\0", b"t::\0g")], pub, got, "~later"), [(b"a::b\xff\0", b"t::\0g")]
        )
        self.assertEqual((tx.ZmqPubConnection.topicSep, tx.ZmqSubConnection.topicSep), (b"\0", b"\0"))
        pub, sub, got = self.pair()
        await self.check(pub, sub, got, b"\0")

    async def test_different_at_the_ends(self) -> None:
        """Where the two ends differ, a message without the subscriber's separator has an empty tag."""
        pub, sub, got = self.pair()
        self.insist(sub, got)
        sub.subscribe("")
        await self.settled(lambda tag: pub.publish(b"", tag), sub, got)
        sub.topicSep = b"|"
        pub.publish(b"all", b"tag")
        pub.publish(b"payload", b"t|g")
        await self.until(lambda: (b"g\0payload", b"t") in got)
        self.assertIn((b"tag\0all", b""), got)
        self.assertEqual(sub.getStats().malformed, 0)

    async def test_empty(self) -> None:
        """An empty ``topicSep`` is an error when something is published, or comes."""
        pub, sub, got = self.pair()
        sub.subscribe("")
        await self.settled(lambda tag: pub.publish(b"", tag), sub, got)
        for empty in (b"", ""):
            pub.topicSep = empty
            with self.assertRaises(zmqbridge.LocalProtocolError) as raised:
                pub.publish(b"message", b"tag")
            self.assertIn("topicSep", str(raised.exception))
        pub.topicSep = b"\0"
        sub.topicSep = b""
        pub.publish(b"message", b"tag")
        errors: list[Any] = []

        def logged() -> list[Any]:
            errors.extend(self.flushLoggedErrors(zmqbridge.LocalProtocolError))
            return errors

        await self.until(logged)
        self.assertIn("topicSep", errors[0].getErrorMessage())
        sub.topicSep = b"\0"
        self.assertEqual(await self.exchanged([(b"good", b"tag")], pub, got), [(b"good", b"tag")])

    def test_no_text(self) -> None:
        """A ``topicSep`` that is neither bytes nor text is a ``TypeError``."""
        pub = tx.ZmqPubConnection(self.factory)
        pub.topicSep = 0  # type: ignore[assignment]
        with self.assertRaises(TypeError):
            pub.publish(b"message", b"tag")


class ReceiveTests(PubSubCase):
    async def test_two_frames(self) -> None:
        """The form of two frames, the tag and the message, is accepted; a zero byte means nothing in it."""
        sub = tx.ZmqSubConnection(self.factory)
        sub.subscribe("")
        got = self.collect(sub, "gotMessage")
        raw = await self.plain(sub, got)
        for frames in ([b"tag", b"message"], [b"", b""], [b"t\0g", b"mess\0age"], [b"tag\0message"]):
            raw.send_multipart(frames)
        await self.until(lambda: (b"message", b"tag") in got and len(self.without(got)) >= 4)
        self.assertEqual(
            self.without(got), [(b"message", b"tag"), (b"", b""), (b"mess\0age", b"t\0g"), (b"message", b"tag")]
        )
        self.assertEqual(sub.getStats().malformed, 0)

    async def test_malformed(self) -> None:
        """To a handler that insists on a tag, what has none comes with an empty one, and nothing is dropped."""
        sub = tx.ZmqSubConnection(self.factory)
        sub.subscribe("")
        got: list[Any] = []
        self.insist(sub, got)
        raw = await self.plain(sub, got)
        received = sub.getStats().received
        for frames in (
            [b"good\0first"],
            [b"no separator"],
            [b""],
            [b"tag", b"message", b"third"],
            [b"", b"", b"", b""],
            [b"good\0last"],
        ):
            raw.send_multipart(frames)
        await self.until(lambda: (b"last", b"good") in got)
        untagged = [(b"no separator", b""), (b"", b""), (b"tag", b""), (b"", b"")]
        self.assertEqual(self.without(got), [(b"first", b"good"), *untagged, (b"last", b"good")])
        self.assertEqual(sub.getStats().malformed, 0)
        self.assertEqual(sub.getStats().received - received, 6)

    async def test_several_frames(self) -> None:
        """Of three frames and more the first is the publication, as in txZMQ."""
        sub = tx.ZmqSubConnection(self.factory)
        sub.subscribe("")
        got = self.collect(sub, "gotMessage")
        raw = await self.plain(sub, got)
        raw.send_multipart([b"tag\0message", b"second", b"third"])
        await self.until(lambda: got)
        self.assertEqual(got, [(b"message", b"tag")])

    async def test_order_of_the_arguments(self) -> None:
        """``gotMessage`` gets the message, then the tag, in places of these names."""
        calls: list[Any] = []

        class Sub(tx.ZmqSubConnection):
            def gotMessage(self, message: bytes, tag: bytes) -> None:
                calls.append({"message": message, "tag": tag})

        pub = tx.ZmqPubConnection(self.factory, TCP)
        sub = Sub(self.factory, tx.ZmqEndpoint("connect", self.bound(pub)))
        sub.subscribe("tag")

        def came() -> bool:
            pub.publish(b"payload", b"tag")
            return bool(calls)

        await self.until(came)
        self.assertEqual(calls[0], {"message": b"payload", "tag": b"tag"})

    async def test_assigned(self) -> None:
        """``gotMessage`` may be assigned on the instance, and anew while messages come."""
        pub, sub, first = self.pair()
        sub.subscribe("")
        await self.settled(lambda tag: pub.publish(b"", tag), sub, first)
        self.assertEqual(await self.exchanged([(b"one",)], pub, first), [(b"one", b"")])
        second = self.collect(sub, "gotMessage")
        self.assertEqual(await self.exchanged([(b"two",)], pub, second), [(b"two", b"")])
        self.assertEqual(first, [])

    async def test_message_received_overridden(self) -> None:
        """A subclass may take the frames in ``messageReceived``, and pass them on changed."""
        frames: list[Any] = []

        class Sub(tx.ZmqSubConnection):
            def messageReceived(self, message: list[bytes]) -> None:
                frames.append(message)
                super().messageReceived([message[0].upper()])

        pub, sub, got = self.pair(sub_class=Sub)
        sub.subscribe("")

        def came() -> bool:
            pub.publish(b"payload", b"tag")
            return bool(got)

        await self.until(came)
        self.assertEqual((frames[0], got[0]), ([b"tag\0payload"], (b"PAYLOAD", b"TAG")))

    async def test_no_handler(self) -> None:
        """Without ``gotMessage`` a message is a logged ``NotImplementedError`` that says which class has none."""

        class Forgetful(tx.ZmqSubConnection):
            pass

        pub = tx.ZmqPubConnection(self.factory, TCP)
        sub = Forgetful(self.factory, tx.ZmqEndpoint("connect", self.bound(pub)))
        sub.subscribe("")
        logged: list[Any] = []

        def came() -> bool:
            pub.publish(b"message")
            logged.extend(self.flushLoggedErrors(NotImplementedError))
            return bool(logged)

        await self.until(came)
        self.assertIn("Forgetful", logged[0].getErrorMessage())
        pub.shutdown()
        sub.shutdown()
        self.flushLoggedErrors(NotImplementedError)
