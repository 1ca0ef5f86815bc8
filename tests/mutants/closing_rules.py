"""A connection's end, and its context's."""

from __future__ import annotations

from tests.mutants.changes import drop_call, replace_call
from tests.mutants.mutation import Mutation, conformance

__all__ = ["MUTATIONS"]

CLOSE = "zmqbridge._channel:Channel.close"
TERMINATION = "zmqbridge._termination"

MUTATIONS = [
    Mutation(
        "closing",
        "unregister before the descriptor is closed",
        CLOSE,
        drop_call("_release"),
        conformance("twisted-epoll", "closing"),
    ),
    Mutation(
        "closing",
        "all that are parked are woken",
        CLOSE,
        drop_call("wake_all"),
        conformance("asyncio", "closing"),
    ),
    Mutation(
        "end of the context",
        "it is terminated off the loop's thread",
        f"{TERMINATION}:Termination.__init__",
        replace_call("start", "self._terminate()"),
        conformance("asyncio", "closing"),
    ),
    Mutation(
        "end of the context",
        "the end of the interpreter waits for what is unsent",
        f"{TERMINATION}:_end_all",
        drop_call("join"),
        ("tests/test_backends.py", "-k", "waits_for_a_peer"),
    ),
]
