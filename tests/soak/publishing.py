"""A publisher in a process of its own: ``python -m tests.soak.publishing``.

Each line of its input says what to do: ``open ADDRESS WAITS`` makes a publisher there, which publishes at once, or
where WAITS is ``waits`` when it has a subscriber; ``publish`` publishes; ``close`` closes it, and says so.
"""

from __future__ import annotations

import asyncio
import sys

import zmqbridge


async def main() -> None:
    """Do what the lines say, until there are no more."""
    loop = asyncio.get_running_loop()
    while line := (await loop.run_in_executor(None, sys.stdin.readline)).split():
        _, address, waits = line
        async with zmqbridge.Context() as context:
            publisher = context.publisher(bind=address, presence=True)
            if waits == "waits":
                await publisher.wait_for_subscribers(timeout=30)
            if waits != "told":
                publisher.publish(b"first", "tag")
            while (await loop.run_in_executor(None, sys.stdin.readline)).strip() == "publish":
                publisher.publish(b"first" if waits == "told" else b"second", "tag")
        sys.stdout.write("closed\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
