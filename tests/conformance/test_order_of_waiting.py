"""Who came first comes first: messages for those who wait to receive, and room for those who wait to send."""

from __future__ import annotations

from contextlib import suppress

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from zmqbridge import SocketOptions

SMALL = SocketOptions(send_high_water_mark=1, receive_high_water_mark=1)


async def test_each_receive_has_the_message_of_its_place(loop: Harness, addresses: Addresses) -> None:
    """Of many receives that wait the first has the first message, and so on, in whatever order their tasks run."""
    count = 20
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        for _ in range(3):
            receiving = []
            for number in range(count):
                receiving.append(loop.spawn(puller.receive))
                await loop.parked(puller, number + 1)
            for number in range(count):
                pusher.send_nowait(b"%d" % number)
            assert [await task.result() for task in receiving] == [[b"%d" % number] for number in range(count)]


@pytest.mark.any_loop
async def test_sending_now_overtakes_nobody(loop: Harness, addresses: Addresses) -> None:
    """A send that does not wait is refused while another waits, though there is room by now."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"), options=SMALL)
        pusher = context.pusher(connect=puller.endpoints[0].address, options=SMALL)
        filled = 0
        with suppress(zmqbridge.WouldBlock):
            while True:
                pusher.send_nowait(b"fills")
                filled += 1
        sending = loop.spawn(pusher.send, b"waits")
        await loop.parked(pusher)
        for _ in range(filled):
            assert puller.receive_nowait() == [b"fills"]
        while not pusher.getsockopt(zmq.EVENTS) & zmq.POLLOUT:
            pass  # Now there is room, and nobody has run yet.
        with pytest.raises(zmqbridge.WouldBlock):
            pusher.send_nowait(b"later")
        await sending.result()
        assert await puller.receive() == [b"waits"]
