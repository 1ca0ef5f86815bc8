"""Keys of CURVE: 32 bytes, or the same as 40 characters of Z85 (ZeroMQ's RFC 32). Pure.

No error shows what was given: it may be a secret key in the wrong place.
"""

from __future__ import annotations

from typing import Any

__all__ = ["KEY_BYTES", "KEY_CHARACTERS", "decode", "encode", "public_text"]

KEY_BYTES = 32
KEY_CHARACTERS = 40

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}


def encode(octets: bytes) -> str:
    """Return bytes, a multiple of four, as text."""
    characters = []
    for start in range(0, len(octets), 4):
        number = int.from_bytes(octets[start : start + 4], "big")
        characters += [_ALPHABET[number // 85**power % 85] for power in (4, 3, 2, 1, 0)]
    return "".join(characters)


def decode(text: str) -> bytes | None:
    """Return what a text stands for, or ``None`` if it is no Z85."""
    if len(text) % 5:
        return None
    octets = b""
    for start in range(0, len(text), 5):
        number = 0
        for character in text[start : start + 5]:
            value = _VALUES.get(character)
            if value is None:
                return None
            number = number * 85 + value
        if number >= 2**32:
            return None
        octets += number.to_bytes(4, "big")
    return octets


def public_text(key: Any) -> str | None:
    """Return a key as text, whether it was text or bytes; ``None`` if it is none."""
    if isinstance(key, bytes) and len(key) == KEY_BYTES:
        return encode(key)
    if isinstance(key, bytes):
        key = key.decode("ascii", "replace")
    if isinstance(key, str) and len(key) == KEY_CHARACTERS and decode(key) is not None:
        return key
    return None
