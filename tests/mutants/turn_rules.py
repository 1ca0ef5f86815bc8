"""The loop stays alive: what one turn of it reads and sends is bounded, and where its rule is strict it always runs."""

from __future__ import annotations

from tests.mutants.changes import (
    argument,
    assigned,
    branch,
    condition,
    drop_assignment,
    drop_branch,
    drop_call,
    drop_decrement,
    drop_increment,
    never,
    only_if,
    rename,
    replace_call,
    unguarded,
    value,
)
from tests.mutants.mutation import Mutation, conformance

__all__ = ["MUTATIONS"]

CHANNEL = "zmqbridge.channel.channel:Channel"
OUTBOX = "zmqbridge.channel.outbox:Outbox"
ATTEMPT = "zmqbridge.channel.attempt:Attempt"
TURN = "zmqbridge.waiting.turn:Turn"
PLAIN = "zmqbridge.socket.plain:Socket"
LEAN = "zmqbridge.socket.lean:LeanSocket"
ADAPT = "zmqbridge.link:Link._adapt"
FAIRNESS = conformance("asyncio", "fairness")
AHEAD = ("tests/test_read_ahead.py",)
BY_TURNS = conformance("asyncio", "by_turns")
LIMITS = conformance("asyncio", "turn_limit")
TURNS = ("tests/loops/test_asyncio.py", "-k", "one_turn or a_turn")
BOOKS = ("tests/waiting/test_turn.py",)
SOCKETS = ("tests/sockets",)
STRICT = ("tests/test_backends.py", "-k", "checkpoints_on_trio")

BATCHES = [
    Mutation(
        "fair",
        "a batch is bounded by what is there already",
        "zmqbridge.channel.intake:Intake.read",
        assigned("room", "self.batch"),
        LIMITS,
    ),
    Mutation(
        "fair",
        "a batch is bounded by what a turn reads",
        ADAPT,
        replace_call("min", "most or self._turn_limit"),
        AHEAD,
    ),
    Mutation(
        "fair",
        "a batch is bounded by the receive high-water mark",
        ADAPT,
        replace_call("min", "self._turn_limit"),
        AHEAD,
    ),
    Mutation(
        "fair",
        "nothing is read ahead where only the newest message counts",
        ADAPT,
        unguarded("CONFLATE"),
        AHEAD,
    ),
    Mutation(
        "fair",
        "nothing is read ahead where the sockets talk by turns",
        ADAPT,
        unguarded("TYPE"),
        AHEAD,
    ),
    Mutation(
        "fair",
        "what is set later has its effect on what is read ahead",
        "zmqbridge.link:Link.set_option",
        drop_call("_adapt"),
        (*AHEAD, *BY_TURNS),
    ),
    Mutation(
        "fair",
        "where the sockets talk by turns a message is read by whom it is for",
        f"{CHANNEL}.look",
        unguarded("by_turns"),
        BY_TURNS,
    ),
    Mutation(
        "fair",
        "a receive that is told to try and goes tells the next",
        "zmqbridge.waiting.parking:ParkingLot.leave_reader",
        drop_branch("told"),
        BY_TURNS,
    ),
    Mutation(
        "fair",
        "a batch is bounded in bytes",
        f"{PLAIN}._receive",
        condition("room", becomes="True"),
        SOCKETS,
    ),
    Mutation(
        "fair",
        "a batch is bounded in bytes (ctypes)",
        f"{LEAN}._receive",
        never("room").within(branch("follows")),
        SOCKETS,
    ),
    Mutation("fair", "a frame costs something though it is empty", "zmqbridge._native:FRAME_COST", value("0"), SOCKETS),
]

THE_LIMIT = [
    Mutation(
        "fair",
        "the limit of a context is that of its connections",
        "zmqbridge.connections.base:Connection.__init__",
        argument("Link", "turn_limit", "TURN_LIMIT"),
        LIMITS,
    ),
    Mutation(
        "fair",
        "the limit of a factory is that of its connections",
        "zmqbridge_twisted.connection:ZmqConnection.__init__",
        argument("Link", "turn_limit", "256"),
        ("tests/test_turn_limits.py",),
    ),
    Mutation(
        "fair", "the limit of a channel is that of its turns", f"{CHANNEL}.__init__", argument("Turn", 0, "256"), LIMITS
    ),
    Mutation(
        "fair",
        "a limit that lets nothing be done is refused",
        "zmqbridge.context:Context.__init__",
        replace_call("check_turn_limit", "turn_limit"),
        ("tests/test_turn_limits.py",),
    ),
    Mutation(
        "fair",
        "so is that of a factory",
        "zmqbridge.link:Link.__init__",
        drop_call("check_turn_limit"),
        ("tests/test_turn_limits.py",),
    ),
]

