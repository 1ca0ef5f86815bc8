import asyncio
import os
import signal

import zmqbridge

ADDRESS = os.environ.get("JOBS", "tcp://*:5560")


async def main() -> None:
    async with zmqbridge.Context(linger=5) as context:
        jobs = context.puller(bind=ADDRESS)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, jobs.close)
        print("ready", flush=True)
        async for frames in jobs:
            print("job", frames, flush=True)
    print("closed")


asyncio.run(main())
