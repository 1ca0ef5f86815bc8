"""The event loops: each runs a program written once, with a ticker beside it where that is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

Main = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Loop:
    """A loop.

    Attributes:
        modules: what must be installed.
        run: runs a program to its end.
        sleep: waits some seconds.
        beside: runs a coroutine function in the background, and cancels it at the end.
    """

    modules: tuple[str, ...]
    run: Callable[[Main], None]
    sleep: Callable[[float], Awaitable[None]]
    beside: Callable[[Main], AbstractAsyncContextManager[None]]


def run_asyncio(main: Main) -> None:
    asyncio.run(main())


def run_uvloop(main: Main) -> None:
    import uvloop

    uvloop.run(main())


def run_trio(main: Main) -> None:
    import trio

    trio.run(main)


def run_anyio(main: Main) -> None:
    import anyio

    anyio.run(main)


def run_anyio_trio(main: Main) -> None:
    import anyio

    anyio.run(main, backend="trio")


def run_twisted(main: Main) -> None:
    from twisted.internet import defer, reactor
    from twisted.python.failure import Failure

    started: Any = reactor
    results: list[Any] = []

    def begin() -> None:
        defer.Deferred.fromCoroutine(main()).addBoth(results.append).addBoth(lambda _: started.stop())

    started.callWhenRunning(begin)
    started.run()
    if isinstance(results[0], Failure):
        results[0].raiseException()


@asynccontextmanager
async def beside_asyncio(function: Main) -> AsyncIterator[None]:
    task = asyncio.create_task(function())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def beside_trio(function: Main) -> AsyncIterator[None]:
    import trio

    async with trio.open_nursery() as nursery:
        nursery.start_soon(function)
        yield
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def beside_twisted(function: Main) -> AsyncIterator[None]:
    from twisted.internet import defer

    running = defer.Deferred.fromCoroutine(function()).addErrback(lambda failure: failure.trap(defer.CancelledError))
    try:
        yield
    finally:
        running.cancel()
        await running


async def sleep_trio(seconds: float) -> None:
    import trio

    await trio.sleep(seconds)


async def sleep_twisted(seconds: float) -> None:
    from twisted.internet import reactor, task

    await task.deferLater(reactor, seconds)


async def sleep_asyncio(seconds: float) -> None:
    await asyncio.sleep(seconds)


LOOPS = {
    "asyncio": Loop((), run_asyncio, sleep_asyncio, beside_asyncio),
    "uvloop": Loop(("uvloop",), run_uvloop, sleep_asyncio, beside_asyncio),
    "trio": Loop(("trio",), run_trio, sleep_trio, beside_trio),
    "anyio": Loop(("anyio",), run_anyio, sleep_asyncio, beside_asyncio),
    "anyio+trio": Loop(("anyio", "trio"), run_anyio_trio, sleep_trio, beside_trio),
    "Twisted": Loop(("twisted",), run_twisted, sleep_twisted, beside_twisted),
}
