import asyncio
import json

import numpy as np

import zmqbridge

ADDRESS = "tcp://127.0.0.1:5561"
OPTIONS = zmqbridge.SocketOptions(memoryview_from=65536, receive_high_water_mark=10)


async def main() -> None:
    async with zmqbridge.Context() as context:
        viewer = context.puller(bind=ADDRESS, options=OPTIONS)
        async for frames in viewer:
            if frames == [b"end"]:
                break
            header = json.loads(bytes(frames[0]))
            image = np.frombuffer(frames[1], dtype=header["dtype"]).reshape(header["shape"])
            print(image.shape, image.dtype, image.mean())


asyncio.run(main())
