import asyncio
import sys

import zmqbridge

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5555"


async def main() -> None:
    async with zmqbridge.Context() as context:
        collector = context.puller(bind=ADDRESS)
        async for frames in collector:
            if frames == [b"end"]:
                break
            room, degrees = frames
            print(room.decode(), float(degrees))


asyncio.run(main())
