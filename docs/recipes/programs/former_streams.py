import asyncio

import zmqbridge


async def main() -> None:
    async with zmqbridge.Context() as context:
        router = context.router(bind="tcp://127.0.0.1:*")
        dealer = context.dealer(connect=router.endpoints[0].address)
        await dealer.send([b"hello", b"there"])
        peer, frames = await router.receive()
        await router.send(peer, frames)
        print(await dealer.receive())


asyncio.run(main())
