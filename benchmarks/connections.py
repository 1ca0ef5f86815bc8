"""A thousand connections in one loop, each bound to a port of its own; senders in C send to four of them."""

from __future__ import annotations

import asyncio
from functools import partial
from importlib import import_module
from typing import Any

import zmq

from benchmarks.contender import Contender
from benchmarks.run import ANY, ANYWHERE, Run, raise_descriptor_limit

ACTIVE = 4
DESCRIPTORS_EACH = 3
"""The mailbox, the listening socket, and what one that is active accepts."""
SPARE = 500


class Counting:
    """Counts what arrives on all connections; the clock starts with the first message."""

    def __init__(self, run: Run, connections: int) -> None:
        raise_descriptor_limit(connections * DESCRIPTORS_EACH + SPARE)
        self._run = run
        self._active = min(ACTIVE, connections)
        self._total = self.left = run.count // self._active * self._active
        self.sockets = connections + SPARE

    def start(self, addresses: list[str]) -> None:
        """Have senders send to the active connections, spread over all of them."""
        for address in addresses[:: len(addresses) // self._active][: self._active]:
            self._run.send_to(address, self._active)

    def count(self) -> bool:
        """Count one message; return whether it was the last."""
        if self.left == self._total:
            self._run.begin()
        self.left -= 1
        if self.left:
            return False
        self._run.end(self._total - 1)
        return True


def bridge(connections: int, run: Run) -> None:
    """zmqbridge on asyncio, a task for each connection."""
    import zmqbridge

    async def main() -> None:
        counting = Counting(run, connections)
        done = asyncio.Event()

        async def receive(puller: zmqbridge.Puller) -> None:
            async for _ in puller:
                if counting.count():
                    done.set()

        async with zmqbridge.Context(max_sockets=counting.sockets) as context:
            pullers = [context.puller(bind=ANY) for _ in range(connections)]
            async with asyncio.TaskGroup() as tasks:
                for puller in pullers:
                    tasks.create_task(receive(puller))
                counting.start([puller.endpoints[0].address for puller in pullers])
                await done.wait()
                for puller in pullers:
                    puller.close()

    asyncio.run(main())


def pyzmq(connections: int, run: Run) -> None:
    """pyzmq's own sockets for asyncio, a task for each."""
    import zmq.asyncio

    async def main() -> None:
        counting = Counting(run, connections)
        done = asyncio.Event()

        async def receive(socket: zmq.asyncio.Socket) -> None:
            while True:
                await socket.recv_multipart()
                if counting.count():
                    done.set()

        context = zmq.asyncio.Context()
        context.set(zmq.MAX_SOCKETS, counting.sockets)
        sockets = [context.socket(zmq.PULL) for _ in range(connections)]
        addresses = [f"{ANYWHERE}:{socket.bind_to_random_port(ANYWHERE)}" for socket in sockets]
        tasks = [asyncio.create_task(receive(socket)) for socket in sockets]
        counting.start(addresses)
        await done.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        context.destroy(linger=0)

    asyncio.run(main())


def handlers(library: str, connections: int, run: Run) -> None:
    """The handlers of txZMQ, or of the library that has its interface."""
    from twisted.internet import reactor

    tx: Any = import_module(library)
    loop: Any = reactor
    counting = Counting(run, connections)

    class Pull(tx.ZmqPullConnection):  # type: ignore[misc]
        def onPull(self, message: list[bytes]) -> None:
            if counting.count():
                loop.stop()

    factory = tx.ZmqFactory()
    factory.registerForShutdown()
    factory.context.set(zmq.MAX_SOCKETS, counting.sockets)
    pulls = [Pull(factory, tx.ZmqEndpoint("bind", ANY)) for _ in range(connections)]
    counting.start([pull.socket.get_string(zmq.LAST_ENDPOINT) for pull in pulls])
    loop.run()


def contenders(connections: int) -> tuple[Contender, ...]:
    """Return who is measured with so many connections."""
    ours = partial(handlers, "zmqbridge_twisted", connections)
    return (
        Contender("zmqbridge on asyncio", partial(bridge, connections), 500_000, ours=True),
        Contender("zmqbridge_twisted, handlers", ours, 500_000, ("twisted",), ours=True),
        Contender("zmq.asyncio", partial(pyzmq, connections), 40_000),
        Contender("txZMQ, handlers", partial(handlers, "txzmq", connections), 100_000, ("txzmq",)),
    )
