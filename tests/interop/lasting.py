"""An address for one listener after another."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.conftest import Addresses

__all__ = ["lasting_address"]


@contextmanager
def lasting_address(addresses: Addresses, transport: str) -> Iterator[str]:
    """Give an address that one process after another can bind, and nobody else takes meanwhile."""
    if transport != "tcp":
        yield addresses.new(transport)
        return
    # Linux lets a bound socket that does not listen share its port with one that does, and gives
    # the port to no outgoing connection while it is bound.
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        if sys.platform != "linux":
            holder.close()
        yield f"tcp://127.0.0.1:{port}"
