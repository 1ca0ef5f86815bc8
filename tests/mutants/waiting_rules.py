"""Who is parked: one leads, nothing is lost, nobody is overtaken, and what is reserved is taken in its order."""

from __future__ import annotations

from tests.mutants.changes import (
    argument,
    condition,
    drop_call,
    insert_before_return,
    never,
    once,
    replace_call,
    unguarded,
)
from tests.mutants.mutation import Mutation, conformance

__all__ = ["MUTATIONS"]

CHANNEL = "zmqbridge.channel.channel:Channel"
LOT = "zmqbridge.waiting.parking:ParkingLot"
INBOX = "zmqbridge.waiting.inbox:Inbox"
OUTBOX = "zmqbridge.channel.outbox:Outbox"
PARKING = ("tests/waiting/test_parking.py", "tests/waiting/test_parking_in_any_order.py")
CLAIMS = ("tests/waiting/test_inbox.py",)
OVERTAKING = ("tests/channel/test_overtaking.py",)
MODEL = ("tests/model",)

ONE_LEADS = [
    Mutation("one leads", "who parks where nobody leads does", f"{LOT}._park", never("leader"), PARKING),
    Mutation(
        "one leads", "when it leaves, another takes over", f"{LOT}._leave", argument("_appoint", 0, "None"), PARKING
    ),
    Mutation(
        "one leads",
        "who takes over is the one that will be served last",
        f"{LOT}._leave",
        replace_call("reversed", "iter(self._candidates)"),
        PARKING,
    ),
    Mutation(
        "one leads",
        "who takes over is woken",
        f"{LOT}._leave",
        drop_call("wake"),
        (*PARKING, *conformance("asyncio", "cancellation")),
    ),
    Mutation(
        "one leads",
        "who is served is no candidate any more",
        f"{LOT}._serve",
        replace_call("pop", "None"),
        PARKING,
    ),
]

NOTHING_LOST = [
    Mutation("nothing lost", "who is served is woken", f"{LOT}._serve", drop_call("wake"), PARKING),
    Mutation("nothing lost", "as many are served as there are messages", f"{LOT}.grant", once("_readers"), PARKING),
    Mutation(
        "nothing lost",
        "a reader that goes leaves its claim to the next",
        f"{LOT}.leave_reader",
        drop_call("revoke"),
        PARKING,
    ),
    Mutation(
        "nothing lost",
        "when a reader goes, what is free is granted to those who came later",
        f"{LOT}.leave_reader",
        drop_call("grant"),
        (*PARKING, *MODEL),
    ),
    Mutation(
        "nothing lost",
        "a writer that goes lets the next one try",
        f"{LOT}.leave_writer",
        drop_call("_let_try"),
        PARKING,
    ),
    Mutation("nothing lost", "who may try is woken", f"{LOT}._let_try", drop_call("wake"), PARKING),
    Mutation(
        "nothing lost",
        "who is answered is woken",
        "zmqbridge.channel.intake:Intake._receive",
        drop_call("answer"),
        conformance("asyncio", "reqrep"),
    ),
    Mutation(
        "nothing lost",
        "what is read is granted to those who wait",
        "zmqbridge.channel.intake:Intake._receive",
        drop_call("grant"),
        conformance("asyncio", "pipeline"),
    ),
    Mutation(
        "nothing lost",
        "a receive that goes leaves the lot",
        f"{CHANNEL}.receive",
        drop_call("leave_reader"),
        conformance("asyncio", "cancellation"),
    ),
    Mutation(
        "nothing lost",
        "a request that goes leaves the lot",
        f"{CHANNEL}.wait_for_answer",
        drop_call("leave_watcher"),
        conformance("asyncio", "cancellation"),
    ),
    Mutation(
        "nothing lost",
        "a send that goes leaves the lot",
        f"{OUTBOX}.send_in_turn",
        drop_call("leave_writer"),
        conformance("asyncio", "cancellation"),
    ),
    Mutation(
        "nothing lost",
        "no await between a message and its return",
        "zmqbridge.connections.base:Receiver.receive",
        insert_before_return("await self._context._find_backend().checkpoint()"),
        (*MODEL, *conformance("asyncio", "cancellation")),
    ),
    Mutation(
        "nothing lost",
        "a reply that came while the loop was blocked came in time",
        f"{CHANNEL}.wait_for_answer",
        condition("_catch_up", becomes="False"),
        conformance("trio", "reqrep"),
    ),
]

