"""A socket as libzmq has it, at the level of ``zmq.Socket``: its mailbox of commands, and its edges.

The facts, from libzmq's sources (``socket_base.cpp``, ``pipe.cpp``, ``ypipe.hpp``, ``lb.cpp``).

- The descriptor is readable while the mailbox holds a command. Processing the commands empties it.
- A peer that writes to a pipe sends a command only if the reader had found the pipe empty since: one
  command, then, for any number of messages.
- ``recv`` processes commands when it finds nothing, and looks once more. ``EVENTS`` always does. ``send`` does now
  and then: here whenever the model says so.
- A send is accepted while the pipe has credit. The peer's reading gives credit by a command, and so
  it is not seen before commands are processed.

The I/O thread is whatever :attr:`Wire.between` does: it is called before each step of every call, so an event can
come between any two of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import zmq

from zmqbridge.socket import Socket

__all__ = ["ModelSocket", "Wire"]


class Frame:
    """What ``recv(copy=False)`` returns."""

    def __init__(self, data: bytes, more: bool) -> None:
        self.bytes = data
        self.more = more


class Wire:
    """The socket's pipe to its one peer, in both directions, and its mailbox.

    Attributes:
        between: called before each step of each call.
        sends_process: whether ``send`` processes commands before it sends.
        interrupted: whether a signal comes in the middle of this step. pyzmq makes the call again then, as it was.
        taken: what the peer has read.
        terminated: the context was terminated.
    """

    def __init__(self, credit: int) -> None:
        self.between: Callable[[], None] = lambda: None
        self.sends_process: Callable[[], bool] = lambda: False
        self.taken: list[list[bytes]] = []
        self.terminated = False
        self.interrupted: Callable[[], bool] = lambda: False
        self._credit = credit
        self._mailbox: deque[tuple[str, int]] = deque()
        self._incoming: deque[list[bytes]] = deque()
        self._active = False
        self._reader_asleep = True
        self._outgoing: deque[list[bytes]] = deque()
        self._unfinished: list[bytes] = []
        self._reading: deque[bytes] = deque()

    # --- the peer's end: what the I/O thread does ---

    def arrive(self, message: list[bytes]) -> None:
        """The peer sent a message."""
        self._incoming.append(message)
        if self._reader_asleep:
            self._reader_asleep = False
            self._mailbox.append(("activate", 0))

    def take(self) -> list[bytes] | None:
        """The peer reads a message, which gives this end credit for another."""
        if not self._outgoing:
            return None
        message = self._outgoing.popleft()
        self.taken.append(message)
        self._mailbox.append(("credit", 1))
        return message

    def end(self) -> None:
        """The context is terminated."""
        self.terminated = True
        self._mailbox.append(("end", 0))

    @property
    def readable(self) -> bool:
        """What a poll of the descriptor says."""
        return bool(self._mailbox)

    @property
    def unread(self) -> int:
        """How many messages are here and not received yet."""
        return len(self._incoming)

    @property
    def room(self) -> bool:
        """Whether a send would be accepted once commands are processed."""
        return self._credit + sum(credit for _, credit in self._mailbox) > 0

    # --- this end's calls ---

    def _step(self) -> None:
        self.between()
        while self.interrupted():
            self.between()

    def _process(self) -> None:
        while self._mailbox:
            command, credit = self._mailbox.popleft()
            if command == "activate":
                self._active = True
            self._credit += credit
        if self.terminated:
            raise zmq.ContextTerminated

    def _pop(self) -> list[bytes] | None:
        if not self._active:
            return None
        if not self._incoming:
            # Only now does the writer know that it must tell of the next message.
            self._active = False
            self._reader_asleep = True
            return None
        return self._incoming.popleft()

    def recv(self, flags: int, copy: bool, track: bool) -> Frame:
        assert flags & zmq.NOBLOCK
        assert not copy
        if not self._reading:
            self._step()
            message = self._pop()
            if message is None:
                self.between()
                self._process()
                message = self._pop()
            if message is None:
                raise zmq.Again
            self._reading.extend(message)
        data = self._reading.popleft()
        return Frame(data, bool(self._reading))

    def send(self, frame: bytes, flags: int) -> None:
        assert flags & zmq.NOBLOCK
        self._step()
        if self.sends_process():
            self._process()
        if not self._unfinished and self._credit <= 0:
            raise zmq.Again
        self._unfinished.append(frame)
        if not flags & zmq.SNDMORE:
            message, self._unfinished = self._unfinished, []
            self._credit -= 1
            self._outgoing.append(message)

    def get(self, option: int) -> Any:
        if option == zmq.EVENTS:
            self._step()
            self._process()
            self.between()
            readable = self._active and bool(self._incoming)
            if self._active and not self._incoming:
                self._active = False
                self._reader_asleep = True
            return (zmq.POLLIN if readable else 0) | (zmq.POLLOUT if self._credit > 0 else 0)
        options: dict[int, int] = {zmq.RCVHWM: 0, zmq.SNDHWM: 0, zmq.CONFLATE: 0, zmq.TYPE: zmq.DEALER}
        return options[option]

    def set(self, option: int, value: object) -> None:
        """Options change nothing here."""

    def close(self, linger: int | None = None) -> None:
        """Nothing is left to do."""


class ModelSocket(Socket):
    """The core's own socket, with a :class:`Wire` where pyzmq's would be."""

    def __init__(self, wire: Wire, fd: int) -> None:
        raw: Any = wire
        self.type_name = "DEALER"
        self.raw = raw
        self.fd = fd
        self.tells_room = True
        self.receives = True
        self.hides_ends = False
        self._swallows = True
        self._begin()
        self._recv = raw.recv
        self.send_frame = raw.send
        self._get = raw.get
