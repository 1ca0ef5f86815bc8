"""Polling: one socket, several, plain ones and what is no ZeroMQ socket."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest
import zmq
import zmq.asyncio

import zmqbridge_asyncio
from tests.asyncio_face.conftest import Run
from tests.asyncio_face.ends import Ends, turns


def test_a_socket(run: Run, ends: Ends) -> None:
    """poll() returns a future of what the socket is ready for, 0 once the time is over."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        now = pull.poll(timeout=0)
        assert isinstance(now, asyncio.Future)
        assert now.result() == 0
        assert await pull.poll(timeout=1) == 0
        waits = pull.poll(timeout=20_000)
        assert not waits.done()
        await push.send(b"one")
        assert await waits == zmq.POLLIN
        assert await pull.poll() == zmq.POLLIN
        assert await pull.recv() == b"one"
        assert await push.poll(flags=zmq.POLLOUT) == zmq.POLLOUT

    run(main())


def test_for_room(run: Run, ends: Ends) -> None:
    """poll(flags=POLLOUT) waits for room."""

    async def main() -> None:
        push = ends.socket(zmq.PUSH)
        waits = push.poll(flags=zmq.POLLOUT)
        both = push.poll(flags=zmq.POLLIN | zmq.POLLOUT)
        await turns()
        assert not waits.done()
        port = push.bind_to_random_port("tcp://127.0.0.1")
        pull = ends.socket(zmq.PULL)
        pull.connect(f"tcp://127.0.0.1:{port}")
        assert await waits == zmq.POLLOUT
        assert await both == zmq.POLLOUT

    run(main())


def test_several_sockets(run: Run, ends: Ends) -> None:
    """A Poller's future has the sockets that are ready, each with its events."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        other, idle = ends.pair(zmq.PUSH, zmq.PULL)
        poller = zmqbridge_asyncio.Poller()
        for receiver in (pull, idle):
            poller.register(receiver, zmq.POLLIN)
        assert await poller.poll(0) == []
        assert await poller.poll(1) == []
        waits = poller.poll()
        await turns()
        assert not waits.done()
        await push.send(b"one")
        assert await waits == [(pull, zmq.POLLIN)]
        assert await pull.recv() == b"one"
        poller.register(other, zmq.POLLOUT)
        assert dict(await poller.poll(20_000)) == {other: zmq.POLLOUT}
        poller.unregister(other)
        poller.modify(pull, zmq.POLLIN)
        assert await poller.poll(timeout=1.5) == []

    run(main())


def test_plain_sockets(run: Run, ends: Ends) -> None:
    """A Poller takes plain sockets too, and names them in its answer."""

    async def main() -> None:
        plain, peer = ends.pair(zmq.PAIR, zmq.PAIR, plain=True)
        poller = zmqbridge_asyncio.Poller()
        poller.register(plain, zmq.POLLIN)
        for number in range(50):
            waits = poller.poll(20_000)
            await peer.send(b"%d" % number)
            assert await waits == [(plain, zmq.POLLIN)]
            assert plain.recv(zmq.NOBLOCK) == b"%d" % number
            plain.send(b"thanks")
            assert await peer.recv() == b"thanks"

    run(main())


def test_what_is_no_zeromq_socket(run: Run, ends: Ends) -> None:
    """A Poller takes descriptors, and whatever has one, beside ZeroMQ's sockets."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            poller = zmqbridge_asyncio.Poller()
            poller.register(pull, zmq.POLLIN)
            poller.register(ours, zmq.POLLIN)
            waits, waits_too = poller.poll(), poller.poll()
            await turns()
            assert not waits.done()
            theirs.send(b"x")
            assert await waits == [(ours.fileno(), zmq.POLLIN)]
            assert await waits_too == [(ours.fileno(), zmq.POLLIN)]
            assert ours.recv(1) == b"x"
            poller.register(theirs.fileno(), zmq.POLLOUT)
            assert await poller.poll() == [(theirs.fileno(), zmq.POLLOUT)]
            await push.send(b"both")
            await pull.poll()
            assert dict(await poller.poll()) == {pull: zmq.POLLIN, theirs.fileno(): zmq.POLLOUT}

    run(main())


@pytest.mark.skipif(os.name == "nt", reason="files cannot be polled there")
def test_files(run: Run, tmp_path: Path) -> None:
    """A file on disk, which no loop can watch, is always ready; a pipe is when something is in it."""

    async def main() -> None:
        (tmp_path / "file").write_bytes(b"content")
        poller = zmqbridge_asyncio.Poller()
        with (tmp_path / "file").open("rb") as file:
            poller.register(file, zmq.POLLIN)
            assert await poller.poll(20_000) == [(file.fileno(), zmq.POLLIN)]
            poller.unregister(file)
        reading, writing = os.pipe()
        poller.register(reading, zmq.POLLIN)
        waits = poller.poll(20_000)
        os.write(writing, b"x")
        assert await waits == [(reading, zmq.POLLIN)]
        os.close(reading)
        os.close(writing)

    run(main())


def test_a_poll_beside_a_receive(run: Run, ends: Ends) -> None:
    """A poll that was told of a message which somebody else has taken waits on."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        receiving, polling = pull.recv(), pull.poll()
        await push.send(b"for the receive")
        assert await receiving == b"for the receive"
        await turns()
        assert not polling.done()
        await push.send(b"for the poll")
        assert await polling == zmq.POLLIN
        assert await pull.recv() == b"for the poll"

    run(main())


def test_a_poll_that_is_told_for_nothing(run: Run, ends: Ends) -> None:
    """A poll that is told, and finds that nothing is there, waits on."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        polling = pull.poll()
        polling.ready()
        await turns()
        assert not polling.done()
        await push.send(b"for the poll")
        assert await polling == zmq.POLLIN

    run(main())


def test_a_cancelled_poll_leaves_nothing(run: Run, ends: Ends) -> None:
    """A poll that is cancelled takes nothing, and leaves nothing behind."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        poller = zmqbridge_asyncio.Poller()
        poller.register(pull, zmq.POLLIN)
        for _ in range(10):
            for poll in (pull.poll(), poller.poll(50_000)):
                assert poll.cancel()
        assert not pull._recv_futures
        await push.send(b"still there")
        assert await pull.recv() == b"still there"

    run(main())


def test_a_poller_of_zmq_asyncio(run: Run, ends: Ends) -> None:
    """The original's Poller, which a library may have imported before, serves these sockets too."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        poller = zmq.asyncio.Poller()
        poller.register(pull, zmq.POLLIN)
        poller.register(push, zmq.POLLIN)
        waits = poller.poll(20_000)
        await push.send(b"one")
        assert await waits == [(pull, zmq.POLLIN)]
        assert await pull.recv() == b"one"
        assert await poller.poll(1) == []

    run(main())


def test_polling_a_flood_leaves_the_loop_its_turns(run: Run, ends: Ends) -> None:
    """Whoever polls what is always ready lets others run."""

    async def main() -> None:
        push, _ = ends.pair(zmq.PUSH, zmq.PULL)
        await push.poll(flags=zmq.POLLOUT)
        others = 0

        async def count() -> None:
            nonlocal others
            while True:
                others += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        for _ in range(50):
            assert await push.poll(flags=zmq.POLLOUT)
        counting.cancel()
        assert others >= 50

    run(main())
