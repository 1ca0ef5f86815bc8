"""A million messages for a slow consumer, a million requests of a client that never reads: memory stays flat."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses import HARNESSES, LOOPS
from tests.conformance.harnesses.on_twisted import TwistedEpollHarness
from tests.conftest import Addresses
from tests.soak.measuring import MIB, Memory
from zmqbridge_twisted import ZmqEndpoint, ZmqFactory, ZmqPullConnection, ZmqREPConnection

MESSAGES = 1_000_000
SIZE = 1000
HIGH_WATER_MARK = 1000
BATCH = 256
# What one queue at its mark, the read-ahead and the message in hand come to, for both sides' queues inproc.
MOST_IN_FLIGHT = 2 * HIGH_WATER_MARK + BATCH + 1


class Sender:
    """A thread that pushes a million messages as fast as it may.

    Attributes:
        sent: how many libzmq took.
    """

    def __init__(self, context: Any, address: str) -> None:
        self.sent = 0
        self._context = context
        self._address = address
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with self._context.socket(zmq.PUSH) as push:
            push.linger = 0
            push.sndhwm = HIGH_WATER_MARK
            push.sndtimeo = 100
            push.connect(self._address)
            while self.sent < MESSAGES and not self._stop.is_set():
                try:
                    push.send(b"%0*d" % (SIZE, self.sent))
                    self.sent += 1
                except zmq.Again:
                    pass
            # Its queue is taken before it closes.
            self._stop.wait()

    @contextmanager
    def sending(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()


class Consumer:
    """What receives slowly, and looks."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.got = 0
        self.most_in_flight = 0
        self.sender: Sender | None = None

    def take(self, frames: list[bytes]) -> bool:
        """Note a message; return whether it is time for a pause."""
        assert self.sender is not None
        assert int(frames[0]) == self.got
        while self.sender.sent < HIGH_WATER_MARK:
            time.sleep(0.001)  # It is slow from the first message on, whatever the machine is.
        self.most_in_flight = max(self.most_in_flight, self.sender.sent - self.got)
        self.got += 1
        if self.got == MESSAGES // 20:
            self.memory.settled()
        if self.got % 500:
            return False
        # The thread may be between its send and its count.
        self.most_in_flight = max(self.most_in_flight, self.sender.sent - self.got)
        self.memory.look()
        return True

    def check(self, name: str) -> None:
        print(  # noqa: T201
            f"{name}: {self.got} messages, {self.most_in_flight} in flight at most,"
            f" memory grew by {self.memory.growth / MIB:.1f} MiB at most"
        )
        assert self.got == MESSAGES
        assert HIGH_WATER_MARK <= self.most_in_flight <= MOST_IN_FLIGHT
        # A gigabyte went through.
        assert self.memory.growth < 16 * MIB


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", LOOPS)
def test_slow_consumer(name: str, addresses: Addresses) -> None:
    """However slowly a task receives, no more is in flight than the high-water marks and a batch, in order."""
    loop = HARNESSES[name]()
    consumer = Consumer()
    address = addresses.new("inproc")

    async def case() -> None:
        with zmq.Context() as shared:
            async with loop.context(zmq_context=shared) as context:
                puller = context.puller(bind=address)
                consumer.sender = Sender(shared, address)
                with consumer.sender.sending():
                    async for frames in puller:
                        if consumer.take(frames):
                            await loop.sleep(0.001)
                        if consumer.got == MESSAGES:
                            break

    loop.run(case)
    consumer.check(name)


@pytest.mark.timeout(120)
def test_slow_handler(addresses: Addresses) -> None:
    """However slow a handler is, no more is in flight than the high-water marks and a batch, in order."""
    loop = TwistedEpollHarness()
    consumer = Consumer()
    address = addresses.new("inproc")

    class Pull(ZmqPullConnection):
        highWaterMark = HIGH_WATER_MARK  # noqa: N815 (the class's own name)

        def onPull(self, message: list[bytes]) -> None:
            if consumer.take(message):
                time.sleep(0.001)

    async def case() -> None:
        factory = ZmqFactory(loop.reactor)
        Pull(factory, ZmqEndpoint("bind", address))
        consumer.sender = Sender(factory.context, address)
        try:
            with consumer.sender.sending():
                await loop.until(lambda: consumer.got == MESSAGES)
        finally:
            await factory.shutdown()

    loop.run(case)
    consumer.check("Twisted handlers")


