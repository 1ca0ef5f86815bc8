"""Push and pull: what is sent arrives, whole, once, in order."""

from __future__ import annotations

import pytest

from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses

TRANSPORTS = ("tcp", "ipc", "inproc")


@pytest.mark.one_task
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("binder", ["pusher", "puller"])
async def test_arrives(loop: Harness, addresses: Addresses, transport: str, binder: str) -> None:
    """Whichever end binds, on every transport, what is pushed is pulled."""
    async with loop.context() as context:
        if binder == "pusher":
            pusher = context.pusher(bind=addresses.new(transport))
            puller = context.puller(connect=pusher.endpoints[0].address)
        else:
            puller = context.puller(bind=addresses.new(transport))
            pusher = context.pusher(connect=puller.endpoints[0].address)
        await pusher.send(b"hello")
        assert await puller.receive() == [b"hello"]
