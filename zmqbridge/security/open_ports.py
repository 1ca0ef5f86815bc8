"""The warning about a port that anybody reaches, and anybody may use.

The facts. A program that listens at ``tcp://*:5555`` without CURVE takes messages of everybody who reaches the machine,
and everybody on the way reads them. As a rule nobody had thought of it.

The design. It is said once a process, with the remedy, where the program binds. What was meant is silenced as any
warning of Python's is.
"""

from __future__ import annotations

import ipaddress
import sys
import warnings
from typing import Any, Protocol

import zmq

__all__ = ["SecurityWarning", "warn_if_open"]


class SecurityWarning(UserWarning):
    """Anybody may use what this program offers."""


class Told:
    """Whether it was said in this process."""

    said = False


class Guarded(Protocol):
    """A socket whose options can be read."""

    def get_option(self, option: int) -> Any: ...


def warn_if_open(socket: Guarded, address: str) -> None:
    """Warn, once a process, if a socket without security listens beyond this machine.

    Args:
        socket: that listens.
        address: where, as libzmq resolved it.
    """
    if Told.said or not reaches_beyond(address) or _is_guarded(socket):
        return
    Told.said = True
    warnings.warn(
        f"anybody who reaches {address} may use it, and read along: this connection has no security. Give it "
        "options=SocketOptions.curve_as_server(keys, domain=...), listen at tcp://127.0.0.1, or, where all who reach "
        "it are trusted, say warnings.simplefilter('ignore', zmqbridge.SecurityWarning). It is said once",
        SecurityWarning,
        stacklevel=_depth(),
    )


def reaches_beyond(address: str) -> bool:
    """Whether others than this machine reach an address."""
    transport, _, place = address.partition("://")
    if transport != "tcp":
        return False
    host = place.rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name or an interface, as libzmq would not have resolved it
        return host not in ("localhost", "lo")


def _is_guarded(socket: Guarded) -> bool:
    if socket.get_option(zmq.MECHANISM) != zmq.NULL:
        return True
    return bool(socket.get_option(zmq.ZAP_DOMAIN)) and bool(socket.get_option(zmq.ZAP_ENFORCE_DOMAIN))


def _depth() -> int:
    """Return how far up the program's own line is, for :func:`warnings.warn` where this is called for."""
    frame, depth = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0].startswith("zmqbridge"):
        frame, depth = frame.f_back, depth + 1
    return depth
