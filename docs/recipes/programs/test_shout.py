import asyncio

import pytest

import zmqbridge


async def shout(replier: zmqbridge.Replier) -> None:
    async for request in replier:
        await request.reply(request.parts[0].upper())


def test_answer() -> None:
    async def main() -> list[bytes]:
        async with zmqbridge.Context(linger=0) as context, asyncio.TaskGroup() as tasks:
            replier = context.replier(bind="inproc://shout")
            tasks.create_task(shout(replier))
            requester = context.requester(connect="inproc://shout")
            reply = await requester.request(b"hello", timeout=5.0)
            replier.close()
        return reply

    assert asyncio.run(main()) == [b"HELLO"]


def test_nobody_answers() -> None:
    async def main() -> None:
        async with zmqbridge.Context(linger=0) as context:
            context.puller(bind="inproc://silent")
            requester = context.requester(connect="inproc://silent")
            await requester.request(b"hello", timeout=0.01)

    with pytest.raises(zmqbridge.RequestTimeout):
        asyncio.run(main())
