"""Nobody who sends goes ahead of those who wait for room, not even in the moment in which there is some."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.channel.placed import Place
from zmqbridge.errors import WouldBlock

WAYS = ["at once", "now", "send", "list", "iterator", "list, now"]


async def send(place: Place, way: str) -> None:
    """Send two messages in one of all ways; what is refused is sent as a program would then."""
    outbox = place.outbox
    messages = [b"2", b"3"]
    if way in ("list", "iterator"):
        await outbox.send_many(messages if way == "list" else iter(messages))
        return
    with suppress(WouldBlock):
        if way == "list, now":
            outbox.send_many_nowait([*messages])
            return
        for message in messages:
            if way == "now":
                outbox.send_nowait((message,))
            elif way == "send" or not outbox.at_once(message):
                await outbox.send((message,))


@pytest.mark.parametrize("way", WAYS)
def test_room_that_another_waits_for(way: str) -> None:
    """Though there is room, what is sent before he who waits for it has run goes behind his message, or not at all."""
    place = Place(credit=1)
    place.outbox.send_nowait((b"0",))
    place.backend.spawn("waits", place.outbox.send((b"1",)))
    place.backend.settle()
    place.wire.take()
    later = place.backend.spawn("comes later", send(place, way))
    place.backend.step(later)
    for _ in range(3):
        place.backend.settle()
        place.wire.take()
    refused = way.endswith("now")
    assert place.taken == [b"0", b"1"] + ([] if refused else [b"2", b"3"])
