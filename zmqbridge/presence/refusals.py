"""What the addresses say that a connection connects to: which do not let it in, and where the other side only hangs up.

The facts. A server whose authenticator says no tells the client, and libzmq does not try again. A CURVE server cannot
read what a client says that has another key for it, and tells it nothing: it hangs up, at once, each time that libzmq
tries. A server whose authenticator could not decide does so as well, when the time of the handshake is over.

The design. A refusal is an error. That the other side hangs up is none, for it may let this one in the next time; it is
said where somebody has waited in vain.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import zmq

from zmqbridge.endpoints import Endpoint
from zmqbridge.errors import AuthenticationFailed, HandshakeFailed
from zmqbridge.presence.events import Event
from zmqbridge.presence.watch import Watch
from zmqbridge.showing import listed

if TYPE_CHECKING:
    from zmqbridge.socket import Socket

__all__ = ["hang_ups", "refusal_error", "refusals", "refused_everywhere"]

_CURVE_HANGS_UP = (
    "a CURVE server does so where the client has another key for it, which shows in no other way: see that "
    "curve_as_client() was given that server's public key; or its authenticator could not decide"
)
_OTHERS_HANG_UP = "a server does so whose authenticator could not decide, or that speaks another protocol"


def refusals(watch: Watch, endpoints: Iterable[Endpoint]) -> list[Event | None]:
    """Return by what each address that is connected to has refused for good; ``None`` stands for one that has not."""
    return [watch.refusal_at(endpoint.address) for endpoint in endpoints if endpoint.type == "connect"]


def refused_everywhere(watch: Watch, endpoints: Iterable[Endpoint]) -> Event | None:
    """Return the last refusal where nobody is left who may let the connection in, or come to it; else ``None``."""
    endpoints = tuple(endpoints)
    said = refusals(watch, endpoints)
    return said[-1] if said and len(said) == len(endpoints) and None not in said else None


def refusal_error(name: str, refusal: Event) -> HandshakeFailed:
    """Return the error of a connection that was refused."""
    kind = AuthenticationFailed if refusal.denied else HandshakeFailed
    return kind(f"{name} was refused: {refusal}")


def hang_ups(watch: Watch, endpoints: Iterable[Endpoint], socket: Socket) -> str:
    """Return the words for how often the other side has hung up in the handshake; nothing if it has not."""
    counts = {
        endpoint.address: watch.hung_up_at(endpoint.address) for endpoint in endpoints if endpoint.type == "connect"
    }
    where = [address for address, count in counts.items() if count]
    if not where:
        return ""
    why = _CURVE_HANGS_UP if socket.get_option(zmq.MECHANISM) == zmq.CURVE else _OTHERS_HANG_UP
    return f"; the other side hung up {sum(counts.values())} time(s) in the handshake, at {listed(where)}: {why}"
