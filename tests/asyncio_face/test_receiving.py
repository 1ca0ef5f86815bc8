"""Receives: futures that begin at once, in order, in every form that pyzmq's documentation has."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import zmq

import zmqbridge_asyncio
from tests.asyncio_face.conftest import Run
from tests.asyncio_face.ends import Ends, arrive


def test_a_receive_is_a_future_of_asyncios(run: Run, ends: Ends) -> None:
    """A receive returns an asyncio.Future at once, which is done when a message comes."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        waits = pull.recv()
        assert isinstance(waits, asyncio.Future)
        assert waits.get_loop() is asyncio.get_running_loop()
        assert not waits.done()
        await push.send(b"one")
        assert await waits == b"one"
        assert waits.result() == b"one"

    run(main())


def test_what_is_there_is_received_at_once(run: Run, ends: Ends) -> None:
    """Where a message is there the future is done when it is returned."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        for number in range(5):
            push.send(b"%d" % number)
        await arrive(pull)
        for number in range(5):
            await arrive(pull)
            received = pull.recv()
            assert received.done()
            assert received.result() == b"%d" % number

    run(main())


def test_several_receives_are_served_in_order(run: Run, turn_limit: int, ends: Ends) -> None:
    """Receives that wait are served in the order of their calls, each in its own form."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        first, second, third, fourth = pull.recv(), pull.recv_multipart(), pull.recv_string(), pull.recv_json()
        await push.send(b"one")
        await push.send_multipart([b"two", b"frames"])
        await push.send_string("drei, für alle")
        await push.send_json({"four": 4})
        assert await fourth == {"four": 4}
        assert first.result() == b"one"
        assert second.result() == [b"two", b"frames"]
        assert third.result() == "drei, für alle"

    run(main())


def test_frames_of_one_message_go_to_one_receive_each(run: Run, ends: Ends) -> None:
    """A receive takes a frame, and says with rcvmore whether more follow."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        await push.send_multipart([b"a", b"b", b"c"])
        assert await pull.recv() == b"a"
        assert pull.getsockopt(zmq.RCVMORE)
        assert await pull.recv_multipart() == [b"b", b"c"]
        assert not pull.rcvmore

    run(main())


@pytest.mark.parametrize("waits", [True, False], ids=["waiting", "at once"])
def test_frames_that_are_not_copied(run: Run, ends: Ends, waits: bool) -> None:
    """With copy=False frames are zmq.Frame objects, which say whether more follow."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        receiving = pull.recv_multipart(copy=False) if waits else None
        await push.send_multipart([b"large" * 1000, b"end"], copy=False)
        if receiving is None:
            await arrive(pull)
            receiving = pull.recv_multipart(copy=False)
        large, end = await receiving
        assert isinstance(large, zmq.Frame)
        assert large.bytes == b"large" * 1000
        assert end.bytes == b"end"

    run(main())


@pytest.mark.parametrize("waits", [True, False], ids=["waiting", "at once"])
def test_receiving_into_a_buffer(run: Run, ends: Ends, waits: bool) -> None:
    """recv_into fills a buffer as far as it goes, and returns the size of the frame."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        small, large = bytearray(3), bytearray(10)
        first = pull.recv_into(small) if waits else None
        await push.send(b"longer")
        await push.send(b"short")
        if first is None:
            await arrive(pull)
            first = pull.recv_into(small)
        assert await first == 6
        assert small == b"lon"
        assert await pull.recv_into(large, nbytes=2) == 5
        assert large == b"sh" + bytes(8)

    run(main())


def test_a_buffer_that_does_not_do(run: Run, ends: Ends) -> None:
    """recv_into refuses a buffer that cannot be written, and a size that it does not have."""

    async def main() -> None:
        _, pull = ends.pair(zmq.PUSH, zmq.PULL)
        with pytest.raises(ValueError, match="negative"):
            await pull.recv_into(bytearray(4), nbytes=-1)
        with pytest.raises(ValueError, match="too big"):
            await pull.recv_into(bytearray(4), nbytes=5)
        with pytest.raises(BufferError):
            await pull.recv_into(b"read-only")

    run(main())


def test_without_waiting(run: Run, ends: Ends) -> None:
    """With NOBLOCK a receive is done at once: with a message, or with zmq.Again."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        refused = pull.recv(zmq.NOBLOCK)
        assert refused.done()
        with pytest.raises(zmq.Again):
            await refused
        await push.send(b"one")
        await arrive(pull)
        assert pull.recv(flags=zmq.NOBLOCK).result() == b"one"

    run(main())


def test_serialized_and_objects(run: Run, ends: Ends) -> None:
    """What is made of a message is made when it comes, and an error in that is the future's."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        made = pull.recv_serialized(lambda frames: json.loads(b"".join(frames)))
        await push.send_serialized({"a": 1}, lambda value: [json.dumps(value).encode(), b""])
        assert await made == {"a": 1}
        await push.send(b"no json")
        with pytest.raises(json.JSONDecodeError):
            await pull.recv_json()
        wrong = pull.recv_string(encoding="ascii")
        await push.send(b"\xff")
        with pytest.raises(UnicodeDecodeError):
            await wrong
        await push.send(b"still there")
        assert await pull.recv() == b"still there"

    run(main())


def test_a_time_limit(run: Run, ends: Ends) -> None:
    """A receive that waits longer than RCVTIMEO, as it was at the call, ends with zmq.Again."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        pull.rcvtimeo = 10
        short = pull.recv()
        pull.setsockopt(zmq.RCVTIMEO, -1)
        long = pull.recv_multipart()
        with pytest.raises(zmq.Again):
            await short
        await push.send_multipart([b"for", b"the second"])
        assert await long == [b"for", b"the second"]

    run(main())


def test_a_time_limit_from_the_context(run: Run) -> None:
    """RCVTIMEO is also heeded where the context gives it to its sockets."""

    async def main() -> None:
        with zmqbridge_asyncio.Context() as context:
            context.setsockopt(zmq.RCVTIMEO, 10)
            with context.socket(zmq.PULL) as pull, pytest.raises(zmq.Again):
                await pull.recv()

    run(main())


def test_nothing_is_read_ahead(run: Run, turn_limit: int, ends: Ends) -> None:
    """What is not received stays in libzmq, where a plain socket finds it; and the other way round."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        plain: zmq.Socket[bytes] = zmq.Socket(pull)
        for number in range(6):
            await push.send(b"%d" % number)
        received: list[Any] = []
        for number in range(6):
            await arrive(pull)
            received.append(plain.recv(zmq.NOBLOCK) if number % 2 else await pull.recv())
        assert received == [b"%d" % number for number in range(6)]

    run(main())


def test_a_flood_leaves_the_loop_its_turns(run: Run, turn_limit: int, ends: Ends) -> None:
    """Whoever receives what is always there lets others run all the same."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL, mark=0)
        for number in range(2000):
            push.send(b"%d" % number)
        await arrive(pull)
        others = 0

        async def count() -> None:
            nonlocal others
            while True:
                others += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        received = [await pull.recv() for _ in range(2000)]
        counting.cancel()
        assert received == [b"%d" % number for number in range(2000)]
        assert others >= 2000 // 256

    run(main())
