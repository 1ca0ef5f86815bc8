"""Connections with handlers: the pump reads to the end and leaves the loop its turns; what is unanswered is bounded."""

from __future__ import annotations

from tests.mutants.changes import assigned, branch, condition, drop_branch, drop_call, never, unguarded
from tests.mutants.mutation import Mutation

__all__ = ["MUTATIONS"]

ATTENDANT = "zmqbridge.channel.attendant:Attendant"
PUMP = "zmqbridge.channel.pump:Pump"
UNANSWERED = "zmqbridge_twisted.unanswered:Unanswered.add"
MODEL = ("tests/model",)
PUMPS = ("tests/channel/test_pump.py",)
FUZZ = ("tests/test_fuzz.py",)

MUTATIONS = [
    Mutation(
        "handlers", "a touch has a pump that reads look", f"{ATTENDANT}._is_wanted", unguarded("wants_input"), MODEL
    ),
    Mutation(
        "handlers", "a touch has a pump look where sends wait", f"{ATTENDANT}._is_wanted", unguarded("lanes"), PUMPS
    ),
    Mutation(
        "handlers", "a pump that does not read hears of the end", f"{ATTENDANT}._is_wanted", unguarded("open"), PUMPS
    ),
    Mutation(
        "handlers", "a look under way goes on, and no other begins", f"{ATTENDANT}.look", unguarded("_looking"), PUMPS
    ),
    Mutation("handlers", "what is stopped reads no more", f"{PUMP}._act", unguarded("_stopped"), PUMPS),
    Mutation(
        "handlers", "a pump hears of the end that a send found", f"{ATTENDANT}.look", drop_call("check_open"), PUMPS
    ),
    Mutation(
        "handlers",
        "where the edge is stale after the last message it looks again",
        f"{PUMP}._act",
        condition("stale", becomes="False"),
        PUMPS,
    ),
    Mutation(
        "handlers", "what a look leaves behind is for the next turn", f"{ATTENDANT}.look", unguarded("stale"), MODEL
    ),
    Mutation(
        "handlers",
        "what is read and not delivered is for the next turn",
        f"{ATTENDANT}.look",
        unguarded("inbox"),
        PUMPS,
    ),
    Mutation("handlers", "one turn delivers a batch", f"{PUMP}._act", assigned("room", "1_000_000_000"), PUMPS),
    Mutation("handlers", "one turn does not last for ever", f"{PUMP}._act", drop_branch("ends"), PUMPS),
    Mutation("handlers", "a router's room is looked for again", f"{ATTENDANT}.look", drop_call("_set_timer"), PUMPS),
    Mutation(
        "handlers",
        "what is stopped leaves no timer",
        f"{ATTENDANT}._cancel_timers",
        drop_call("cancel").within(branch("_timer")),
        PUMPS,
    ),
    Mutation("handlers", "what is stopped leads no more", f"{ATTENDANT}.stop", drop_call("leave_watcher"), PUMPS),
    Mutation("handlers", "only so many requests wait for an answer", UNANSWERED, unguarded("limit"), FUZZ),
    Mutation("handlers", "those that wait take only so much memory", UNANSWERED, unguarded("memory"), FUZZ),
    Mutation("handlers", "a request waits for an answer only so long", UNANSWERED, unguarded("lifetime"), FUZZ),
    Mutation("handlers", "two clients that choose the same id are told apart", UNANSWERED, never("id"), FUZZ),
]
