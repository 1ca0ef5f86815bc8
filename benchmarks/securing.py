"""Receiving on zmqbridge with asyncio what a PUSH of pyzmq's sends, with and without CURVE and an authenticator.

The facts. libzmq encrypts and decrypts in its own threads, at both ends; an authenticator is asked once for each
connection. So a message pays for CURVE, and not for the authenticator: the two contenders with CURVE are to be alike.

The other end is a process of Python in each case: ``python -m benchmarks.securing ADDRESS COUNT FRAMES SIZE [KEY]``. It
makes its own pair of keys, and is told the server's public key alone.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import Any

import zmq

from benchmarks.contender import Contender
from benchmarks.run import ANY, Clock, Run
from benchmarks.standin import send
from benchmarks.taking import iterate

OPEN, CURVE, JUDGED, NAMED = "NULL", "CURVE", "CURVE, authenticated", "CURVE, authenticated, with names"


def receive(kind: str, run: Run) -> None:
    """Take what comes over a port that is open, encrypted or guarded."""
    import zmqbridge
    from zmqbridge import KeyPair, SocketOptions

    async def main() -> None:
        keys = KeyPair.generate()
        options = SocketOptions(metadata=kind == NAMED)
        if kind != OPEN:
            options |= SocketOptions.curve_as_server(keys, domain=None if kind == CURVE else "benchmark")
        async with (
            zmqbridge.Context() as context,
            context.authenticator("benchmark", authorize=lambda _: True) as judge,
        ):
            if kind == CURVE:
                await judge.aclose()  # whoever is there is asked, about any domain
            puller = context.puller(bind=ANY, options=options)
            about = (run.count, run.frames, run.size, *(() if kind == OPEN else (keys.public,)))
            run.ends.start_module("benchmarks.securing", puller.endpoints[0].address, *about)
            await iterate(puller, run)

    asyncio.run(main())


CONTENDERS = tuple(
    Contender(kind, partial(receive, kind), rate, ours=True)
    for kind, rate in ((OPEN, 700_000), (CURVE, 250_000), (JUDGED, 250_000), (NAMED, 250_000))
)


class _Keyed(zmq.Context[Any]):
    """A context whose sockets know a server by its key."""

    server_key = b""

    def socket(self, *args: Any, **keywords: Any) -> Any:
        made = super().socket(*args, **keywords)
        if self.server_key:
            made.curve_publickey, made.curve_secretkey = zmq.curve_keypair()
            made.curve_serverkey = self.server_key
        return made


def main() -> None:
    """Send messages, and wait until they are gone."""
    address, count, frames, size, *key = sys.argv[1:]
    with _Keyed() as context:
        _Keyed.server_key = "".join(key).encode()
        send(context, Clock(), address, count, frames, size)


if __name__ == "__main__":
    main()
