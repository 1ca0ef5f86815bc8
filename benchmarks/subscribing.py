"""Receiving what an XPUB in C publishes under a tag: one frame, the tag, a zero byte and 100 bytes."""

from __future__ import annotations

import asyncio
from functools import partial
from importlib import import_module
from typing import Any

import zmq

from benchmarks.contender import Contender
from benchmarks.run import ANY, ANYWHERE, Run

TAG = "weather.london"


async def subscribe(run: Run, tags: int) -> None:
    """zmqbridge's subscriber, with so many tags of which one is published."""
    import zmqbridge

    # Beyond this mark libzmq drops subscriptions without a word.
    options = zmqbridge.SocketOptions(send_high_water_mark=0)
    async with zmqbridge.Context() as context:
        others = [f"other.{number}" for number in range(tags - 1)]
        subscriber = context.subscriber(bind=ANY, tags=[*others, TAG], options=options)
        run.publish_to(subscriber.endpoints[0].address, TAG, tags)
        await subscriber.receive()
        run.begin()
        left = run.count - 1
        async for _tag, _message in subscriber:
            left -= 1
            if not left:
                break
        run.end(run.count - 1)


def bridge(run: Run, tags: int = 1) -> None:
    asyncio.run(subscribe(run, tags))


def pyzmq(run: Run) -> None:
    """pyzmq's own sockets for asyncio, and the tag taken off by hand."""
    import zmq.asyncio

    async def main() -> None:
        with zmq.asyncio.Context() as context, context.socket(zmq.SUB) as socket:
            socket.subscribe(TAG)
            run.publish_to(f"{ANYWHERE}:{socket.bind_to_random_port(ANYWHERE)}", TAG, 1)
            await socket.recv()
            run.begin()
            for _ in range(run.count - 1):
                _tag, _message = (await socket.recv()).split(b"\0", 1)
            run.end(run.count - 1)

    asyncio.run(main())


def handlers(library: str, run: Run) -> None:
    """The handlers of txZMQ, or of the library that has its interface."""
    from twisted.internet import reactor

    tx: Any = import_module(library)
    loop: Any = reactor

    class Subscription(tx.ZmqSubConnection):  # type: ignore[misc]
        left = run.count

        def gotMessage(self, message: bytes, tag: bytes) -> None:
            if self.left == run.count:
                run.begin()
            self.left -= 1
            if not self.left:
                run.end(run.count - 1)
                loop.stop()

    factory = tx.ZmqFactory()
    factory.registerForShutdown()
    subscription = Subscription(factory, tx.ZmqEndpoint("bind", ANY))
    subscription.subscribe(TAG.encode())
    run.publish_to(subscription.socket.get_string(zmq.LAST_ENDPOINT), TAG, 1)
    loop.run()


CONTENDERS = (
    Contender("zmqbridge on asyncio", bridge, 700_000, ours=True),
    Contender("zmqbridge_twisted, handlers", partial(handlers, "zmqbridge_twisted"), 700_000, ("twisted",), ours=True),
    Contender("zmq.asyncio and split", pyzmq, 50_000),
    Contender("txZMQ, handlers", partial(handlers, "txzmq"), 120_000, ("txzmq",)),
)
