"""The loop stays alive: what one turn of it reads and sends is bounded."""

from __future__ import annotations

from tests.mutants.changes import (
    assigned,
    drop_branch,
    drop_decrement,
    drop_increment,
    never,
    rename,
    unguarded,
    value,
)
from tests.mutants.mutation import Mutation, conformance

__all__ = ["MUTATIONS"]

CHANNEL = "zmqbridge._channel:Channel"
READS = "zmqbridge._socket:Socket.drain"
READS_LEAN = "zmqbridge._socket:LeanSocket.drain"
TURNS = ("tests/loops/test_asyncio.py", "-k", "one_turn or a_turn")

MUTATIONS = [
    Mutation(
        "fair",
        "a batch is bounded",
        f"{CHANNEL}._read",
        assigned("room", "1_000_000_000"),
        conformance("asyncio", "fairness", "hostile"),
    ),
    Mutation(
        "fair",
        "a batch is bounded in bytes",
        READS,
        never("room"),
        ("tests/sockets", *conformance("asyncio", "hostile")),
        also=(READS_LEAN,),
    ),
    Mutation(
        "fair",
        "a frame costs something though it is empty",
        "zmqbridge._socket:FRAME_COST",
        value("0"),
        conformance("asyncio", "hostile"),
    ),
    Mutation(
        "fair",
        "a look that reads nothing lets the loop run none the less",
        f"{CHANNEL}._park",
        drop_decrement("_reads_left"),
        conformance("asyncio", "lifecycle"),
    ),
    Mutation(
        "fair",
        "a checkpoint for each batch's worth of sends",
        f"{CHANNEL}.send",
        drop_branch("_sends_left"),
        conformance("asyncio", "fairness"),
    ),
    Mutation(
        "fair",
        "a program that sends without end lets the loop run",
        f"{CHANNEL}.send_at_once",
        unguarded("_sends_left"),
        conformance("asyncio", "fairness"),
    ),
    Mutation(
        "fair",
        "what one turn reads does not keep others from sending in the next",
        f"{CHANNEL}._read",
        rename("_reads_left", "_sends_left"),
        TURNS,
    ),
    Mutation(
        "fair",
        "a send that waited for its turn leaves the turn's sends to others",
        f"{CHANNEL}.send",
        drop_increment("_sends_left"),
        TURNS,
    ),
]