IN_ORDER = [
    Mutation(
        "order", "those who came first are served first", f"{LOT}.grant", argument("popitem", "last", "True"), PARKING
    ),
    Mutation(
        "order",
        "a receive that runs before its turn waits",
        f"{CHANNEL}.receive",
        condition("is_first", becomes="parked.served"),
        conformance("trio", "order"),
    ),
    Mutation(
        "order",
        "when a claim ends, the next one is woken",
        f"{INBOX}.revoke",
        drop_call("wake"),
        (*CLAIMS, *conformance("trio", "order")),
    ),
    Mutation("order", "what is reserved is taken by nobody else", f"{INBOX}.grant", drop_call("_exchange"), CLAIMS),
    Mutation("order", "nor what comes meanwhile", f"{INBOX}.put", condition("_claims", becomes="False"), CLAIMS),
    Mutation(
        "order", "when all claims have ended, the rest is free", f"{INBOX}.revoke", drop_call("_exchange"), CLAIMS
    ),
    Mutation(
        "order",
        "a send that asks for nothing does not overtake those that wait",
        "zmqbridge.channel.attempt:Attempt.at_once",
        unguarded("_lanes"),
        OVERTAKING,
    ),
    Mutation(
        "order",
        "a send does not overtake those that wait",
        f"{OUTBOX}.send",
        unguarded("_lanes"),
        OVERTAKING,
    ),
    Mutation(
        "order",
        "a send that does not wait does not overtake those that do",
        f"{OUTBOX}.send_nowait",
        unguarded("_lanes"),
        OVERTAKING,
    ),
    Mutation(
        "order",
        "many do not overtake those that wait",
        f"{OUTBOX}.send_some",
        unguarded("_lanes"),
        OVERTAKING,
    ),
    Mutation(
        "order",
        "many do not overtake those that wait, where nobody may wait",
        f"{OUTBOX}.send_many_nowait",
        condition("_lanes", becomes="False"),
        OVERTAKING,
    ),
    Mutation(
        "order",
        "a writer that was not told of room tells nobody of any",
        f"{LOT}.leave_writer",
        condition("served", becomes="True"),
        PARKING,
    ),
    Mutation(
        "order",
        "a writer that was told of room and had none is told again",
        f"{OUTBOX}.send_in_turn",
        condition("served", becomes="{} and not parked.leads"),
        conformance("asyncio", "pipeline"),
    ),
]

ONE_THREAD = [
    Mutation(
        "one thread",
        "another thread is refused",
        "zmqbridge.waiting.guard:Guard.check_thread",
        never("_thread"),
        conformance("asyncio", "misuse"),
    ),
    Mutation(
        "one thread",
        "a send that asks for nothing is for the socket's own thread",
        "zmqbridge.channel.attempt:Attempt.at_once",
        unguarded("get_ident"),
        conformance("asyncio", "misuse"),
    ),
    Mutation(
        "one thread",
        "a receive that asks for nothing is for the socket's own thread",
        f"{INBOX}.take_free",
        condition("get_ident", becomes="True"),
        CLAIMS,
    ),
    Mutation(
        "one thread",
        "an iteration is for the socket's own thread",
        "zmqbridge.waiting.inbox:Items.__anext__",
        unguarded("get_ident"),
        ("tests/waiting/test_items.py",),
    ),
    Mutation(
        "one thread",
        "what belongs to a thread that runs is not inherited",
        "zmqbridge.waiting.guard:Guard.inherit",
        condition("_thread", becomes="True"),
        ("tests/waiting/test_guard.py",),
    ),
]

MUTATIONS = [*ONE_LEADS, *NOTHING_LOST, *IN_ORDER, *ONE_THREAD]
