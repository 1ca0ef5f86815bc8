import asyncio
import sys

import zmqbridge

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5559"
OPTIONS = zmqbridge.SocketOptions(heartbeat_interval=1.0, heartbeat_timeout=3.0)


async def main() -> None:
    async with zmqbridge.Context(watch=True) as context:
        instrument = context.requester(connect=ADDRESS, options=OPTIONS, on_peer_lost="raise")
        await instrument.wait_connected(timeout=30.0)
        print("voltage", await instrument.request(b"voltage", timeout=5.0))
        try:
            print("sweep", await instrument.request(b"sweep", timeout=120.0))
        except zmqbridge.PeerLost:
            print("the instrument is gone")


asyncio.run(main())
