"""``ZmqPushConnection`` and ``ZmqPullConnection``."""

from __future__ import annotations

import zmqbridge_twisted as tx
from tests.trial.base import ZmqTestCase

TCP = tx.ZmqEndpoint("bind", "tcp://127.0.0.1:*")


class PushPullTests(ZmqTestCase):
    async def test_frames_as_they_are(self) -> None:
        """What is pushed is pulled, in order, each a list of its frames; text is UTF-8."""
        pull = tx.ZmqPullConnection(self.factory, TCP)
        pulled = self.collect(pull, "onPull")
        push = tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(pull)))
        for message in (b"one", [b"two", b"", b"frames"], b"", "tëxt", ["tëxt", b"bytes"]):
            push.push(message)
        await self.until(lambda: len(pulled) == 5)
        self.assertEqual(
            [message for (message,) in pulled],
            [[b"one"], [b"two", b"", b"frames"], [b""], ["tëxt".encode()], ["tëxt".encode(), b"bytes"]],
        )
