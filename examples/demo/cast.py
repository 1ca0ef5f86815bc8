"""Who takes part: the supervisor itself, and the seven processes that it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CAST", "HISTORIAN", "PUBLISHER", "SUPERVISOR", "Role"]


@dataclass(frozen=True)
class Role:
    """One process.

    Attributes:
        name: its own, and that of its module in this package.
        written_with: the library that its sockets are made with.
        loop: the event loop that it runs on.
        tags: what it subscribes to: the beginnings of tags; ``""`` is everything.
        asks: whether it requests history.
        transport: how it reaches the publisher and the historian.
    """

    name: str
    written_with: str
    loop: str
    tags: tuple[str, ...] = ()
    asks: bool = False
    transport: Literal["tcp", "ipc"] = "tcp"

    def subscribes_to(self, tag: str) -> bool:
        return tag.startswith(self.tags)


SUPERVISOR = Role("supervisor", "zmqbridge", "asyncio", ("",))
PUBLISHER = Role("publisher", "zmqbridge", "asyncio")
HISTORIAN = Role("historian", "zmqbridge", "uvloop", ("",), transport="ipc")

CAST = [
    PUBLISHER,
    HISTORIAN,
    Role("trio_reader", "zmqbridge", "trio", ("cpu.",), asks=True),
    Role("anyio_reader", "zmqbridge", "anyio", ("memory", "network"), asks=True, transport="ipc"),
    Role("twisted_reader", "zmqbridge", "Twisted", ("disk", "network"), asks=True),
    Role("pyzmq_reader", "pyzmq", "none", ("memory", "disk"), asks=True),
    Role("txzmq_reader", "txZMQ", "Twisted", ("cpu.0", "memory"), asks=True),
]
