"""Whose a message is: what the authenticator said of its sender comes with it, and nothing that a peer only claims."""

from __future__ import annotations

import copy
import os
import pickle
import socket
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from typing import Any

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conformance.test_strangers import frame, greeting
from tests.conftest import Addresses
from zmqbridge import KeyPair, Origin, SocketOptions, origin_of

SERVER, ADA, BOB = KeyPair.generate(), KeyPair.generate(), KeyPair.generate()
NAMES = {ADA.public: "ada", BOB.public: "bob"}
LOCAL = "tcp://127.0.0.1:*"
HERE = "127.0.0.1"
METADATA = SocketOptions(metadata=True)
CURVE = SocketOptions.curve_as_server(SERVER, domain="lab")
KNOWING = CURVE | METADATA
UNKNOWN = Origin(None, None)


def as_client(keys: KeyPair) -> SocketOptions:
    return SocketOptions.curve_as_client(keys, SERVER.public)


def address_of(connection: zmqbridge.Connection) -> str:
    return connection.endpoints[0].address


Template = Callable[[bytes], list[bytes]]

RECEIVERS: dict[str, tuple[Callable[[zmqbridge.Context, SocketOptions], Any], int, Template]] = {
    "puller": (lambda c, o: c.puller(bind=LOCAL, options=o), zmq.PUSH, lambda who: [b"a", who]),
    "dealer": (lambda c, o: c.dealer(bind=LOCAL, options=o), zmq.DEALER, lambda who: [who]),
    "raw": (lambda c, o: c.connection(zmq.PULL, bind=LOCAL, options=o), zmq.PUSH, lambda who: [who]),
    "router": (lambda c, o: c.router(bind=LOCAL, options=o), zmq.DEALER, lambda who: [b"a", who]),
    "watched": (
        lambda c, o: c.router(bind=LOCAL, options=o | SocketOptions(watch=True)),
        zmq.DEALER,
        lambda who: [b"a", who],
    ),
    "replier": (lambda c, o: c.replier(bind=LOCAL, options=o), zmq.DEALER, lambda who: [b"1", b"", who]),
    "xpub": (
        lambda c, o: c.connection(zmq.XPUB, bind=LOCAL, options=o | SocketOptions(xpub_verbose=True)),
        zmq.XSUB,
        lambda who: [b"\1" + who],
    ),
    "tagged": (lambda c, o: c.subscriber(tags=[""], bind=LOCAL, options=o), zmq.PUB, lambda who: [b"tag\0" + who]),
    "multipart": (
        lambda c, o: c.subscriber(tags=[""], framing="multipart", bind=LOCAL, options=o),
        zmq.PUB,
        lambda who: [b"tag", b"a", who],
    ),
    "raw publications": (
        lambda c, o: c.subscriber(tags=[""], framing="raw", bind=LOCAL, options=o),
        zmq.PUB,
        lambda who: [b"tag", who],
    ),
}


@contextmanager
def plain_sockets(address: str, kind: int, *clients: KeyPair) -> Iterator[list[Any]]:
    """Plain sockets of libzmq's, in another context, that connect with these keys."""
    with zmq.Context() as context:
        sockets = []
        for keys in clients:
            sender = context.socket(kind)
            sender.set(zmq.LINGER, 0)
            sender.set(zmq.CURVE_PUBLICKEY, keys.public.encode())
            sender.set(zmq.CURVE_SECRETKEY, keys.secret.encode())
            sender.set(zmq.CURVE_SERVERKEY, SERVER.public.encode())
            sender.connect(address)
            sockets.append(sender)
        try:
            yield sockets
        finally:
            for sender in sockets:
                sender.close(0)


def said(item: Any) -> bytes:
    """The last frame of what was received, which says who sent it."""
    frames = getattr(item, "parts", None) or getattr(item, "frames", None) or list(item)
    return bytes(frames[-1]).strip(b"\1")


async def heard(loop: Harness, receive: Callable[[], Any], clients: dict[bytes, Any], template: Template) -> list[Any]:
    """What is received by calls until all clients were heard, which send until they are."""
    items: list[Any] = []
    while {said(item) for item in items} != set(clients):
        receiving = loop.spawn(receive)
        while not receiving.done:
            for name, client in clients.items():
                with suppress(zmq.Again):
                    client.send_multipart(template(name), zmq.NOBLOCK)
            for _ in range(20):
                await loop.turn()
        made = await receiving.result()
        items += made if type(made) is list and made and not isinstance(made[0], bytes) else [made]
    return items


