"""What becomes of an operation that is parked when its socket, or its context, ends?"""

from __future__ import annotations

import threading

from benchmarks.guarantees.case import case
from benchmarks.guarantees.libraries.library import Library
from benchmarks.guarantees.observing import ADDRESS, Observation, spinning


@case("close", "the socket is closed: the parked receive")
async def close(library: Library) -> Observation:
    parked = await library.park(ADDRESS)
    await library.loop.sleep(0.05)
    parked.close()
    await library.loop.ended(parked.task)
    return Observation(parked.outcome)


@case("term", "another thread terminates the context: the parked receive")
async def term(library: Library) -> Observation:
    parked = await library.park(ADDRESS)
    await library.loop.sleep(0.05)
    threading.Thread(target=library.context.term, daemon=True).start()
    await library.loop.sleep(0.2)
    spins = await spinning(library.loop, 1)
    return Observation(parked.outcome + spins)
