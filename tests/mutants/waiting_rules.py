"""Who is parked: one leads, nothing is lost, nobody is overtaken, and what needs no check is another's nevertheless."""

from __future__ import annotations

from tests.mutants.changes import argument, condition, drop_call, insert_before_return, unguarded
from tests.mutants.mutation import Mutation, conformance

__all__ = ["MUTATIONS"]

CHANNEL = "zmqbridge._channel:Channel"
READINESS = "zmqbridge.readiness:Readiness"
MODEL = ("tests/waiting", "tests/model")

MUTATIONS = [
    Mutation(
        "one leads",
        "when it leaves, another takes over",
        f"{READINESS}._leave",
        argument("_lead", 0, "None"),
        conformance("asyncio", "cancellation"),
    ),
    Mutation(
        "one leads",
        "who takes over is woken",
        f"{READINESS}._leave",
        drop_call("wake"),
        conformance("asyncio", "cancellation"),
    ),
    Mutation(
        "nothing lost",
        "a served reader that is cancelled gives its message to the next",
        f"{READINESS}.leave_reader",
        drop_call("serve_readers"),
        MODEL,
    ),
    Mutation(
        "nothing lost",
        "a writer that leaves lets the next one try",
        f"{READINESS}.leave_writer",
        drop_call("_let_try"),
        MODEL,
    ),
    Mutation(
        "nothing lost",
        "no await between a message and its return",
        "zmqbridge.connections.base:Receiver.receive",
        insert_before_return("await self._context._find_backend().checkpoint()"),
        ("tests/model", *conformance("asyncio", "cancellation")),
    ),
    Mutation(
        "order",
        "a send that asks for nothing does not overtake those that wait",
        f"{CHANNEL}.send_at_once",
        unguarded("_lanes"),
        conformance("asyncio", "pipeline", "storms", "lifecycle"),
    ),
    Mutation(
        "order",
        "a receive that asks for nothing does not take what is another's",
        f"{CHANNEL}.wait_for_item",
        condition("reserved", becomes="self.buffer"),
        conformance("asyncio", "pipeline", "cancellation", "storms"),
    ),
    Mutation(
        "one thread",
        "a send that asks for nothing is for the channel's own thread alone",
        f"{CHANNEL}.send_at_once",
        condition("get_ident", becomes="self._unchecked is None"),
        conformance("asyncio", "misuse"),
    ),
    Mutation(
        "one thread",
        "a receive that asks for nothing is for the channel's own thread alone",
        f"{CHANNEL}.wait_for_item",
        condition("get_ident", becomes="self._unchecked is not None"),
        conformance("asyncio", "misuse"),
    ),
]