@pytest.mark.parametrize("name", RECEIVERS)
async def test_each_receiver(loop: Harness, name: str) -> None:
    """Whatever a server receives says who sent it and where from, on each way to receive it, and is else as ever."""
    make, kind, template = RECEIVERS[name]
    async with loop.context() as context, context.authenticator("lab", keys=NAMES):
        server, unaware = make(context, KNOWING), make(context, CURVE)
        with plain_sockets(address_of(unaware), kind, ADA) as (client,):
            plain, *_ = await heard(loop, unaware.receive, {b"ada": client}, template)
        assert origin_of(plain) == UNKNOWN
        with plain_sockets(address_of(server), kind, ADA, BOB) as sockets:
            clients = dict(zip((b"ada", b"bob"), sockets, strict=True))

            async def readable() -> Any:
                await server.wait_readable()
                return server.receive_nowait()

            iterator = aiter(server)
            for receive in (server.receive, server.receive_many, lambda: anext(iterator), readable):
                for item in await heard(loop, receive, clients, template):
                    assert origin_of(item) == (said(item).decode(), HERE)
                    assert (item.user_id, item.peer_address) == origin_of(item)
                    assert isinstance(item, type(plain))
                    if said(item) == said(plain):
                        assert content(item) == content(plain)


def content(item: Any) -> Any:
    """What an item says, whoever sent it."""
    if isinstance(item, zmqbridge.Request):
        return item.parts, item.id
    return item.frames if isinstance(item, zmqbridge.RoutedMessage) else item


async def test_a_handler(loop: Harness) -> None:
    """What a handler is called with says whose it is as well."""
    async with loop.context() as context, context.authenticator("lab", keys=NAMES):
        puller = context.puller(bind=LOCAL, options=KNOWING)
        messages: list[Any] = []

        async def keep(message: Any) -> None:
            messages.append(message)

        delivering = loop.spawn(puller.deliver, keep)
        with plain_sockets(address_of(puller), zmq.PUSH, ADA) as (client,):
            client.send(b"hello")
            await loop.until(lambda: messages)
        puller.close()
        await delivering.result()
        assert origin_of(messages[0]) == ("ada", HERE)


NAMELESS = SocketOptions(handshake_interval=20.0)
CLAIMS = {
    "nobody judges": SocketOptions(),
    "a domain without a name is enforced": NAMELESS,
    "the domain is not enforced": SocketOptions(zap_domain="nobody"),
    "it has an authenticator, and is not enforced": SocketOptions(zap_domain="lab"),
    "the domain is enforced": SocketOptions(zap_domain="lab", zap_enforce_domain=True),
}


@pytest.mark.parametrize("options", CLAIMS.values(), ids=CLAIMS)
async def test_a_peer_that_claims_to_be_somebody(loop: Harness, options: SocketOptions) -> None:
    """What a peer without security says of itself in its handshake is never taken for what it is."""
    claims = b"".join(
        bytes([len(name)]) + name + len(value).to_bytes(4, "big") + value
        for name, value in ((b"Socket-Type", b"PUSH"), (b"User-Id", b"admin"), (b"Peer-Address", b"10.0.0.1"))
    )
    ready = b"\x05READY" + claims
    enforced = bool(options.zap_enforce_domain)
    async with AsyncExitStack() as stack:
        shared = stack.enter_context(zmq.Context())
        shared.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, int(options is NAMELESS))
        context = await stack.enter_async_context(loop.context(zmq_context=shared))
        if options.zap_domain == "lab":
            await stack.enter_async_context(context.authenticator("lab", networks=HERE))
        puller = context.puller(bind=LOCAL, options=METADATA | options)
        port = int(address_of(puller).rpartition(":")[2])
        with socket.create_connection((HERE, port)) as peer:
            peer.sendall(greeting() + b"\x04" + bytes([len(ready)]) + ready)
            received = b""
            while b"READY" not in received:
                received += peer.recv(1000)
            peer.sendall(frame(b"let me rule"))
            message = await puller.receive()
        assert message == [b"let me rule"]
        assert origin_of(message) == (Origin(None, HERE) if enforced else UNKNOWN)


async def test_who_is_not_judged_any_more(loop: Harness) -> None:
    """Once a socket has stopped to enforce its domain nothing is known of its peers, for good; who began without it
    never does."""
    async with loop.context() as context, context.authenticator("lab", keys=NAMES):
        puller = context.puller(bind=LOCAL, options=KNOWING)
        late = context.puller(bind=LOCAL, options=METADATA | SocketOptions.curve_as_server(SERVER))
        late.setsockopt(zmq.ZAP_DOMAIN, b"lab")
        late.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
        late.bind(LOCAL)
        with (
            plain_sockets(address_of(puller), zmq.PUSH, ADA) as (client,),
            plain_sockets(late.endpoints[1].address, zmq.PUSH, ADA) as (other,),
        ):
            client.send(b"before")
            assert origin_of(await puller.receive()).user_id == "ada"
            puller.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 0)
            client.send(b"after")
            assert origin_of(await puller.receive()) == UNKNOWN
            puller.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
            client.send(b"again")
            assert origin_of(await puller.receive()) == UNKNOWN
            other.send(b"late")
            message: Any = await late.receive()
            assert origin_of(message) == (message.user_id, message.peer_address) == UNKNOWN


