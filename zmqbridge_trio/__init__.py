"""zmqbridge's backend for trio."""

from zmqbridge_trio.backend import TrioBackend

__all__ = ["TrioBackend"]
