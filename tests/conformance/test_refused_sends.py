"""A send that libzmq refuses, and that is cancelled, leaves nobody behind, wherever in the turn of its loop it comes.

libzmq processes its commands in a send if it has not done so for about a millisecond, whether it takes the message or
not, and so eats the edge of the descriptor for which a parked receive waits. Each send is charged to its turn; the one
that is refused as the last of it makes a checkpoint before it parks, and may be cancelled there.
"""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

import zmqbridge
from tests.conformance.harnesses.base import Harness, TaskCancelled
from tests.conftest import Addresses
from tests.size import WHOLE
from zmqbridge.framing import Message

SMALL = zmqbridge.SocketOptions(send_high_water_mark=1, receive_high_water_mark=1)

AROUND_BOUNDARIES = [0, 1, 2, 127, 128, *range(251, 261), 300]

# How many sends are refused before the one that is cancelled, by the limit of a turn: around each boundary, or each.
REFUSED = {1: range(4), 2: range(5), 3: range(6), 256: range(301) if WHOLE else AROUND_BOUNDARIES}

# Longer than libzmq goes without processing commands: its `max_command_delay` of three million ticks of the processor.
A_WHILE = 0.003


@pytest.mark.parametrize("message", [b"x", [b"x", b"y"]], ids=["one frame", "multipart"])
@pytest.mark.parametrize("turn_limit", REFUSED)
async def test_refused_and_cancelled(loop: Harness, addresses: Addresses, turn_limit: int, message: Message) -> None:
    """A parked receive gets the message that came before a send that was refused and cancelled at its checkpoint."""
    async with loop.context(linger=0, turn_limit=turn_limit) as context:
        dealer = context.dealer(bind=addresses.new("inproc"), options=SMALL)
        peer = context.dealer(connect=dealer.endpoints[0].address, options=SMALL)
        with suppress(zmqbridge.WouldBlock):
            while True:
                dealer.send_nowait(message)
        for refused in REFUSED[turn_limit]:
            receiving = loop.spawn(dealer.receive)
            await loop.parked(dealer)
            begun: list[int] = []

            async def refused_and_cancelled(refused: int = refused, begun: list[int] = begun) -> None:
                for _ in range(refused):
                    with pytest.raises(zmqbridge.WouldBlock):
                        dealer.send_nowait(message)
                peer.send_nowait(b"%d" % refused)
                time.sleep(A_WHILE)  # noqa: ASYNC251 (the loop is to see nothing of it)
                begun.append(refused)
                await dealer.send(message)

            sending = loop.spawn(refused_and_cancelled)
            await loop.until(lambda: begun)  # noqa: B023 (called at once)
            sending.cancel()
            with pytest.raises(TaskCancelled):
                await sending.result()
            assert await receiving.result() == [b"%d" % refused]
