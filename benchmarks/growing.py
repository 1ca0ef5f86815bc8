"""What a message costs zmqbridge on asyncio as tags, connections or outstanding requests grow, one to ten thousand.

The figure is the CPU time of the loop's thread for a message, so that waiting for the other end does not count.
One request at a time pays for a whole wake-up of the loop, which many share: that curve begins high, and may not rise.
"""

from __future__ import annotations

import asyncio
from functools import partial

from benchmarks.contender import Contender
from benchmarks.requesting import bridge as request
from benchmarks.run import ANY, Run, raise_descriptor_limit
from benchmarks.subscribing import bridge as subscribe
from benchmarks.taking import iterate

NUMBERS = (1, 10, 100, 1_000, 10_000)
SPARE = 500
REQUESTS_OF_EACH = 20
"""So many at least, so that it does not count what it costs to start ten thousand tasks."""
TURNS_TO_SETTLE = 20
"""In the first turns the idle connections begin to wait, which is none of the flood's cost."""


def receive_beside(idle: int, run: Run) -> None:
    """Receive a flood on one connection, while tasks wait on idle ones."""
    import zmqbridge

    async def main() -> None:
        raise_descriptor_limit(idle + SPARE)
        async with zmqbridge.Context(max_sockets=idle + SPARE) as context:
            others = [context.puller(bind=f"inproc://idle.{number}") for number in range(idle)]
            puller = context.puller(bind=ANY)
            async with asyncio.TaskGroup() as tasks:
                for other in others:
                    tasks.create_task(wait_for_end(other))
                for _ in range(TURNS_TO_SETTLE):
                    await asyncio.sleep(0)
                run.send_to(puller.endpoints[0].address)
                await iterate(puller, run)
                for other in others:
                    other.close()

    async def wait_for_end(other: zmqbridge.Puller) -> None:
        async for _ in other:
            raise AssertionError("nobody sends to it")

    asyncio.run(main())


def tags() -> tuple[Contender, ...]:
    return tuple(
        Contender(f"{number:,} tags", partial(subscribe, tags=number), 700_000, ours=True) for number in NUMBERS
    )


def connections() -> tuple[Contender, ...]:
    return tuple(
        Contender(f"{number:,} connections", partial(receive_beside, number - 1), 1_000_000, ours=True)
        for number in NUMBERS
    )


def outstanding() -> tuple[Contender, ...]:
    ask = partial(request, requests_of_each=REQUESTS_OF_EACH)
    return tuple(
        Contender(f"{number:,} outstanding", partial(ask, number), 50_000 if number > 1 else 8_000, ours=True)
        for number in NUMBERS
    )
