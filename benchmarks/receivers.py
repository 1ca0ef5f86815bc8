"""The contenders: each receives so many messages on one loop and returns messages a second.

Each is written as its users would write it. The clock starts with the first message, so that
neither start-up nor connecting counts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from importlib import import_module
from typing import Any

import zmq
import zmq.asyncio

import zmqbridge

Bound = Callable[[str], None]
Receiver = Callable[[int, Bound], float]


async def bridge(count: int, bound: Bound) -> float:
    """Receive with zmqbridge, on whatever loop runs this."""
    async with zmqbridge.Context() as context:
        puller = context.puller(bind="tcp://127.0.0.1:*")
        bound(puller.endpoints[0].address)
        left = count
        began = 0.0
        async for _ in puller:
            if left == count:
                began = time.perf_counter()
            left -= 1
            if not left:
                break
        return count / (time.perf_counter() - began)


def on_asyncio(count: int, bound: Bound) -> float:
    return asyncio.run(bridge(count, bound))


def on_uvloop(count: int, bound: Bound) -> float:
    import uvloop

    rate: float = uvloop.run(bridge(count, bound))
    return rate


def on_trio(count: int, bound: Bound) -> float:
    import trio

    return trio.run(bridge, count, bound)


def on_anyio(count: int, bound: Bound) -> float:
    import anyio

    return anyio.run(bridge, count, bound)


def on_anyio_trio(count: int, bound: Bound) -> float:
    import anyio

    return anyio.run(bridge, count, bound, backend="trio")


def on_twisted(count: int, bound: Bound) -> float:
    from twisted.internet import defer, reactor

    rates: list[Any] = []
    started: Any = reactor
    main: Coroutine[Any, Any, float] = bridge(count, bound)

    def begin() -> None:
        defer.Deferred.fromCoroutine(main).addBoth(rates.append).addBoth(lambda _: started.stop())

    started.callWhenRunning(begin)
    started.run()
    return float(rates[0])


def zmq_asyncio(count: int, bound: Bound) -> float:
    """pyzmq's own asyncio sockets."""

    async def main() -> float:
        with zmq.asyncio.Context() as context, context.socket(zmq.PULL) as socket:
            bound(f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}")
            await socket.recv_multipart()
            began = time.perf_counter()
            for _ in range(count - 1):
                await socket.recv_multipart()
            return count / (time.perf_counter() - began)

    return asyncio.run(main())


def handlers(library: str, count: int, bound: Bound) -> float:
    """The handlers of txZMQ, or of the library that has its interface."""
    from twisted.internet import reactor

    tx: Any = import_module(library)
    loop: Any = reactor
    times: list[float] = []

    class Pull(tx.ZmqPullConnection):  # type: ignore[misc]
        left = count

        def onPull(self, message: list[bytes]) -> None:
            if self.left == count:
                times.append(time.perf_counter())
            self.left -= 1
            if not self.left:
                times.append(time.perf_counter())
                loop.stop()

    factory = tx.ZmqFactory()
    factory.registerForShutdown()
    pull = Pull(factory)
    pull.addEndpoints([tx.ZmqEndpoint("bind", "tcp://127.0.0.1:*")])
    bound(pull.socket.getsockopt_string(zmq.LAST_ENDPOINT))
    loop.run()
    return count / (times[1] - times[0])


def blocking(count: int, bound: Bound) -> float:
    """A plain loop of pyzmq's recv_multipart, with no event loop."""
    with zmq.Context() as context, context.socket(zmq.PULL) as socket:
        bound(f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}")
        socket.recv_multipart()
        began = time.perf_counter()
        for _ in range(count - 1):
            socket.recv_multipart()
        return count / (time.perf_counter() - began)


# What is measured, with how much of the full count: a slow one need not run as long.
RECEIVERS: dict[str, tuple[Receiver, float]] = {
    "zmqbridge on asyncio": (on_asyncio, 1),
    "zmqbridge on uvloop": (on_uvloop, 1),
    "zmqbridge on trio": (on_trio, 1),
    "zmqbridge on anyio": (on_anyio, 1),
    "zmqbridge on anyio+trio": (on_anyio_trio, 1),
    "zmqbridge on Twisted": (on_twisted, 1),
    "zmqbridge_twisted, handlers": (partial(handlers, "zmqbridge_twisted"), 1),
    "zmq.asyncio": (zmq_asyncio, 0.1),
    "txZMQ, handlers": (partial(handlers, "txzmq"), 0.2),
    "blocking recv_multipart": (blocking, 0.5),
}
