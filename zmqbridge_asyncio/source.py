"""Where receives take from: what was given back first, and then the socket.

The facts. A future has its message from the moment that it is done; the task that awaits it runs in the loop's next
turn, and may have been cancelled by then. Nobody has the message then. A message may have been taken frame by frame.

The design. Such a future gives back what it took. It is kept here, in the order in which it was received, and whoever
receives next has it before anything that libzmq still holds. Nothing else is ever kept: what is left in libzmq is left
there, so that code that uses the same socket otherwise finds it.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import zmq
import zmq.backend

from zmqbridge.errors import ZmqBridgeError
from zmqbridge.socket import POLLIN, Socket

__all__ = ["Source", "Taken", "message_of_bytes"]

NOBLOCK = int(zmq.NOBLOCK)


class Taken(NamedTuple):
    """What one receive took.

    Attributes:
        number: how many receives have taken something before.
        frames: the frames, as they were received.
        more: more frames of the same message follow.
    """

    number: int
    frames: list[Any]
    more: bool


class Source:
    """Takes frames and messages without waiting.

    Args:
        socket: the socket.
        plain: pyzmq's own socket for the same.

    Attributes:
        kept: what was given back, oldest first.
    """

    def __init__(self, socket: Socket) -> None:
        self.kept: deque[Taken] = deque()
        self._socket = socket
        self._plain = socket.raw
        self._number = 0
        self._latest: tuple[int, bool | None] = 0, False

    def is_ready(self) -> bool:
        """Whether there is something to take."""
        return bool(self.kept) or bool(self._socket.events() & POLLIN)

    def give_back(self, taken: Taken) -> None:
        """Put something back in its place."""
        index = sum(1 for each in self.kept if each.number < taken.number)
        self.kept.insert(index, taken)

    # --- taking ---

    def frame(self, flags: int, copy: bool, track: bool) -> list[Any]:
        """Take one frame.

        Raises:
            zmq.Again: if there is none.
        """
        if self.kept:
            number, frames, more = self.kept.popleft()
            if len(frames) > 1:
                self.kept.appendleft(Taken(number, frames[1:], more))
            self._latest = number, len(frames) > 1 or more
            return [_as_asked(frames[0], copy, track)]
        frame = self._plain.recv(flags | NOBLOCK, copy, track)
        self._number += 1
        self._latest = self._number, None
        return [frame]

    def message(self, flags: int, copy: bool, track: bool) -> list[Any]:
        """Take a message, or what is left of one.

        Raises:
            zmq.Again: if there is none.
        """
        frames: list[Any] = []
        while self.kept:
            number, some, more = self.kept.popleft()
            frames += [_as_asked(frame, copy, track) for frame in some]
            if not more or (not self.kept and number != self._number):
                self._latest = number, False
                return frames
        received = message_of_bytes(self._socket) if copy and not frames else None
        if received is None:
            received = frames + self._plain.recv_multipart(flags | NOBLOCK, copy, track)
        self._number += 1
        self._latest = self._number, False
        return received

    def latest(self, frames: list[Any]) -> Taken:
        """Return what the latest call took, so that it can be given back."""
        number, more = self._latest
        return Taken(number, frames, bool(self._plain.get(zmq.RCVMORE)) if more is None else more)


def message_of_bytes(socket: Socket) -> list[bytes] | None:
    """Return a socket's next message; ``None`` if there is none, or if pyzmq is to say what is wrong."""
    try:
        while True:
            messages, drained = socket.receive(1)
            if messages:
                return messages[0]  # type: ignore[no-any-return]
            if socket.unfit:
                socket.unfit.clear()
                raise MemoryError("there is no memory for a message, which is left out")
            if drained:
                return None
    except ZmqBridgeError:
        return None


def _as_asked(frame: Any, copy: bool, track: bool) -> Any:
    """Return a frame that was given back as whoever has it now wants it."""
    if copy:
        return frame if isinstance(frame, bytes) else frame.bytes
    return frame if isinstance(frame, zmq.Frame) else zmq.Frame(frame, track=track)
