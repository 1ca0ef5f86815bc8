"""Connections with handlers: the pump reads to the end and leaves the loop its turns; what is unanswered is bounded."""

from __future__ import annotations

from tests.mutants.changes import (
    assigned,
    branch,
    condition,
    drop_branch,
    drop_call,
    drop_decrement,
    drop_increment,
    never,
    replace_call,
    replace_use,
    unguarded,
    value,
    whole_test,
)
from tests.mutants.mutation import Mutation

__all__ = ["MUTATIONS"]

ATTENDANT = "zmqbridge.channel.attendant:Attendant"
PUMP = "zmqbridge.channel.pump:Pump"
UNANSWERED = "zmqbridge_twisted.unanswered:Unanswered"
MODEL = ("tests/model",)
PUMPS = ("tests/channel/test_pump.py",)
ANSWERING = ("tests/test_protocols.py", "-k", "Answering")
MEMORIES = ("tests/test_unanswered.py",)

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
        "handlers", "what a look leaves behind is for the next turn", f"{ATTENDANT}.look", unguarded("stale"), PUMPS
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
    Mutation("handlers", "what failed is tried again", f"{ATTENDANT}.look", drop_call("_retry_later"), PUMPS),
    Mutation("handlers", "what failed is not tried at once", f"{ATTENDANT}.look", unguarded("_retrying"), PUMPS),
    Mutation(
        "handlers", "only so many requests wait for an answer", f"{UNANSWERED}.add", unguarded("limit"), ANSWERING
    ),
    Mutation(
        "handlers", "a request waits for an answer only so long", f"{UNANSWERED}.add", unguarded("lifetime"), ANSWERING
    ),
    Mutation(
        "handlers", "two clients that choose the same id are told apart", f"{UNANSWERED}.add", never("id"), ANSWERING
    ),
    Mutation(
        "handlers", "an answer carries its client's own id", f"{UNANSWERED}.take", replace_use("own", "id"), ANSWERING
    ),
    Mutation(
        "handlers", "those that wait take only so much memory", f"{UNANSWERED}.add", unguarded("memory"), MEMORIES
    ),
    Mutation(
        "handlers",
        "the newest is kept",
        f"{UNANSWERED}.add",
        replace_call("len", "2").everywhere().within(whole_test("lifetime")),
        ("tests/test_unanswered.py", "-k", "newest"),
    ),
    Mutation("handlers", "each frame takes memory", "zmqbridge.framing:FRAME_MEMORY", value("0"), MEMORIES),
    Mutation(
        "handlers", "each request takes memory", "zmqbridge_twisted.unanswered:REQUEST_MEMORY", value("0"), MEMORIES
    ),
    Mutation("handlers", "the way back takes memory", f"{UNANSWERED}.add", drop_increment("taken"), MEMORIES),
    Mutation(
        "handlers", "what is answered takes none any more", f"{UNANSWERED}.take", drop_decrement("memory"), MEMORIES
    ),
    Mutation(
        "handlers", "what is forgotten is counted", f"{UNANSWERED}._forget", drop_increment("forgotten"), MEMORIES
    ),
]
