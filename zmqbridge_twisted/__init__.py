"""zmqbridge's backend for Twisted, on any reactor that can wait for descriptors."""

from zmqbridge_twisted.backend import TwistedBackend

__all__ = ["TwistedBackend"]
