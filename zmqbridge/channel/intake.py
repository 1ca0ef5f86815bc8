"""What a look reads: a batch from the socket, decoded, for the inbox and for those who wait for one of their own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from zmqbridge.channel.beyond import Beyond
from zmqbridge.decoding import Decoder
from zmqbridge.errors import RemoteProtocolError
from zmqbridge.protocols import Faults
from zmqbridge.socket import Socket
from zmqbridge.waiting.inbox import Inbox
from zmqbridge.waiting.parking import Parked, ParkingLot
from zmqbridge.waiting.turn import Turn

__all__ = ["Intake"]

logger: logging.Logger = logging.getLogger("zmqbridge")

Item = TypeVar("Item")


class Intake(Generic[Item]):
    """Reads from a socket, for all who wait.

    Args:
        socket: what is read from.
        decoder: turns messages into items for the callers, and answers to those who wait for one.
        faults: what peers got wrong, as the decoder counts it.
        turn: is charged.
        inbox: takes the items.
        lot: knows who is to be told.
        describe: names the connection in what is logged.

    Attributes:
        arrived: messages read from the socket.
        batch: how many messages are read ahead at most.
        spare: how many more, while somebody waits for what may come behind many that nobody takes.
        beyond: how much is read beyond that while sends wait.
    """

    def __init__(
        self,
        socket: Socket,
        decoder: Decoder[Item, Parked],
        faults: Faults,
        turn: Turn,
        inbox: Inbox[Item],
        lot: ParkingLot,
        describe: Callable[[], str],
    ) -> None:
        self.arrived: int = 0
        self.batch: int = turn.limit
        self.spare = 0
        self.beyond: Beyond = Beyond(socket)
        self._socket = socket
        self._decoder = decoder
        self._faults = faults
        self._turn = turn
        self._inbox = inbox
        self._lot = lot
        self._describe = describe
        socket.single = decoder.single
        socket.max_frames = decoder.max_frames

    def read(self) -> bool:
        """Read what is left of a batch; return whether nothing was left behind."""
        room = self.batch + self.spare - len(self._inbox)
        if room <= 0:
            return False
        return self._receive(room)[1]

    def read_beyond(self, now: float) -> None:
        """Read a batch more if it is time to.

        Args:
            now: the loop's time.
        """
        if self.beyond.is_due(now):
            room = self.beyond.room(len(self._inbox), self.batch)
            if room:
                self.beyond.note(self._receive(room)[0])

    def _receive(self, room: int) -> tuple[Sequence[Any], bool]:
        messages, drained = self._socket.receive(room)
        if messages:
            self._turn.reads -= len(messages)
            self.arrived += len(messages)
            items, answered = self._decoder.decode(messages)
            self._inbox.put(items)
            for parked in answered:
                self._lot.answer(parked)
            self._lot.grant()
        if self._socket.unfit:
            self._count_unfit(self._socket.unfit)
        if self._faults.fresh:
            self._report_faults()
        return messages, drained

    def _count_unfit(self, reasons: list[str]) -> None:
        self.arrived += len(reasons)
        for reason in reasons:
            self._faults.count(RemoteProtocolError(reason))
        reasons.clear()

    def _report_faults(self) -> None:
        count = self._faults.untold(time.monotonic())
        if count:
            logger.warning(
                "%s dropped %d malformed message(s); the latest: %s", self._describe(), count, self._faults.latest
            )
