import asyncio
import sys

import zmqbridge

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5557"
OPTIONS = zmqbridge.SocketOptions(immediate=False)  # the foreman's last reply arrives though he leaves


async def main() -> None:
    async with zmqbridge.Context() as context:
        foreman = context.requester(connect=ADDRESS, options=OPTIONS)
        reply = await foreman.request(b"ready", timeout=60.0)
        while reply != [b"end"]:
            result = int(reply[0]) ** 2
            reply = await foreman.request(str(result).encode(), timeout=60.0)
    print("no more jobs")


asyncio.run(main())
