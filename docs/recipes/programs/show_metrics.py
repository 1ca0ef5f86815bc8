import asyncio
import logging
from collections.abc import Iterator

import zmqbridge

FIELDS = ("sent", "received", "buffered", "parked", "malformed", "dropped")


def metrics(name: str, connection: zmqbridge.Connection) -> Iterator[str]:
    stats = connection.stats
    for field in FIELDS:
        yield f'zmqbridge_{field}{{connection="{name}"}} {getattr(stats, field)}'


async def main() -> None:
    logging.basicConfig(level=logging.WARNING)  # warnings say what peers do wrong
    async with zmqbridge.Context() as context:
        puller = context.puller(bind="inproc://jobs")
        pusher = context.pusher(connect="inproc://jobs")
        await pusher.send_many([b"1", b"2", b"3"])
        await puller.receive()
        print("\n".join(metrics("jobs", puller)))


asyncio.run(main())
