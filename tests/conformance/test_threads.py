"""Whose thread a connection is: that of the loop that made it, and where none runs, of whoever uses it first."""

from __future__ import annotations

import functools
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from tests.waiting.threads import in_a_thread


@contextmanager
def in_a_thread_that_goes_on(call: Callable[[], object]) -> Iterator[list[object]]:
    """Call something in a thread that then lives on, as a pool's does; give what it returned or raised."""
    outcome: list[object] = []
    called, leave = threading.Event(), threading.Event()

    def body() -> None:
        try:
            outcome.append(call())
        except Exception as error:
            outcome.append(error)
        called.set()
        leave.wait()

    thread = threading.Thread(target=body)
    thread.start()
    called.wait()
    try:
        yield outcome
    finally:
        leave.set()
        thread.join()


FIRST_CALLS: dict[str, Callable[[zmqbridge.Pair], object]] = {
    "send": lambda pair: pair.send_nowait(b"from the thread"),
    "receive": lambda pair: pair.receive_nowait(),
    "an option": lambda pair: pair.getsockopt(zmq.EVENTS),
    "bind": lambda pair: pair.bind("inproc://never"),
    "close": lambda pair: pair.close(),
    "iterate": lambda pair: pair.__aiter__().__anext__().__await__().__next__(),
    "the context": lambda pair: pair._context.close(),  # type: ignore[attr-defined]
}


@pytest.mark.looks_at("waiting", "cancelling")
@pytest.mark.parametrize("call", FIRST_CALLS.values(), ids=FIRST_CALLS)
async def test_first_call_in_a_pools_thread(
    loop: Harness, addresses: Addresses, call: Callable[[zmqbridge.Pair], object]
) -> None:
    """A first call from another thread is the error, and neither the loop's own calls nor the context's end."""
    context = loop.context(linger=0)
    pair = context.pair(bind=addresses.new("inproc"))
    other = context.pair(connect=pair.endpoints[0].address)
    with in_a_thread_that_goes_on(lambda: call(pair)) as outcome:
        assert "belongs to another thread" in str(outcome[0])
        await pair.send(b"from the loop")
        assert await other.receive() == [b"from the loop"]
        await context.aclose()
    assert (context.closed, pair.closed, other.closed) == (True, True, True)


async def test_made_in_a_callback(loop: Harness, addresses: Addresses) -> None:
    """A connection belongs to the loop's thread where no task made it, too, and whatever it is made for."""
    async with loop.context(linger=0) as context:
        made: list[zmqbridge.Pair] = []

        async def make() -> None:
            made.append(context.pair(bind=addresses.new("inproc")))

        await loop.spawn(make).result()
        with pytest.raises(zmqbridge.LocalProtocolError):
            in_a_thread(lambda: made[0].getsockopt(zmq.TYPE))


@pytest.mark.each_backend
async def test_made_in_a_pools_thread(loop: Harness, addresses: Addresses) -> None:
    """A connection that is made where no loop runs is the loop's once that has used it."""
    async with loop.context(linger=0) as context:
        pair = in_a_thread(lambda: context.pair(bind=addresses.new("inproc")))
        other = context.pair(connect=pair.endpoints[0].address)
        await other.send(b"x")
        assert await pair.receive() == [b"x"]
        with pytest.raises(zmqbridge.LocalProtocolError):
            in_a_thread(lambda: pair.getsockopt(zmq.TYPE))


async def test_iteration_in_another_thread(loop: Harness, addresses: Addresses) -> None:
    """Iterating in another thread, and in the loop that runs there, takes nothing of what was read ahead."""
    async with loop.context(linger=0) as context:
        puller = context.puller(bind=addresses.new("inproc"))
        await context.pusher(connect=puller.endpoints[0].address).send_many([b"%d" % number for number in range(10)])
        items: Any = puller.__aiter__()
        assert await items.__anext__() == [b"0"]
        asked_for = items.__anext__()
        outcome: list[Any] = []

        async def iterate() -> None:
            for step in (lambda: asked_for, items.__anext__, puller.__aiter__().__anext__, puller.__anext__):
                try:
                    outcome.append(await step())
                except zmqbridge.LocalProtocolError:
                    outcome.append("refused")

        thread = threading.Thread(target=functools.partial(type(loop)(loop.backend_class).run, iterate))
        thread.start()
        await loop.until(lambda: not thread.is_alive())
        assert outcome == ["refused"] * 4
        assert [await puller.receive() for _ in range(9)] == [[b"%d" % number] for number in range(1, 10)]


# --- Twisted's reactor, which may be installed in one thread and run in another ---

REACTOR_ELSEWHERE = """
import threading
from twisted.internet import defer, reactor
import zmqbridge
context = zmqbridge.Context(linger=0)
pair = context.pair(bind="inproc://x")
other = context.pair(connect="inproc://x")
refused = []
def mistake():
    try:
        pair.send_nowait(b"x")
    except zmqbridge.LocalProtocolError:
        refused.append(True)
thread = threading.Thread(target=mistake); thread.start(); thread.join()
async def main():
    await pair.send(b"y")
    print(refused, await other.receive())
    try:
        await context.aclose()
    finally:
        reactor.stop()
reactor.callWhenRunning(lambda: defer.Deferred.fromCoroutine(main()))
thread = threading.Thread(target=reactor.run, args=(False,)); thread.start(); thread.join()
"""


def test_reactor_that_is_to_run_elsewhere() -> None:
    """What is made before the reactor runs is no other thread's by a call, but the reactor's, wherever that runs."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", REACTOR_ELSEWHERE],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("[True] [b'y']\n", 0), done.stderr
