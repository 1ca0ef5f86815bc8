"""The peer programs, each started once, when the first case needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.interop.processes import LIBRARIES, Peer, Spares


@pytest.fixture(scope="package")
def plain() -> Iterator[Peer]:
    """A process of plain pyzmq sockets."""
    with Peer("plain") as peer:
        yield peer


@pytest.fixture(scope="package")
def proxies() -> Iterator[Peer]:
    """A process of pyzmq's proxies."""
    with Peer("proxies") as peer:
        yield peer


@pytest.fixture(scope="package")
def libraries() -> Iterator[dict[str, Peer]]:
    """A process of each library's connections; nothing goes wrong in them that nobody is told of."""
    with ExitStack() as stack:
        peers = {library: stack.enter_context(Peer("with_txzmq", library)) for library in LIBRARIES}
        yield peers
        said = {library: peer.stderr() for library, peer in peers.items()}
    assert said == dict.fromkeys(LIBRARIES, "")


@pytest.fixture(params=LIBRARIES)
def with_txzmq(request: pytest.FixtureRequest, libraries: dict[str, Peer]) -> Peer:
    """A process of txZMQ's connections, and one of ours with the same interface."""
    return libraries[request.param]


@pytest.fixture(scope="package")
def spares() -> Iterator[Spares]:
    """Processes for cases to kill."""
    spares = Spares()
    yield spares
    spares.close()
