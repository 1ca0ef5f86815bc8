"""A zmqbridge program on a loop of one's choice: ``python -m tests.interop.peers.on_loop trio``.

It opens a replier, a publisher and a puller, at the addresses that follow or at ones of its own, reports
where they listen as its job 0, and does what requests tell it, so that it plays every part:

=================================  =====================================================
request                            what it does, and the reply
=================================  =====================================================
``[b"echo", *parts]``              replies with the parts
``[b"publish", tag, message]``     publishes; ``[b"published"]``
``[b"ask", address, *parts]``      makes a request of its own there, and replies with its reply
``[b"hear", address, tag]``        subscribes there, and replies with the first ``[tag, message]``
=================================  =====================================================

What it pulls, ``[address, flag, *frames]``, it pushes to that address, without the first two;
``flag`` is ``b"last"`` with the last message to an address.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

import zmqbridge
from tests.interop.peers.control import end_with_stdin, report

TCP = "tcp://127.0.0.1:*"
WORKERS = 6
SECONDS = 20.0

Function = Callable[[], Coroutine[Any, Any, None]]
Together = Callable[[Iterable[Function]], Coroutine[Any, Any, None]]


class Server:
    def __init__(self, context: zmqbridge.Context, addresses: Sequence[str]) -> None:
        self.context = context
        replier, publisher, puller = addresses
        self.replier = context.replier(bind=replier)
        self.publisher = context.publisher(bind=publisher)
        self.puller = context.puller(bind=puller)
        self.pushers: dict[bytes, zmqbridge.Pusher] = {}

    async def answer(self) -> None:
        async for request in self.replier:
            word, *parts = request.parts
            await request.reply(await getattr(self, "do_" + word.decode())(*parts))

    async def do_echo(self, *parts: bytes) -> list[bytes]:
        return list(parts)

    async def do_publish(self, tag: bytes, message: bytes) -> list[bytes]:
        self.publisher.publish(message, tag)
        return [b"published"]

    async def do_ask(self, address: bytes, *parts: bytes) -> list[bytes]:
        async with self.context.requester(connect=address.decode()) as requester:
            return await requester.request(parts, timeout=SECONDS)

    async def do_hear(self, address: bytes, tag: bytes) -> list[bytes]:
        async with self.context.subscriber(connect=address.decode(), tags=[tag]) as subscriber:
            return list(await subscriber.receive())

    async def forward(self) -> None:
        async for address, flag, *frames in self.puller:
            if address not in self.pushers:
                self.pushers[address] = self.context.pusher(connect=address.decode())
            await self.pushers[address].send(frames)
            if flag == b"last":
                self.pushers.pop(address).close()


async def serve(addresses: Sequence[str], together: Together) -> None:
    async with zmqbridge.Context(linger=SECONDS) as context:
        server = Server(context, addresses)
        parts = (server.replier, server.publisher, server.puller)
        report(0, addresses=[part.endpoints[0].address for part in parts])
        await together([server.answer] * WORKERS + [server.forward])


async def together_in_asyncio(functions: Iterable[Function]) -> None:
    async with asyncio.TaskGroup() as group:
        for function in functions:
            group.create_task(function())


def on_asyncio(addresses: Sequence[str]) -> None:
    asyncio.run(serve(addresses, together_in_asyncio))


def on_uvloop(addresses: Sequence[str]) -> None:
    import uvloop

    uvloop.run(serve(addresses, together_in_asyncio))


def on_trio(addresses: Sequence[str]) -> None:
    import trio

    async def together(functions: Iterable[Function]) -> None:
        async with trio.open_nursery() as nursery:
            for function in functions:
                nursery.start_soon(function)

    trio.run(serve, addresses, together)


def on_anyio(backend: str, addresses: Sequence[str]) -> None:
    import anyio

    async def together(functions: Iterable[Function]) -> None:
        async with anyio.create_task_group() as group:
            for function in functions:
                group.start_soon(function)

    anyio.run(serve, addresses, together, backend=backend)


def on_twisted(addresses: Sequence[str]) -> None:
    from twisted.internet.defer import Deferred, gatherResults
    from twisted.internet.task import react

    async def together(functions: Iterable[Function]) -> None:
        running = [Deferred.fromCoroutine(function()) for function in functions]
        await gatherResults(running, consumeErrors=True)

    def main(_: Any) -> Deferred[None]:
        return Deferred.fromCoroutine(serve(addresses, together))

    react(main)


LOOPS: dict[str, Callable[[Sequence[str]], None]] = {
    "asyncio": on_asyncio,
    "uvloop": on_uvloop,
    "trio": on_trio,
    "anyio-asyncio": lambda addresses: on_anyio("asyncio", addresses),
    "anyio-trio": lambda addresses: on_anyio("trio", addresses),
    "twisted": on_twisted,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve on one of the event loops until stdin ends.")
    parser.add_argument("loop", choices=LOOPS)
    parser.add_argument("addresses", nargs="*", help="of the replier, the publisher and the puller")
    arguments = parser.parse_args()
    end_with_stdin()
    LOOPS[arguments.loop](arguments.addresses or [TCP] * 3)


if __name__ == "__main__":
    main()
