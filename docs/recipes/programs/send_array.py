import asyncio
import json
from typing import Any

import numpy as np

import zmqbridge


def frames_of(array: np.ndarray[Any, Any]) -> list[bytes]:
    header = {"dtype": array.dtype.str, "shape": array.shape}
    return [json.dumps(header).encode(), array.tobytes()]


def array_of(frames: list[bytes]) -> np.ndarray[Any, Any]:
    header = json.loads(frames[0])
    return np.frombuffer(frames[1], dtype=header["dtype"]).reshape(header["shape"])


async def main() -> None:
    async with zmqbridge.Context() as context:
        puller = context.puller(bind="tcp://127.0.0.1:*")
        pusher = context.pusher(connect=puller.endpoints[0].address)
        await pusher.send(frames_of(np.arange(6, dtype=np.float32).reshape(2, 3)))
        array = array_of(await puller.receive())
        print(array.shape, array.dtype, array.sum())


asyncio.run(main())
