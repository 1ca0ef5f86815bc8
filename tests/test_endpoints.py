"""Addresses: what can be one, and what the error says of what cannot."""

from __future__ import annotations

from typing import Any

import pytest

from zmqbridge.endpoints import addresses_of, check_address, ports_of
from zmqbridge.errors import EndpointError


@pytest.mark.parametrize(
    "address",
    [
        "tcp://127.0.0.1:5555",
        "tcp://*:*",
        "tcp://[::1]:5555",
        "tcp://eth0;192.168.1.1:0",
        "tcp://*:[20000-20100]",
        "tcp://[::1]:[1-65535]",
        "tcp://localhost:[5000-5000]",
        "ipc:///run/feed.sock",
        "ipc://@abstract",
        "inproc://name",
        "pgm://eth0;239.192.1.1:5555",
        "unheard-of://anything",
    ],
)
def test_good(address: str) -> None:
    """An address of a known form, or of a transport that libzmq will judge, is passed on as it is."""
    assert check_address(address) == address


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("localhost:5555", "names no transport"),
        ("://x", "names no transport"),
        ("tcp://", "names nothing behind 'tcp://'"),
        ("tcp://localhost", "has no port"),
        ("tcp://:5555", "has no port"),
        ("tcp://localhost:", "the port ''"),
        ("tcp://localhost:65536", "the port '65536'"),
        ("tcp://localhost:-1", "the port '-1'"),
        ("tcp://localhost:²", "the port '²'"),
        (
            "tcp://*:[20100-20000]",
            r"has the ports \[20100-20000\]; a range is of ports 1 to 65535, the lower one first",
        ),
        ("tcp://*:[0-10]", r"has the ports \[0-10\]"),
        ("tcp://*:[65535-65536]", r"has the ports \[65535-65536\]"),
        ("tcp://*:[20000]", r"the port '\[20000\]'; a port is .* or '\[20000-20100\]' to bind one of these"),
        ("tcp://*:[20000-]", r"the port '\[20000-\]'"),
        ("tcp://*:[-20000]", r"the port '\[-20000\]'"),
        ("tcp://*:[1-2-3]", r"the port '\[1-2-3\]'"),
        ("tcp://*:[a-b]", r"the port '\[a-b\]'"),
        ("tcp://*:[1 - 2]", r"the port '\[1 - 2\]'"),
        ("tcp://*:[\u0661-\u0662]", "the port"),
        ("tcp://*:20000-20100", "the port '20000-20100'"),
        ("tcp://:[1-2]", "has no port"),
        ("ipc://a\0b", "zero byte"),
        (5, "not 5"),
    ],
)
def test_bad(address: Any, words: str) -> None:
    """An address that cannot be one is refused, and named."""
    with pytest.raises(EndpointError, match=words):
        check_address(address)


def test_ports() -> None:
    """A range of ports is one, both ends of it included; what is no tcp address has none."""
    assert ports_of("tcp://*:[20000-20002]") == range(20000, 20003)
    assert ports_of("tcp://[::1]:[7-7]") == range(7, 8)
    for other in ("tcp://*:*", "tcp://*:20000", "ipc:///tmp/a:[1-2]", "inproc://a:[1-2]"):
        assert ports_of(other) is None


def test_one_several_none() -> None:
    """One address, several, or none at all are all lists in the end."""
    assert addresses_of(None) == []
    assert addresses_of("inproc://a") == ["inproc://a"]
    assert addresses_of(("inproc://a", "inproc://b")) == ["inproc://a", "inproc://b"]
    with pytest.raises(EndpointError, match="not b'inproc://a'"):
        addresses_of(b"inproc://a")  # type: ignore[arg-type]
