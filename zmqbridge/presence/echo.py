"""The reserved tags, by which a subscriber learns that its subscriptions have arrived. Pure.

The facts. A subscription travels to the publisher, perhaps through proxies, and nothing comes back. On its way it keeps
its place among those of the same connection. When a connection is made, libzmq sends all subscriptions there are, in an
order of its own.

The design. A subscriber subscribes to a tag that nobody else has, an *echo tag*, and a publisher with presence that
learns of it publishes under that tag its own name, once. What comes back proves that every subscription made before
has arrived there. It is asked twice: the first answer proves that the connection stands, so that the second was asked
behind all that were sent when it was made.

A publisher can be made to publish no more than it is sent, to those alone who sent it, and so often a second.
"""

from __future__ import annotations

from uuid import uuid4

from zmqbridge.framing import RESERVED

__all__ = ["ECHO", "Allowance", "is_echo", "new_echo_tag", "own_name"]

ECHO = RESERVED + b"echo."
"""What an echo tag begins with; 32 hexadecimal digits follow, and in a publication the zero byte."""

ECHO_LENGTH = len(ECHO) + 32


def new_echo_tag() -> bytes:
    """Return an echo tag that nobody else has."""
    return ECHO + uuid4().hex.encode()


def own_name() -> bytes:
    """Return a publisher's name, of 16 bytes, for its answers."""
    return uuid4().bytes


def is_echo(tag: bytes) -> bool:
    """Whether a subscription asks for an answer."""
    return len(tag) == ECHO_LENGTH and tag.startswith(ECHO)


class Allowance:
    """How often something may happen: so many at once, and as many again in each second.

    Args:
        rate: how many, 1 or more.

    Attributes:
        refused: how many were too many.
    """

    __slots__ = ("_at", "_left", "_rate", "refused")

    def __init__(self, rate: float) -> None:
        self.refused: int = 0
        self._rate = rate
        self._left = rate
        self._at: float | None = None

    def take(self, now: float) -> bool:
        """Whether it may happen once more.

        Args:
            now: any clock, in seconds.
        """
        if self._at is not None:
            self._left = min(self._rate, self._left + self._rate * max(0.0, now - self._at))
        self._at = now
        if self._left < 1:
            self.refused += 1
            return False
        self._left -= 1
        return True
