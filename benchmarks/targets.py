"""The figures that zmqbridge is held to, each a ratio within the same run, and whether they are met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import workloads
from benchmarks.figures import ratio
from benchmarks.replacing import IN_PLACE
from benchmarks.rounds import Rounds, row_name


@dataclass(frozen=True)
class Target:
    """A ratio, without the extension and with it.

    Attributes:
        words: what is compared.
        workload: the title of the workload.
        contender: ours.
        yardstick: whose figure is one.
        pure: the bound in pure Python; ``None`` for none.
        fast: the bound with the extension.
        fast_contender: ours with the extension, where that is another.
        figure: what is compared.
        at_most: the bound is the highest that is allowed, not the lowest.
    """

    words: str
    workload: str
    contender: str
    yardstick: str
    pure: float | None
    fast: float
    fast_contender: str = ""
    figure: str = "messages_per_second"
    at_most: bool = False


RECEIVE = f"receive: {workloads.RECEIVE}"
RECEIVE_LARGE = f"receive: {workloads.RECEIVE_LARGE}"
SUBSCRIBE = f"subscribe: {workloads.SUBSCRIBE}"
SEND = f"send: {workloads.SEND}"
ROUND_TRIP = f"round trip: {workloads.ROUND_TRIP}"
REQUESTS = f"requests: {workloads.REQUESTS}"
ASYNCIO = "zmqbridge on asyncio"
HANDLERS = "zmqbridge_twisted, handlers"
BATCHES = "zmqbridge on asyncio, send_many"

TARGETS = (
    Target("receive on asyncio / zmq.asyncio", RECEIVE, ASYNCIO, "zmq.asyncio", 14, 35),
    Target("receive on trio / zmq-anyio on trio", RECEIVE, "zmqbridge on trio", "zmq-anyio on trio", 35, 80),
    Target("receive on Twisted / txZMQ", RECEIVE, "zmqbridge on Twisted", "txZMQ, handlers", 4.5, 11),
    Target("receive in Twisted's handlers / txZMQ", RECEIVE, HANDLERS, "txZMQ, handlers", 5, 11),
    Target("receive on asyncio / blocking recv_multipart", RECEIVE, ASYNCIO, "blocking recv_multipart", 1.7, 4.5),
    Target("receive on asyncio / libzmq in C", RECEIVE, ASYNCIO, "libzmq in C", None, 0.65),
    Target("subscribe on asyncio / zmq.asyncio and split", SUBSCRIBE, ASYNCIO, "zmq.asyncio and split", 12, 28),
    Target("send on asyncio (batches with it) / zmq.asyncio", SEND, ASYNCIO, "zmq.asyncio", 4, 8, BATCHES),
    Target("send on asyncio (batches with it) / blocking send", SEND, ASYNCIO, "blocking send", 0.8, 2, BATCHES),
    Target(
        "round trip on asyncio / zmq.asyncio REQ",
        ROUND_TRIP,
        ASYNCIO,
        "zmq.asyncio REQ",
        0.95,
        0.85,
        figure="latency_median_seconds",
        at_most=True,
    ),
    Target("100 outstanding, both ends / zmq.asyncio", REQUESTS, ASYNCIO, "zmq.asyncio", 3, 5),
    Target("100 outstanding, both ends / txZMQ", REQUESTS, ASYNCIO, "txZMQ, handlers", 1.6, 2.5),
    Target("zmqbridge_asyncio in place of it / zmq.asyncio: receive", RECEIVE, IN_PLACE, "zmq.asyncio", None, 8),
    Target("zmqbridge_asyncio in place of it / zmq.asyncio: send", SEND, IN_PLACE, "zmq.asyncio", None, 3),
    Target(
        "zmqbridge_asyncio in place of it / zmq.asyncio: round trip",
        ROUND_TRIP,
        f"{IN_PLACE} REQ",
        "zmq.asyncio REQ",
        None,
        0.85,
        figure="latency_median_seconds",
        at_most=True,
    ),
    Target(
        "zmqbridge_asyncio in place of it / zmq.asyncio: 100 outstanding", REQUESTS, IN_PLACE, "zmq.asyncio", None, 3
    ),
    Target("1 MiB, bytes a second / libzmq in C", RECEIVE_LARGE, ASYNCIO, "libzmq in C", 0.5, 0.8),
)


def judge(rounds: Rounds, targets: Sequence[Target] = TARGETS) -> list[dict[str, Any]]:
    """Return each bound with what was measured; ``met`` is ``None`` where it was not.

    Args:
        rounds: what :func:`benchmarks.rounds.figures_by_row` returns.
        targets: what is judged.
    """
    judged = []
    for target in targets:
        for bound, contender, pure in bounds(target):
            measured = ratio(
                rounds.get((target.workload, row_name(contender, pure=pure)), []),
                rounds.get((target.workload, target.yardstick), []),
                target.figure,
            )
            judged.append(
                {
                    "target": target.words,
                    "extension": not pure,
                    "bound": bound,
                    "at_most": target.at_most,
                    "measured": measured,
                    "met": None if measured is None else is_met(measured, bound, at_most=target.at_most),
                }
            )
    return judged


def bounds(target: Target) -> Iterator[tuple[float, str, bool]]:
    """Yield each bound, with whom it is for and whether that is in pure Python."""
    if target.pure is not None:
        yield target.pure, target.contender, True
    yield target.fast, target.fast_contender or target.contender, False


def is_met(measured: float, bound: float, *, at_most: bool) -> bool:
    return measured <= bound if at_most else measured >= bound
