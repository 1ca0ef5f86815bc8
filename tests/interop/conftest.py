"""The peer programs, each started once, when the first case needs it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.processes import Peer


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
def with_txzmq() -> Iterator[Peer]:
    """A process of txZMQ's connections."""
    with Peer("with_txzmq") as peer:
        yield peer
