"""The answering ends of :mod:`requesting`: ``python -m benchmarks.repliers LIBRARY`` prints its address and answers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import zmq

from benchmarks.run import ANY, ANYWHERE


def bridge() -> None:
    """zmqbridge on asyncio."""
    import zmqbridge

    async def main() -> None:
        options = zmqbridge.SocketOptions(send_high_water_mark=0, receive_high_water_mark=0)
        async with zmqbridge.Context() as context:
            replier = context.replier(bind=ANY, options=options)
            print(replier.endpoints[0].address, flush=True)
            async for request in replier:
                await request.reply(request.parts)

    asyncio.run(main())


def handlers(library: str) -> None:
    """The handlers of txZMQ, or of the library that has its interface."""
    from twisted.internet import reactor

    tx: Any = import_module(library)
    loop: Any = reactor

    class Reply(tx.ZmqREPConnection):  # type: ignore[misc]
        def gotMessage(self, id: bytes, *parts: bytes) -> None:
            self.reply(id, *parts)

    reply = Reply(tx.ZmqFactory(), tx.ZmqEndpoint("bind", ANY))
    print(reply.socket.get_string(zmq.LAST_ENDPOINT), flush=True)
    loop.run()


def pyzmq() -> None:
    """A ROUTER of pyzmq's own sockets for asyncio."""
    import zmq.asyncio

    async def main() -> None:
        with zmq.asyncio.Context() as context, context.socket(zmq.ROUTER) as socket:
            socket.set_hwm(0)
            print(f"{ANYWHERE}:{socket.bind_to_random_port(ANYWHERE)}", flush=True)
            while True:
                await socket.send_multipart(await socket.recv_multipart())

    asyncio.run(main())


REPLIERS: dict[str, Callable[[], None]] = {
    "zmqbridge": bridge,
    "zmqbridge_twisted": partial(handlers, "zmqbridge_twisted"),
    "txzmq": partial(handlers, "txzmq"),
    "zmq.asyncio": pyzmq,
}

if __name__ == "__main__":
    REPLIERS[sys.argv[1]]()
