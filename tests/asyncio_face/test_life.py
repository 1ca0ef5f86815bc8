"""Contexts and sockets: what they are, on one loop after another, shared with plain sockets, and their end."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from typing import Any

import pytest
import zmq
import zmq.asyncio

import zmqbridge_asyncio
from tests.asyncio_face.conftest import LOOPS, Run
from tests.asyncio_face.ends import Ends, turns


def test_what_they_are(context: zmqbridge_asyncio.Context) -> None:
    """Contexts, sockets and pollers are pyzmq's, and zmq.asyncio's."""
    with context.socket(zmq.PULL) as socket:
        assert isinstance(socket, (zmqbridge_asyncio.Socket, zmq.Socket))
        assert isinstance(socket, zmq.asyncio.Socket)
        assert socket.context is context
        assert "zmqbridge_asyncio.Socket" in repr(socket)
    assert isinstance(context, zmq.Context)
    assert isinstance(context, zmq.asyncio.Context)
    assert isinstance(zmqbridge_asyncio.Poller(), zmq.Poller)
    make: Any = context.socket
    with make(zmq.PULL, socket_class=zmq.Socket) as plain:
        assert type(plain) is zmq.Socket


def test_the_global_instances() -> None:
    """Each class of contexts has an instance of its own."""
    plain: Any = None
    plain, theirs, ours = zmq.Context.instance(), zmq.asyncio.Context.instance(), zmqbridge_asyncio.Context.instance()
    assert len({plain, theirs, ours}) == 3
    assert type(ours) is zmqbridge_asyncio.Context
    assert zmqbridge_asyncio.Context.instance() is ours
    for context in (plain, theirs, ours):
        context.term()
    again = zmqbridge_asyncio.Context.instance()
    assert again is not ours
    again.term()


def test_options_as_attributes(context: zmqbridge_asyncio.Context) -> None:
    """Options are set and read as attributes, of a context for all its sockets too."""
    context.linger = 7
    context.max_sockets = 100
    with context.socket(zmq.SUB) as made:
        socket: Any = made
        assert socket.linger == 7
        socket.rcvhwm = 5
        assert socket.getsockopt(zmq.RCVHWM) == 5
        socket.subscribe = "topic"
        socket.identity = b"me"
        assert socket.get(zmq.IDENTITY) == b"me"
        with pytest.raises(AttributeError):
            socket.no_such_option = 1
    assert context.max_sockets == 100


def test_a_shadow_of_a_plain_context(run: Run) -> None:
    """A context made of a plain one makes sockets in that."""

    async def main() -> None:
        with zmq.Context() as plain, plain.socket(zmq.PUSH) as push:
            push.bind("inproc://shadow")
            shadow = zmqbridge_asyncio.Context(plain)
            with shadow.socket(zmq.PULL) as pull:
                pull.connect("inproc://shadow")
                push.send(b"here")
                assert await pull.recv() == b"here"
            assert not plain.closed

    run(main())


@pytest.mark.parametrize("make", [zmqbridge_asyncio.Socket, zmqbridge_asyncio.Socket.from_socket])
def test_a_plain_socket_made_awaitable(run: Run, ends: Ends, make: Any) -> None:
    """A socket made of a plain one uses the same ZeroMQ socket, which others may go on using."""

    async def main() -> None:
        plain, pull = ends.pair(zmq.PUSH, zmq.PULL, plain=True)
        socket = make(plain)
        assert socket.underlying == plain.underlying
        assert socket.type == zmq.PUSH
        await socket.send(b"one")
        plain.send(b"two")
        assert [await pull.recv(), await pull.recv()] == [b"one", b"two"]

    run(main())


def test_others_who_use_the_socket_eat_nothing(run: Run, ends: Ends) -> None:
    """A receive that waits hears of its message though a plain socket for the same has used up the signal of it."""

    async def main() -> None:
        server, client = ends.pair(zmq.ROUTER, zmq.DEALER)
        plain: Any = zmq.Socket(client)
        await client.send(b"hello")
        name, _ = await server.recv_multipart()
        for _ in range(10):
            receiving = client.recv()
            await turns(1)
            await server.send_multipart([name, b"for you"])
            while not plain.getsockopt(zmq.EVENTS) & zmq.POLLIN:
                pass
            assert await receiving == b"for you"

    run(main())


@pytest.mark.parametrize("make_loop", LOOPS.values(), ids=LOOPS)
def test_on_one_loop_after_another(ends: Ends, make_loop: Any) -> None:
    """A socket is used on one loop after another, and what waited on one that has ended takes nothing away."""
    push, pull = ends.pair(zmq.PUSH, zmq.PULL)

    async def main(number: int) -> Any:
        await push.send(b"%d" % number)
        received = await pull.recv()
        return received, pull.recv(), push.poll()

    for number in range(3):
        with asyncio.Runner(loop_factory=make_loop) as runner:
            received, *_ = runner.run(asyncio.wait_for(main(number), 20))
        assert received == b"%d" % number


def test_in_a_thread_after_another(run: Run, ends: Ends) -> None:
    """A socket that was used in one thread may be used in another afterwards."""
    push, pull = ends.pair(zmq.PUSH, zmq.PULL)

    async def main() -> None:
        for number in range(300):
            await push.send(b"%d" % number)
            assert await pull.recv() == b"%d" % number

    run(main())
    failures: list[BaseException] = []

    def other() -> None:
        try:
            asyncio.run(asyncio.wait_for(main(), 20))
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert not failures
    run(main())


def test_closing_ends_what_waits(run: Run, ends: Ends) -> None:
    """What waits for a socket that is closed is cancelled, and the error says why."""

    async def main() -> None:
        push, pull = ends.socket(zmq.PUSH), ends.socket(zmq.PULL)
        waiting = [
            pull.recv(),
            pull.recv_multipart(),
            pull.recv_json(),
            push.send(b"x"),
            pull.poll(),
            pull.poll(50_000),
        ]
        poller = zmqbridge_asyncio.Poller()
        poller.register(pull, zmq.POLLIN)
        waiting.append(poller.poll())
        task = asyncio.create_task(_await(pull.recv()))
        await turns()
        pull.close()
        push.close()
        for future in waiting:
            with pytest.raises(asyncio.CancelledError, match="closed"):
                await future
            assert future.cancelled()
        with pytest.raises(asyncio.CancelledError, match="closed"):
            await task

    run(main())


async def _await(future: Any) -> Any:
    return await future


def test_what_is_closed_is_not_used(run: Run, ends: Ends) -> None:
    """Operations on a closed socket are errors of pyzmq's."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        await push.send(b"x")
        await pull.recv()
        fresh = ends.socket(zmq.PULL)
        for socket in (push, pull, fresh):
            socket.close()
            socket.close()
            assert socket.closed
        for operation in (lambda: push.send(b"x"), lambda: push.send_multipart([b"x"]), pull.recv, pull.recv_json):
            with pytest.raises(zmq.ZMQError) as refused:
                await operation()
            assert refused.value.errno == zmq.ENOTSOCK
        with pytest.raises(zmq.ZMQError):
            await fresh.recv()
        with pytest.raises(zmq.ZMQError):
            pull.poll()

    run(main())


