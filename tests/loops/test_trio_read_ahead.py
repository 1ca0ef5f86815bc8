"""Where the loop's rule is strict, what lies read ahead is given out at a checkpoint as well."""

from __future__ import annotations

import pytest
import trio
import trio.testing

import zmqbridge


def test_what_was_read_ahead() -> None:
    """On trio a receive is a checkpoint though its message was read ahead, and takes nothing where it is cancelled."""

    async def main() -> None:
        async with zmqbridge.Context() as context:
            puller = context.puller(bind="inproc://ahead")
            pusher = context.pusher(connect="inproc://ahead")
            for number in range(4):
                pusher.send_nowait(b"%d" % number)
            assert await puller.receive() == [b"0"]
            assert puller.stats.buffered == 3
            with trio.testing.assert_checkpoints():
                assert await puller.receive() == [b"1"]
            for receive in (puller.receive, puller.receive_many):
                with trio.move_on_after(0) as scope:
                    pytest.fail(f"{await receive()} were received")
                assert scope.cancelled_caught
            with trio.testing.assert_checkpoints():
                assert await puller.receive_many() == [[b"2"], [b"3"]]

    trio.run(main)
