import asyncio

import numpy as np
import zmq

import zmqbridge_asyncio as zmq_asyncio  # was: import zmq.asyncio as zmq_asyncio

ADDRESS = "tcp://127.0.0.1:5561"


async def main() -> None:
    with zmq_asyncio.Context() as context, context.socket(zmq.PUSH) as pusher:
        pusher.connect(ADDRESS)
        for brightness in (10, 20, 30):
            image = np.full((480, 640), brightness, dtype=np.uint16)
            header = {"dtype": image.dtype.str, "shape": image.shape}
            await pusher.send_json(header, zmq.SNDMORE)
            await pusher.send(image, copy=False)
        await pusher.send(b"end")
    print("all sent")


asyncio.run(main())
