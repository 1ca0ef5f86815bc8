"""The options' own checks, before any socket sees them."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from zmqbridge.errors import OptionError
from zmqbridge.options import SocketOptions


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"send_high_water_mark": -1}, "send_high_water_mark=-1 is out of range; it takes 0 to"),
        ({"send_high_water_mark": 1.5}, "send_high_water_mark=1.5 is a float; it takes a whole number"),
        ({"receive_high_water_mark": True}, "receive_high_water_mark=True is a bool"),
        ({"max_message_size": 2**63}, "max_message_size=9223372036854775808 is out of range"),
        ({"linger": -1}, "linger=-1 is out of range; it takes 0.0 to .* seconds, or math.inf"),
        ({"linger": math.nan}, "linger=nan is out of range"),
        ({"linger": "1"}, "linger='1' is a str; it takes a number of seconds"),
        ({"linger": False}, "linger=False is a bool"),
        ({"reconnect_interval_max": math.inf}, "reconnect_interval_max=inf is out of range"),
        ({"reconnect_interval": 0}, "reconnect_interval=0 is out of range; it takes 0.001"),
        ({"heartbeat_ttl": 6553.6}, "heartbeat_ttl=6553.6 is out of range; it takes 0.0 to 6553.5"),
        ({"identity": "me"}, "identity='me' is a str; it takes bytes"),
        ({"identity": b""}, "identity=b'' is 0 bytes long; it takes 1 to 255"),
        ({"identity": b"x" * 256}, "is 256 bytes long"),
        ({"ipv6": 1}, "ipv6=1 is a int; it takes True or False"),
        ({"tcp_keepalive_idle": 0}, "tcp_keepalive_idle=0 is out of range; it takes 1 to"),
        ({"curve_public_key": b"short", "curve_secret_key": b"x" * 32}, "curve_public_key is 5 long"),
        ({"curve_public_key": b"x" * 32, "curve_secret_key": 5}, "curve_secret_key is a int"),
        ({"curve_public_key": b"x" * 32, "curve_secret_key": "é" * 40}, "curve_secret_key is not ASCII"),
        ({"curve_public_key": b"x" * 32, "curve_secret_key": "x" * 32}, "curve_secret_key is 32 long"),
        ({"curve_public_key": b"x" * 32}, "one of them is missing"),
        ({"curve_server": True}, "needs curve_public_key and curve_secret_key"),
        ({"curve_server_key": b"x" * 32}, "needs curve_public_key and curve_secret_key"),
        ({"type_of_service": 256}, "type_of_service=256 is out of range; it takes 0 to 255"),
        ({"backlog": 0}, "backlog=0 is out of range; it takes 1 to"),
        ({"zap_domain": b"lab"}, "zap_domain=b'lab' is a bytes; it takes a str"),
        ({"zap_domain": ""}, "zap_domain='' is 0 bytes long; it takes 1 to 255"),
        ({"zap_domain": "é" * 128}, "is 256 bytes long"),
        ({"zap_domain": "a\0b"}, "holds a zero character"),
        ({"zap_domain": "\ud800"}, "cannot be written as UTF-8"),
        ({"connect_routing_id": b"\0me"}, "begins with"),
        ({"reconnect_stop": "refused"}, "reconnect_stop='refused' is a str; it takes a tuple of 'refused', "),
        ({"reconnect_stop": ("never",)}, "reconnect_stop has 'never'; it takes a tuple of"),
        ({"plain_username": "me"}, "plain_username and plain_password are a pair"),
        ({"plain_server": True, "plain_username": "me", "plain_password": "x"}, "are for the client"),
        (
            {"plain_server": True, "curve_public_key": b"x" * 32, "curve_secret_key": b"x" * 32},
            "a socket speaks PLAIN or CURVE",
        ),
        ({"zap_enforce_domain": True}, "zap_enforce_domain needs zap_domain"),
        ({"socks_password": "x"}, "goes with socks_username"),
    ],
)
def test_refused(given: dict[str, Any], words: str) -> None:
    """A value of the wrong type or out of range is refused, with its name, the value and the range."""
    with pytest.raises(OptionError, match=words):
        SocketOptions(**given)


def test_keys_do_not_show() -> None:
    """A secret key is in no error and in no repr."""
    with pytest.raises(OptionError) as caught:
        SocketOptions(curve_public_key=b"p" * 32, curve_secret_key=b"secret")
    assert "secret" not in str(caught.value).replace("curve_secret_key", "")
    assert "sss" not in repr(SocketOptions(curve_public_key=b"p" * 32, curve_secret_key=b"s" * 32))


def test_passwords_do_not_show() -> None:
    """A password is in no error and in no repr."""
    for wrong in (b"sesame", "sesame" * 50, "sesame\0", ["sesame"]):
        with pytest.raises(OptionError) as caught:
            SocketOptions(plain_username="me", plain_password=wrong)  # type: ignore[arg-type]
        assert "sesame" not in str(caught.value)
    options = SocketOptions(plain_username="me", plain_password="sesame", socks_username="me", socks_password="sesame")
    assert "sesame" not in repr(options)


@pytest.mark.parametrize(("seconds", "milliseconds"), [(0, 0), (0.0001, 1), (0.001, 1), (0.0016, 2), (1, 1000)])
def test_short_times(seconds: float, milliseconds: int) -> None:
    """A time that is not nothing is not nothing for libzmq either, which often takes that for "for ever"."""
    options = SocketOptions(handshake_interval=seconds)
    assert list(options.libzmq_values()) == [("handshake_interval", "HANDSHAKE_IVL", milliseconds)]


def test_server_with_a_servers_key() -> None:
    """A CURVE server has no server of its own."""
    key = b"x" * 32
    with pytest.raises(OptionError, match="is for the client"):
        SocketOptions(curve_server=True, curve_server_key=key, curve_public_key=key, curve_secret_key=key)


def test_values_for_libzmq() -> None:
    """Only what is set is handed on, in libzmq's units."""
    options = SocketOptions(
        linger=math.inf, reconnect_interval=0.25, ipv6=False, curve_public_key="k" * 40, curve_secret_key=b"s" * 32
    )
    assert list(options.libzmq_values()) == [
        ("linger", "LINGER", -1),
        ("ipv6", "IPV6", 0),
        ("reconnect_interval", "RECONNECT_IVL", 250),
        ("curve_public_key", "CURVE_PUBLICKEY", b"k" * 40),
        ("curve_secret_key", "CURVE_SECRETKEY", b"s" * 32),
    ]
    assert list(SocketOptions().libzmq_values()) == []


def test_frozen() -> None:
    """Options do not change; a variant is derived."""
    options = SocketOptions(ipv6=True)
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.ipv6 = False  # type: ignore[misc]
    assert dataclasses.replace(options, linger=0).ipv6
