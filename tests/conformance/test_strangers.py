"""Whoever finds the port: not peers at all, or peers of another kind. The good ones go on, and the loop rests.

The strangers are plain sockets. What they write goes to libzmq's own thread, so a case needs no task for them.
"""

from __future__ import annotations

import random
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from zmqbridge import SocketOptions

pytestmark = pytest.mark.any_loop

LARGEST = 1000
SECONDS = 20.0

# ZMTP, https://rfc.zeromq.org/spec/37: the signature, the version, the mechanism, the role and a filler.
SIGNATURE = b"\xff" + bytes(8) + b"\x7f"


def greeting(version: bytes = b"\x03\x00", mechanism: bytes = b"NULL") -> bytes:
    return SIGNATURE + version + mechanism.ljust(20, b"\0") + bytes(32)


def ready(socket_type: bytes, *, name: bytes = b"Socket-Type") -> bytes:
    body = b"\x05READY" + bytes([len(name)]) + name + len(socket_type).to_bytes(4, "big") + socket_type
    return b"\x04" + bytes([len(body)]) + body


def frame(data: bytes, *, claims: int | None = None) -> bytes:
    """A frame, the last of its message, that claims to be as long as it is or otherwise."""
    return b"\x02" + (len(data) if claims is None else claims).to_bytes(8, "big") + data


class Strangers:
    """Plain sockets that call on the ports of some connections.

    Attributes:
        slow: those of which each :meth:`drip` sends a byte more, and what is left for them to send.
    """

    def __init__(self, stack: ExitStack, ports: dict[str, int]) -> None:
        self.ports = ports
        self.slow: list[tuple[socket.socket, Iterator[int]]] = []
        self._stack = stack

    def call(self, data: bytes = b"", *, port: int | None = None) -> socket.socket:
        """Connect to one of the ports, or to each of them, send something, and stay; return the last socket."""
        for number in self.ports.values() if port is None else [port]:
            caller = self._stack.enter_context(socket.create_connection(("127.0.0.1", number), SECONDS))
            caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                caller.sendall(data)
            except ConnectionError:
                """libzmq had read enough."""
        return caller

    def greet(self, socket_type: bytes, *, port: int) -> socket.socket:
        """Connect and shake hands as a socket of that type, which may send messages then; return the socket."""
        caller = self.call(greeting() + ready(socket_type), port=port)
        received = b""
        while len(received) < 66 or len(received) < 66 + received[65]:
            data = caller.recv(1000)
            assert data, "libzmq ended the connection in the handshake"
            received += data
        assert b"READY" in received[64:]
        return caller

    def drip(self) -> None:
        """Let each of the slow ones send its next byte."""
        for caller, rest in self.slow:
            for byte in rest:
                caller.sendall(bytes([byte]))
                break

    def plain(self, socket_type: int, port: int) -> zmq.Socket[bytes]:
        """A pyzmq socket that connects to the port."""
        context = self._stack.enter_context(zmq.Context())
        peer = self._stack.enter_context(context.socket(socket_type))
        peer.linger = 0
        peer.connect(f"tcp://127.0.0.1:{port}")
        return peer


def was_dropped(caller: socket.socket) -> bool:
    """Whether libzmq ends the connection, once it has sent what it had to say."""
    try:
        while caller.recv(1000):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


def garbage(strangers: Strangers) -> None:
    """Random bytes: none of ZeroMQ's; after its signature; after its greeting; after its handshake."""
    source = random.Random(6)
    for size in (1, 2, 10, 64, 2000):
        for begins in (b"", b"\xff", SIGNATURE, greeting(), greeting() + ready(b"PUSH")):
            strangers.call(begins + source.randbytes(size))
        strangers.greet(b"PUSH", port=strangers.ports["puller"]).sendall(source.randbytes(size))
        strangers.greet(b"DEALER", port=strangers.ports["replier"]).sendall(source.randbytes(size))


def silent(strangers: Strangers) -> None:
    """Nothing at all."""
    for _ in range(20):
        strangers.call()


def slow(strangers: Strangers) -> None:
    """A greeting, a byte now and then."""
    for port in strangers.ports.values():
        strangers.slow.append((strangers.call(port=port), iter(greeting() + ready(b"PUSH"))))


def other_versions(strangers: Strangers) -> None:
    """Versions of ZMTP that are old, or to come, and what their peers might say next."""
    for version in range(0, 256, 5):
        strangers.call(SIGNATURE + bytes([version]) + bytes(range(100)))


