import asyncio
import sys

import zmqbridge

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5557"
WORKERS = 3


async def main() -> None:
    jobs = [1, 2, 3, 4, 5, 6, 7, 8]
    results: list[int] = []
    at_work = WORKERS
    async with zmqbridge.Context() as context:
        foreman = context.replier(bind=ADDRESS)
        async for request in foreman:
            if request.parts != [b"ready"]:
                results.append(int(request.parts[0]))
            if jobs:
                await request.reply(str(jobs.pop()).encode())
            else:
                await request.reply(b"end")
                at_work -= 1
            if at_work == 0:
                break
    print(sorted(results))


asyncio.run(main())
