"""Sending large buffers without a copy of them."""

from __future__ import annotations

from typing import Any

from zmqbridge.channel import Channel, Outbox
from zmqbridge.channel.loan import send_shared
from zmqbridge.framing import Message

__all__ = ["Sharing"]


class Sharing:
    """What can send a message from where it lies."""

    _channel: Channel[Any]
    _outbox: Outbox

    async def send_shared(self, message: Message) -> None:
        """Send a message without a copy of it, and return when libzmq has let go of every frame.

        Until then the caller changes nothing of it. For arrays and other large buffers; a frame below
        64 KiB is copied, for that costs less, and so is any over ``inproc``, where the other end may write
        to what it receives. It waits for room as :meth:`send` does.

        libzmq lets go of a frame when it was written to all peers that it goes to, or dropped. Cancelled while it
        waits for that, the message was sent, and the buffer is libzmq's for as long as it takes.

        Args:
            message: one buffer, such as a numpy array, or a sequence of them; each C-contiguous.

        Raises:
            ConnectionClosed: as :meth:`send`. If it closes when the message was sent, the buffer is libzmq's until
                the context has ended.
            TypeError: if the message holds anything but bytes-like frames, or one that does not lie in one piece.
        """
        try:
            await send_shared(self._channel, self._outbox, message)
        finally:
            del self
