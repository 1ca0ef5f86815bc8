"""What comes of servers that go and come back, of clients that do not read, and of handlers that fail?"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import zmq

from benchmarks.guarantees.case import Need, case
from benchmarks.guarantees.libraries.library import Frames, Library
from benchmarks.guarantees.observing import Observation, all_from, free_address, megabytes
from benchmarks.guarantees.others import DeafClient, EchoServer

MARK = 100


def serve(
    library: Library, address: str, mark: int | None = None, answered: Callable[[Frames], bool] = lambda parts: True
) -> None:
    """Answer the requests that come to an address with what they say, or those of them that are to be answered."""
    receive = library.replier(address, mark)

    async def run() -> None:
        while True:
            parts, reply = await receive()
            if answered(parts):
                await reply()

    library.loop.spawn(run)


@case("killed", "a server is killed and comes back, twice; it is asked again")
async def killed(library: Library) -> Observation:
    """The same socket asks it."""
    address = free_address()
    server = EchoServer(address)
    socket = await library.open(zmq.DEALER, connect=address)

    async def ask(question: Frames) -> None:
        await socket.send(question)
        while await socket.receive() != question:
            pass

    for number in range(3):
        if number:
            server.kill()
            await library.loop.sleep(0.2)
            server.start()
        asking = library.loop.spawn(partial(ask, [b"%d" % number]))
        await library.loop.ended(asking, seconds=5)
        if asking.outcome != "returns":
            return Observation(f"after {number} restarts it {asking.outcome}")
    server.kill()
    return Observation("ok")


@case("dead-requests", "requests time out while the server is down; of them it gets, when it comes", Need.REQUESTER)
async def dead_requests(library: Library) -> Observation:
    """They are three."""
    address = free_address()
    ask = library.requester(address)
    for _ in range(3):
        await library.loop.ended(library.loop.spawn(lambda: ask(b"dead", 0.1)))
    server = library.plain(zmq.ROUTER, bind=address)
    got = 0
    end = time.perf_counter() + 1
    while time.perf_counter() < end:
        got += len(all_from(server))
        await library.loop.sleep(0.01)
    return Observation("{} of 3", got)


@case("deaf-client", "a client sends 50,000 requests of 1 KB and reads no reply: memory", Need.REPLIER)
async def deaf_client(library: Library) -> Observation:
    """Then another one asks."""
    serve(library, address := free_address(), MARK)
    return await _beside_a_client(library, address)


@case("unanswered", "the same, and they are never answered: memory", Need.REPLIER)
async def unanswered(library: Library) -> Observation:
    """The other one's request is."""
    serve(library, address := free_address(), MARK, lambda parts: parts == [b"good"])
    return await _beside_a_client(library, address)


async def _beside_a_client(library: Library, address: str) -> Observation:
    """Say how much memory a client's 50,000 requests of a kilobyte take, and whether another is answered."""
    before = megabytes()
    deaf = DeafClient(address, 50_000)
    client = library.plain(zmq.DEALER, connect=address)
    if not await library.loop.until(lambda: deaf.has_sent, 20):
        return Observation("its requests are not read")
    client.send_multipart([b"id", b"", b"good"])
    answered = await library.loop.until(lambda: client.poll(0), 5)
    grown = megabytes() - before
    deaf.kill()
    return Observation("{} MB" + ("" if answered else "; another client has no answer within 5 s"), max(grown, 0))


@case("handler", "three messages, the handler of the first fails", Need.HANDLERS)
async def handler(library: Library) -> Observation:
    """One more comes before them, so that the two are connected, and none after them."""
    got: list[Frames] = []

    def handle(message: Frames) -> None:
        got.append(message)
        if len(got) == 2:
            raise RuntimeError("the handler failed")

    await library.handle(address := free_address(), handle)
    peer = library.plain(zmq.PUSH, connect=address)
    peer.send(b"connected?")
    await library.loop.until(lambda: got, 2)
    for number in range(3):
        peer.send(b"%d" % number)
    time.sleep(0.1)  # noqa: ASYNC251 (all of them are there when the loop looks)
    came = await library.loop.until(lambda: len(got) == 4, 2)
    return Observation("ok") if came else Observation("hangs after {} of 3", len(got) - 1)
