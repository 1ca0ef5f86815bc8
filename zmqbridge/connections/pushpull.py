"""The pipeline: what a pusher sends goes to one of the pullers, in turn."""

from __future__ import annotations

from zmqbridge.connections.base import Receiver, Sender
from zmqbridge.framing import FrameT

__all__ = ["Puller", "Pusher"]


class Pusher(Sender):
    """A PUSH socket: each message goes to one connected puller, round robin.

    With no puller connected, or all of them at the high-water mark, :meth:`~Sender.send` waits.
    """


class Puller(Receiver[list[FrameT]]):
    """A PULL socket: receives from its pushers in turn; a message is its list of frames."""
