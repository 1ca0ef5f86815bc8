"""zmq.auth.asyncio decides who may come in."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import zmq
import zmq.asyncio
import zmq.auth
from zmq.auth.asyncio import AsyncioAuthenticator

import zmqbridge_asyncio


@pytest.mark.parametrize("right", [True, False])
async def test_passwords(right: bool) -> None:
    """Who has the right password gets through, and who has a wrong one does not."""
    with zmq.asyncio.Context() as context:
        assert type(context) is zmqbridge_asyncio.Context
        authenticator = AsyncioAuthenticator(context)
        authenticator.start()
        authenticator.configure_plain("*", {"admin": "secret"})
        with context.socket(zmq.PULL) as server, context.socket(zmq.PUSH) as client:
            server.plain_server = True
            client.plain_username, client.plain_password = b"admin", b"secret" if right else b"guess"
            assert await comes_through(server, client) is right
        authenticator.stop()


@pytest.mark.parametrize("right", [True, False])
async def test_keys(tmp_path: Path, right: bool) -> None:
    """Who has a key that is known gets through, and a stranger does not."""
    known, stranger, own = (tmp_path / name for name in ("known", "stranger", "own"))
    for directory in (known, stranger, own):
        directory.mkdir()
        zmq.auth.create_certificates(directory, "key")
    with zmq.asyncio.Context() as context:
        authenticator = AsyncioAuthenticator(context)
        authenticator.start()
        authenticator.configure_curve("*", known)
        with context.socket(zmq.PULL) as server, context.socket(zmq.PUSH) as client:
            public, secret = zmq.auth.load_certificate(own / "key.key_secret")
            server.curve_publickey, server.curve_secretkey, server.curve_server = public, secret, True
            client.curve_serverkey = public
            client.curve_publickey, client.curve_secretkey = zmq.auth.load_certificate(
                (known if right else stranger) / "key.key_secret"
            )
            assert await comes_through(server, client) is right
        authenticator.stop()


async def comes_through(server: zmq.asyncio.Socket, client: zmq.asyncio.Socket) -> bool:
    """Return whether a message arrives, or the client is refused."""
    server.linger = client.linger = 0
    with client.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH) as monitor:
        port = server.bind_to_random_port("tcp://127.0.0.1")
        client.connect(f"tcp://127.0.0.1:{port}")
        event = await asyncio.wait_for(monitor.recv_multipart(), 20)
        client.disable_monitor()
    if int.from_bytes(event[0][:2], "little") != zmq.EVENT_HANDSHAKE_SUCCEEDED:
        return False
    await client.send(b"hello")
    return await asyncio.wait_for(server.recv(), 20) == b"hello"
