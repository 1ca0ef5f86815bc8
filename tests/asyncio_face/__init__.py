"""zmq.asyncio's interface, as zmqbridge_asyncio has it."""
