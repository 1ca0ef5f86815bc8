"""How a program here and the test that started it talk: JSON, an object a line, on stdin and stdout.

Each object has the number of a *job*: one socket, or whatever else the program opens for one
case. Frames are written in hexadecimal. A program ends when its stdin does, so that it
cannot outlive the test that started it, however that one ends.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import zmq

__all__ = ["commands", "end_with_stdin", "frames_of", "report", "texts_of", "where_bound"]

_writing = threading.Lock()


def texts_of(frames: Iterable[bytes]) -> list[str]:
    """Return frames as JSON can hold them."""
    return [frame.hex() for frame in frames]


def frames_of(texts: Iterable[str]) -> list[bytes]:
    """Return the frames that :func:`texts_of` made into text."""
    return [bytes.fromhex(text) for text in texts]


def where_bound(socket: zmq.Socket[bytes]) -> str:
    """Return the address that a socket bound last, with the real port."""
    address = socket.get(zmq.LAST_ENDPOINT)
    assert isinstance(address, bytes)
    return address.rstrip(b"\0").decode()


def report(job: int, **fields: object) -> None:
    """Tell the test something about a job; any thread may."""
    line = json.dumps({"job": job, **fields}) + "\n"
    with _writing:
        sys.stdout.write(line)
        sys.stdout.flush()


def commands() -> Iterator[dict[str, Any]]:
    """Yield what the test asks for, then end the process when it has no more to ask."""
    for line in sys.stdin:
        yield json.loads(line)
    os._exit(0)


def end_with_stdin() -> None:
    """End the process when stdin ends, whatever else it is doing then."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
