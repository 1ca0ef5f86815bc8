"""What comes of peers that send what they should not, and of strangers?"""

from __future__ import annotations

import struct
from functools import partial

import zmq

from benchmarks.guarantees.case import Need, case
from benchmarks.guarantees.cases.serving import serve
from benchmarks.guarantees.libraries.aiozmq import Aiozmq
from benchmarks.guarantees.libraries.library import Frames, Library
from benchmarks.guarantees.observing import ADDRESS, Observation, free_address, spinning
from benchmarks.guarantees.others import Pickled, Strangers


async def _answer(library: Library, client: zmq.Socket[bytes]) -> Frames:
    return client.recv_multipart() if await library.loop.until(lambda: client.poll(0), 2) else []


@case("malformed", "a malformed request to a replier, then a good one", Need.REPLIER)
async def malformed(library: Library) -> Observation:
    """Two messages have no envelope."""
    serve(library, ADDRESS)
    client = library.plain(zmq.DEALER, connect=ADDRESS)
    for message in ([b"no envelope"], [b"no", b"envelope"]):
        client.send_multipart(message)
    good = [b"id", b"", b"good"]
    client.send_multipart(good)
    return Observation("ok" if await _answer(library, client) == good else "the good one has no answer")


@case("strangers", "garbage, HTTP and silence at the port, and a good peer")
async def strangers(library: Library) -> Observation:
    """Half a greeting is among them."""
    address = free_address()
    socket = await library.open(zmq.PULL, bind=address)
    receiving = library.loop.spawn(socket.receive)
    library.keep(Strangers(address))
    await library.loop.sleep(0.1)
    library.plain(zmq.PUSH, connect=address).send(b"good")
    await library.loop.ended(receiving)
    spins = await spinning(library.loop)
    return Observation(f"the receive {receiving.outcome}" if receiving.result is None else f"ok{spins}")


@case("pickled", "a pickled call comes")
async def pickled(library: Library) -> Observation:
    """Is the function called?"""
    socket = await library.open(zmq.PULL, bind=ADDRESS)
    library.plain(zmq.PUSH, connect=ADDRESS).send(Pickled.message())
    await socket.receive()
    if Pickled.unpickled:
        return Observation("unpickles it")
    if isinstance(library, Aiozmq) and await _unpickled_by_rpc(library):
        return Observation("stays bytes; aiozmq.rpc unpickles it")
    return Observation("stays bytes")


async def _unpickled_by_rpc(library: Aiozmq) -> bool:
    try:
        import msgpack
        from aiozmq import rpc
    except ImportError:
        return False
    address = free_address()
    server = await rpc.serve_rpc(rpc.AttrHandler(), bind=address)
    client = library.plain(zmq.DEALER, connect=address)
    arguments = msgpack.packb([msgpack.ExtType(127, Pickled.message())])
    client.send_multipart([struct.pack("=HHLd", 1, 1, 1, 0.0), b"nothing", arguments, msgpack.packb({})])
    await library.loop.until(lambda: Pickled.unpickled, 2)
    server.close()
    return bool(Pickled.unpickled)


@case("same-id", "two clients choose the same request id", Need.REPLIER)
async def same_id(library: Library) -> Observation:
    """Both requests are there before either is answered; each is the name of its client."""
    receive = library.replier(ADDRESS)
    clients = {name: library.plain(zmq.DEALER, connect=ADDRESS) for name in (b"first", b"second")}
    for name, client in clients.items():
        client.send_multipart([b"id", b"", name])
    for _, reply in [await receive(), await receive()]:
        await reply()
    words = []
    for name, client in clients.items():
        got = (await _answer(library, client))[2:]
        if got != [name]:
            what = f"{b' '.join(got).decode()}'s reply" if got else "nothing"
            words.append(f"the {name.decode()} client gets {what}")
    return Observation("; ".join(words) or "ok")


@case("repeated", "a late reply comes once more, while the next request waits", Need.REQUESTER)
async def repeated(library: Library) -> Observation:
    """It is late because its request has timed out."""
    loop = library.loop
    ask = library.requester(ADDRESS)
    server = library.plain(zmq.ROUTER, bind=ADDRESS)
    first = loop.spawn(lambda: ask(b"first", 0.2))
    await loop.ended(first)
    route = server.recv_multipart()[:2]
    server.send_multipart([*route, b"", b"reply to first"])
    await loop.sleep(0.1)
    second = loop.spawn(lambda: ask(b"second", 1))
    await loop.until(lambda: server.poll(0), 2)
    server.send_multipart([*route, b"", b"reply to first"])
    server.send_multipart([*server.recv_multipart()[:2], b"", b"reply to second"])
    await loop.ended(second)
    if second.result == [b"reply to second"]:
        return Observation("ok")
    return Observation(f"the second gets {second.result[0].decode()!r}" if second.result else "the second has no reply")


@case("forged", "replies that nobody asked for, then two requests", Need.REQUESTER)
async def forged(library: Library) -> Observation:
    """They all have the same id; the requests are answered with what they say."""
    loop = library.loop
    ask = library.requester(ADDRESS)
    server = library.plain(zmq.ROUTER, bind=ADDRESS)
    first = loop.spawn(lambda: ask(b"first", 1))
    await loop.until(lambda: server.poll(0), 2)
    peer, id = server.recv_multipart()[:2]
    server.send_multipart([peer, id, b"", b"reply to first"])
    for _ in range(2):
        server.send_multipart([peer, b"forged id", b"", b"forged"])
    await loop.ended(first)
    await loop.sleep(0.05)
    tasks = {part: loop.spawn(partial(ask, part, 1)) for part in (b"a", b"b")}
    for _ in tasks:
        if await loop.until(lambda: server.poll(0), 2):
            server.send_multipart(server.recv_multipart())
    await loop.ended(*tasks.values())
    said = [
        "no reply" if not task.result else "its own" if task.result == [part] else "the other's reply"
        for part, task in tasks.items()
    ]
    return Observation("ok" if said == ["its own"] * 2 else f"of two requests one gets {said[0]}, one {said[1]}")
