"""Who takes part: the supervisor itself, the seven processes that it starts, and the one that takes another's place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["CAST", "HISTORIAN", "KILLED", "PUBLISHER", "SUCCESSOR", "SUPERVISOR", "Role"]


@dataclass(frozen=True)
class Role:
    """One process.

    Attributes:
        name: its own.
        written_with: the library that its sockets are made with.
        loop: the event loop that it runs on.
        tags: what it subscribes to: the beginnings of tags; ``""`` is everything.
        asks: whether it requests history.
        transport: how it reaches the publisher and the historian.
        replaces: the name of the process whose place it takes, when that was killed.
    """

    name: str
    written_with: str
    loop: str
    tags: tuple[str, ...] = ()
    asks: bool = False
    transport: Literal["tcp", "ipc"] = "tcp"
    replaces: str = ""

    @property
    def module(self) -> str:
        """Its program, in this package: who takes a place runs the same as who had it."""
        return self.replaces or self.name

    def subscribes_to(self, tag: str) -> bool:
        return tag.startswith(self.tags)


SUPERVISOR = Role("supervisor", "zmqbridge", "asyncio", ("",))
PUBLISHER = Role("publisher", "zmqbridge", "asyncio")
HISTORIAN = Role("historian", "zmqbridge", "uvloop", ("",), transport="ipc")
KILLED = Role("anyio_reader", "zmqbridge", "anyio", ("memory", "network"), asks=True, transport="ipc")
SUCCESSOR = replace(KILLED, name="anyio_again", replaces=KILLED.name)

CAST = [
    PUBLISHER,
    HISTORIAN,
    Role("trio_reader", "zmqbridge", "trio", ("cpu.",), asks=True),
    KILLED,
    Role("twisted_reader", "zmqbridge", "Twisted", ("disk", "network"), asks=True),
    Role("pyzmq_reader", "pyzmq", "none", ("memory", "disk"), asks=True),
    Role("txzmq_reader", "txZMQ", "Twisted", ("cpu.0", "memory"), asks=True),
]
