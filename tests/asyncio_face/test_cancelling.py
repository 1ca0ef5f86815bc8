"""Cancellation: no message is lost, none comes twice, and nobody who waits is forgotten."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import zmq

from tests.asyncio_face.conftest import Run
from tests.asyncio_face.ends import Ends, turns
from tests.size import of_whole

RECEIVES: dict[str, Callable[[Any], Any]] = {
    "recv": lambda socket: socket.recv(),
    "recv_multipart": lambda socket: socket.recv_multipart(),
    "copy=False": lambda socket: socket.recv_multipart(copy=False),
    "recv_string": lambda socket: socket.recv_string(),
    "recv_into": lambda socket: socket.recv_into(bytearray(100)),
}


def cancel_when_done(future: Any, task: asyncio.Task[Any]) -> asyncio.Future[None]:
    """Cancel a task in the turn in which what it awaits is done; return what tells of it."""
    loop = asyncio.get_running_loop()
    told = loop.create_future()

    def look() -> None:
        if future.done():
            task.cancel()
            told.set_result(None)
        else:
            loop.call_soon(look)

    loop.call_soon(look)
    return told


async def keep(future: Any) -> Any:
    return await future


@pytest.mark.parametrize("receive", RECEIVES.values(), ids=RECEIVES)
def test_what_nobody_took_goes_back_to_its_place(run: Run, ends: Ends, receive: Callable[[Any], Any]) -> None:
    """A message whose receive is cancelled after it came, and before its task has run, is the next receive's."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        for number in range(20):
            receiving = receive(pull)
            task = asyncio.create_task(keep(receiving))
            await turns()
            cancelled = cancel_when_done(receiving, task)
            await push.send(b"%d" % number)
            await push.send(b"next to %d" % number)
            await cancelled
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not receiving.cancelled()
            assert await pull.recv() == b"%d" % number
            assert await pull.recv() == b"next to %d" % number

    run(main())


def test_one_that_waits_has_what_was_given_back(run: Run, ends: Ends) -> None:
    """A message that is given back wakes whoever waits."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        for number in range(20):
            receiving = pull.recv()
            first, second = asyncio.create_task(keep(receiving)), asyncio.create_task(keep(pull.recv()))
            await turns()
            cancelled = cancel_when_done(receiving, first)
            await push.send(b"%d" % number)
            await cancelled
            assert await second == b"%d" % number
            with pytest.raises(asyncio.CancelledError):
                await first

    run(main())


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_several_go_back_to_their_places(run: Run, ends: Ends, order: tuple[int, ...]) -> None:
    """Messages that are given back in any order are received in the order in which they came."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        receiving = [pull.recv() for _ in range(3)]
        made: dict[int, asyncio.Task[Any]] = {index: asyncio.create_task(keep(receiving[index])) for index in order}
        await turns()
        last = asyncio.get_running_loop().create_future()

        def look() -> None:
            if all(future.done() for future in receiving):
                for task in made.values():
                    task.cancel()
                last.set_result(None)
            else:
                asyncio.get_running_loop().call_soon(look)

        # They came in one look, so that no task has run in between.
        push.send_multipart([b"0", b"1", b"2"])
        look()
        await last
        await asyncio.wait(made.values())
        assert [task.cancelled() for task in made.values()] == [True] * 3
        assert [await pull.recv() for _ in range(3)] == [b"0", b"1", b"2"]

    run(main())


