"""Sends: at once where there is room, in order where there is not, whole, and as they were given."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import zmq

from tests.asyncio_face.conftest import Run
from tests.asyncio_face.ends import Ends, turns


def test_a_send_is_done_at_once(run: Run, ends: Ends) -> None:
    """Where there is room the future is done when it is returned, and need not be awaited."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL, mark=0)
        await push.send(b"connected")
        assert await pull.recv() == b"connected"
        futures = [push.send(b"%d" % number) for number in range(1000)]
        assert all(isinstance(future, asyncio.Future) and future.done() for future in futures)
        assert [await pull.recv() for _ in range(1000)] == [b"%d" % number for number in range(1000)]

    run(main())


@pytest.mark.parametrize(
    ("message", "arrives"),
    [
        ([b"a"], [b"a"]),
        ((b"a", b"b"), [b"a", b"b"]),
        ([b"a", bytearray(b"b"), memoryview(b"c")], [b"a", b"b", b"c"]),
        ([zmq.Frame(b"a"), b"b"], [b"a", b"b"]),
        ([b"", b""], [b"", b""]),
    ],
)
@pytest.mark.parametrize("copy", [True, False])
def test_messages_as_pyzmq_takes_them(run: Run, ends: Ends, message: Any, arrives: list[bytes], copy: bool) -> None:
    """A message is any sequence of what has a buffer."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        tracker = await push.send_multipart(message, copy=copy)
        assert copy is False or tracker is None
        assert await pull.recv_multipart() == arrives

    run(main())


def test_what_is_no_message(run: Run, ends: Ends) -> None:
    """What cannot be sent is an error of the future, as pyzmq has it."""

    async def main() -> None:
        push, _ = ends.pair(zmq.PUSH, zmq.PULL)
        for send in (push.send("text"), push.send(7), push.send_multipart(["text"]), push.send_multipart([b"a", 7])):
            assert isinstance(send, asyncio.Future)
            with pytest.raises(TypeError):
                await send

    run(main())


def test_frame_by_frame(run: Run, ends: Ends) -> None:
    """With SNDMORE a message is sent frame by frame."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        await push.send(b"a", zmq.SNDMORE)
        await push.send(b"b", flags=zmq.SNDMORE)
        await push.send(b"c")
        assert await pull.recv_multipart() == [b"a", b"b", b"c"]

    run(main())


def test_a_tracker(run: Run, ends: Ends) -> None:
    """With copy=False and track=True the future has a tracker, which tells when libzmq has let go of the message."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        tracker = await push.send(b"x" * 100_000, copy=False, track=True)
        assert isinstance(tracker, zmq.MessageTracker)
        assert await pull.recv() == b"x" * 100_000
        await asyncio.to_thread(tracker.wait, 20)

    run(main())


def test_sends_that_wait_keep_their_order(run: Run, turn_limit: int, ends: Ends) -> None:
    """Sends for which there is no room wait, and go out in the order of their calls."""

    async def main() -> None:
        push = ends.socket(zmq.PUSH)
        push.set_hwm(1)
        sends = [
            push.send(b"0"),
            push.send_multipart([b"1", b"more"]),
            push.send_string("2"),
            push.send(bytearray(b"3")),
        ]
        await turns()
        assert not any(send.done() for send in sends)
        pull = ends.socket(zmq.PULL)
        port = push.bind_to_random_port("tcp://127.0.0.1")
        pull.connect(f"tcp://127.0.0.1:{port}")
        received = [await pull.recv_multipart() for _ in range(4)]
        assert received == [[b"0"], [b"1", b"more"], [b"2"], [b"3"]]
        await asyncio.gather(*sends)

    run(main())


def test_what_waits_is_sent_as_it_was_given(run: Run, ends: Ends) -> None:
    """A list and a buffer may be changed while their send waits."""

    async def main() -> None:
        push = ends.socket(zmq.PUSH)
        buffer, frames = bytearray(b"before"), [b"before", b"too"]
        sends = [push.send(buffer), push.send_multipart(frames)]
        buffer[:] = b"after!"
        frames[:] = [b"after"]
        port = push.bind_to_random_port("tcp://127.0.0.1")
        pull = ends.socket(zmq.PULL)
        pull.connect(f"tcp://127.0.0.1:{port}")
        assert await pull.recv() == b"before"
        assert await pull.recv_multipart() == [b"before", b"too"]
        await asyncio.gather(*sends)

    run(main())


def test_a_cancelled_send_is_not_sent(run: Run, ends: Ends) -> None:
    """A send that is cancelled while it waits sends nothing, and those behind it move up."""

    async def main() -> None:
        push = ends.socket(zmq.PUSH)
        first, second, third = push.send(b"first"), push.send(b"second"), push.send(b"third")
        assert second.cancel()
        port = push.bind_to_random_port("tcp://127.0.0.1")
        pull = ends.socket(zmq.PULL)
        pull.connect(f"tcp://127.0.0.1:{port}")
        assert [await pull.recv(), await pull.recv()] == [b"first", b"third"]
        await asyncio.gather(first, third)

    run(main())


def test_without_waiting(run: Run, ends: Ends) -> None:
    """With NOBLOCK a send for which there is no room is done at once, with zmq.Again."""

    async def main() -> None:
        push = ends.socket(zmq.PUSH)
        for send in (push.send(b"x", zmq.NOBLOCK), push.send_multipart([b"x"], zmq.DONTWAIT)):
            assert send.done()
            with pytest.raises(zmq.Again):
                await send

    run(main())


def test_a_time_limit(run: Run, ends: Ends) -> None:
    """A send that waits longer than SNDTIMEO ends with zmq.Again."""

    async def main() -> None:
        push = ends.socket(zmq.PUSH)
        push.sndtimeo = 10
        with pytest.raises(zmq.Again):
            await push.send(b"nobody is there")

    run(main())


def test_libzmqs_refusals(run: Run, ends: Ends) -> None:
    """What libzmq refuses is pyzmq's own error."""

    async def main() -> None:
        router = ends.socket(zmq.ROUTER)
        router.router_mandatory = 1
        with pytest.raises(zmq.ZMQError) as refused:
            await router.send_multipart([b"nobody", b"hello"])
        assert refused.value.errno == zmq.EHOSTUNREACH
        rep = ends.socket(zmq.REP)
        with pytest.raises(zmq.ZMQError) as refused:
            await rep.send(b"a reply to nothing")
        assert refused.value.errno == zmq.EFSM

    run(main())