def test_the_end_of_the_context_ends_what_waits(run: Run) -> None:
    """What waits when the context is terminated ends with zmq.ContextTerminated."""

    async def main() -> None:
        context = zmqbridge_asyncio.Context()
        push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
        waiting = [pull.recv(), pull.recv_string(), push.send(b"x"), pull.poll()]
        ending = asyncio.get_running_loop().run_in_executor(None, context.term)
        try:
            for future in waiting:
                with pytest.raises(zmq.ContextTerminated):
                    await future
            with pytest.raises(zmq.ContextTerminated):
                await pull.recv()
            with pytest.raises(zmq.ContextTerminated):
                await push.send(b"x")
        finally:
            push.close()
            pull.close()
            await ending

    run(main())


def test_what_is_dropped_is_gone(run: Run) -> None:
    """A closed socket that nobody keeps is collected without the collector, with all that belongs to it."""

    async def main() -> None:
        with zmqbridge_asyncio.Context() as context:
            socket = context.socket(zmq.PULL)
            waits = socket.recv()
            socket.close()
            gone = weakref.ref(socket)
            del socket, waits
            await turns()
            assert gone() is None

    if sys.implementation.name == "cpython":
        gc.disable()
        try:
            run(main())
        finally:
            gc.enable()


def test_monitors(run: Run, ends: Ends) -> None:
    """Events of a socket are received by the tools that pyzmq has for it."""
    from zmq.utils.monitor import recv_monitor_message

    async def main() -> None:
        push, pull = ends.socket(zmq.PUSH), ends.socket(zmq.PULL)
        with push.get_monitor_socket() as monitor:
            port = push.bind_to_random_port("tcp://127.0.0.1")
            pull.connect(f"tcp://127.0.0.1:{port}")
            seen = set()
            while zmq.EVENT_ACCEPTED not in seen:
                seen.add((await recv_monitor_message(monitor))["event"])
            assert zmq.EVENT_LISTENING in seen
            push.disable_monitor()

    run(main())


@pytest.mark.parametrize("what", ["waits", "closed", "idle"])
def test_the_end_of_the_interpreter(what: str) -> None:
    """A program that ends in the middle of it all ends quietly."""
    program = f"""
import asyncio, zmq, zmqbridge_asyncio
context = zmqbridge_asyncio.Context.instance()
socket = context.socket(zmq.PAIR)
socket.bind_to_random_port("tcp://127.0.0.1")
async def main():
    waits = asyncio.create_task(keep()) if {what!r} != "idle" else None
    await asyncio.sleep(0)
    if {what!r} == "closed":
        socket.close()
async def keep():
    await socket.recv()
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, text=True, timeout=50)
    assert (done.returncode, done.stderr) == (0, "")
