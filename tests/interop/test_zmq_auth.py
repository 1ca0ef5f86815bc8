"""pyzmq's own authenticators and certificates: either side of a connection may have them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

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


@contextmanager
def libzmqs_proxy(
    kinds: tuple[int, int], keys: KeyPair, domain: str, clients: Path, behind: tuple[str, str]
) -> Iterator[str]:
    """libzmq's own proxy, in a thread: a CURVE server with pyzmq's authenticator in front, a CURVE client behind."""
    raw: zmq.Context[Any] = zmq.Context()
    authenticator = ThreadAuthenticator(raw)
    authenticator.start()
    authenticator.configure_curve(domain=domain, location=str(clients))
    front, back = (raw.socket(kind) for kind in kinds)
    for socket in (front, back):
        socket.linger = 0
        socket.curve_publickey, socket.curve_secretkey = keys.public.encode(), keys.secret.encode()
    front.curve_server, front.zap_domain = True, domain.encode()
    back.curve_serverkey = behind[1].encode()
    back.connect(behind[0])
    port = front.bind_to_random_port("tcp://127.0.0.1")

    def run() -> None:
        with suppress(zmq.ContextTerminated):
            zmq.proxy(front, back)
        front.close(0)
        back.close(0)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{port}"
    finally:
        authenticator.stop()
        raw.term()
        thread.join()


async def test_libzmqs_proxy_in_between(loop: Harness, tmp_path: Path) -> None:
    """Through libzmq's own proxy, with CURVE on both sides, requests are answered; the server sees the proxy, and a
    client that the proxy does not know is refused there."""
    server, proxy, ada, eve = (KeyPair.generate() for _ in range(4))
    ada.save(tmp_path / "ada.key")
    async with loop.context(watch=True) as context, context.authenticator("back", keys={proxy.public: "the proxy"}):
        options = SocketOptions.curve_as_server(server, domain="back") | SocketOptions(metadata=True)
        replier = context.replier(bind=LOCAL, options=options)
        behind = replier.endpoints[0].address, server.public
        with libzmqs_proxy((zmq.ROUTER, zmq.DEALER), proxy, "front", tmp_path, behind) as address:
            async with loop.context(linger=0) as own:
                known = own.requester(connect=address, options=SocketOptions.curve_as_client(ada, proxy.public))
                asking = loop.spawn(known.request, b"hello")
                request = await replier.receive()
                assert request.user_id == "the proxy"
                await request.reply(request.parts)
                assert await asking.result() == [b"hello"]
                stranger = own.requester(
                    connect=address, options=SocketOptions.curve_as_client(eve, proxy.public), on_refused="raise"
                )
                with pytest.raises(zmqbridge.AuthenticationFailed):
                    await stranger.request(b"let me in")


async def test_publications_through_libzmqs_proxy(loop: Harness, tmp_path: Path) -> None:
    """A publisher and a subscriber with CURVE find each other through libzmq's proxy, which forwards subscriptions."""
    server, proxy, ada = (KeyPair.generate() for _ in range(3))
    ada.save(tmp_path / "ada.key")
    async with loop.context() as context, context.authenticator("back", keys={proxy.public}):
        options = SocketOptions.curve_as_server(server, domain="back")
        publisher = context.publisher(bind=LOCAL, options=options, presence=True)
        behind = publisher.endpoints[0].address, server.public
        with libzmqs_proxy((zmq.XPUB, zmq.XSUB), proxy, "front", tmp_path, behind) as address:
            async with loop.context(linger=0) as own:
                client = SocketOptions.curve_as_client(ada, proxy.public)
                subscriber = own.subscriber(tags=["lab."], connect=address, options=client)
                await subscriber.wait_subscribed()
                publisher.publish(b"21.5", "lab.temperature")
                assert await subscriber.receive() == (b"lab.temperature", b"21.5")


async def test_ironhouse(loop: Harness, tmp_path: Path) -> None:
    """The guide's ironhouse works with either library at either end: a PUSH that binds knows its clients by the public
    certificates in a directory and lets in from this machine alone, and each client knows its server by its own."""
    made, secrets = tmp_path / "public", tmp_path / "secret"
    made.mkdir()
    secrets.mkdir()
    for name in ("server", "client"):
        zmq.auth.create_certificates(secrets, name)
        (secrets / f"{name}.key").rename(made / f"{name}.key")
        (secrets / f"{name}.key_secret").chmod(0o600)  # zmq.auth leaves it to the umask, and it is not loaded so
    server, client = (KeyPair.load(secrets / f"{name}.key_secret") for name in ("server", "client"))
    assert KeyPair.load_public(made / "server.key") == server.public
    as_client = SocketOptions.curve_as_client(client, KeyPair.load_public(made / "server.key"))
    async with loop.context() as context, context.authenticator("lab", keys=made, networks="127.0.0.1"):
        pusher = context.pusher(bind=LOCAL, options=SocketOptions.curve_as_server(server, domain="lab"))
        address = pusher.endpoints[0].address
        with Knocker.with_keys(address, client, server.public, kind=zmq.PULL) as theirs:
            await pusher.send(b"Hello")
            await loop.until(lambda: theirs.socket.poll(0))
            assert theirs.socket.recv() == b"Hello"
    raw: zmq.Context[Any] = zmq.Context()
    authenticator = ThreadAuthenticator(raw)
    authenticator.start()
    authenticator.allow("127.0.0.1")
    authenticator.configure_curve(domain="*", location=str(made))
    socket = raw.socket(zmq.PUSH)
    socket.curve_server = True
    socket.curve_publickey, socket.curve_secretkey = zmq.auth.load_certificate(secrets / "server.key_secret")
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    try:
        async with loop.context(linger=0) as context:
            puller = context.puller(connect=f"tcp://127.0.0.1:{port}", options=as_client)
            receiving = loop.spawn(puller.receive)
            await loop.until(lambda: socket.poll(0, zmq.POLLOUT))
            socket.send(b"Hello")
            assert await receiving.result() == [b"Hello"]
    finally:
        authenticator.stop()
        raw.destroy(0)
