"""A traced socket says whose each message is, in the same way with the extension and without."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import zmq

from tests.conformance.test_strangers import frame, greeting
from tests.opened import OpenedSockets
from zmqbridge.origins import Origin, Traced, origin_of
from zmqbridge.socket import AskingSocket, Socket, traced

HERE = "127.0.0.1"

CLAIMS: dict[str, tuple[bytes, str | None]] = {
    "ada": (b"ada", "ada"),
    "other letters": ("Ådä".encode(), "Ådä"),
    "no text": (b"\xff\xfe", None),
    "nothing": (b"", None),
    "cut": (b"ada\0x", "ada"),
    "long": (b"x" * 2000, "x" * 2000),
}


@contextmanager
def peer(receiver: Socket, user_id: bytes | None) -> Iterator[socket.socket]:
    """A PUSH without security that claims to be somebody, after its handshake."""
    claims = {b"Socket-Type": b"PUSH"} | ({} if user_id is None else {b"User-Id": user_id})
    ready = b"\x05READY" + b"".join(
        bytes([len(name)]) + name + len(value).to_bytes(4, "big") + value for name, value in claims.items()
    )
    port = int(receiver.get_option(zmq.LAST_ENDPOINT).rstrip(b"\0").rpartition(b":")[2])
    with socket.create_connection((HERE, port)) as made:
        made.sendall(greeting() + b"\x06" + len(ready).to_bytes(8, "big") + ready)
        received = b""
        while b"READY" not in received:
            received += made.recv(1000)
        yield made


@pytest.fixture
def receiver(opened: OpenedSockets, kind: type[Socket]) -> Socket:
    """A traced socket that listens, and is told that each peer was judged."""
    if kind is AskingSocket:
        pytest.skip("its frames tell nothing of their connection")
    made = opened.open(traced(kind), zmq.PULL)
    made.notes_sources = False
    made.bind("tcp://127.0.0.1:*")
    made.note_origins(judged=True)
    return made


def receive(receiver: Socket) -> list[bytes]:
    """The next message, waiting for it."""
    while True:
        messages, _ = receiver.receive(1)
        if messages:
            assert type(messages[0]) is Traced
            message: list[bytes] = messages[0]
            return message
        receiver.raw.poll(1000)


@pytest.mark.parametrize(("claimed", "said"), CLAIMS.values(), ids=CLAIMS)
def test_what_libzmq_says(receiver: Socket, claimed: bytes, said: str | None) -> None:
    """What libzmq says is text, as far as it is a string of C; what is none, or empty, says nothing."""
    with peer(receiver, claimed) as sender:
        for data in (b"a", b"x" * 5000):
            sender.sendall(frame(data))
            message = receive(receiver)
            assert (message, origin_of(message)) == ([data], Origin(said, HERE))


def test_several_peers(receiver: Socket) -> None:
    """Each message says its own sender, whoever sent the one before."""
    with ExitStack() as stack:
        names: list[bytes | None] = [b"ada", b"bob", None, b"ad", b"adaa"]
        peers = [stack.enter_context(peer(receiver, name)) for name in names]
        for _ in range(2):
            for name, sender in zip(names, peers, strict=True):
                for data in (b"1", b"2"):
                    sender.sendall(frame(data))
                    message = receive(receiver)
                    assert origin_of(message) == (None if name is None else name.decode(), HERE)
                    assert message == [data]


def test_who_is_not_judged(receiver: Socket) -> None:
    """Where nobody was judged nothing is said, though each message has its place for that."""
    receiver.note_origins(judged=False)
    with peer(receiver, b"ada") as sender:
        sender.sendall(frame(b"hello"))
        assert origin_of(receive(receiver)) == Origin(None, None)


def test_whose_frames_tell_nothing(opened: OpenedSockets) -> None:
    """Where pyzmq's frames tell nothing of their connection, nothing is known."""
    receiver = opened.open(traced(AskingSocket), zmq.PULL)
    receiver.bind("tcp://127.0.0.1:*")
    receiver.note_origins(judged=True)
    with peer(receiver, b"ada") as sender:
        sender.sendall(frame(b"hello"))
        assert origin_of(receive(receiver)) == Origin(None, None)
