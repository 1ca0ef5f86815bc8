"""czmq's certificates: a pair of keys with metadata, as text (ZeroMQ's RFC 4, ZPL). Pure.

The facts. A line without indentation begins a section, ``name = value`` stands below it, indented by four spaces. A
value may stand in quotes, and a key of Z85 may hold what begins a comment outside of them. Some write a property at the
top. pyzmq writes the same.

What cannot be read is an error that shows nothing of the text: it may hold a secret key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from zmqbridge.errors import CertificateError
from zmqbridge.options import Secret
from zmqbridge.security import z85

__all__ = ["MOST_BYTES", "metadata_of", "public_key_of", "secret_key_of", "written"]

MOST_BYTES = 65_536
"""A certificate is no larger."""

_PUBLIC_HEAD = """\
#   ZeroMQ CURVE Public Certificate
#   Exchange securely, or use a secure mechanism to verify the contents
#   of this file after exchange.

"""

_SECRET_HEAD = """\
#   ZeroMQ CURVE **Secret** Certificate
#   DO NOT PROVIDE THIS FILE TO OTHER USERS nor change its permissions.

"""


def written(public: str, secret: str | None, metadata: Mapping[str, str]) -> str:
    """Return a certificate's text.

    Args:
        public: the public key, as Z85.
        secret: the secret key, likewise; ``None`` for a certificate to give away.
        metadata: names and values.

    Raises:
        CertificateError: if a name or a value of the metadata cannot be written.
    """
    lines = ["metadata"]
    for name, value in metadata.items():
        if not name or not all(character.isalnum() or character in "$-_@.&+/" for character in name):
            raise CertificateError(
                f"metadata name {name[:40]!r} cannot be written; it takes letters, digits and any of $-_@.&+/"
            )
        if not isinstance(value, str) or any(character in '"\r\n\0' for character in value):
            raise CertificateError(
                f"the value of metadata {name[:40]!r} cannot be written; it takes a str of one line without "
                'the character "'
            )
        lines.append(f'    {name} = "{value}"')
    lines += ["curve", f'    public-key = "{public}"']
    if secret is not None:
        lines.append(f'    secret-key = "{secret}"')
    return (_PUBLIC_HEAD if secret is None else _SECRET_HEAD) + "\n".join(lines) + "\n"


def public_key_of(text: Secret, path: str) -> str:
    """Return the public key of a certificate.

    Raises:
        CertificateError: if it has none.
    """
    return _key(text, "public-key", path)


def secret_key_of(text: Secret, path: str) -> str:
    """Return the secret key of a certificate.

    Raises:
        CertificateError: if it has none.
    """
    return _key(text, "secret-key", path)


def metadata_of(text: Secret) -> dict[str, str]:
    """Return the metadata of a certificate."""
    return {name: value for section, name, value in _properties(text) if section == "metadata"}


def _key(text: Secret, wanted: str, path: str) -> str:
    found = [value for section, name, value in _properties(text) if name == wanted and section in ("curve", "")]
    fitting = z85.public_text(found[0]) if len(found) == 1 else None
    count = len(found)
    found.clear()
    if fitting is not None:
        return fitting
    what = f"no {wanted}" if not count else f"{count} times {wanted}" if count > 1 else f"a {wanted} that is no Z85"
    raise CertificateError(
        f"{path} has {what}; a certificate has a section 'curve' with one, as KeyPair.save() and czmq write it"
    )


def _properties(text: Secret) -> Iterator[tuple[str, str, str]]:
    """Yield the section, the name and the value of each property."""
    section = ""
    for line in text.reveal().splitlines():
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        name, equals, value = words.partition("=")
        name, value = name.strip(), value.strip()
        if not line[0].isspace():
            section = "" if equals else name.partition("#")[0].strip()
        if equals:
            yield section, name, _unquoted(value)


def _unquoted(value: str) -> str:
    if value[:1] in ("'", '"'):
        end = value.find(value[0], 1)
        return value[1:] if end < 0 else value[1:end]
    return value.partition("#")[0].strip()
