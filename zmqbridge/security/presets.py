"""The options of servers and clients that know each other, and those of a port that faces the world. Pure.

The facts. Where a domain has no authenticator, or one that has gone, libzmq lets everybody in, unless the domain is
*enforced*. A PLAIN server without an enforced domain lets nobody in, or ends the process.

The design. What belongs together is set together: a server with a domain always enforces it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from zmqbridge.errors import OptionError
from zmqbridge.security import z85
from zmqbridge.showing import shown

if TYPE_CHECKING:
    from zmqbridge.options import SocketOptions

__all__ = ["Presets"]


@runtime_checkable
class Pair(Protocol):
    """A :class:`~zmqbridge.KeyPair`, which needs pyzmq, and options do not."""

    @property
    def public_bytes(self) -> bytes: ...

    @property
    def secret_bytes(self) -> bytes: ...


class Presets:
    """What :class:`~zmqbridge.SocketOptions` are made with, other than field by field."""

    __slots__ = ()

    @classmethod
    def curve_as_server(cls, keys: Pair, *, domain: str | None = None) -> SocketOptions[bytes]:
        """Return the options of a CURVE server: what is sent is encrypted, and clients know that it is this server.

        Args:
            keys: a :class:`~zmqbridge.KeyPair`; clients need its public key.
            domain: who comes in is for the authenticator of this name to say:
                :meth:`Context.authenticator <zmqbridge.Context.authenticator>`. While there is none, nobody does.
                Without a domain everybody comes in who knows the server's public key.

        Raises:
            OptionError: if they cannot be used.
        """
        wrong = _no_pair(keys)
        if wrong:
            del keys
            raise OptionError(wrong)
        return _made(cls, curve_server=True, **_pair(keys), **_domain(domain))

    @classmethod
    def curve_as_client(cls, keys: Pair, server_key: str | bytes) -> SocketOptions[bytes]:
        """Return the options of a CURVE client, which talks to one server and to nobody else.

        Args:
            keys: a :class:`~zmqbridge.KeyPair`; the server may let in this public key alone.
            server_key: the server's public key; see :meth:`KeyPair.load_public <zmqbridge.KeyPair.load_public>`.

        Raises:
            OptionError: if they cannot be used.
        """
        wrong = _no_pair(keys)
        kept = z85.public_text(server_key)
        kind = type(server_key).__name__
        del server_key  # it may be a secret key in the wrong place
        if kept is None:
            wrong = wrong or f"server_key is a {kind} and no key; it takes 40 characters of Z85, or 32 bytes"
        if wrong:
            del keys, kept
            raise OptionError(wrong)
        return _made(cls, curve_server_key=kept, **_pair(keys))

    @classmethod
    def plain_as_server(cls, *, domain: str) -> SocketOptions[bytes]:
        """Return the options of a PLAIN server. *Nothing* is encrypted: everybody on the way reads the passwords.

        Args:
            domain: the name of the authenticator that judges the passwords. While there is none, nobody comes in.

        Raises:
            OptionError: if it cannot be used.
        """
        return _made(cls, plain_server=True, **_domain(domain))

    @classmethod
    def plain_as_client(cls, user: str, password: str) -> SocketOptions[bytes]:
        """Return the options of a PLAIN client. Its password is *not* encrypted, and any server gets it.

        Args:
            user: who this is.
            password: shown in no error and in no ``repr``.

        Raises:
            OptionError: if they cannot be used.
        """
        values = {"plain_username": user, "plain_password": password}
        del password
        try:
            return _made(cls, **values)
        finally:
            values.clear()

    @classmethod
    def hardened(cls) -> SocketOptions[bytes]:
        """Return the limits of a port that faces the world. The page on security explains each field.

        Join them with others: ``SocketOptions.hardened() | SocketOptions.curve_as_server(keys, domain="lab")``.
        They limit what one stranger can use up, and keep nobody out.
        """
        return _made(
            cls,
            max_message_size=1_048_576,
            max_frames=64,
            receive_high_water_mark=100,
            handshake_interval=5.0,
            heartbeat_interval=10.0,
            heartbeat_timeout=30.0,
            heartbeat_ttl=30.0,
            tcp_keepalive=True,
            tcp_keepalive_idle=60,
            backlog=1024,
        )


def _made(cls: type[Any], **values: Any) -> SocketOptions[bytes]:
    """Return options with these fields, of which this base knows nothing."""
    try:
        made: SocketOptions[bytes] = cls(**values)
        return made
    finally:
        values.clear()  # an error's frame shows no secret


def _no_pair(keys: object) -> str | None:
    """Return what is wrong with keys that are no pair."""
    if isinstance(keys, Pair):
        return None
    kind = type(keys).__name__
    return f"keys is a {kind}; it takes a KeyPair, as KeyPair.load() and KeyPair.generate() return it"


def _pair(keys: Pair) -> dict[str, Any]:
    return {"curve_public_key": keys.public_bytes, "curve_secret_key": keys.secret_bytes}


def _domain(domain: object) -> dict[str, Any]:
    if domain is None:
        return {}
    if not isinstance(domain, str) or not domain:
        raise OptionError(f"domain={shown(domain)} is none; it takes a name, such as 'lab'")
    return {"zap_domain": domain, "zap_enforce_domain": True}
