"""Sends of zmq.asyncio's interface: of what is plain, and of all that pyzmq sends besides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import zmq

from zmqbridge.errors import ZmqBridgeError
from zmqbridge.framing import frames_of
from zmqbridge_asyncio.at_once import SEQUENCES
from zmqbridge_asyncio.base import NOBLOCK, Base
from zmqbridge_asyncio.desk import Desk
from zmqbridge_asyncio.futures import Dispatch

__all__ = ["Sending", "act_of"]


class Sending(Base):
    """A socket that sends."""

    def send(
        self,
        data: Any,
        flags: int = 0,
        copy: bool = True,
        track: bool = False,
        routing_id: int | None = None,
        group: str | None = None,
    ) -> Any:
        """Send a frame; the future is done when libzmq has it."""
        at_once = self._at_once
        if at_once is not None and copy and not flags and routing_id is None and group is None:
            future = at_once.send_frame(data)
            if future is not None:
                return future
        further = {"routing_id": routing_id, "group": group}
        kwargs = {name: value for name, value in further.items() if value is not None}
        return self._send(data, flags, copy, track, kwargs, several=False)

    def send_multipart(  # type: ignore[override]
        self, msg_parts: Any, flags: int = 0, copy: bool = True, track: bool = False, **kwargs: Any
    ) -> Any:
        """Send a whole message, or nothing of it; the future is done when libzmq has it."""
        at_once = self._at_once
        if at_once is not None and copy and not flags and not kwargs:
            future = at_once.send_message(msg_parts)
            if future is not None:
                return future
        return self._send(msg_parts, flags, copy, track, kwargs, several=True)

    def _send(self, message: Any, flags: int, copy: bool, track: bool, kwargs: dict[str, Any], *, several: bool) -> Any:
        desk = self._here()
        act = act_of(desk, message, flags, copy, track, kwargs, several=several)
        if not desk.channel.guard.open:
            return self._now(desk, act)
        if flags & NOBLOCK:
            desk.flush()
            return self._now(desk, act)
        if not desk.at_once.spent and None not in desk.channel.lot.lanes:
            try:
                result = act()
            except zmq.Again:
                pass
            except Exception as error:
                return self._failed(error)
            else:
                return desk.at_once.sent(result)
        loop = desk.loop
        dispatch = Dispatch(desk, self, act, loop)
        desk.dispatch(dispatch)
        self._limit(dispatch, zmq.SNDTIMEO)
        return dispatch


def act_of(
    desk: Desk, message: Any, flags: int, copy: bool, track: bool, kwargs: dict[str, Any], *, several: bool
) -> Callable[[], Any]:
    """Return what sends a message as it is now, or raises ``zmq.Again``."""
    if copy and not flags and not kwargs and _is_of_bytes(message, several=several):
        return partial(_send_bytes, desk, frames_of(message))
    plain = desk.channel.socket.raw
    call = plain.send_multipart if several else plain.send
    if copy and not flags & NOBLOCK:
        message = _kept(message, several=several)
    return partial(_send_by_pyzmq, desk, partial(call, message, flags | NOBLOCK, copy, track, **kwargs))


def _is_of_bytes(message: Any, *, several: bool) -> bool:
    if not several:
        return type(message) is bytes
    return type(message) in SEQUENCES and bool(message) and all(type(frame) is bytes for frame in message)


def _kept(message: Any, *, several: bool) -> Any:
    """Return what is to be sent as it is now, for the caller's buffer or list may change while it waits."""
    if several:
        try:
            return [_kept(frame, several=False) for frame in message]
        except TypeError:
            return message
    return bytes(message) if isinstance(message, (bytearray, memoryview)) else message


def _send_bytes(desk: Desk, frames: Sequence[bytes]) -> None:
    """Send a message of bytes, whole.

    Raises:
        zmq.Again: if there is no room.
    """
    try:
        if desk.attempt.send(frames):
            return
    except ZmqBridgeError:
        desk.channel.socket.raw.send_multipart(frames, NOBLOCK)  # has pyzmq's own words for it
        return
    raise zmq.Again


def _send_by_pyzmq(desk: Desk, call: Callable[[], Any]) -> Any:
    """Have pyzmq send what is no plain message, or with flags.

    Raises:
        zmq.Again: if there is no room.
    """
    try:
        return call()
    except zmq.Again:
        if not desk.channel.socket.events() & zmq.POLLOUT:
            raise
        return call()
    finally:
        desk.touch()
