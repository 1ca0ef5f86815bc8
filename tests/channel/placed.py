"""A channel on models of libzmq and of a loop, whose steps the test takes."""

from __future__ import annotations

from tests.model.libzmq import ModelSocket, Wire
from tests.model.loop import ModelBackend
from zmqbridge.channel import Channel, Outbox
from zmqbridge.decoding import FramesDecoder
from zmqbridge.protocols import Faults

__all__ = ["FD", "Place"]

FD = 7


class Place:
    """A channel on a model of a socket.

    Args:
        credit: for how many messages the peer has room.
        turn_limit: how much one turn of the loop does.
    """

    def __init__(self, credit: int = 0, turn_limit: int = 256) -> None:
        self.wire = Wire(credit)
        self.backend = ModelBackend(lambda fd: self.wire.readable)
        self.socket = ModelSocket(self.wire, FD)
        self.channel: Channel[list[bytes]] = Channel(
            self.socket, lambda: self.backend, FramesDecoder(), Faults(), lambda: "the model", turn_limit
        )
        self.outbox = Outbox(self.channel)

    @property
    def taken(self) -> list[bytes]:
        """What was sent, in messages of one frame; the peer reads it all."""
        while self.wire.take():
            pass
        return [frame for (frame,) in self.wire.taken]
