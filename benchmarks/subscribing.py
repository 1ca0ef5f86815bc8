"""Receiving what an XPUB in C publishes under a tag: one frame, the tag, a zero byte and 100 bytes."""

from __future__ import annotations

import asyncio

from benchmarks.contender import Contender
from benchmarks.handlers import OURS, THEIRS, Handlers, address_of, with_handlers
from benchmarks.run import ANY, Run, bind_anywhere

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
        run.stop()


def bridge(run: Run, tags: int = 1) -> None:
    asyncio.run(subscribe(run, tags))


def pyzmq(run: Run) -> None:
    """pyzmq's own sockets for asyncio, and the tag taken off by hand."""
    import zmq.asyncio

    async def main() -> None:
        with zmq.asyncio.Context() as context, context.socket(zmq.SUB) as socket:
            socket.subscribe(TAG)
            run.publish_to(bind_anywhere(socket), TAG, 1)
            await socket.recv()
            run.begin()
            for _ in range(run.count - 1):
                _tag, _message = (await socket.recv()).split(b"\0", 1)
            run.stop()

    asyncio.run(main())


def handlers(library: str, run: Run) -> None:
    """The handlers of txZMQ, or of the library that has its interface."""
    handlers = Handlers(library)
    subscription = handlers.take("ZmqSubConnection", "gotMessage", run)
    subscription.subscribe(TAG.encode())
    run.publish_to(address_of(subscription), TAG, 1)
    handlers.loop.run()


CONTENDERS = (
    Contender("zmqbridge on asyncio", bridge, 700_000, ours=True),
    with_handlers(OURS, handlers, 700_000),
    Contender("zmq.asyncio and split", pyzmq, 50_000),
    with_handlers(THEIRS, handlers, 120_000),
)
