import asyncio
import sys

import zmqbridge

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5558"


async def main() -> None:
    async with zmqbridge.Context() as context:
        news = context.subscriber(connect=ADDRESS, tags=["weather."])
        async for tag, message in news:
            if message == b"end":
                break
            print(tag.decode(), message.decode())


asyncio.run(main())
