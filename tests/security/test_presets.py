"""The options of servers and clients, how options are joined, and the warning about a port that anybody reaches."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import pytest
import zmq

import zmqbridge
import zmqbridge_twisted
from tests.test_secrets import everything_of
from zmqbridge import KeyPair, OptionError, SecurityWarning, SocketOptions
from zmqbridge.security.open_ports import Told, reaches_beyond

HIDDEN = "s3cr3t"


def said(options: SocketOptions) -> dict[str, Any]:
    return {name: value for name, value in asdict(options).items() if value is not None}


def test_curve() -> None:
    """A server has its pair, and with a domain enforces it; a client has its pair and the server's public key."""
    keys, other = KeyPair.generate(), KeyPair.generate()
    pair = {"curve_public_key": keys.public_bytes, "curve_secret_key": keys.secret_bytes}
    assert said(SocketOptions.curve_as_server(keys)) == {"curve_server": True, **pair}
    assert said(SocketOptions.curve_as_server(keys, domain="lab")) == {
        "curve_server": True,
        "zap_domain": "lab",
        "zap_enforce_domain": True,
        **pair,
    }
    for server_key in (other.public, other.public_bytes, other.public.encode()):
        assert said(SocketOptions.curve_as_client(keys, server_key)) == {"curve_server_key": other.public, **pair}


def test_plain() -> None:
    """A server enforces its domain; a client has a name and a password that nobody sees."""
    assert said(SocketOptions.plain_as_server(domain="lab")) == {
        "plain_server": True,
        "zap_domain": "lab",
        "zap_enforce_domain": True,
    }
    client = SocketOptions.plain_as_client("ada", HIDDEN)
    assert said(client) == {"plain_username": "ada", "plain_password": HIDDEN}
    assert HIDDEN not in repr(client)


def test_joined() -> None:
    """Options are joined field by field; the right side has it where both say something."""
    keys = KeyPair.generate()
    joined = SocketOptions.hardened() | SocketOptions.curve_as_server(keys) | SocketOptions(max_frames=3, linger=0)
    assert said(joined) == said(SocketOptions.hardened()) | said(SocketOptions.curve_as_server(keys)) | {
        "max_frames": 3,
        "linger": 0,
    }
    with pytest.raises(TypeError):
        SocketOptions() | {"linger": 0}  # type: ignore[operator]
    with pytest.raises(OptionError, match="PLAIN or CURVE"):
        SocketOptions.curve_as_server(keys) | SocketOptions.plain_as_server(domain="lab")


def test_hardened_can_be_used() -> None:
    """libzmq takes every limit of a port that faces the world."""
    with zmq.Context() as raw:
        context = zmqbridge.Context(zmq_context=raw)
        router = context.router(bind="tcp://127.0.0.1:*", options=SocketOptions.hardened())
        assert router.getsockopt(zmq.MAXMSGSIZE) == 1_048_576
        assert router.getsockopt(zmq.HANDSHAKE_IVL) == 5000
        context.close()


MISTAKES: dict[str, Callable[[KeyPair], object]] = {
    "a secret for a pair": lambda keys: SocketOptions.curve_as_server(keys.secret),  # type: ignore[arg-type]
    "a pair for a key": lambda keys: SocketOptions.curve_as_client(keys, keys),  # type: ignore[arg-type]
    "half a key": lambda keys: SocketOptions.curve_as_client(keys, keys.secret[1:]),
    "no pair": lambda keys: SocketOptions.curve_as_client(None, keys.public),  # type: ignore[arg-type]
    "no domain": lambda keys: SocketOptions.curve_as_server(keys, domain=""),
    "a domain of bytes": lambda keys: SocketOptions.plain_as_server(domain=b"lab"),  # type: ignore[arg-type]
    "a long domain": lambda keys: SocketOptions.curve_as_server(keys, domain="x" * 256),
    "a long password": lambda keys: SocketOptions.plain_as_client("ada", keys.secret * 9),
    "a password of bytes": lambda keys: SocketOptions.plain_as_client("ada", keys.secret.encode()),  # type: ignore[arg-type]
    "a name of bytes": lambda keys: SocketOptions.plain_as_client(b"ada", keys.secret),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_show_no_secret(mistake: Callable[[KeyPair], object]) -> None:
    """What cannot be used is an OptionError, without a secret in its words and frames."""
    keys = KeyPair.generate()
    with pytest.raises(OptionError) as raised:
        mistake(keys)
    shown = everything_of(raised.value)
    assert keys.secret[1:] not in shown
    assert repr(keys.secret_bytes)[2:-1] not in shown


@pytest.mark.parametrize(
    ("address", "beyond"),
    [
        ("tcp://0.0.0.0:1", True),
        ("tcp://[::]:1", True),
        ("tcp://192.168.1.2:1", True),
        ("tcp://[fe80::1%eth0]:1", True),
        ("tcp://eth0:1", True),
        ("tcp://127.0.0.1:1", False),
        ("tcp://127.9.9.9:1", False),
        ("tcp://[::1]:1", False),
        ("tcp://lo:1", False),
        ("ipc:///run/x", False),
        ("inproc://x", False),
    ],
)
def test_what_is_beyond(address: str, beyond: bool) -> None:
    """Loopback, ipc and inproc end at this machine; nothing else does."""
    assert reaches_beyond(address) is beyond


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> Iterator[zmqbridge.Context]:
    """A context in a process that was not warned so far."""
    monkeypatch.setattr(Told, "said", False)
    made = zmqbridge.Context(linger=0)
    yield made
    made.close()


def test_an_open_port_is_warned_of_once(context: zmqbridge.Context) -> None:
    """The first port that anybody reaches is warned of where the program made it, with the remedy; no other is."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        context.publisher(bind="tcp://*:*")
        context.puller(bind="tcp://*:*")
    assert re.search(r"reaches tcp://0\.0\.0\.0:\d+ .*curve_as_server", str(caught[0].message))
    assert [each.filename for each in caught] == [__file__]


def test_so_is_one_of_a_later_bind(context: zmqbridge.Context) -> None:
    """An open port is warned of also where it is bound later; where warnings are errors it is not left bound."""
    puller = context.puller()
    with warnings.catch_warnings():
        warnings.simplefilter("error", SecurityWarning)
        with pytest.raises(SecurityWarning):
            puller.bind("tcp://*:*")
    assert puller.endpoints == ()
    puller.bind("tcp://*:*")


def test_handlers_are_warned_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection with handlers is warned of likewise."""
    monkeypatch.setattr(Told, "said", False)
    factory = zmqbridge_twisted.ZmqFactory()
    with pytest.warns(SecurityWarning) as caught:
        zmqbridge_twisted.ZmqPullConnection(factory, zmqbridge_twisted.ZmqEndpoint("bind", "tcp://*:*"))
    assert [each.filename for each in caught] == [__file__]
    factory.shutdown()


@pytest.mark.parametrize("where", ["loopback", "curve", "plain", "domain"])
def test_a_guarded_port_is_not(context: zmqbridge.Context, where: str) -> None:
    """A port of this machine alone, or one with security, is not warned of."""
    options = {
        "loopback": SocketOptions(),
        "curve": SocketOptions.curve_as_server(KeyPair.generate()),
        "plain": SocketOptions.plain_as_server(domain="lab"),
        "domain": SocketOptions(zap_domain="lab", zap_enforce_domain=True),
    }[where]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        context.puller(bind="tcp://127.0.0.1:*" if where == "loopback" else "tcp://*:*", options=options)
    assert not Told.said
