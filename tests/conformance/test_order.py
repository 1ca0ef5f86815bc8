"""Receives are served in the order of their calls, whoever leads, whoever runs first, and whoever gives up.

A batch is read for all who wait, by the one that leads: the first of them at the beginning, the newest later. Some
loops run the tasks that were woken together in any order. Neither may be seen in what each receive returns.
"""

from __future__ import annotations

import pytest

import zmqbridge
from tests.conformance.harnesses.base import Harness, Task
from tests.conftest import Addresses

pytestmark = [
    pytest.mark.looks_at("waiting", "cancelling"),
    pytest.mark.parametrize("turn_limit", [1, 2, 3, 256]),
]

RECEIVES = 5


class Parked:
    """Some receives that were parked one after another, and the pusher of their messages.

    Attributes:
        tasks: in the order of the calls.
        victim: which of them the first one cancels as soon as it has its message.
        late: what the first one received with a call that it made then.
    """

    def __init__(self, loop: Harness, context: zmqbridge.Context, address: str) -> None:
        self.puller = context.puller(bind=address)
        self.tasks: list[Task] = []
        self.victim: int | None = None
        self.late: list[bytes] | None = None
        self._pusher = context.pusher(connect=self.puller.endpoints[0].address)
        self._loop = loop
        self._sent = 0

    async def park(self, *, calls_again: bool = False) -> None:
        """Park the receives."""
        self.tasks.append(self._loop.spawn(self._first, calls_again))
        await self._loop.parked(self.puller)
        for count in range(2, RECEIVES + 1):
            self.tasks.append(self._loop.spawn(self.puller.receive))
            await self._loop.parked(self.puller, count)

    async def _first(self, calls_again: bool) -> list[bytes]:
        message = await self.puller.receive()
        # Nobody has run since the batch was read: those that it was read for are told, and have not taken it yet.
        if self.victim is not None:
            self.tasks[self.victim].cancel()
        if calls_again:
            self.late = await self.puller.receive()
        return message

    def send(self, count: int) -> None:
        """Send messages, numbered, without letting the loop run."""
        for _ in range(count):
            self._pusher.send_nowait(b"%d" % self._sent)
            self._sent += 1

    async def received(self) -> list[int]:
        """Return the numbers that the receives returned, in the order of their calls, without those cancelled."""
        await self._loop.until(lambda: all(task.done for task in self.tasks))
        return [int((await task.result())[0]) for task in self.tasks if not task.cancelled]


async def test_one_batch(loop: Harness, addresses: Addresses, turn_limit: int) -> None:
    """Messages that come together go to the parked receives in the order of the calls."""
    async with loop.context(turn_limit=turn_limit) as context:
        parked = Parked(loop, context, addresses.new("inproc"))
        await parked.park()
        parked.send(RECEIVES)
        assert await parked.received() == [0, 1, 2, 3, 4]


async def test_the_newest_leads(loop: Harness, addresses: Addresses, turn_limit: int) -> None:
    """Once the newest receive leads, and reads for those before it, it still returns what is behind theirs."""
    async with loop.context(turn_limit=turn_limit) as context:
        parked = Parked(loop, context, addresses.new("inproc"))
        await parked.park()
        parked.send(1)
        await parked.tasks[0].result()
        await loop.parked(parked.puller, RECEIVES - 1)
        parked.send(RECEIVES - 1)
        assert await parked.received() == [0, 1, 2, 3, 4]


async def test_a_later_call(loop: Harness, addresses: Addresses, turn_limit: int) -> None:
    """A receive that is called while others have been told, and have not run, leaves them their order and a message."""
    async with loop.context(turn_limit=turn_limit) as context:
        parked = Parked(loop, context, addresses.new("inproc"))
        await parked.park(calls_again=True)
        parked.send(RECEIVES + 1)
        received = await parked.received()
        assert received == sorted(received)
        assert sorted([*received, *map(int, parked.late or [])]) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("victim", range(1, RECEIVES))
async def test_told_and_cancelled(loop: Harness, addresses: Addresses, turn_limit: int, victim: int) -> None:
    """Where a receive that was told of its message is cancelled, those behind it move up, in their order."""
    async with loop.context(turn_limit=turn_limit) as context:
        parked = Parked(loop, context, addresses.new("inproc"))
        parked.victim = victim
        await parked.park()
        parked.send(RECEIVES)
        received = await parked.received()
        # A loop may find that it is too late to cancel: then the receive returns what is its own.
        assert len(received) == RECEIVES - parked.tasks[victim].cancelled
        left = [int((await parked.puller.receive())[0]) for _ in range(RECEIVES - len(received))]
        assert received + left == [0, 1, 2, 3, 4]
