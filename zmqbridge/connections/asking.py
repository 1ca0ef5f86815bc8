"""Many requests of one task: sent in order, each as soon as there is room, and waited for together.

The facts. libzmq takes requests until its queues are at their high-water marks. Replies that nobody reads fill the
queues of the other direction, until the replier, which makes the room, is stuck in turn.

The design. What may go at once is sent by one call, a part of the list at a time. Whatever the send then waits for,
room or the next turn of the loop, replies are read meanwhile. One parked operation waits for all of them, and is woken
once.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, Protocol

from zmqbridge.channel import Channel, DeadlinePassed
from zmqbridge.channel.outbox import Outbox, keep
from zmqbridge.connections.outlook import Outlook
from zmqbridge.errors import RequestTimeout
from zmqbridge.framing import Message, frames_of
from zmqbridge.pending import NobodyLeft, PendingRequests
from zmqbridge.protocols import RequesterProtocol
from zmqbridge.waiting.parking import Parked

__all__ = ["Asker", "ask_many"]

PART = 256
"""How many messages are taken from an iterator, and begun, at a time."""


class Asker(Protocol):
    """What a requester is to this."""

    _channel: Channel[Any]
    _outbox: Outbox
    _protocol: RequesterProtocol[Parked]
    _outlook: Outlook | None

    def _nobody(self) -> str: ...


async def ask_many(
    requester: Asker, messages: Iterable[Message], deadline: float | None, *, within: str, keeps_errors: bool
) -> list[Any]:
    """Send requests and return what stands in their places.

    Args:
        requester: whose requests they are.
        messages: each as its caller gave it.
        deadline: by the loop's clock, for all of them.
        within: the same, in the words of an error.
        keeps_errors: an error stands in the place of a reply; else the first is raised.
    """
    name = repr(requester)
    given = messages
    if isinstance(messages, (list, tuple)):
        given = kept = list(messages)
        wrong = keep(kept, 0, frames_of, bytes)
        if wrong is not None:
            raise wrong
    channel, protocol = requester._channel, requester._protocol
    pending: PendingRequests[Parked] = PendingRequests(Parked(), keeps_errors=keeps_errors)
    outlook = requester._outlook
    backend = channel.enter()
    try:
        if backend.strict_checkpoints:
            await channel.checkpoint(backend)
        if outlook is not None:
            outlook.begin(pending)
        late = False
        iterator = iter(given)
        while part := [frames_of(message) for message in islice(iterator, PART)]:
            frames = protocol.begin_more(pending, part)
            try:
                if not late:
                    await _send(requester, pending, frames, deadline)
            except DeadlinePassed:
                late = True
            except NobodyLeft:
                pass  # the rest is added all the same: each has its place
            if late and not keeps_errors:
                break
        pending.complete = True
        try:
            if pending.left and pending.over is None:
                await channel.wait_for_answer(pending.caller, deadline)
        except DeadlinePassed:
            words = f"no reply within {within} from {name}{requester._nobody()}"
            if not keeps_errors:
                words = f"{pending.left} of {len(pending)} requests: {words}"
            pending.over = lambda: RequestTimeout(words)
        if pending.over is not None:
            pending.fail(pending.over)
        pending.check()
        return pending.replies
    finally:
        protocol.end_many(pending)
        if outlook is not None:
            outlook.forget(pending)
        pending.error = pending.over = None
        del requester, pending


async def _send(
    requester: Asker,
    pending: PendingRequests[Parked],
    messages: list[Any],
    deadline: float | None,
) -> None:
    channel, outbox = requester._channel, requester._outbox
    backend, turn = channel.enter(), channel.turn
    del requester
    pending.go_on()
    start = 0
    while start < len(messages):
        count = outbox.send_some(messages, start)
        if start + count < len(messages):
            if turn.sends <= 0 < turn.reads:
                turn.reads -= 1
                channel.look()
            pending.sent += count
            start += count
            count = 1
            if deadline is not None and backend.current_time() >= deadline:
                raise DeadlinePassed
            await outbox.send(messages[start], deadline=deadline, goes_on=pending.go_on)
            channel.guard.check()
        pending.sent += count
        start += count
        pending.go_on()
