"""txZMQ's connections, as a subclass and its caller see them."""

from __future__ import annotations

from typing import Any, assert_type

import zmq
from twisted.internet.defer import Deferred

import zmqbridge_twisted as txzmq
from zmqbridge import Stats
from zmqbridge_twisted import ZmqEndpoint, ZmqEndpointType, ZmqFactory


class Pull(txzmq.ZmqPullConnection):
    """Counts what comes."""

    count = 0
    highWaterMark = 10

    def onPull(self, message: list[bytes]) -> None:
        """Count the frames."""
        self.count += len(message)


class Subscriber(txzmq.ZmqSubConnection):
    """Keeps the latest message of each tag."""

    def __init__(self, factory: ZmqFactory, endpoint: ZmqEndpoint) -> None:
        super().__init__(factory, endpoint)
        self.latest: dict[bytes, bytes] = {}

    def gotMessage(self, message: bytes, tag: bytes) -> None:
        """Keep it."""
        self.latest[tag] = message


class Echo(txzmq.ZmqREPConnection):
    """Answers with what it is asked."""

    def gotMessage(self, messageId: bytes, *messageParts: bytes) -> None:
        """Answer at once."""
        self.reply(messageId, *messageParts)


class Router(txzmq.ZmqRouterConnection):
    """Sends back what comes, to whom it came from."""

    def gotMessage(self, *args: Any, **kwargs: Any) -> None:
        """Send it back."""
        peer, *parts = args
        self.sendMultipart(peer, parts)


class Raw(txzmq.ZmqConnection):
    """Takes a message's frames as they are."""

    socketType = zmq.PAIR

    def messageReceived(self, message: list[bytes]) -> None:
        """Send them back."""
        assert_type(self.getStats(), Stats)
        self.send(message)


def connect(factory: ZmqFactory, address: str) -> list[txzmq.ZmqConnection]:
    """Open a connection of each kind."""
    bind = ZmqEndpoint(ZmqEndpointType.bind, "inproc://typed-raw")
    pull = Pull(factory, ZmqEndpoint("bind", address))
    pull.addEndpoints([ZmqEndpoint("bind", "inproc://typed-more")])
    subscriber = Subscriber(factory, ZmqEndpoint("connect", "inproc://typed-publications"))
    subscriber.subscribe("tag")
    subscriber.unsubscribe(b"tag")
    publisher = txzmq.ZmqPubConnection(factory, ZmqEndpoint("bind", "inproc://typed-publications"))
    publisher.publish(b"message", "tag")
    publisher.publish("message", tag=b"tag")
    return [pull, subscriber, publisher, Raw(factory, bind)]


def ask(factory: ZmqFactory, address: str) -> Deferred[bytes]:
    """Ask one question, and read the answer."""
    echo = Echo(factory, ZmqEndpoint("bind", address))
    requester = txzmq.ZmqREQConnection(factory, ZmqEndpoint("connect", address))
    answered = requester.sendMsg(b"question", b"of two frames", timeout=1.0)
    assert_type(answered, Deferred[list[bytes]])

    def read(parts: list[bytes]) -> bytes:
        echo.shutdown()
        requester.shutdown()
        return b"".join(parts)

    return answered.addCallback(read)


def send(factory: ZmqFactory, address: str) -> Deferred[None]:
    """Send in each way that there is."""
    push = txzmq.ZmqPushConnection(factory, ZmqEndpoint("connect", address))
    push.push(b"message")
    push.push([b"two", "frames"])
    push.send("text is encoded")
    dealer = txzmq.ZmqDealerConnection(factory, ZmqEndpoint("connect", address))
    dealer.sendMsg(b"message")
    dealer.sendMultipart([b"two", b"frames"])
    sent = push.sendDeferred([b"when there is room"])
    assert_type(sent, Deferred[None])
    return sent


def words(error: Exception) -> str:
    """Its errors are the library's, and pyzmq's where txZMQ's were."""
    if isinstance(error, txzmq.ZmqRequestTimeoutError):
        late: TimeoutError = error
        return f"late: {late}"
    return "full" if isinstance(error, txzmq.ZmqWouldBlock) else "other"


def end(factory: ZmqFactory) -> Deferred[None]:
    """Close everything."""
    ended = factory.shutdown()
    assert_type(ended, Deferred[None])
    return ended


async def main() -> None:
    """Use every kind of connection."""
    factory = ZmqFactory()
    factory.registerForShutdown()
    pull, *_ = connect(factory, "inproc://typed-pull")
    await send(factory, "inproc://typed-pull")
    assert await ask(factory, "inproc://typed-question") == b"questionof two frames"
    assert words(txzmq.ZmqRequestTimeoutError(b"id")).startswith("late")
    assert isinstance(pull, Pull)
    await end(factory)
