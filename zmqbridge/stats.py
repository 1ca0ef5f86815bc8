"""What a connection counts. Pure."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Stats"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stats:
    """What a connection has done so far, and what it holds at this moment.

    They add up: each message that libzmq gave to the connection is in exactly one of ``received``, ``buffered``,
    ``malformed``, ``unmatched_replies``, ``probes`` and ``dropped``.

    Attributes:
        sent: messages that libzmq took to send; requests and replies are messages.
        received: messages given to the caller or to a handler; for a requester, replies that found their request.
        buffered: messages read ahead that nobody has taken yet; one batch at most, and more while a send waits on a
            router, a pair or a STREAM socket, up to what libzmq itself may hold.
        parked: operations that wait at this moment, for a message or for room.
        malformed: messages dropped because their frames made no sense or were too many, or because there was no
            memory for them.
        unmatched_replies: replies dropped because nobody waits for them: late, repeated or forged.
        dropped_replies: replies of a replier that could not be delivered: the client is gone,
            or made no room for them in time. They are not in ``sent``.
        probes: empty messages with which peers introduced themselves to a replier or a requester, and asked nothing:
            libzmq's option ``PROBE_ROUTER``.
        dropped: messages that were read ahead, and dropped unread when the connection was closed.
    """

    sent: int = 0
    received: int = 0
    buffered: int = 0
    parked: int = 0
    malformed: int = 0
    unmatched_replies: int = 0
    dropped_replies: int = 0
    probes: int = 0
    dropped: int = 0
