"""Any buffer is a frame to send; what is received is bytes."""

from __future__ import annotations

from array import array
from typing import assert_type

import zmqbridge

MESSAGES: list[zmqbridge.framing.Message] = [
    b"bytes",
    bytearray(b"bytearray"),
    memoryview(b"memoryview"),
    array("B", b"array"),
    [b"a list of", bytearray(b"several"), memoryview(b"kinds"), array("B", b"of buffers")],
    (b"a", b"tuple"),
]


async def consume(puller: zmqbridge.Puller, count: int) -> list[list[bytes]]:
    """Take messages one by one."""
    return [await puller.receive() for _ in range(count)]


async def main() -> None:
    """Send every kind of message, and receive it."""
    async with zmqbridge.Context() as context:
        puller = context.puller(bind="tcp://127.0.0.1:*")
        pusher = context.pusher(connect=puller.endpoints[0].address)
        assert_type(puller, zmqbridge.Puller[bytes])
        for message in MESSAGES:
            await pusher.send(message)
        await pusher.send(array("B", b"array"))
        await pusher.send_many([b"one frame", [b"two", bytearray(b"frames")]])
        received = await consume(puller, len(MESSAGES))
        assert b"".join(received[4]) == b"a list ofseveralkindsof buffers"
        assert_type(await puller.receive(), list[bytes])
        many = await puller.receive_many(1)
        assert_type(many, list[list[bytes]])
        assert many[0][0].decode() == "one frame"
        async for frames in puller:
            assert_type(frames, list[bytes])
            assert frames == [b"two", b"frames"]
            puller.close()
