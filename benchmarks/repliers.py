"""The answering ends of :mod:`requesting`: ``python -m benchmarks.repliers LIBRARY`` prints its address and answers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from functools import partial

import zmq

from benchmarks.handlers import OURS, THEIRS, Handlers, address_of
from benchmarks.replacing import IN_PLACE, THE_PEER, interface
from benchmarks.run import ANY, bind_anywhere


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
    handlers = Handlers(library)

    class Reply(handlers.tx.ZmqREPConnection):  # type: ignore[misc, name-defined]
        def gotMessage(self, id: bytes, *parts: bytes) -> None:
            self.reply(id, *parts)

    print(address_of(handlers.bind(Reply)), flush=True)
    handlers.loop.run()


def pyzmq(library: str) -> None:
    """A ROUTER of pyzmq's own sockets for asyncio, or of the library that has their interface."""

    async def main() -> None:
        with interface(library).Context() as context, context.socket(zmq.ROUTER) as socket:
            socket.set_hwm(0)
            print(bind_anywhere(socket), flush=True)
            while True:
                await socket.send_multipart(await socket.recv_multipart())

    asyncio.run(main())


REPLIERS: dict[str, Callable[[], None]] = {
    "zmqbridge": bridge,
    OURS: partial(handlers, OURS),
    THEIRS: partial(handlers, THEIRS),
    IN_PLACE: partial(pyzmq, IN_PLACE),
    THE_PEER: partial(pyzmq, THE_PEER),
}

if __name__ == "__main__":
    REPLIERS[sys.argv[1]]()