def other_mechanisms(strangers: Strangers) -> None:
    """Mechanisms that are not this port's, or nobody's."""
    for mechanism in (b"PLAIN", b"CURVE", b"GSSAPI", b"NONSENSE", b"\xff" * 20, b""):
        strangers.call(greeting(mechanism=mechanism) + b"\x04\x05\x04HELLO" + ready(b"PUSH"))


def http(strangers: Strangers) -> None:
    """A browser's request."""
    strangers.call(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: curious\r\nAccept: */*\r\n\r\n")
    strangers.call(b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000)


def tls(strangers: Strangers) -> None:
    """The first flight of a TLS client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    strangers.call(outgoing.read())


def reset(strangers: Strangers) -> None:
    """Gone with a reset as soon as it is there, or in the middle of a greeting, a handshake or a message."""
    callers = []
    for port in strangers.ports.values():
        for length in (0, 0, 0, 5, 30, 64, 74):
            callers.append(strangers.call((greeting() + ready(b"PUSH"))[:length], port=port))
    for begun in (b"", b"\x01\x05first", frame(b"x" * 50, claims=100)):
        callers.append(strangers.greet(b"PUSH", port=strangers.ports["puller"]))
        callers[-1].sendall(begun)
    for caller in callers:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        caller.close()


def other_types(strangers: Strangers) -> None:
    """Peers that speak ZMTP well, of types that do not go with the port's, or say something else in its place."""
    for command in (
        ready(b"PUB"),
        ready(b"PULL"),
        ready(b"FROBNICATE"),
        ready(b""),
        b"\x04\x0a\x05READY\xffabc",  # a property longer than its command
        b"\x04\x06\x05ERROR",
        b"\x04\x05\x04NONE",
        b"\x04\x00",
        frame(b"no handshake"),
    ):
        caller = strangers.call(greeting() + command, port=strangers.ports["puller"])
        assert was_dropped(caller), f"libzmq took {command!r} for a handshake"
    for port in strangers.ports.values():
        strangers.plain(zmq.PUB, port)
        strangers.plain(zmq.PAIR, port)


def oversized(strangers: Strangers) -> None:
    """Peers of the right type whose messages are larger than is allowed, or claim to be."""
    for message in (
        frame(bytes(LARGEST + 1)),
        frame(b"", claims=LARGEST + 1),
        frame(b"", claims=2**31),
        frame(b"", claims=2**62),
        frame(b"", claims=2**64 - 1),
    ):
        caller = strangers.greet(b"PUSH", port=strangers.ports["puller"])
        caller.sendall(message)
        assert was_dropped(caller), f"libzmq took {len(message)} bytes that begin {message[:9]!r}"


ALL: list[Callable[[Strangers], None]] = [
    garbage,
    silent,
    slow,
    other_versions,
    other_mechanisms,
    http,
    tls,
    reset,
    other_types,
    oversized,
]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What closes the strangers."""
    with ExitStack() as stack:
        yield stack


def number_of(connection: zmqbridge.Connection) -> int:
    """The number of the TCP port where a connection listens."""
    return int(connection.endpoints[0].address.rpartition(":")[2])


class Port:
    """A puller and a replier, each listening, and a good peer of each."""

    def __init__(self, context: zmqbridge.Context, addresses: Addresses) -> None:
        options = SocketOptions(max_message_size=LARGEST)
        self.puller = context.puller(bind=addresses.new("tcp"), options=options)
        self.replier = context.replier(bind=addresses.new("tcp"), options=options)
        self.pusher = context.pusher(connect=self.puller.endpoints[0].address)
        self.dealer = context.dealer(connect=self.replier.endpoints[0].address)
        self.ports = {
            "puller": number_of(self.puller),
            "replier": number_of(self.replier),
        }
        self._sent = 0

    async def flow(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Return once twenty messages of the good peers came, in order, and their replies.

        Some strangers speak a dialect of ZMTP, so what they sent may come between.
        """
        for _ in range(20):
            self._sent += 1
            good = b"good %d" % self._sent
            meanwhile()
            await self.pusher.send([good, bytes(LARGEST)])
            while (message := await self.puller.receive()) != [good, bytes(LARGEST)]:
                assert not message[0].startswith(b"good")
            await self.dealer.send([b"id", b"", good])
            while (request := await self.replier.receive()).parts != [good]:
                assert not request.parts or not request.parts[0].startswith(b"good")
            await request.reply(good)
            assert await self.dealer.receive() == [b"id", b"", good]


@pytest.mark.one_task
@pytest.mark.parametrize("come", ALL, ids=lambda come: come.__name__)
async def test_strangers(
    loop: Harness,
    addresses: Addresses,
    stack: ExitStack,
    caplog: pytest.LogCaptureFixture,
    come: Callable[[Strangers], None],
) -> None:
    """While strangers call on a port, and after they have gone, its good peers are served there."""
    async with loop.context(linger=0) as context:
        port = Port(context, addresses)
        await port.flow()
        strangers = Strangers(stack, port.ports)
        come(strangers)
        for _ in range(6 if come is slow else 1):
            await port.flow(strangers.drip)
        assert all(next(rest, None) is None for _, rest in strangers.slow)
        stack.close()
        await port.flow()
        assert not [record for record in caplog.records if record.levelname not in ("DEBUG", "WARNING")]


@pytest.mark.each_backend
async def test_strangers_use_no_cpu(loop: Harness, addresses: Addresses, stack: ExitStack) -> None:
    """While strangers of every kind are connected and nothing comes, the process rests."""
    async with loop.context(linger=0) as context:
        port = Port(context, addresses)
        strangers = Strangers(stack, port.ports)
        for come in ALL:
            come(strangers)
        await port.flow(strangers.drip)

        async def take_all(connection: zmqbridge.Puller | zmqbridge.Replier) -> None:
            async for _ in connection:
                """What a stranger said may still be on its way."""

        loop.spawn(take_all, port.puller)
        loop.spawn(take_all, port.replier)
        await loop.parked(port.puller)
        await loop.parked(port.replier)
        # Processor time is the subject, libzmq's own thread included. A spin would use all of the period.
        used = time.process_time()
        began = time.monotonic()
        await loop.sleep(0.2)
        assert time.process_time() - used < (time.monotonic() - began) / 4
        assert port.puller.stats.parked == port.replier.stats.parked == 1


@pytest.mark.one_task
async def test_spoken_by_hand(loop: Harness, addresses: Addresses, stack: ExitStack) -> None:
    """A plain socket that says what a peer says is one: what the strangers of this page say is what ends their call."""
    async with loop.context(linger=0) as context:
        port = Port(context, addresses)
        strangers = Strangers(stack, port.ports)
        strangers.greet(b"PUSH", port=port.ports["puller"]).sendall(frame(bytes(LARGEST)))
        assert await port.puller.receive() == [bytes(LARGEST)]
        caller = strangers.greet(b"DEALER", port=port.ports["replier"])
        caller.sendall(frame(b"no request") + b"\x01\x00" + frame(b"please"))
        assert (await port.replier.receive()).parts == [b"please"]
        await port.flow()
        assert port.replier.stats.malformed == 1


@pytest.mark.one_task
async def test_oldest_protocol(loop: Harness, addresses: Addresses, stack: ExitStack) -> None:
    """Any bytes may be those of a peer of ZMTP 1.0, which says nothing of its type: its messages are read as others."""
    async with loop.context(linger=0) as context:
        subscriber = context.subscriber(bind=addresses.new("tcp"), tags=[""])
        number = number_of(subscriber)
        # An identity of no bytes, and then each message: its length, its flags, itself.
        Strangers(stack, {"": number}).call(b"\x01\x00" + b"\x05\x01junk" * 2 + b"\x05\x00junk" + b"\x08\x00tag\0old")
        assert await subscriber.receive() == (b"tag", b"old")
        assert subscriber.stats.malformed == 1


@pytest.mark.one_task
async def test_claims_without_a_limit(loop: Harness, addresses: Addresses, stack: ExitStack) -> None:
    """Where no limit is set, a frame that claims more bytes than memory could hold ends its own connection alone."""
    async with loop.context(linger=0) as context:
        puller = context.puller(bind=addresses.new("tcp"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        number = number_of(puller)
        strangers = Strangers(stack, {"": number})
        for claims in (2**62, 2**64 - 1):
            caller = strangers.greet(b"PUSH", port=number)
            caller.sendall(frame(b"", claims=claims))
            assert was_dropped(caller)
        await pusher.send(b"good")
        assert await puller.receive() == [b"good"]


@pytest.mark.one_task
async def test_too_large_from_a_good_peer(loop: Harness, addresses: Addresses) -> None:
    """A peer of ours that sends a message that is too large is disconnected, and comes back for the next."""
    async with loop.context(linger=0) as context:
        port = Port(context, addresses)
        await port.flow()
        await port.pusher.send(bytes(LARGEST + 1))
        message: list[bytes] = []
        attempts = 0
        while not message:
            # What is sent before the connection breaks is lost with it.
            await port.pusher.send(b"small")
            attempts += 1
            await loop.sleep(0.001)
            try:
                message = port.puller.receive_nowait()
            except zmqbridge.WouldBlock:
                continue
        assert message == [b"small"]
