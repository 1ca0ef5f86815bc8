"""All that is measured: each workload with its contenders, and what a quick run keeps of it."""

from __future__ import annotations

from benchmarks import connections, growing, receiving, requesting, round_trips, securing, sending, subscribing, ticking
from benchmarks.contender import Contender, Workload
from benchmarks.replacing import IN_PLACE

JUDGED = (
    "zmqbridge on asyncio",
    "zmqbridge on trio",
    "zmqbridge on Twisted",
    "zmqbridge_twisted, handlers",
    "zmqbridge_asyncio",
    "zmq.asyncio",
    "zmq-anyio on trio",
    "txZMQ, handlers",
    "blocking recv_multipart",
    "libzmq in C",
)
CHOSEN = ("zmqbridge on asyncio", "zmq.asyncio", "txZMQ, handlers", "blocking recv_multipart", "libzmq in C")

RECEIVE = "1 frame of 100 B"
RECEIVE_LARGE = "1 frame of 1 MiB"
SUBSCRIBE = "tag and 100 B"
SEND = "1 frame of 100 B"
ROUND_TRIP = "100 B, one at a time"
REQUESTS = "100 B, 100 outstanding"


def chosen(contenders: tuple[Contender, ...], names: tuple[str, ...]) -> tuple[Contender, ...]:
    return tuple(contender for contender in contenders if contender.name in names)


def receive(setting: str, frames: int, size: int, quick: tuple[str, ...] = ()) -> Workload:
    """Return one of receiving's variants, for a chosen few."""
    few = chosen(receiving.CONTENDERS, CHOSEN)
    return Workload("receive", setting, few, "zmq.asyncio", quick=quick, frames=frames, size=size)


def grow(setting: str, contenders: tuple[Contender, ...], quick: tuple[str, ...]) -> Workload:
    yardstick = contenders[0].name
    return Workload("growth", setting, contenders, yardstick, "loop_seconds_per_message", (yardstick, *quick))


WORKLOADS = (
    Workload("receive", RECEIVE, receiving.CONTENDERS, "zmq.asyncio", quick=JUDGED),
    receive("3 frames of 100 B", 3, 100),
    receive("10 frames of 100 B", 10, 100),
    receive("1 frame of 10 B", 1, 10),
    receive("1 frame of 1 KiB", 1, 1 << 10),
    receive("1 frame of 64 KiB", 1, 1 << 16),
    receive(RECEIVE_LARGE, 1, 1 << 20, ("zmqbridge on asyncio", "libzmq in C")),
    Workload(
        "subscribe",
        SUBSCRIBE,
        subscribing.CONTENDERS,
        "zmq.asyncio and split",
        quick=("zmqbridge on asyncio", "zmq.asyncio and split"),
    ),
    Workload(
        "send",
        SEND,
        sending.CONTENDERS,
        "zmq.asyncio",
        quick=("zmqbridge on asyncio", "zmqbridge on asyncio, send_many", IN_PLACE, "zmq.asyncio", "blocking send"),
    ),
    Workload(
        "round trip",
        ROUND_TRIP,
        round_trips.CONTENDERS,
        "zmq.asyncio REQ",
        "latency_median_seconds",
        quick=("zmqbridge on asyncio", f"{IN_PLACE} REQ", "zmq.asyncio REQ"),
    ),
    Workload(
        "requests",
        REQUESTS,
        requesting.contenders(100),
        "zmq.asyncio",
        quick=("zmqbridge on asyncio", IN_PLACE, "zmq.asyncio", "txZMQ, handlers"),
    ),
    Workload("requests", "100 B, 1,000 outstanding", requesting.contenders(1_000), "zmq.asyncio"),
    Workload("connections", "1,000 in one loop, 4 active", connections.contenders(1_000), "zmq.asyncio"),
    Workload(
        "security", "1 frame of 100 B", securing.CONTENDERS, securing.OPEN, quick=(securing.CURVE, securing.JUDGED)
    ),
    grow("tags", growing.tags(), ("1,000 tags",)),
    grow("connections", growing.connections(), ("1,000 connections",)),
    grow("outstanding requests", growing.outstanding(), ("1,000 outstanding",)),
    Workload(
        "ticker",
        "every 1 ms, flooded",
        ticking.CONTENDERS,
        "zmq.asyncio",
        "gap_longest_seconds",
        quick=("zmqbridge on asyncio", "zmqbridge on trio", "txZMQ, handlers"),
        share=3,
    ),
)

NAMES = tuple(dict.fromkeys(workload.name for workload in WORKLOADS))


def find(title: str, contender: str) -> tuple[Workload, Contender]:
    """Return a workload and one of its contenders, by their names."""
    workload = next(each for each in WORKLOADS if each.title == title)
    return workload, next(each for each in workload.contenders if each.name == contender)
