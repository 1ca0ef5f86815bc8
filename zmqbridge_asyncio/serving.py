"""How a look reads for those who wait on this face: they take their messages themselves, and nothing is read ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zmqbridge.channel import Channel
from zmqbridge.channel.intake import Intake
from zmqbridge.decoding import FramesDecoder
from zmqbridge.protocols import Faults

if TYPE_CHECKING:
    from zmqbridge_asyncio.desk import Desk

__all__ = ["Serving"]


class Serving(Intake[Any]):
    """Has those who wait take what is there, in the order of their calls: nothing is read ahead."""

    def __init__(self, desk: Desk, channel: Channel[Any]) -> None:
        super().__init__(
            channel.socket, FramesDecoder(), Faults(), channel.turn, channel.inbox, channel.lot, channel.describe
        )
        self.beyond.serves = False
        self._desk = desk

    def read(self) -> bool:
        desk, lot = self._desk, self._lot
        if desk.newcomer is not None:
            if not desk.source.is_ready():
                return True
            newcomer, desk.newcomer = desk.newcomer, None
            desk.turn.reads -= 1
            desk.came = newcomer()
        while lot.has_readers:
            if desk.turn.reads <= 0:
                return False
            if not desk.source.is_ready():
                return True
            desk.turn.reads -= 1
            lot.let_reader_try()
            if not desk.told.pop().attempt():
                return True
        return False
