"""Many requests of one task, messages that are lent, and handlers on any loop."""

from __future__ import annotations

from tests.mutants.changes import (
    drop_branch,
    drop_call,
    never,
    replace_use,
    uncaught,
    unguarded,
)
from tests.mutants.mutation import Mutation, conformance

__all__ = ["MUTATIONS"]

PENDING = "zmqbridge.pending:PendingRequests"
ASKING = "zmqbridge.connections.asking"
LOAN = "zmqbridge.channel.loan"
CALLBACKS = "zmqbridge.connections.callbacks"
MANY = conformance("asyncio", "request_many")
SHARED = conformance("asyncio", "shared")
DELIVERING = conformance("asyncio", "delivering")
ON_MESSAGE = ("tests/loops/test_on_message.py", "--harness", "asyncio")

MUTATIONS = [
    Mutation("many", "the caller is told once, for all", f"{PENDING}.take", unguarded("left"), MANY),
    Mutation(
        "many", "a loss ends those that were sent, and them alone", f"{PENDING}.lose", replace_use("sent", "{}*0"), MANY
    ),
    Mutation("many", "what is dropped is forgotten", f"{ASKING}:ask_many", drop_call("end_many"), MANY),
    Mutation("many", "a list is kept as it is", f"{ASKING}:ask_many", drop_branch("wrong"), MANY),
    Mutation("lent", "it returns when all came back", f"{LOAN}:send_shared", drop_call("until"), SHARED),
    Mutation("lent", "what came back is told to the loop", f"{LOAN}:Loan._gone", drop_call("call_from_thread"), SHARED),
    Mutation("lent", "what was not sent is no loan", f"{LOAN}:send_shared", drop_branch("sent"), SHARED),
    Mutation("lent", "closing ends it", f"{LOAN}:send_shared", unguarded("open"), SHARED),
    Mutation(
        "lent",
        "over inproc nothing is lent",
        "zmqbridge.socket.plain:Socket._lend_unless_inproc",
        drop_branch("address"),
        SHARED,
    ),
    Mutation("handlers", "what a handler raises is logged", f"{CALLBACKS}:_deliver", drop_call("log"), DELIVERING),
    Mutation("handlers", "closing ends it quietly", f"{CALLBACKS}:_deliver", uncaught("ConnectionClosed"), DELIVERING),
    Mutation(
        "handlers",
        "a cancelled handler is a cancelled delivery",
        f"{CALLBACKS}:_deliver",
        uncaught("cancellations"),
        conformance("twisted-epoll", "delivering"),
    ),
    Mutation("handlers", "a pause ends the batch", f"{CALLBACKS}:Delivery._clock", never("_pump"), ON_MESSAGE),
    Mutation("handlers", "turns have a limit again", f"{CALLBACKS}:Delivery._leave", drop_call("unattend"), ON_MESSAGE),
    Mutation("handlers", "closing stops it", f"{CALLBACKS}:Delivering.on_message", drop_branch("standby"), ON_MESSAGE),
]
