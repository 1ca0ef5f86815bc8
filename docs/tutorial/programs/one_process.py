import asyncio

import zmqbridge


async def main() -> None:
    async with zmqbridge.Context() as context:
        collector = context.puller(bind="tcp://127.0.0.1:*")
        sensor = context.pusher(connect=collector.endpoints[0].address)
        await sensor.send(b"21.5")
        await sensor.send([b"kitchen", b"22.0"])
        print(await collector.receive())
        print(await collector.receive())


asyncio.run(main())
