"""The model of libzmq's edge with a peer that leaves and comes back, also in the middle of a message.

The facts, beside those of ``tests.model.libzmq`` (libzmq's ``lb.cpp``, ``pipe.cpp``).

- A peer that leaves takes its pipe with it, and what was in it. This end hears of that by a command; until then it
  writes into a pipe that nobody reads.
- If the pipe ends between two frames of a message, the next frame is refused. If that is not the last one, what
  follows it is swallowed up to the last one.
- A pipe that comes is one to be read: it is looked at without a further command.
"""

from __future__ import annotations

from typing import Any

import zmq

from tests.model.libzmq import Wire

__all__ = ["Pipe"]

# The names of commands, in a fingerprint.
COMMANDS = {"activate": 1, "credit": 2, "end": 3, "leave": 4, "come": 5}

QUEUES = ("_mailbox", "_incoming", "_outgoing", "_unfinished", "_reading", "unanswered", "written")


class Pipe(Wire):
    """The socket's pipe to its one peer.

    Attributes:
        present: whether there is a peer.
        capacity: how many messages a pipe takes that nobody reads.
        unanswered: the messages that the peer has read, and will answer or not.
        written: the messages that libzmq took whole in this step.
        reads: how many messages were read in this step.
        closed: the socket is closed.
        registered: the loop has the descriptor registered.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(0)
        # As after a peer that connected, and has its pipe full of what was sent before.
        self.present = True
        self.capacity = capacity
        self.unanswered: list[list[bytes]] = []
        self.written: list[list[bytes]] = []
        self.reads = 0
        self.closed = False
        self.registered = False
        self._outgoing.extend([b"before"] for _ in range(capacity))
        self._severed = False
        self._dropping = False

    # --- the peer's end ---

    def read(self) -> None:
        """The peer reads a message, and so gives credit for another."""
        self.unanswered.append(self._outgoing.popleft())
        self._mailbox.append(("credit", 1))

    def leave(self) -> None:
        """The peer goes, with all that was on the way to it."""
        self.present = False
        self._outgoing.clear()
        self._mailbox.append(("leave", 0))

    def come(self) -> None:
        """Another peer comes, or the same again."""
        self.present = True
        self._reader_asleep = False
        self._mailbox.append(("come", self.capacity))

    @property
    def coming(self) -> bool:
        """Whether this end has not heard yet of a peer that came."""
        return any(command == "come" for command, _ in self._mailbox)

    @property
    def outgoing(self) -> int:
        """How many messages the peer could read."""
        return len(self._outgoing)

    @property
    def incoming(self) -> list[list[bytes]]:
        """The messages that are here and not received yet."""
        return list(self._incoming)

    @property
    def room(self) -> bool:
        credit = self._credit
        for command, more in self._mailbox:
            credit = 0 if command == "leave" else credit + more
        return credit > 0

    # --- this end's calls ---

    def _process(self) -> None:
        while self._mailbox:
            command, credit = self._mailbox.popleft()
            if command in ("activate", "come"):
                self._active = True
            elif command == "leave":
                self._credit = 0
                self._severed = bool(self._unfinished)
            self._credit += credit
        if self.terminated:
            raise zmq.ContextTerminated

    def _pop(self) -> list[bytes] | None:
        message = super()._pop()
        self.reads += message is not None
        return message

    def send(self, frame: bytes, flags: int) -> None:
        assert flags & zmq.NOBLOCK
        self._step()
        if self._mailbox and self.sends_process():
            self._process()
        more = bool(flags & zmq.SNDMORE)
        if self._dropping:
            self._dropping = more
            return
        if self._severed:
            self._severed = False
            self._unfinished = []
            self._dropping = more
            raise zmq.Again
        if not self._unfinished and self._credit <= 0:
            raise zmq.Again
        self._unfinished.append(frame)
        if not more:
            message, self._unfinished = self._unfinished, []
            self._credit -= 1
            self.written.append(message)
            if not any(command == "leave" for command, _ in self._mailbox):
                self._outgoing.append(message)

    def close(self, linger: int | None = None) -> None:
        assert not self.registered, "the descriptor is closed while the loop has it registered"
        self.closed = True

    # --- the search's own ---

    def state(self) -> list[object]:
        """Return all that is to come depends on, but for the messages' names, in plain numbers."""
        assert not self._unfinished, "a message was left unfinished"
        assert not self._reading, "a message was read in part"
        return [
            self.present,
            self._credit,
            self._active,
            self._reader_asleep,
            self._dropping,
            self.terminated,
            self.closed,
            self.registered,
            *(COMMANDS[command] * 8 + credit for command, credit in self._mailbox),
        ]

    def saved(self) -> dict[str, Any]:
        """Return all that this is, for :meth:`back`."""
        return self.__dict__ | {name: self.__dict__[name].copy() for name in QUEUES}

    def back(self, saved: dict[str, Any]) -> None:
        """Be again as when ``saved`` was made."""
        self.__dict__.update(saved)
        for name in QUEUES:
            self.__dict__[name] = saved[name].copy()
