"""Awaiting without a loop."""

from __future__ import annotations

from typing import Any

import pytest

__all__ = ["drive"]


def drive(awaitable: Any) -> Any:
    """Await what never has to wait, without a loop."""

    async def main() -> Any:
        return await awaitable

    with pytest.raises(StopIteration) as stopped:
        main().send(None)
    return stopped.value.value
