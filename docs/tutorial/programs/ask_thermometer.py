import asyncio
import sys

import zmqbridge

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5556"
OPTIONS = zmqbridge.SocketOptions(heartbeat_interval=2.0, heartbeat_timeout=6.0)


async def main() -> None:
    async with zmqbridge.Context() as context:
        requester = context.requester(connect=ADDRESS, options=OPTIONS)
        for room in ("kitchen", "cellar", "attic"):
            try:
                reply = await requester.request(room.encode(), timeout=10.0)
            except zmqbridge.RequestTimeout:
                sys.exit(f"{ADDRESS} did not answer within ten seconds")
            print(room, reply[0].decode())


asyncio.run(main())