@pytest.mark.any_loop
async def test_a_client_judges_nobody(loop: Harness) -> None:
    """What a client receives says nothing of its server, whatever domain the client has, nor does what comes over
    inproc."""
    async with loop.context() as context, context.authenticator("lab", keys=NAMES):
        server = context.dealer(bind=[LOCAL, "inproc://origins"], options=KNOWING)
        domain = SocketOptions(zap_domain="lab", zap_enforce_domain=True, metadata=True)
        client = context.dealer(connect=address_of(server), options=as_client(ADA) | domain)
        await client.send(b"hello")
        assert origin_of(await server.receive()).user_id == "ada"
        await server.send(b"welcome")
        assert origin_of(await client.receive()) == UNKNOWN
        within = context.dealer(connect="inproc://origins")
        await within.send(b"from within")
        assert origin_of(await server.receive()) == UNKNOWN


@pytest.mark.any_loop
@pytest.mark.parametrize("transport", ["tcp", "ipc"])
async def test_names(loop: Harness, addresses: Addresses, transport: str) -> None:
    """The name is what the authenticator says, of any letters; one that libzmq would cut lets nobody in."""
    names = {"ada": "Ådä", "bob": "x" * 255, "eve": "admin\0x"}

    def authorize(handshake: zmqbridge.Handshake) -> str | None:
        return names.get(handshake.username or "")

    async with loop.context(watch=True) as context, context.authenticator("lab", authorize=authorize) as authenticator:
        options = SocketOptions.plain_as_server(domain="lab") | METADATA
        server = context.dealer(bind=addresses.new(transport), options=options)
        for user in ("ada", "bob"):
            client = context.dealer(connect=address_of(server), options=SocketOptions.plain_as_client(user, "secret"))
            await client.send(b"hello")
            origin = origin_of(await server.receive())
            assert origin.user_id == names[user]
            assert origin.peer_address is not None
            assert origin.peer_address.endswith(HERE if transport == "tcp" else f":{os.getpid()}")
        eve = context.dealer(connect=address_of(server), options=SocketOptions.plain_as_client("eve", "secret"))
        with pytest.raises(zmqbridge.AuthenticationFailed):
            await eve.wait_connected(timeout=20)
        assert authenticator.stats.refused == 1


@pytest.mark.any_loop
async def test_a_user_that_libzmq_would_cut(loop: Harness) -> None:
    """A user whose name holds a zero byte is not let in as whoever the first half of it names."""

    def passwords(user: str, password: str) -> bool:
        return True

    async with loop.context() as context, context.authenticator("lab", passwords=passwords) as authenticator:
        options = SocketOptions.plain_as_server(domain="lab") | METADATA
        server = context.dealer(bind=LOCAL, options=options)
        port = int(address_of(server).rpartition(":")[2])
        hello = b"\x05HELLO" + bytes([len(b"admin\0x")]) + b"admin\0x" + b"\x01p"
        with socket.create_connection((HERE, port)) as peer:
            peer.sendall(greeting(mechanism=b"PLAIN") + b"\x04" + bytes([len(hello)]) + hello)
            await loop.until(lambda: authenticator.stats.refused)
        assert authenticator.stats.accepted == 0


@pytest.mark.any_loop
async def test_messages_of_any_shape(loop: Harness) -> None:
    """A large frame that is not copied, many frames, and none but an empty one say whose they are; too many frames are
    left out as ever, and the next message is its own sender's."""
    shapes = [[b"x" * 5000], [b"x" * 100_000, b"y"], [b""], [b"%d" % number for number in range(8)]]
    async with loop.context(turn_limit=1) as context, context.authenticator("lab", keys=NAMES):
        options = KNOWING | SocketOptions(memoryview_from=1024, max_frames=8)
        puller: Any = context.puller(bind=LOCAL, options=options)
        with plain_sockets(address_of(puller), zmq.PUSH, ADA, BOB) as (ada, bob):
            for shape in shapes:
                ada.send_multipart([b"too many"] * 9)
                for client, who in ((ada, "ada"), (bob, "bob")):
                    client.send_multipart(shape)
                    message = await puller.receive()
                    assert message == shape
                    assert origin_of(message) == (who, HERE)
        assert puller.stats.malformed == len(shapes)


@pytest.mark.any_loop
async def test_copies(loop: Harness) -> None:
    """What was received is pickled and copied as what it says; a publication's copy forgets whose it was."""
    async with loop.context() as context, context.authenticator("lab", keys=NAMES):
        subscriber = context.subscriber(tags=[""], bind=LOCAL, options=KNOWING)
        with plain_sockets(address_of(subscriber), zmq.PUB, ADA) as (client,):
            publication, *_ = await heard(loop, subscriber.receive, {b"ada": client}, lambda who: [b"tag\0" + who])
        for made in (pickle.loads(pickle.dumps(publication)), copy.copy(publication), publication._replace()):
            assert made == publication == (b"tag", b"ada")
        assert origin_of(pickle.loads(pickle.dumps(publication))) == UNKNOWN
        assert repr(publication) == "Publication(tag=b'tag', message=b'ada')"
