"""Sockets that are connected with each other, and the ends of waiting."""

from __future__ import annotations

import asyncio
from typing import Any

import zmq

import zmqbridge_asyncio


class Ends:
    """Makes sockets that are connected with each other.

    Args:
        context: where.
    """

    def __init__(self, context: zmqbridge_asyncio.Context) -> None:
        self.context = context
        self._made: list[Any] = []

    def socket(self, kind: int, **options: Any) -> Any:
        """Return a socket, which is kept until :meth:`close`."""
        made = self.context.socket(kind, **options)
        made.linger = 0
        self._made.append(made)
        return made

    def close(self) -> None:
        for socket in self._made:
            socket.close()

    def pair(self, first: int, second: int, *, mark: int | None = None, plain: bool = False) -> tuple[Any, Any]:
        """Return two sockets, the first bound and the second connected to it.

        Args:
            first, second: their types.
            mark: their high-water mark; libzmq's own if it is left out.
            plain: the first is a plain ``zmq.Socket``.
        """
        sender = self.socket(first, socket_class=zmq.Socket) if plain else self.socket(first)
        receiver = self.socket(second)
        for socket in (sender, receiver):
            if mark is not None:
                socket.set_hwm(mark)
        port = sender.bind_to_random_port("tcp://127.0.0.1")
        receiver.connect(f"tcp://127.0.0.1:{port}")
        return sender, receiver


async def arrive(receiver: Any) -> None:
    """Return once there is something to receive."""
    assert await receiver.poll(20_000)


async def turns(count: int = 3) -> None:
    """Let the loop run a few times."""
    for _ in range(count):
        await asyncio.sleep(0)
