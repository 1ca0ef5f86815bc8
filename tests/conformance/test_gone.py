"""A peer that is gone ends the wait for it, though the program has many of its messages still to read."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses

MANY = 600
LARGE = bytes(100_000)


@pytest.fixture
def plain() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    """pyzmq's own context."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield context
    context.destroy(0)


@pytest.mark.parametrize("kind", ["router", "pair"])
async def test_a_peer_that_reads_nothing_and_leaves(
    loop: Harness, addresses: Addresses, plain: zmq.Context[zmq.Socket[bytes]], kind: str
) -> None:
    """A peer that sends many messages, reads no answer and leaves ends the send to it; the next peer is served."""
    options = zmqbridge.SocketOptions(send_high_water_mark=2)
    async with loop.context(linger=0) as context:
        connection: zmqbridge.Router | zmqbridge.Pair = (
            context.router(bind=addresses.new("tcp"), options=options)
            if kind == "router"
            else context.pair(bind=addresses.new("tcp"), options=options)
        )
        address = connection.endpoints[0].address

        async def serve() -> None:
            if isinstance(connection, zmqbridge.Router):
                async for peer, _ in connection:
                    with suppress(zmqbridge.PeerUnreachable):
                        await connection.send(peer, LARGE)
            else:
                while True:
                    await connection.receive()
                    await connection.send(LARGE)

        serving = loop.spawn(serve)
        kinds = {"router": zmq.DEALER, "pair": zmq.PAIR}
        greedy = plain.socket(kinds[kind])
        greedy.rcvhwm = 2
        greedy.connect(address)
        for _ in range(MANY):
            greedy.send(b"x")
        await loop.until(lambda: connection.stats.sent > 2 and connection.stats.buffered > 200)
        await loop.parked(connection)
        greedy.close(0)
        # A pair refuses a new peer, for good, while it knows the old one: so another one comes, and another.
        answered = False
        while not answered:
            modest = plain.socket(kinds[kind])
            modest.connect(address)
            modest.send(b"y")
            for _ in range(1000):
                await loop.turn()
                if modest.poll(0):
                    answered = modest.recv() == LARGE
                    break
            modest.close(0)
        connection.close()
        with suppress(zmqbridge.ConnectionClosed):
            await serving.result()


async def test_a_client_of_a_stream_that_leaves_before_its_answer(loop: Harness, addresses: Addresses) -> None:
    """A STREAM server whose client left before its answer is told so, and serves the next one."""
    async with loop.context(linger=0) as context:
        server = context.connection(zmq.STREAM, bind=addresses.new("tcp"))
        port = int(server.endpoints[0].address.rpartition(":")[2])
        served: list[bytes] = []
        gone: list[bytes] = []
        with socket.create_connection(("127.0.0.1", port)) as first:
            first.sendall(b"first")
            peer, data = await server.receive()
            while not data:
                peer, data = await server.receive()

        async def serve(peer: bytes, data: bytes) -> None:
            while True:
                if data:
                    try:
                        while True:  # what libzmq takes before it knows is lost, as on any connection
                            await server.send([peer, b"answer"])
                            if data != b"first":
                                served.append(data)
                                return
                    except zmqbridge.PeerUnreachable:
                        gone.append(data)
                peer, data = await server.receive()

        serving = loop.spawn(serve, peer, data)
        await loop.until(lambda: gone)
        with socket.create_connection(("127.0.0.1", port)) as second:
            second.sendall(b"second")
            await serving.result()
            assert second.recv(100) == b"answer"
        assert (gone, served) == ([b"first"], [b"second"])
