"""Ten thousand connections, opened, used and closed: the process holds what it did before."""

from __future__ import annotations

import pytest

from tests.conformance.harnesses import HARNESSES, LOOPS
from tests.conformance.test_lifecycle import Held, on_linux, open_and_close
from tests.conftest import Addresses
from tests.soak.measuring import MIB, Memory


@on_linux
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", LOOPS)
def test_ten_thousand_connections(name: str, addresses: Addresses) -> None:
    """Descriptors, threads, tasks and memory return to where they were after ten thousand connections."""
    loop = HARNESSES[name]()
    memory = Memory()

    async def case() -> None:
        async with loop.context() as context:
            # What the allocator keeps has settled after some thousands.
            for _ in range(40):
                await open_and_close(loop, context, addresses, 100)
            await loop.until(lambda: "0 connection" in repr(context))
            before = Held(loop)
            memory.settled()
            for _ in range(50):
                await open_and_close(loop, context, addresses, 100)
                memory.look()
            await loop.until(lambda: before.is_back(loop))

    loop.run(case)
    print(f"{name}: memory grew by {memory.growth / MIB:.1f} MiB at most")  # noqa: T201
    # A kilobyte that each connection left behind would be ten mebibytes.
    assert memory.growth < 8 * MIB
