"""Connections with handlers: the pump reads to the end and leaves the loop its turns; what is unanswered is bounded."""

from __future__ import annotations

from tests.mutants.changes import drop_assignment, drop_call, hoist_assignment, never, unguarded
from tests.mutants.mutation import Mutation

__all__ = ["MUTATIONS"]

PUMP = "zmqbridge._pump:Pump"
UNANSWERED = "zmqbridge_twisted.unanswered:Unanswered.add"
MODEL = ("tests/waiting", "tests/model")
FUZZ = ("tests/test_fuzz.py",)

MUTATIONS = [
    Mutation(
        "handlers",
        "a wake during a look makes it look again",
        f"{PUMP}.wake",
        drop_assignment("_woken"),
        MODEL,
    ),
    Mutation(
        "handlers",
        "what a look left behind is still unread when its last messages are delivered",
        f"{PUMP}._read_and_deliver",
        hoist_assignment("_woken"),
        MODEL,
    ),
    Mutation(
        "handlers",
        "what a look leaves is for the next turn",
        f"{PUMP}.look",
        drop_call("wake"),
        MODEL,
    ),
    Mutation(
        "handlers",
        "only so many requests wait for an answer",
        UNANSWERED,
        unguarded("limit"),
        FUZZ,
    ),
    Mutation(
        "handlers",
        "a request waits for an answer only so long",
        UNANSWERED,
        unguarded("lifetime"),
        FUZZ,
    ),
    Mutation(
        "handlers",
        "two clients that choose the same id are told apart",
        UNANSWERED,
        never("id"),
        FUZZ,
    ),
]
