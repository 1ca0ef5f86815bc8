"""Programs of zmq.asyncio, and the same with one import changed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

THE_PEER, IN_PLACE = "zmq.asyncio", "zmqbridge_asyncio"


def interface(library: str) -> Any:
    """Return the module whose ``Context`` a program takes."""
    return import_module(library)