def test_polls_see_what_was_given_back(run: Run, ends: Ends) -> None:
    """What was given back is there for poll, for EVENTS and for receives without waiting."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        receiving = pull.recv_multipart()
        task = asyncio.create_task(keep(receiving))
        await turns()
        cancelled = cancel_when_done(receiving, task)
        await push.send_multipart([b"two", b"frames"])
        await cancelled
        await asyncio.wait([task])
        assert pull.getsockopt(zmq.EVENTS) & zmq.POLLIN
        assert pull.events & zmq.POLLIN
        assert await pull.poll(0) == zmq.POLLIN
        assert await pull.poll() == zmq.POLLIN
        assert pull.recv(zmq.NOBLOCK).result() == b"two"
        assert pull.recv_multipart(zmq.NOBLOCK, copy=False).result()[0].bytes == b"frames"
        assert await pull.poll(0) == 0

    run(main())


@pytest.mark.parametrize("how", ["cancel", "timeout", "wait_for", "at once"])
def test_a_storm_of_cancellation(run: Run, turn_limit: int, ends: Ends, how: str) -> None:
    """Receives that are cancelled at any moment lose no message, repeat none, and keep their order."""
    choose = random.Random(17)
    count = of_whole(1500)

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        received: list[int] = []

        async def take_one() -> None:
            received.append(int(await pull.recv()))

        async def receive() -> None:
            while len(received) < count:
                patience = choose.choice([0, 0, 0.0001, 0.001])
                if how == "timeout":
                    with suppress(TimeoutError):
                        async with asyncio.timeout(patience):
                            await take_one()
                elif how == "wait_for":
                    with suppress(TimeoutError):
                        await asyncio.wait_for(take_one(), patience or 0.00001)
                else:
                    task = asyncio.create_task(take_one())
                    if how == "cancel":
                        await turns(choose.randrange(4))
                    task.cancel()
                    await asyncio.wait([task])
                await asyncio.sleep(0)
                if how == "at once":
                    await take_one()

        async def send() -> None:
            for number in range(count + 1):
                await push.send(b"%d" % number)
                await turns(choose.randrange(3))

        await asyncio.gather(receive(), send())
        assert received == list(range(len(received)))

    run(main())


def test_a_storm_on_many_receivers(run: Run, turn_limit: int, ends: Ends) -> None:
    """Where many tasks receive from one socket, and any of them is cancelled at any moment, each message comes once."""
    choose = random.Random(4)
    count = of_whole(3000)

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        received: list[int] = []
        done = asyncio.Event()

        async def take() -> None:
            while True:
                received.append(int(await pull.recv()))
                if len(received) == count:
                    done.set()

        tasks = [asyncio.create_task(take()) for _ in range(10)]

        async def disturb() -> None:
            while True:
                index = choose.randrange(len(tasks))
                tasks[index].cancel()
                tasks[index] = asyncio.create_task(take())
                await asyncio.sleep(0)

        disturbing = asyncio.create_task(disturb())
        for number in range(count):
            await push.send(b"%d" % number)
            if choose.random() < 0.2:
                await asyncio.sleep(0)
        await done.wait()
        disturbing.cancel()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, disturbing, return_exceptions=True)
        assert sorted(received) == list(range(count))

    run(main())


def test_a_storm_of_cancelled_sends(run: Run, turn_limit: int, ends: Ends) -> None:
    """A send that returned was sent once, in order, and one that was cancelled once at most."""
    choose = random.Random(5)
    count = of_whole(1500)

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL, mark=2)
        sent: list[bytes] = []

        async def send() -> None:
            for number in range(count):
                message = b"%d" % number + bytes(5000)
                task = asyncio.create_task(_send(message))
                await turns(choose.randrange(4))
                task.cancel()
                await asyncio.wait([task])
            sent.append(b"end")
            await push.send(b"end")

        async def _send(message: bytes) -> None:
            await push.send(message)
            sent.append(message)

        async def receive() -> list[bytes]:
            received: list[bytes] = []
            while not received or received[-1] != b"end":
                received.append(await pull.recv())
                await turns(choose.randrange(3))
            return received

        _, received = await asyncio.gather(send(), receive())
        numbers = [int(message[:10].rstrip(b"\0")) for message in received[:-1]]
        assert numbers == sorted(set(numbers))
        assert set(sent) <= set(received)

    run(main())


async def given_up_when_done(receive: Callable[[], Any]) -> Any:
    """Have the own task cancelled when a receive is done, before it hears of that."""
    task = asyncio.current_task()
    assert task is not None
    receiving = receive()
    receiving.add_done_callback(lambda _: task.cancel())
    return await receiving


def test_a_time_limit_that_nobody_hears_of(run: Run, ends: Ends) -> None:
    """A receive whose time is over in the turn in which its task is cancelled leaves no complaint behind."""

    async def main() -> None:
        _, pull = ends.pair(zmq.PUSH, zmq.PULL)
        pull.rcvtimeo = 1
        for receive in (pull.recv, pull.recv_string, pull.recv_multipart):
            task = asyncio.create_task(given_up_when_done(receive))
            await asyncio.wait([task])
            assert task.cancelled()

    run(main())


def test_a_cancelled_receive_takes_nothing(run: Run, ends: Ends) -> None:
    """A future that is cancelled leaves its place at once to the next."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        first, second = pull.recv(), pull.recv_multipart()
        assert first.cancel()
        assert first.cancelled()
        assert not first.cancel()
        await push.send_multipart([b"for", b"the second"])
        assert await second == [b"for", b"the second"]

    run(main())