REQUESTS = 1_000_000


class DeafClient:
    """A thread that asks a million times and never reads an answer."""

    def __init__(self, address: str) -> None:
        self.sent = 0
        self.stop = threading.Event()
        self._address = address
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
            dealer.linger = 0
            dealer.sndtimeo = 100
            dealer.connect(self._address)
            while self.sent < REQUESTS and not self.stop.is_set():
                try:
                    dealer.send_multipart([b"%d" % self.sent, b"", b"x" * 100])
                    self.sent += 1
                except zmq.Again:
                    pass
            self.stop.wait()

    @contextmanager
    def asking(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self.stop.set()
            self._thread.join()


class Served:
    """The others, who are served meanwhile."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.answered = 0
        self.longest = 0.0

    async def ask(self, requester: zmqbridge.Requester) -> None:
        """Ask once, and look."""
        began = time.monotonic()
        await requester.request(b"x", timeout=30)
        self.longest = max(self.longest, time.monotonic() - began)
        self.answered += 1
        if self.answered == 20:
            self.memory.settled()
        self.memory.look()

    def check(self, name: str, asked: int) -> None:
        print(  # noqa: T201
            f"{name}: {asked} requests of the deaf client, {self.answered} of another,"
            f" {self.longest * 1000:.0f} ms at most; memory grew by {self.memory.growth / MIB:.1f} MiB at most"
        )
        assert asked == REQUESTS
        assert self.answered > 100
        assert self.memory.growth < 16 * MIB


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", LOOPS)
def test_client_that_never_reads(name: str, addresses: Addresses) -> None:
    """A million requests whose replies nobody reads leave the replier's memory flat, and the others are served."""
    loop = HARNESSES[name]()
    served = Served()
    address = addresses.new("ipc")
    client = DeafClient(address)

    async def case() -> None:
        async with loop.context() as context:
            replier = context.replier(bind=address, reply_timeout=0.01)
            requester = context.requester(connect=address)

            async def answer() -> None:
                async for request in replier:
                    await request.reply(b"y" * 200)

            loop.spawn(answer)
            with client.asking():
                while replier.stats.received - served.answered < REQUESTS:
                    began = time.monotonic()
                    await requester.request(b"x", timeout=30)
                    served.longest = max(served.longest, time.monotonic() - began)
                    served.answered += 1
                    if served.answered == 20:
                        served.memory.settled()
                    served.memory.look()
            assert replier.stats.dropped_replies > REQUESTS // 2

    loop.run(case)
    served.check(name, client.sent)


@pytest.mark.timeout(180)
def test_client_that_never_reads_from_handlers(addresses: Addresses) -> None:
    """A million requests whose replies nobody reads leave a handler's memory flat, and the others are served."""
    loop = TwistedEpollHarness()
    served = Served()
    address = addresses.new("ipc")
    client = DeafClient(address)
    got = 0

    class Reply(ZmqREPConnection):
        highWaterMark = HIGH_WATER_MARK  # noqa: N815 (the class's own name)

        def gotMessage(self, messageId: bytes, *messageParts: bytes) -> None:  # noqa: N803 (the class's own names)
            nonlocal got
            got += 1
            self.reply(messageId, b"y" * 200)

    async def case() -> None:
        factory = ZmqFactory(loop.reactor)
        Reply(factory, ZmqEndpoint("bind", address))
        try:
            async with loop.context() as context:
                requester = context.requester(connect=address)
                with client.asking():
                    while got - served.answered < REQUESTS:
                        await served.ask(requester)
        finally:
            await factory.shutdown()

    loop.run(case)
    served.check("Twisted handlers", client.sent)
