"""What is compared: a library on a loop, and what it has not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.guarantees.case import Case, Need
from benchmarks.guarantees.cases import CASES
from benchmarks.guarantees.libraries.aiozmq import Aiozmq
from benchmarks.guarantees.libraries.bridge import Bridge
from benchmarks.guarantees.libraries.handlers import Handlers
from benchmarks.guarantees.libraries.library import Library
from benchmarks.guarantees.libraries.pyzmq_asyncio import PyzmqAsyncio
from benchmarks.guarantees.libraries.zmq_anyio import ZmqAnyio
from benchmarks.guarantees.loops import Loop, OnAnyio, OnAsyncio, OnTrio, OnTwisted

__all__ = ["COLUMNS", "Column"]


@dataclass(frozen=True)
class Column:
    """A library on a loop.

    Attributes:
        module: the package that must be installed.
        distribution: its name on PyPI.
        make: makes the library for a case.
        lacks: what it has not.
    """

    module: str
    distribution: str
    make: Callable[[], Library]
    lacks: frozenset[Need]

    def why_not(self, case: Case) -> str | None:
        """Say why a case cannot be expressed; ``None`` if it can."""
        return next((f"n/a: {need.value}" for need in case.needs if need in self.lacks), None)

    @property
    def cases(self) -> set[str]:
        """The cases that can be expressed with it."""
        return {case.name for case in CASES.values() if self.why_not(case) is None}


def column(module: str, distribution: str, library: Any, loop: Callable[[], Loop] | None, *lacks: Need) -> Column:
    return Column(module, distribution, lambda: library(loop()) if loop else library(), frozenset(lacks))


NO_REQUESTS = (Need.REQUESTER, Need.REPLIER)
HANDLERS_ALONE = (Need.CANCELLING, Need.SEVERAL_RECEIVES, Need.READING_ON_DEMAND, Need.WAIT_FOR, Need.LOOPS_IN_A_ROW)
ANYIO = (*NO_REQUESTS, Need.HANDLERS, Need.WAIT_FOR, Need.OUTLIVING)

COLUMNS = {
    "zmqbridge on asyncio": column("zmqbridge", "zmqbridge", Bridge, OnAsyncio, Need.HANDLERS),
    "zmqbridge on trio": column("zmqbridge_trio", "zmqbridge", Bridge, OnTrio, Need.HANDLERS, Need.WAIT_FOR),
    "zmqbridge on Twisted": column(
        "zmqbridge_twisted", "zmqbridge", Bridge, OnTwisted, Need.HANDLERS, Need.WAIT_FOR, Need.LOOPS_IN_A_ROW
    ),
    "zmqbridge_twisted, handlers": column(
        "zmqbridge_twisted", "zmqbridge", partial(Handlers, "zmqbridge_twisted"), None, *HANDLERS_ALONE
    ),
    "zmq.asyncio": column("zmq", "pyzmq", PyzmqAsyncio, OnAsyncio, *NO_REQUESTS, Need.HANDLERS),
    "zmq-anyio on asyncio": column("zmq_anyio", "zmq-anyio", ZmqAnyio, partial(OnAnyio, "anyio"), *ANYIO),
    "zmq-anyio on trio": column("zmq_anyio", "zmq-anyio", ZmqAnyio, partial(OnAnyio, "anyio+trio"), *ANYIO),
    "aiozmq": column("aiozmq", "aiozmq", Aiozmq, OnAsyncio, *NO_REQUESTS),
    "txZMQ, handlers": column("txzmq", "txZMQ", partial(Handlers, "txzmq"), None, *HANDLERS_ALONE, Need.WAITING_SENDS),
}
