"""Receives of zmq.asyncio's interface: in every form that it has."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import zmq

from zmqbridge_asyncio.base import NOBLOCK, Base
from zmqbridge_asyncio.futures import Receipt, done
from zmqbridge_asyncio.source import Source

__all__ = ["Receiving"]


class Receiving(Base):
    """A socket that receives."""

    def recv(self, flags: int = 0, copy: bool = True, track: bool = False) -> Any:
        """Receive a frame; the future's result is ``bytes``, or a ``zmq.Frame`` where it is not to be copied."""
        at_once = self._at_once
        if at_once is not None and copy and not flags:
            future = at_once.receive_frame()
            if future is not None:
                return future
        return self._receive(Source.frame, _frame, flags, copy, track)

    def recv_multipart(self, flags: int = 0, copy: bool = True, track: bool = False) -> Any:
        """Receive a whole message; the future's result is the list of its frames."""
        at_once = self._at_once
        if at_once is not None and copy and not flags:
            future = at_once.receive_message()
            if future is not None:
                return future
        return self._receive(Source.message, _frames, flags, copy, track)

    def recv_into(self, buf: Any, /, *, nbytes: int = 0, flags: int = 0) -> Any:
        """Receive a frame into a buffer; the future's result is the number of the frame's bytes."""
        try:
            view = memoryview(buf).cast("B")
            if nbytes < 0:
                raise ValueError(f"{nbytes=} must be non-negative")
            if nbytes > view.nbytes:
                raise ValueError(f"{nbytes=} too big for memoryview of {view.nbytes}B")
            if view.readonly:
                raise BufferError("the buffer is read-only")
        except (TypeError, ValueError, BufferError) as error:
            return self._failed(error)
        return self._receive(Source.frame, partial(_into, view[: nbytes or view.nbytes]), flags, True, False)

    def _receive(
        self,
        take: Callable[[Source, int, bool, bool], list[Any]],
        result: Callable[[list[Any]], Any],
        flags: int,
        copy: bool,
        track: bool,
    ) -> Any:
        desk = self._here()
        act = partial(take, desk.source, flags, copy, track)
        if flags & NOBLOCK or not desk.channel.guard.open:
            return self._now(desk, lambda: result(act()))
        loop = desk.loop
        try:
            frames = desk.receive_at_once(act)
            if frames is not None:
                return done(loop, result(frames))
        except Exception as error:
            return self._failed(error)
        receipt = Receipt(desk, self, act, result, loop)
        desk.receive(receipt)
        self._limit(receipt, zmq.RCVTIMEO)
        return receipt

    def _deserialize(self, recvd: Any, load: Callable[[Any], Any]) -> Any:
        if not recvd.done():
            recvd.load = load  # it is new, and nobody else has it
            return recvd
        try:
            return done(recvd.get_loop(), load(recvd.result()))
        except Exception as error:
            return self._failed(error)


def _frame(frames: list[Any]) -> Any:
    return frames[0]


def _frames(frames: list[Any]) -> list[Any]:
    return frames


def _into(view: memoryview, frames: list[Any]) -> int:
    frame = frames[0]
    size = min(len(frame), len(view))
    view[:size] = frame[:size]
    return len(frame)
