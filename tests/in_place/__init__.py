"""Real programs of zmq.asyncio, unmodified, with zmqbridge_asyncio in its place: ``make interop``."""
