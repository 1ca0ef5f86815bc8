"""Every way to send on a channel: at once, now, when there is room, and many.

The facts. libzmq takes a message or refuses it; it never waits. Sends that wait for room are served in the order of
their calls, each behind those in its own *lane*: the one lane of most sockets, or one for each peer of a router.

The design. No way overtakes those that wait in its lane, and each ends in :class:`~zmqbridge.channel.attempt.Attempt`.
No await stands between a send and the return, so a cancelled send was not sent. On a socket whose POLLOUT
says nothing (fact 5 of :mod:`zmqbridge.socket`) whoever parks wakes the leader, which so far had no reason to look
again by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from zmqbridge.channel.attempt import Attempt
from zmqbridge.channel.channel import Channel, DeadlinePassed
from zmqbridge.errors import LocalProtocolError, WouldBlock
from zmqbridge.framing import Message, frames_of

__all__ = ["Outbox", "keep"]


class Outbox:
    """Sends on a channel's socket.

    Args:
        channel: who waits, and for how long.

    Attributes:
        attempt: the one function that sends.
        at_once: sends where nothing is to be asked or waited for first.
    """

    def __init__(self, channel: Channel[Any]) -> None:
        self._channel = channel
        self._turn = channel.turn
        self._lanes = channel.lot.lanes
        self.attempt: Attempt = channel.units.Attempt(
            channel.socket, channel.guard.ownership, channel.turn, channel.edge, channel.lot, channel.ended_by
        )
        self.at_once: Callable[..., bool] = self.attempt.at_once

    @property
    def sent(self) -> int:
        """Messages that libzmq took."""
        return self.attempt.sent

    async def send(
        self,
        frames: Sequence[bytes],
        lane: Hashable = None,
        deadline: float | None = None,
        goes_on: Callable[[], object] | None = None,
    ) -> None:
        """Send a message when there is room, behind all that wait for room in the same lane.

        Args:
            frames: of the message.
            lane: the one whose room it needs.
            deadline: by the loop's clock.
            goes_on: is called before it waits, and each time that it has; what it raises ends the wait.

        Raises:
            DeadlinePassed: if there was no room in time; then nothing was sent.
            PeerUnreachable: if a router has no such peer.
        """
        channel = self._channel
        backend = channel.enter()
        if self._turn.sends <= 0 or backend.strict_checkpoints:
            await channel.checkpoint(backend)
            channel.guard.check()
            self._turn.sends += 1  # it has waited for its turn
        if lane in self._lanes or not self.attempt.send(frames):
            await self.send_in_turn(frames, lane, deadline, goes_on)

    async def send_in_turn(
        self,
        frames: Sequence[bytes],
        lane: Hashable = None,
        deadline: float | None = None,
        goes_on: Callable[[], object] | None = None,
    ) -> None:
        """Park at once, and send when there is room: for what :meth:`send_nowait` refused.

        Raises:
            DeadlinePassed, PeerUnreachable: as :meth:`send`.
        """
        channel = self._channel
        backend = channel.enter()
        parked = channel.lot.park_writer(lane)
        channel.writer_parked()
        try:
            while True:
                if goes_on is not None:
                    goes_on()
                if deadline is not None and backend.current_time() >= deadline:
                    raise DeadlinePassed
                if parked.served:
                    if self.attempt.send(frames):
                        return
                    parked.served = False
                await channel.wait(backend, parked, deadline)
                channel.guard.check()
        finally:
            channel.lot.leave_writer(parked)

    def send_nowait(self, frames: Sequence[bytes], lane: Hashable = None) -> None:
        """Send a message now.

        Raises:
            WouldBlock: if there is no room, or others wait for it in the same lane.
            PeerUnreachable: if a router has no such peer.
        """
        channel = self._channel
        channel.guard.check()
        if lane in self._lanes or not self.attempt.send(frames):
            raise WouldBlock(
                f"{channel.describe()} is at its high-water mark, or has no peer; await send() to wait for room"
            )

    async def send_many(self, messages: Iterable[Message]) -> None:
        """Send messages one after another, as :meth:`send` does, with less work for each."""
        channel = self._channel
        backend = channel.enter()
        given = list(messages) if isinstance(messages, (list, tuple)) else None
        kept, wrong = False, None
        if backend.strict_checkpoints:
            if given is not None:
                kept, wrong = True, keep(given, 0, frames_of, bytes)
            await channel.checkpoint(backend)
            channel.guard.check()
        if given is not None:
            await self._send_list(given, kept=kept, wrong=wrong)
            return
        for message in messages:
            await self._send_list([message])

    async def _send_list(self, messages: list[Message], *, kept: bool = False, wrong: Exception | None = None) -> None:
        """Send messages, and then raise what is wrong with the one behind them.

        Args:
            messages: are changed; each as its caller gave it.
            kept: they are already as :func:`keep` leaves them. Else they are made so before any of them waits.
            wrong: what that returned.
        """
        start = 0
        while start < len(messages):
            start += self.send_some(messages, start)
            if start < len(messages):
                if not kept:
                    kept, wrong = True, keep(messages, start, frames_of, bytes)
                    continue
                await self.send(frames_of(messages[start]))
                self._channel.guard.check()
                start += 1
        if wrong is not None:
            raise wrong

    def send_some(self, messages: list[Any], start: int) -> int:
        """Send those of many, from an index on, that may go at once; return how many these were."""
        if self._turn.sends > 0 and not self._lanes:
            return self.attempt.many(messages, start, self._turn.sends)
        return 0

    def send_many_nowait(self, messages: list[Message]) -> None:
        """Send messages now, as :meth:`send_nowait` does.

        Raises:
            WouldBlock: if there is no room, or others wait for it; those before that were sent.
        """
        start = 0
        while start < len(messages):
            self._channel.guard.check()
            if not self._lanes:
                start += self.attempt.many(messages, start, len(messages))
            if start < len(messages):
                self.send_nowait(frames_of(messages[start]))
                start += 1


def keep(
    messages: list[Any], start: int, frames: Callable[[Any], Sequence[bytes]], plain: type | None = None
) -> Exception | None:
    """Keep messages from an index on as they are now, for their lists may change while some of them wait.

    Args:
        messages: each as its caller gave it; they become frames, in place.
        start: the index of the first.
        frames: returns the frames of one.
        plain: what is of this type cannot change, and stays.

    Returns:
        The error of the first that is no message: it is taken out, with all behind it.
    """
    for index in range(start, len(messages)):
        if type(messages[index]) is not plain:
            try:
                messages[index] = frames(messages[index])
            except (TypeError, LocalProtocolError) as error:
                del messages[index:]
                return error
    return None
