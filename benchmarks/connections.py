"""A thousand connections in one loop, each bound to a port of its own; senders in C send to four of them."""

from __future__ import annotations

import asyncio
from functools import partial

import zmq

from benchmarks.contender import Contender
from benchmarks.handlers import OURS, THEIRS, Handlers, address_of, with_handlers
from benchmarks.run import ANY, Run, bind_anywhere, raise_descriptor_limit

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
        addresses = [bind_anywhere(socket) for socket in sockets]
        tasks = [asyncio.create_task(receive(socket)) for socket in sockets]
        counting.start(addresses)
        await done.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        context.destroy(linger=0)

    asyncio.run(main())


def handlers(connections: int, library: str, run: Run) -> None:
    """The handlers of txZMQ, or of the library that has its interface."""
    handlers = Handlers(library)
    loop = handlers.loop
    counting = Counting(run, connections)

    class Pull(handlers.tx.ZmqPullConnection):  # type: ignore[misc, name-defined]
        def onPull(self, message: list[bytes]) -> None:
            if counting.count():
                loop.stop()

    handlers.factory.context.set(zmq.MAX_SOCKETS, counting.sockets)
    pulls = [handlers.bind(Pull) for _ in range(connections)]
    counting.start(list(map(address_of, pulls)))
    loop.run()


def contenders(connections: int) -> tuple[Contender, ...]:
    """Return who is measured with so many connections."""
    return (
        Contender("zmqbridge on asyncio", partial(bridge, connections), 500_000, ours=True),
        with_handlers(OURS, partial(handlers, connections), 500_000),
        Contender("zmq.asyncio", partial(pyzmq, connections), 40_000),
        with_handlers(THEIRS, partial(handlers, connections), 100_000),
    )
