"""How many requests a second are answered over TCP with 100 of them outstanding, both ends the same library.

``make bench`` runs it. The two ends are separate processes; the rounds are interleaved, and each ratio is
the median of the rounds' own ratios to the yardstick.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import zmq
import zmq.asyncio

import zmqbridge

OUTSTANDING = 100
PAYLOAD = b"x" * 100
YARDSTICK = "txZMQ, handlers"

# --- both ends, each as its users would write it ---


def handlers_reply(library: str) -> None:
    """The answering end in the handlers of a library with txZMQ's interface."""
    from twisted.internet import reactor

    tx: Any = import_module(library)
    loop: Any = reactor

    class Reply(tx.ZmqREPConnection):  # type: ignore[misc]
        def gotMessage(self, id: bytes, *parts: bytes) -> None:
            self.reply(id, *parts)

    reply = Reply(tx.ZmqFactory(), tx.ZmqEndpoint("bind", "tcp://127.0.0.1:*"))
    print(reply.socket.getsockopt_string(zmq.LAST_ENDPOINT), flush=True)
    loop.run()


def handlers_request(library: str, address: str, count: int) -> float:
    """The asking end, likewise."""
    from twisted.internet import reactor

    tx: Any = import_module(library)
    loop: Any = reactor
    factory = tx.ZmqFactory()
    factory.registerForShutdown()
    request = tx.ZmqREQConnection(factory, tx.ZmqEndpoint("connect", address))
    left = {"to ask": count, "to come": count}
    times = []

    def ask(_: object = None) -> None:
        if left["to ask"]:
            left["to ask"] -= 1
            request.sendMsg(PAYLOAD).addCallback(came)

    def came(_: object) -> None:
        left["to come"] -= 1
        if not left["to come"]:
            times.append(time.perf_counter())
            loop.stop()
        ask()

    def begin() -> None:
        times.append(time.perf_counter())
        for _ in range(OUTSTANDING):
            ask()

    loop.callWhenRunning(begin)
    loop.run()
    return count / (times[1] - times[0])


def bridge_reply() -> None:
    """The answering end with zmqbridge on asyncio."""

    async def main() -> None:
        async with zmqbridge.Context() as context:
            replier = context.replier(bind="tcp://127.0.0.1:*")
            print(replier.endpoints[0].address, flush=True)
            async for request in replier:
                await request.reply(request.parts)

    asyncio.run(main())


def bridge_request(address: str, count: int) -> float:
    """The asking end with zmqbridge on asyncio."""

    async def main() -> float:
        async with zmqbridge.Context() as context:
            requester = context.requester(connect=address)

            async def ask() -> None:
                for _ in range(count // OUTSTANDING):
                    await requester.request(PAYLOAD)

            began = time.perf_counter()
            async with asyncio.TaskGroup() as tasks:
                for _ in range(OUTSTANDING):
                    tasks.create_task(ask())
            return count / (time.perf_counter() - began)

    return asyncio.run(main())


def pyzmq_reply() -> None:
    """The answering end with a ROUTER of zmq.asyncio."""

    async def main() -> None:
        with zmq.asyncio.Context() as context, context.socket(zmq.ROUTER) as socket:
            print(f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}", flush=True)
            while True:
                await socket.send_multipart(await socket.recv_multipart())

    asyncio.run(main())


def pyzmq_request(address: str, count: int) -> float:
    """The asking end with a DEALER of zmq.asyncio, which matches replies by an id of its own."""

    async def main() -> float:
        with zmq.asyncio.Context() as context, context.socket(zmq.DEALER) as socket:
            socket.connect(address)
            waiting: dict[bytes, asyncio.Future[bytes]] = {}

            async def read() -> None:
                while True:
                    id, _, payload = await socket.recv_multipart()
                    waiting.pop(id).set_result(payload)

            async def ask(name: int) -> None:
                for number in range(count // OUTSTANDING):
                    id = b"%d %d" % (name, number)
                    waiting[id] = asyncio.get_running_loop().create_future()
                    reply = waiting[id]
                    await socket.send_multipart([id, b"", PAYLOAD])
                    await reply

            reading = asyncio.create_task(read())
            began = time.perf_counter()
            async with asyncio.TaskGroup() as tasks:
                for name in range(OUTSTANDING):
                    tasks.create_task(ask(name))
            elapsed = time.perf_counter() - began
            reading.cancel()
            return count / elapsed

    return asyncio.run(main())


CONTENDERS: dict[str, tuple[Callable[[], None], Callable[[str, int], float]]] = {
    "zmqbridge_twisted, handlers": (
        partial(handlers_reply, "zmqbridge_twisted"),
        partial(handlers_request, "zmqbridge_twisted"),
    ),
    "txZMQ, handlers": (partial(handlers_reply, "txzmq"), partial(handlers_request, "txzmq")),
    "zmqbridge on asyncio": (bridge_reply, bridge_request),
    "zmq.asyncio": (pyzmq_reply, pyzmq_request),
}

# --- measuring ---


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.requests", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def measure(name: str, count: int) -> float:
    """Run both ends of one contender in fresh processes, and return its requests a second."""
    replying = start("--reply", name)
    assert replying.stdout is not None
    try:
        address = replying.stdout.readline().strip()
        asking = start("--request", name, "--address", address, "--count", str(count))
        printed, _ = asking.communicate()
        return float(printed)
    finally:
        replying.kill()
        replying.communicate()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=20_000, help="requests for each measurement")
    parser.add_argument("--reply", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--request", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--address", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.reply:
        CONTENDERS[arguments.reply][0]()
        return
    if arguments.request:
        print(CONTENDERS[arguments.request][1](arguments.address, arguments.count))
        return
    rates: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(arguments.rounds):
        for name, measured in rates.items():
            measured.append(measure(name, arguments.count))
    print(f"requests of 100 bytes over TCP, {OUTSTANDING} outstanding; {arguments.rounds} rounds")
    print(f"{'':28}{'requests/s':>12}{'x ' + YARDSTICK:>20}")
    for name, measured in rates.items():
        ratios = [rate / other for rate, other in zip(measured, rates[YARDSTICK], strict=True)]
        print(f"{name:28}{statistics.median(measured):12,.0f}{statistics.median(ratios):20.2f}")


if __name__ == "__main__":
    main()
