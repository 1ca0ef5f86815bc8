import asyncio
import sys

import zmqbridge

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5559"


async def main() -> None:
    async with zmqbridge.Context() as context, asyncio.TaskGroup() as tasks:
        commands = context.replier(bind=ADDRESS)
        async for request in commands:
            if request.parts == [b"voltage"]:
                await request.reply(b"4.98")
            elif request.parts == [b"sweep"]:
                print("sweeping", flush=True)
                tasks.create_task(sweep(request))
            else:
                await request.reply([b"error", b"unknown command"])


async def sweep(request: zmqbridge.Request) -> None:
    await asyncio.sleep(60)  # the hardware takes its time
    await request.reply(b"done")


asyncio.run(main())