READS = [
    Mutation(
        "fair",
        "a receive reads only while the turn has reads left",
        f"{CHANNEL}.receive",
        assigned("may_read", "True"),
        FAIRNESS,
    ),
    Mutation(
        "fair",
        "who leads looks only while the turn has reads left",
        f"{CHANNEL}._lead",
        condition("reads", becomes="True"),
        (*LIMITS, *conformance("asyncio", "lifecycle")),
    ),
    Mutation(
        "fair",
        "a look that reads nothing lets the loop run none the less",
        f"{CHANNEL}._lead",
        drop_decrement("reads"),
        conformance("asyncio", "lifecycle"),
    ),
    Mutation(
        "fair",
        "who leads and has left something lets the loop run",
        f"{CHANNEL}._lead",
        drop_call("checkpoint"),
        (*LIMITS, *conformance("asyncio", "lifecycle")),
    ),
    Mutation(
        "fair",
        "what one turn reads does not keep others from sending",
        "zmqbridge.channel.intake:Intake._receive",
        rename("reads", "sends"),
        TURNS,
    ),
]

SENDS = [
    Mutation("fair", "each send is charged to its turn", f"{ATTEMPT}.send", drop_decrement("sends"), FAIRNESS),
    Mutation(
        "fair",
        "a refused send is charged to its turn, too",
        f"{ATTEMPT}.send",
        only_if("sends", "locals().get('sent')"),
        FAIRNESS,
    ),
    Mutation("fair", "a checkpoint for each batch's worth of sends", f"{OUTBOX}.send", unguarded("sends"), FAIRNESS),
    Mutation(
        "fair",
        "a program that sends without end lets the loop run",
        f"{ATTEMPT}.at_once",
        unguarded("sends"),
        FAIRNESS,
    ),
    Mutation(
        "fair",
        "of many no more are sent at once than the turn has left",
        f"{OUTBOX}.send_some",
        argument("many", 2, "len(messages)"),
        LIMITS,
    ),
    Mutation(
        "fair",
        "many are sent so many at a time, and no more",
        f"{ATTEMPT}.many",
        replace_call("range", "range(start, len(messages))"),
        LIMITS,
    ),
    Mutation(
        "fair",
        "a send that waited for its turn leaves the turn's sends to others",
        f"{OUTBOX}.send",
        drop_increment("sends"),
        TURNS,
    ),
]

TURNS_BEGIN = [
    Mutation("fair", "a turn begins after a checkpoint", f"{CHANNEL}.checkpoint", drop_call("begin"), LIMITS),
    Mutation(
        "fair",
        "a turn begins once for all who waited for it",
        f"{CHANNEL}.checkpoint",
        condition("number", becomes="True"),
        LIMITS,
    ),
    Mutation("fair", "each turn has a number of its own", f"{TURN}.begin", drop_increment("number"), BOOKS),
    Mutation("fair", "a turn has all its reads again", f"{TURN}.begin", drop_assignment("reads"), BOOKS),
    Mutation("fair", "a turn has all its sends again", f"{TURN}.begin", drop_assignment("sends"), BOOKS),
    Mutation("fair", "a turn begins after the wait for the descriptor", f"{CHANNEL}._lead", drop_call("begin"), LIMITS),
]

STRICT_RULES = [
    Mutation(
        "strict",
        "a receive makes a checkpoint",
        f"{CHANNEL}.receive",
        drop_branch("checkpoint", "strict_checkpoints"),
        STRICT,
    ),
    Mutation(
        "strict",
        "what was read ahead is not taken without a checkpoint",
        "zmqbridge.connections.base:Receiver.receive",
        condition("lenient", becomes="True"),
        ("tests/loops/test_trio_read_ahead.py",),
    ),
    Mutation("strict", "a send makes a checkpoint", f"{OUTBOX}.send", unguarded("strict_checkpoints"), STRICT),
    Mutation("strict", "a send at once is for lenient turns", f"{ATTEMPT}.at_once", unguarded("lenient"), STRICT),
    Mutation(
        "strict",
        "many make a checkpoint, though they are none",
        f"{OUTBOX}.send_many",
        never("strict_checkpoints"),
        STRICT,
    ),
    Mutation(
        "strict",
        "a turn is lenient only where the loop's rule is",
        f"{CHANNEL}.enter",
        assigned("lenient", "True"),
        STRICT,
    ),
    Mutation(
        "strict",
        "the checkpoint comes before the read",
        f"{CHANNEL}.receive",
        drop_call("checkpoint").within(branch("strict_checkpoints")),
        ("tests/loops/test_trio.py", "-k", "deadline_in_the_past"),
    ),
]

MUTATIONS = [*BATCHES, *THE_LIMIT, *READS, *SENDS, *TURNS_BEGIN, *STRICT_RULES]
