"""Each Python process that is started with this directory on its path has zmqbridge_asyncio in zmq.asyncio's place."""

import zmqbridge_asyncio

zmqbridge_asyncio.install()
