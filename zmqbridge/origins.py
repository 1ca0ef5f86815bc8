"""Whose a message is: what the server's authenticator said of the peer that sent it. Pure.

The facts. libzmq keeps with each connection who its peer is by the word of the ZAP handler, ``User-Id``, and where it
is, ``Peer-Address``, and tells both of each frame that comes over it. Of a peer that nobody has judged it repeats what
that peer claims. What it tells is a string of C: it ends at a zero byte.

The consequence. Who a peer is, is known where the socket is a server that enforces a domain, and nowhere else: there
alone each peer was judged, or was not let in. Elsewhere nothing is said.

The design. The socket makes each message a :class:`Traced` list, where the program asks for it. What the pattern makes
of the list has its origin from there. Nobody else pays for that.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["NOBODY", "Origin", "Traced", "origin_from", "origin_of"]


class Origin(NamedTuple):
    """Whose a message is.

    Attributes:
        user_id: who sent it, as the authenticator of the server's domain said: see
            :meth:`Context.authenticator() <zmqbridge.Context.authenticator>`. ``None`` where none has said it.
        peer_address: where it came from: the address of a machine, without the port. Over ``ipc``, where the system
            says so, it ends with the numbers of the user, the group and the process: ``localhost:1000:1000:4711``.
            ``None`` where ``user_id`` could not be known.
    """

    user_id: str | None = None
    peer_address: str | None = None


NOBODY = Origin()


class Traced(list[Any]):
    """A message that knows where it came from.

    Attributes:
        source: the connection, where that is noted; ``None`` for a peer within the process, and where libzmq does not
            say.
        origin: whose it is, where that is noted.
    """

    __slots__ = ("origin", "source")

    source: Any
    origin: Origin

    @property
    def user_id(self) -> str | None:
        """Who sent it; see :class:`Origin`."""
        return origin_of(self).user_id

    @property
    def peer_address(self) -> str | None:
        """Where it came from; see :class:`Origin`."""
        return origin_of(self).peer_address


def origin_from(user_id: str | None, peer_address: str | None) -> Origin:
    """Return what two properties of a connection say. An empty one says nothing."""
    return Origin(user_id or None, peer_address or None)


def origin_of(message: object) -> Origin:
    """Return whose a message is, as it was received: a list of frames, a publication, a request or a routed message.

    Who received it has ``options=SocketOptions(metadata=True)``, and is a server that enforces a domain, as with
    :meth:`SocketOptions.curve_as_server <zmqbridge.SocketOptions.curve_as_server>`. Of any other message nothing is
    known, and both attributes are ``None``.
    """
    origin: Origin = getattr(message, "origin", NOBODY)
    return origin