def test_a_send_that_is_cancelled_in_the_turn_of_its_call(run: Run, turn_limit: int, ends: Ends) -> None:
    """A send that was done at once cannot be cancelled, and arrives; one that waits for its turn can, and does not."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        expected = []
        waited = 0
        for number in range(2 * turn_limit + 10):
            message = b"%d" % number
            sending = push.send(message)
            if sending.cancel():
                waited += 1
                with pytest.raises(asyncio.CancelledError):
                    await sending
            else:
                await sending
                expected.append(message)
        assert waited
        await push.send(b"last")
        assert [await pull.recv() for _ in expected] == expected
        assert await pull.recv() == b"last"
        with pytest.raises(zmq.Again):
            await pull.recv(zmq.NOBLOCK)

    run(main())


@pytest.mark.parametrize("count", [1, 2, 3])
def test_sends_without_room_that_are_cancelled_in_the_turn_of_their_call(
    run: Run, turn_limit: int, ends: Ends, count: int
) -> None:
    """Whichever of several sends that wait for room are cancelled at once, the others are sent, in their order."""

    async def main() -> None:
        push = ends.socket(zmq.PUSH)
        port = push.bind_to_random_port("tcp://127.0.0.1")
        sendings = [push.send(b"%d" % number) for number in range(2 * count + 1)]
        assert all(sending.cancel() for sending in sendings[:count])
        pull = ends.socket(zmq.PULL)
        pull.connect(f"tcp://127.0.0.1:{port}")
        assert [await pull.recv() for _ in sendings[count:]] == [b"%d" % each for each in range(count, 2 * count + 1)]
        await asyncio.gather(*sendings[count:])
        assert all(sending.cancelled() for sending in sendings[:count])

    run(main())


def test_a_task_that_is_cancelled_before_it_sends(run: Run, turn_limit: int, ends: Ends) -> None:
    """A task that is cancelled in the turn in which it was made sends nothing, and one that waits for room neither."""

    async def main() -> None:
        push = ends.socket(zmq.PUSH)
        port = push.bind_to_random_port("tcp://127.0.0.1")
        begun = asyncio.create_task(keep_sending(push, b"begun"))
        await turns(1)
        new = asyncio.create_task(keep_sending(push, b"new"))
        for task in (begun, new):
            task.cancel()
        pull = ends.socket(zmq.PULL)
        pull.connect(f"tcp://127.0.0.1:{port}")
        await push.send(b"another")
        assert await pull.recv() == b"another"
        with pytest.raises(zmq.Again):
            await pull.recv(zmq.NOBLOCK)
        assert [type(error) for error in await asyncio.gather(begun, new, return_exceptions=True)] == [
            asyncio.CancelledError
        ] * 2

    run(main())


async def keep_sending(push: Any, message: bytes) -> None:
    await push.send(message)
