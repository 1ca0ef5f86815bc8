"""The port's one method for other threads: the loop calls a function soon, or the caller learns that it has ended."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import trio
from twisted.internet.selectreactor import SelectReactor

import zmqbridge
from tests.conformance.harnesses.base import Harness
from zmqbridge.abc import Backend
from zmqbridge_asyncio import AsyncioBackend
from zmqbridge_trio import TrioBackend
from zmqbridge_twisted.backend import TwistedBackend

COUNT = 100


@pytest.mark.each_backend
async def test_from_another_thread(loop: Harness) -> None:
    """What another thread has called runs on the loop's thread, in order, and wakes whoever waits there."""
    async with loop.context() as context:
        backend = context._find_backend()
        waiter = backend.create_waiter()
        called: list[Any] = []

        def note(number: int) -> None:
            called.append((number, threading.get_ident()))

        def call() -> None:
            for number in range(COUNT):
                backend.call_from_thread(partial(note, number))
            backend.call_from_thread(waiter.wake)

        thread = threading.Thread(target=call)
        thread.start()
        await waiter.wait(None, None)
        thread.join()
        assert called == [(number, threading.get_ident()) for number in range(COUNT)]


@pytest.mark.each_backend
async def test_from_its_own_thread(loop: Harness) -> None:
    """The loop's own thread may call it too: the function does not run inside that call."""
    async with loop.context() as context:
        backend = context._find_backend()
        waiter = backend.create_waiter()
        called: list[str] = []

        def call() -> None:
            called.append("called")
            waiter.wake()

        backend.call_from_thread(call)
        assert called == []
        await waiter.wait(None, None)
        assert called == ["called"]


def ended_asyncio() -> Backend:
    async def main() -> Backend:
        return AsyncioBackend()

    return asyncio.run(main())


def ended_trio() -> Backend:
    async def main() -> Backend:
        return TrioBackend()

    return trio.run(main)


def ended_twisted() -> Backend:
    reactor: Any = SelectReactor()
    reactor.callWhenRunning(reactor.stop)
    reactor.run(installSignalHandlers=False)
    return TwistedBackend(reactor)


@pytest.mark.parametrize("ended", [ended_asyncio, ended_trio, ended_twisted])
def test_of_a_loop_that_has_ended(ended: Callable[[], Backend]) -> None:
    """Once the loop has ended, the caller learns that nothing will be called any more."""
    backend = ended()
    with pytest.raises(zmqbridge.BackendError, match="has (ended|stopped)"):
        backend.call_from_thread(lambda: None)


def test_of_a_reactor_that_is_to_run() -> None:
    """Before the reactor first runs, as in the main function of ``task.react``, a call is kept until it does."""
    reactor: Any = SelectReactor()
    called: list[str] = []
    TwistedBackend(reactor).call_from_thread(lambda: called.append("called"))
    reactor.callWhenRunning(reactor.stop)
    reactor.run(installSignalHandlers=False)
    assert called == ["called"]
