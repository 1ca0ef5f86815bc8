"""zmqbridge's backend for asyncio, and for any loop with its interface, uvloop above all."""

from zmqbridge_asyncio.backend import AsyncioBackend

__all__ = ["AsyncioBackend"]
