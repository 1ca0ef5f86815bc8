import asyncio
import sys

import zmqbridge

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "tcp://*:5556"
DEGREES = {b"kitchen": b"21.5", b"cellar": b"12.0"}


async def main() -> None:
    async with zmqbridge.Context() as context:
        thermometer = context.replier(bind=ADDRESS)
        async for request in thermometer:
            room = request.parts[0]
            await request.reply(DEGREES.get(room, b"unknown"))


asyncio.run(main())
