"""Addresses: how one is written, and what a connection says of those it uses.

The forms are libzmq's (its pages ``zmq_tcp``, ``zmq_ipc``, ``zmq_inproc``,
``zmq_pgm``, ``zmq_udp``): ``tcp://127.0.0.1:5555``, ``tcp://*:*`` (any interface,
any free port; only to bind), ``ipc:///run/feed.sock``, ``ipc://@name`` (Linux's
abstract names), ``inproc://name``. One is this library's own: ``tcp://*:[20000-20100]`` binds one of
these ports that is free. A transport that this module does not know is
passed on: libzmq decides, and its refusal becomes an :exc:`~zmqbridge.EndpointError`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, TypeAlias

from zmqbridge.errors import EndpointError
from zmqbridge.showing import shown

__all__ = ["Addresses", "Endpoint", "addresses_of", "check_address", "ports_of"]

Addresses: TypeAlias = str | Iterable[str]
"""One address, or several."""

TCP_PORTS = range(65536)

_RANGE = re.compile(r"\[([0-9]{1,5})-([0-9]{1,5})\]")


class Endpoint(NamedTuple):
    """One place where a connection listens, or to which it connects.

    Attributes:
        type: ``"bind"`` or ``"connect"``.
        address: as libzmq resolved it, so with the real port where ``*`` was bound;
            as it was given where it was connected.
    """

    type: Literal["bind", "connect"]
    address: str


def addresses_of(addresses: Addresses | None) -> list[str]:
    """Return one address, several or none as a list, each checked.

    Raises:
        EndpointError: for the first that cannot be one.
    """
    if addresses is None:
        return []
    several: Any = addresses
    if isinstance(several, (str, bytes)) or not isinstance(several, Iterable):
        several = [several]
    return [check_address(address) for address in several]


def check_address(address: object) -> str:
    """Return the address if it can be one.

    Raises:
        EndpointError: if it has no transport, nothing behind it, or a tcp port that is none.
    """
    if not isinstance(address, str):
        raise EndpointError(f"an address is a str like 'tcp://127.0.0.1:5555', not {shown(address)}")
    transport, colon, place = address.partition("://")
    if not colon or not transport:
        raise EndpointError(
            f"the address {shown(address)} names no transport; write 'tcp://host:port', 'ipc://path' or 'inproc://name'"
        )
    if not place:
        raise EndpointError(f"the address {shown(address)} names nothing behind '{transport}://'")
    if "\0" in address:
        raise EndpointError(f"the address {shown(address)} holds a zero byte, which libzmq would cut it at")
    if not address.isascii():
        try:
            address.encode()
        except UnicodeEncodeError:
            raise EndpointError(
                f"the address {shown(address)} cannot be written as UTF-8, as libzmq needs it"
            ) from None
    if transport == "tcp":
        _check_tcp(address, place)
    return address


def ports_of(address: str) -> range | None:
    """Return the ports of which an address means one; ``None`` if it says which, or leaves it to the system.

    Raises:
        EndpointError: if it has a range with no port in it, or with something else.
    """
    found = _RANGE.fullmatch(address.rpartition(":")[2]) if address.startswith("tcp://") else None
    if found is None:
        return None
    first, last = map(int, found.groups())
    if not 1 <= first <= last < len(TCP_PORTS):
        raise EndpointError(
            f"the address {shown(address)} has the ports {found[0]}; a range is of ports 1 to 65535, "
            "the lower one first: [20000-20100]"
        )
    return range(first, last + 1)


def _check_tcp(address: str, place: str) -> None:
    host, colon, port = place.rpartition(":")
    if not colon or not host:
        raise EndpointError(
            f"the address {shown(address)} has no port; write 'tcp://host:port', or ':*' to bind any free one"
        )
    if port == "*" or (port.isascii() and port.isdigit() and int(port) in TCP_PORTS) or ports_of(address):
        return
    raise EndpointError(
        f"the address {shown(address)} has the port {shown(port)}; a port is 0 to 65535, or '*' to bind any free one, "
        "or '[20000-20100]' to bind one of these"
    )
