"""Waiting for messages without taking them, on one connection and over several: for those who come from pollers."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any, TypeVar

from zmqbridge.channel import Channel, begin_turns, is_readable, wait_readable
from zmqbridge.showing import shown

__all__ = ["Readable", "first_ready"]

_turns = count(1)


class Readable:
    """What can be waited for until it has a message."""

    _channel: Channel[Any]
    _first_at = 0
    """When it was last the first of several that were ready; the least has waited longest."""

    async def wait_readable(self) -> None:
        """Wait until there is a message to receive, and take none.

        Then :meth:`receive_nowait` returns it, unless another task does before. While tasks wait in :meth:`receive`,
        what comes is theirs. A message that makes no sense to the pattern is dropped, and none.

        If it is cancelled, nothing has changed.

        Raises:
            ConnectionClosed: if the connection is closed, or closes meanwhile.
            ContextTerminated: if other code terminated the ZeroMQ context.
        """
        channel = self._channel
        try:
            await wait_readable(channel)
        finally:
            del self


ReadableT = TypeVar("ReadableT", bound=Readable)


class _Ready(Exception):
    """One of several is ready: the others need not wait any more."""


async def first_ready(*connections: ReadableT) -> list[ReadableT]:
    """Wait until one of several connections or more have a message to receive, and return these. No message is taken.

    ::

        while True:
            for connection in await zmqbridge.first_ready(prices, orders):
                handle(connection, connection.receive_nowait())

    It is fair: of those that are ready, the one comes first that has been the first for the longest time ago. So a
    program that serves only the first of them serves them all in turn.

    If it is cancelled, nothing has changed.

    Args:
        connections: those to wait for, each a :class:`~zmqbridge.Receiver`, all of one loop.

    Returns:
        One connection at least.

    Raises:
        ConnectionClosed: if one of them is closed, or closes meanwhile.
        ContextTerminated: if other code terminated its ZeroMQ context.
        TypeError: if one of them receives nothing.
        ValueError: if there is none to wait for.
    """
    for connection in connections:
        if not isinstance(connection, Readable):
            raise TypeError(f"{shown(connection)} receives nothing; wait for connections that do, as a subscriber")
    if not connections:
        raise ValueError("first_ready() waits for one connection at least; there is none")
    ordered = sorted(dict.fromkeys(connections), key=lambda connection: connection._first_at)
    channels = [connection._channel for connection in ordered]
    try:
        backend, *_ = [channel.enter() for channel in channels]
        while True:
            await begin_turns(backend, channels)
            ready = [connection for connection in ordered if is_readable(connection._channel)]
            if ready:
                ready[0]._first_at = next(_turns)
                ready[0]._channel.turn.reads -= 1
                return ready
            with suppress(_Ready):
                await backend.run_together([partial(_wait, channel) for channel in channels])
    finally:
        del connections, ordered


async def _wait(channel: Channel[Any]) -> None:
    await wait_readable(channel)
    raise _Ready