def test_whoever_awaits_sends_leaves_the_loop_its_turns(run: Run, turn_limit: int, ends: Ends) -> None:
    """Sends for which there is always room let others run, if they are awaited."""

    async def main() -> None:
        publisher = ends.socket(zmq.PUB)
        others = 0

        async def count() -> None:
            nonlocal others
            while True:
                others += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        for _ in range(2000):
            await publisher.send(b"x")
        counting.cancel()
        assert others >= 2000 // 300

    run(main())


def test_what_waits_for_its_turn_is_sent_before_closing(run: Run, turn_limit: int, ends: Ends) -> None:
    """A send that need only wait for the loop's next turn is done when the socket is closed before."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL, mark=0)
        push.linger = -1
        await push.send(b"connected")
        assert await pull.recv() == b"connected"
        number = 0
        while (sending := push.send(b"%d" % number)).done():
            await sending
            number += 1
        push.send(b"one more")
        push.close()
        await sending
        assert [await pull.recv() for _ in range(number + 1)] == [b"%d" % each for each in range(number + 1)]
        assert await pull.recv() == b"one more"

    run(main())


def test_a_send_does_not_eat_what_a_receive_waits_for(run: Run, turn_limit: int, ends: Ends) -> None:
    """A receive that waits hears of its message though a send on the same socket has used up the signal of it."""

    async def main() -> None:
        server, client = ends.pair(zmq.ROUTER, zmq.DEALER)
        await client.send(b"hello")
        name, _ = await server.recv_multipart()
        for _ in range(200):
            receiving = client.recv()
            await server.send_multipart([name, b"for you"])
            for _ in range(3):
                await client.send(b"x" * 10)
            assert await receiving == b"for you"
            for _ in range(3):
                await server.recv_multipart()

    run(main())


def test_arrivals(run: Run, turn_limit: int, ends: Ends) -> None:
    """Sends and receives of many tasks on one socket lose and repeat nothing."""

    async def main() -> None:
        server, client = ends.pair(zmq.ROUTER, zmq.DEALER)
        replies: dict[int, asyncio.Future[bytes]] = {}

        async def serve() -> None:
            while True:
                await server.send_multipart(await server.recv_multipart())

        async def read() -> None:
            while True:
                replies.pop(int(await client.recv())).set_result(b"")

        async def ask(number: int) -> None:
            for each in range(number, number + 100, 10):
                replies[each] = asyncio.get_running_loop().create_future()
                waits = replies[each]
                await client.send(b"%d" % each)
                await waits

        tasks = [asyncio.create_task(serve()), asyncio.create_task(read())]
        await asyncio.gather(*(ask(number) for number in range(10)))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with pytest.raises(zmq.Again):
            await client.recv(zmq.NOBLOCK)

    run(main())
