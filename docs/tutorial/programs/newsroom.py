import asyncio
import sys

import zmqbridge

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5558"
READERS = 2


async def main() -> None:
    async with zmqbridge.Context() as context:
        newsroom = context.publisher(bind=ADDRESS, presence=True)
        await newsroom.wait_for_subscribers(READERS, tag="weather.oslo", timeout=60.0)
        newsroom.publish(b"3 - 1", tag="football")
        newsroom.publish(b"9 C", tag="weather.oslo")
        newsroom.publish(b"12 C", tag="weather.london")
        newsroom.publish(b"end", tag="weather.")
    print("all published")


asyncio.run(main())
