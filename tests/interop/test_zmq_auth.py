"""pyzmq's own authenticators and certificates: either side of a connection may have them."""

from __future__ import annotations

from pathlib import Path

import pytest
import zmq
import zmq.auth
from zmq.auth.thread import ThreadAuthenticator

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conformance.knocking import IN, REFUSED, Knocker
from zmqbridge import KeyPair, SocketOptions

LOCAL = "tcp://127.0.0.1:*"


async def test_a_server_with_pyzmqs_authenticator(loop: Harness, tmp_path: Path) -> None:
    """A client whose saved certificate pyzmq's server knows comes in, and another learns that it is refused."""
    server, ada, bob = (KeyPair.generate() for _ in range(3))
    ada.save(tmp_path / "ada.key")
    raw = zmq.Context()
    authenticator = ThreadAuthenticator(raw)
    authenticator.start()
    authenticator.configure_curve(domain="*", location=str(tmp_path))
    socket = raw.socket(zmq.REP)
    socket.curve_server = True
    socket.curve_publickey, socket.curve_secretkey = server.public.encode(), server.secret.encode()
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    async with loop.context(watch=True, linger=0) as context:
        address = f"tcp://127.0.0.1:{port}"
        requester = context.requester(connect=address, options=SocketOptions.curve_as_client(ada, server.public))
        await requester.wait_connected()
        asking = loop.spawn(requester.request, b"hello")
        await loop.until(lambda: socket.poll(0))
        socket.send(socket.recv())
        assert await asking.result() == [b"hello"]
        stranger = context.requester(connect=address, options=SocketOptions.curve_as_client(bob, server.public))
        with pytest.raises(zmqbridge.AuthenticationFailed, match="400"):
            await stranger.wait_connected()
    authenticator.stop()
    raw.destroy(0)


async def test_pyzmqs_clients(loop: Harness, tmp_path: Path) -> None:
    """A client of pyzmq's with a certificate that zmq.auth made comes in here by its public file in the directory."""
    (tmp_path / "keys").mkdir()
    server = KeyPair.generate()
    _, secret_file = zmq.auth.create_certificates(tmp_path / "keys", "ada")
    public, secret = zmq.auth.load_certificate(secret_file)
    assert secret is not None
    async with loop.context() as context, context.authenticator("lab", keys=tmp_path / "keys"):
        puller = context.puller(bind=LOCAL, options=SocketOptions.curve_as_server(server, domain="lab"))
        address = puller.endpoints[0].address
        known = KeyPair(public, secret)
        with (
            Knocker.with_keys(address, known, server.public, kind=zmq.PUSH) as client,
            Knocker.with_keys(address, KeyPair.generate(), server.public, kind=zmq.PUSH) as stranger,
        ):
            client.socket.send(b"hello")
            assert await puller.receive() == [b"hello"]
            await loop.until(lambda: stranger.hears(REFUSED, IN))
            assert stranger.told == [REFUSED]


async def test_a_proxy_in_between(loop: Harness) -> None:
    """With a proxy in between it is the proxy's key that the server knows, and the proxy knows its clients'."""
    server, proxy, ada = (KeyPair.generate() for _ in range(3))
    async with loop.context() as context, context.authenticator("back", keys={proxy.public}):
        replier = context.replier(bind=LOCAL, options=SocketOptions.curve_as_server(server, domain="back"))
        async with loop.context() as middle, middle.authenticator("front", keys={ada.public}):
            front = middle.router(bind=LOCAL, options=SocketOptions.curve_as_server(proxy, domain="front"))
            back = middle.dealer(
                connect=replier.endpoints[0].address, options=SocketOptions.curve_as_client(proxy, server.public)
            )

            async def forward() -> None:
                async for peer, frames in front:
                    await back.send([peer, *frames])

            async def bring_back() -> None:
                async for peer, *frames in back:
                    await front.send(peer, frames)

            async def serve() -> None:
                async for request in replier:
                    await request.reply(request.parts)

            for function in (forward, bring_back, serve):
                loop.spawn(function)
            async with loop.context() as own:
                requester = own.requester(
                    connect=front.endpoints[0].address, options=SocketOptions.curve_as_client(ada, proxy.public)
                )
                assert await requester.request(b"hello") == [b"hello"]
