"""Whether a receive would find a message, and waiting until one would. Nothing is taken.

The facts. libzmq's descriptor does not say it (see :mod:`zmqbridge.socket`), and its EVENTS knows nothing of what was
read ahead, nor of what makes no sense and is dropped.

The design. Who asks reads ahead, as a receiver does, and looks at what is free; where nothing may be read ahead, EVENTS
says it. Who waits is parked as an onlooker, and leads like any other. As with every operation, the loop runs
once in each turn's worth of answers: a program that asks again and again, and takes nothing, does not stop it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zmqbridge.abc import Backend
from zmqbridge.channel.channel import Channel
from zmqbridge.socket import POLLIN

__all__ = ["begin_turns", "is_readable", "wait_readable"]


def is_readable(channel: Channel[Any]) -> bool:
    """Whether a receive would return at once."""
    channel.guard.check()
    if _has_message(channel):
        return True
    if channel.turn.reads > 0 and not channel.by_turns and not channel.lot.has_readers:
        channel.look(receiving=True)
    return channel.inbox.has_free()


async def begin_turns(backend: Backend, channels: Sequence[Channel[Any]]) -> None:
    """Let the loop run once if it is to, and begin a turn of it for several channels together.

    Were each to begin its own, one that has used up its turn could stay unheard while others are ready.
    """
    if backend.strict_checkpoints or any(channel.turn.reads <= 0 for channel in channels):
        numbers = [channel.turn.number for channel in channels]
        await backend.checkpoint()
        for channel, number in zip(channels, numbers, strict=True):
            if channel.turn.number == number:
                channel.turn.begin()


async def wait_readable(channel: Channel[Any]) -> None:
    """Return when a receive would return at once."""
    backend = channel.enter()
    await begin_turns(backend, [channel])
    if is_readable(channel):
        channel.turn.reads -= 1
        return
    parked = channel.lot.park_onlooker()
    try:
        while not _has_message(channel):
            parked.served = False
            await channel.wait(backend, parked, None)
            channel.guard.check()
    finally:
        channel.lot.leave_onlooker(parked)


def _has_message(channel: Channel[Any]) -> bool:
    if channel.by_turns and not channel.inbox.has_free() and not channel.lot.has_readers:
        with channel.touching() as socket:
            return bool(socket.events() & POLLIN)
    return channel.inbox.has_free()
