"""What judges without waiting: which keys, which passwords, which networks. Pure, but for a directory's files.

The facts. What a client shows is of one kind: nothing, a name with a password, or a public key. A domain may have
policies for several. A password that is compared byte by byte tells how much of it was right by the time that it takes.

The design. Everything that a domain says must hold, and what it says nothing about is a no: a key that nobody judges
lets nobody in. What cannot be judged, as where a directory cannot be read, is an error, and its handshake is refused.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Iterable, Mapping
from hmac import compare_digest
from typing import Any

from zmqbridge.errors import OptionError
from zmqbridge.options import Secret
from zmqbridge.security import z85
from zmqbridge.security.directory import Directory
from zmqbridge.security.zap import MOST_USER_ID, Handshake, Status, Verdict
from zmqbridge.showing import shown

__all__ = ["Policies", "keys_of", "networks_of", "passwords_of"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
KnownKeys = Callable[[str], str | None]


class Policies:
    """What a domain says of who comes in.

    Args:
        keys: returns the user id of a public key, or ``None`` for one that is not let in; ``None`` if the domain has no
            keys, or asks for them on the loop.
        passwords: of each user, as bytes; likewise.
        networks: where peers may be; ``None`` is anywhere.
        asks: which mechanisms something on the loop judges in the end.
        authorize: the loop is asked about everything that the others let pass.
    """

    def __init__(
        self,
        keys: KnownKeys | None,
        passwords: Mapping[str, bytes] | None,
        networks: tuple[Network, ...] | None,
        asks: frozenset[str],
        authorize: bool,
    ) -> None:
        self._keys = keys
        self._passwords = passwords
        self._networks = networks
        self._asks = asks
        self._authorize = authorize

    def judge(self, handshake: Handshake) -> Verdict:
        """Return what is answered, if nothing is to be asked on the loop: see :meth:`asks`.

        Raises:
            OSError: if the keys cannot be read.
        """
        if self._networks is not None and not _within(handshake.address, self._networks):
            return Verdict(Status.REFUSED, "its address is in none of the networks")
        match handshake.mechanism:
            case "CURVE":
                return self._judge_key(handshake.public_key or "")
            case "PLAIN":
                return self._judge_password(handshake.username or "", handshake.password or "")
            case "NULL" if self._keys is None and self._passwords is None and not self._asks:
                if self._networks is not None or self._authorize:
                    return Verdict(Status.OK)
                return Verdict(Status.REFUSED, "nothing says that a NULL peer may come in")
            case "NULL":
                return Verdict(Status.REFUSED, "it shows neither a key nor a password")
            case other:
                if self._authorize:
                    return Verdict(Status.OK, user_id=handshake.principal or "")
                return Verdict(Status.REFUSED, f"no policy judges the mechanism {shown(other)}")

    def asks(self, handshake: Handshake) -> bool:
        """Whether the loop is to be asked about one that was let pass."""
        return self._authorize or handshake.mechanism in self._asks

    def _judge_key(self, key: str) -> Verdict:
        if self._keys is not None:
            user_id = self._keys(key)
            if user_id is None:
                return Verdict(Status.REFUSED, "its key is unknown")
            return Verdict(Status.OK, user_id=user_id)
        if self._authorize or "CURVE" in self._asks:
            return Verdict(Status.OK, user_id=key)
        return Verdict(Status.REFUSED, "no policy judges keys")

    def _judge_password(self, user: str, password: str) -> Verdict:
        if self._passwords is not None:
            known = self._passwords.get(user)
            right = compare_digest(password.encode(), b"" if known is None else known)
            if known is None or not right:
                return Verdict(Status.REFUSED, "its name or its password is wrong")
            return Verdict(Status.OK, user_id=user)
        if self._authorize or "PLAIN" in self._asks:
            return Verdict(Status.OK, user_id=user)
        return Verdict(Status.REFUSED, "no policy judges passwords")


def keys_of(keys: Any) -> KnownKeys:
    """Return what knows the keys that a caller gave.

    Args:
        keys: a directory's path, a mapping from key to user id, or any number of keys.

    Raises:
        OptionError: if they are no keys.
    """
    if isinstance(keys, (str, os.PathLike)):
        directory = Directory(keys)
        return lambda key: key if key in directory.keys() else None  # noqa: SIM118
    if not isinstance(keys, Iterable) or isinstance(keys, (bytes, bytearray)):
        raise OptionError(
            f"keys is a {type(keys).__name__}; it takes public keys in a set, the path of a directory of certificates, "
            "or a function"
        )
    known: dict[str, str] = {}
    named = list(keys.items()) if isinstance(keys, Mapping) else [(key, None) for key in keys]
    for key, name in named:
        text = z85.public_text(key)
        if text is None:
            raise OptionError("keys has one that is no key; a public key is 40 characters of Z85, or 32 bytes")
        known[text] = text if name is None else _user_id("keys", name)
    return known.get


def passwords_of(passwords: Secret) -> dict[str, bytes]:
    """Return the passwords that a caller gave.

    Raises:
        OptionError: if they are none; it shows no password.
    """
    if not isinstance(passwords.reveal(), Mapping):
        kind = type(passwords.reveal()).__name__
        raise OptionError(f"passwords is a {kind}; it takes a mapping from user to password, or a function")
    known: dict[str, bytes] = {}
    for user, password in dict(passwords.reveal()).items():
        octets = _octets(password)
        if _octets(user) is None or octets is None:
            wrong = f"the password of {shown(user)}" if octets is None else f"the user {shown(user)}"
            del password, octets
            known.clear()
            raise OptionError(f"passwords: {wrong} cannot be used; it is a str of 1 to {MOST_USER_ID} bytes")
        known[user] = octets
    return known


def networks_of(networks: Any) -> tuple[Network, ...]:
    """Return the networks that a caller gave.

    Raises:
        OptionError: if one of them is none.
    """
    single = isinstance(networks, (str, ipaddress.IPv4Network, ipaddress.IPv6Network))
    given = [networks] if single or not isinstance(networks, Iterable) else list(networks)
    try:
        return tuple(ipaddress.ip_network(each) for each in given)
    except ValueError as error:
        raise OptionError(f"networks: {error}; one is such as '10.1.0.0/16' or 'fd00::/8'") from None


def _within(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # over ipc there is none
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks)


def _user_id(name: str, value: object) -> str:
    if not isinstance(value, str) or _octets(value) is None:
        raise OptionError(f"{name} has the user id {shown(value)}; one is a str of 1 to {MOST_USER_ID} bytes")
    return value


def _octets(text: object) -> bytes | None:
    """Return a text as ZAP can carry it, or ``None`` if it cannot."""
    try:
        octets = text.encode() if isinstance(text, str) else b""
    except UnicodeEncodeError:
        return None
    return octets if 1 <= len(octets) <= MOST_USER_ID else None
