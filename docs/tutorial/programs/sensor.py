import asyncio
import sys

import zmqbridge

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5555"


async def main() -> None:
    async with zmqbridge.Context(linger=60) as context:
        sensor = context.pusher(connect=ADDRESS)
        await sensor.send([b"kitchen", b"21.5"])
        await sensor.send([b"kitchen", b"21.7"])
        await sensor.send([b"cellar", b"12.0"])
        await sensor.send(b"end")
    print("all sent")


asyncio.run(main())
