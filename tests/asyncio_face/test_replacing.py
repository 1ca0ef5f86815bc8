"""install(): the package stands in for zmq.asyncio, and can be taken back."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import zmq
import zmq.asyncio

import zmqbridge_asyncio

theirs = zmq.asyncio


@pytest.fixture
def installed() -> Iterator[None]:
    zmqbridge_asyncio.install()
    yield
    zmqbridge_asyncio.uninstall()


def test_in_its_place(installed: None) -> None:
    """Whoever imports zmq.asyncio then, or looks it up, finds this package."""
    import zmq.asyncio as imported
    from zmq.asyncio import Context, Poller, Socket

    assert imported is zmqbridge_asyncio
    assert zmq.asyncio is zmqbridge_asyncio
    assert sys.modules["zmq.asyncio"] is zmqbridge_asyncio
    assert (Context, Poller, Socket) == (zmqbridge_asyncio.Context, zmqbridge_asyncio.Poller, zmqbridge_asyncio.Socket)
    assert set(theirs.__all__) <= set(dir(theirs))
    for name in theirs.__all__:
        assert hasattr(imported, name)


def test_it_can_be_undone() -> None:
    """What was there before is there again; twice is no error, either way."""
    for _ in range(2):
        zmqbridge_asyncio.uninstall()
        zmqbridge_asyncio.install()
        zmqbridge_asyncio.install()
        assert sys.modules["zmq.asyncio"] is zmqbridge_asyncio
        zmqbridge_asyncio.uninstall()
        zmqbridge_asyncio.uninstall()
        assert sys.modules["zmq.asyncio"] is theirs
        assert zmq.asyncio is theirs


def test_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """The log says what was done, how to undo it, and who keeps the original's classes."""
    with caplog.at_level(logging.INFO, "zmqbridge"):
        zmqbridge_asyncio.install()
        zmqbridge_asyncio.uninstall()
    done, undone = (record.getMessage() for record in caplog.records)
    assert "stands in for zmq.asyncio" in done
    assert "uninstall()" in done
    assert "pyzmq's own again" in undone


def test_libraries_use_it(installed: None) -> None:
    """A library that makes contexts of zmq.asyncio's has this package's."""

    async def main() -> None:
        with zmq.asyncio.Context() as context, context.socket(zmq.PULL) as socket:
            assert type(socket) is zmqbridge_asyncio.Socket
            assert await socket.poll(1) == 0

    asyncio.run(main())


def test_a_name_that_nobody_has(installed: None) -> None:
    """What neither has is an AttributeError."""
    library: Any = zmq.asyncio
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        library.Nonsense  # noqa: B018


def test_the_backend_is_all_that_is_imported() -> None:
    """Who needs the backend alone imports neither zmq nor what stands in for its module."""
    program = (
        "import sys; from zmqbridge_asyncio import AsyncioBackend; "
        "print(*[name for name in sys.modules if name.startswith(('zmq.', 'zmqbridge_asyncio.sock'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert "zmq.asyncio" not in done.stdout
    assert "zmqbridge_asyncio" not in done.stdout
