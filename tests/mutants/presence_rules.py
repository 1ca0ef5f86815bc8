"""Who is there is known as far as libzmq says, and no more than that; what peers send is bounded here too."""

from __future__ import annotations

from tests.mutants.changes import drop_branch, drop_call, replace_call, unguarded, value
from tests.mutants.mutation import Mutation, conformance

__all__ = ["MUTATIONS"]

PRESENCE = "zmqbridge.presence"
ADDRESS = f"{PRESENCE}.standing:_Address"
SUBSCRIPTIONS = f"{PRESENCE}.subscriptions:Subscriptions"
ROUTES = f"{PRESENCE}.routes:Routes"
EVENTS = ("tests/presence/test_events.py",)
COUNTS = ("tests/presence/test_subscriptions.py",)
WATCH = conformance("asyncio", "watch")
PEERS = conformance("asyncio", "peers")
JOINING = conformance("asyncio", "presence")

MUTATIONS = [
    Mutation(
        "presence",
        "one whose handshake failed was none of those that stand",
        f"{ADDRESS}.gone",
        drop_branch("failed"),
        EVENTS,
    ),
    Mutation(
        "presence",
        "where as many are left as have succeeded, it is known of all",
        f"{ADDRESS}.succeeded",
        drop_call("_settle"),
        EVENTS,
    ),
    Mutation(
        "presence",
        "what was left by this end stands no more",
        "zmqbridge.link:Link.disconnect",
        drop_call("forget"),
        (*WATCH, "-k", "connected or reconnecting"),
    ),
    Mutation(
        "presence",
        "a refusal for good ends the wait",
        "zmqbridge.connections.watched:Watched.wait_connected",
        unguarded("_refusal"),
        (*WATCH, "-k", "refused"),
    ),
    Mutation(
        "presence",
        "what a connection says twice counts once",
        f"{SUBSCRIPTIONS}._note",
        drop_branch("known", "subscribed"),
        COUNTS,
    ),
    Mutation(
        "presence",
        "what subscriptions take in memory is bounded",
        f"{SUBSCRIPTIONS}._note",
        drop_branch("_most"),
        COUNTS,
    ),
    Mutation(
        "presence",
        "what is known of connections that are gone is forgotten",
        f"{SUBSCRIPTIONS}._remember",
        drop_call("_forget_the_gone"),
        COUNTS,
    ),
    Mutation(
        "presence",
        "so many answers are given in a second",
        f"{SUBSCRIPTIONS}.decode",
        unguarded("allowance"),
        COUNTS,
    ),
    Mutation(
        "presence",
        "only an echo tag is answered",
        f"{SUBSCRIPTIONS}.decode",
        unguarded("is_echo"),
        COUNTS,
    ),
    Mutation(
        "presence",
        "what is kept for readers is bounded",
        f"{PRESENCE}.ring:KEPT",
        value("1_000_000"),
        (*WATCH, "-k", "late"),
    ),
    Mutation(
        "presence",
        "a descriptor that another peer has is not its former one's any more",
        f"{ROUTES}.__call__",
        drop_branch("holder"),
        ("tests/presence/test_routes.py",),
    ),
    Mutation(
        "presence",
        "a message that is read when its connection is closed tells of nobody who is there",
        f"{ROUTES}._is_late",
        drop_branch("closed"),
        ("tests/presence/test_routes.py", *PEERS, "-k", "closed or late"),
    ),
    Mutation(
        "presence",
        "a peer that had the descriptor before does not take it from the one that has it",
        f"{ROUTES}._is_late",
        unguarded("_former"),
        ("tests/presence/test_routes.py",),
    ),
    Mutation(
        "presence",
        "a connection that is still there is looked at again",
        f"{ROUTES}._look",
        drop_call("_later"),
        ("tests/presence/test_routes.py",),
    ),
    Mutation(
        "presence",
        "nothing is ended while another connection stands",
        "zmqbridge.connections.outlook:Outlook._hear",
        unguarded("count"),
        (*PEERS, "-k", "several"),
    ),
    Mutation(
        "presence",
        "a second answer is asked for behind the first",
        "zmqbridge.connections.pubsub:Subscriber.wait_subscribed",
        replace_call("range", "range(1)"),
        (*JOINING, "-k", "asks_twice"),
    ),
    Mutation(
        "presence",
        "messages that nobody takes meanwhile hold up no answer",
        "zmqbridge.channel.intake:Intake.read",
        replace_call("len", "len(self._inbox) + self.spare"),
        (*JOINING, "-k", "flood"),
    ),
]
