import asyncio
import threading

import zmq

import zmqbridge


def old_worker(address: str) -> None:
    with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.connect(address)
        socket.send_multipart([b"from", b"a thread"])


async def main() -> None:
    async with zmqbridge.Context() as context:
        puller = context.puller(bind="tcp://127.0.0.1:*")
        thread = threading.Thread(target=old_worker, args=[puller.endpoints[0].address])
        thread.start()
        print(await puller.receive())
        thread.join()


asyncio.run(main())
