"""Nothing that a peer sends, or does not read, is let in: it is checked, dropped, counted, and told once."""

from __future__ import annotations

from tests.mutants.changes import (
    argument,
    condition,
    drop_call,
    imports,
    never,
    rename,
    replace_use,
    uncaught,
    value,
)
from tests.mutants.mutation import Mutation, conformance

__all__ = ["MUTATIONS"]

PROTOCOLS = "zmqbridge.protocols"
REPLIES = f"{PROTOCOLS}:RequesterProtocol.receive"
REQREP = "zmqbridge.connections.reqrep"
STATS = "zmqbridge.link:Link.stats"
PURE = ("tests/test_protocols.py",)

MUTATIONS = [
    Mutation(
        "nothing let in",
        "what is malformed is told once a burst",
        f"{PROTOCOLS}:QUIET_SECONDS",
        value("0.0"),
        conformance("asyncio", "hostile"),
    ),
    Mutation(
        "nothing let in",
        "what is malformed raises nothing (subscriber)",
        f"{PROTOCOLS}:SubscriberProtocol.receive",
        uncaught("RemoteProtocolError"),
        conformance("asyncio", "hostile"),
    ),
    Mutation(
        "nothing let in",
        "what is malformed raises nothing (requester)",
        REPLIES,
        uncaught("RemoteProtocolError"),
        PURE,
    ),
    Mutation(
        "nothing let in",
        "what is malformed raises nothing (replier)",
        f"{PROTOCOLS}:ReplierProtocol.receive",
        uncaught("RemoteProtocolError"),
        PURE,
    ),
    Mutation(
        "nothing let in",
        "what is malformed is counted (subscriber)",
        f"{PROTOCOLS}:SubscriberProtocol.receive",
        drop_call("count"),
        PURE,
    ),
    Mutation("nothing let in", "what is malformed is counted (requester)", REPLIES, drop_call("count"), PURE),
    Mutation(
        "nothing let in",
        "what is malformed is counted (replier)",
        f"{PROTOCOLS}:ReplierProtocol.receive",
        drop_call("count"),
        PURE,
    ),
    Mutation(
        "nothing let in",
        "what is malformed is told",
        "zmqbridge.channel.intake:Intake._receive",
        drop_call("_report_faults"),
        conformance("asyncio", "hostile"),
    ),
    Mutation(
        "nothing let in",
        "what is malformed was not received",
        STATS,
        argument("Stats", "received", "{} + malformed"),
        conformance("asyncio", "stats"),
    ),
    Mutation(
        "nothing let in",
        "a reply that nobody waits for was not received",
        STATS,
        argument("Stats", "received", "{} + unmatched"),
        conformance("asyncio", "stats"),
    ),
    Mutation(
        "nothing let in",
        "what was dropped unread was not received",
        STATS,
        argument("Stats", "received", "{} + channel.dropped"),
        conformance("asyncio", "closing"),
    ),
    Mutation(
        "nothing let in",
        "a reply is matched by its whole id, and by no id that begins with it",
        REPLIES,
        argument("pop", 0, "{}[:16]"),
        conformance("asyncio", "hostile"),
    ),
    Mutation(
        "nothing let in",
        "a reply is matched by its whole id, and not by its beginning",
        REPLIES,
        argument("pop", 0, "next((known for known in self._pending if known.startswith({})), {})"),
        conformance("asyncio", "hostile"),
    ),
    Mutation(
        "nothing let in",
        "a request has one reply",
        REPLIES,
        rename("pop", "get"),
        ("tests/model", *conformance("asyncio", "reqrep")),
    ),
    Mutation(
        "nothing let in",
        "a reply goes back along the whole route",
        "zmqbridge.framing:reply_frames",
        replace_use("route", "{}[:1]"),
        ("tests/test_framing.py", *conformance("asyncio", "hostile")),
    ),
    Mutation(
        "nothing let in",
        "the largest message is libzmq's to know",
        "zmqbridge.options:SocketOptions.libzmq_values",
        condition("option", becomes="{} or spec.name == 'max_message_size'"),
        conformance("asyncio", "options", "strangers"),
    ),
    Mutation(
        "nothing let in",
        "a client that makes no room is waited for once",
        f"{REQREP}:Replier._reply",
        never("peer", "_deaf"),
        conformance("asyncio", "reqrep", "hostile"),
    ),
    Mutation(
        "nothing let in",
        "a request that was given up has no reply",
        f"{REQREP}:Requester.request",
        drop_call("end"),
        conformance("asyncio", "reqrep"),
    ),
    Mutation(
        "nothing let in",
        "a request is not sent after its deadline",
        f"{REQREP}:Requester.request",
        argument("send", "deadline", "None"),
        conformance("asyncio", "reqrep"),
    ),
    Mutation(
        "nothing let in",
        "nor though there is room then",
        "zmqbridge.channel.outbox:Outbox.send_in_turn",
        never("deadline", "current_time"),
        conformance("asyncio", "reqrep"),
    ),
    Mutation(
        "nothing let in",
        "a router says that a peer is gone",
        "zmqbridge.connections.raw:Router._prepare",
        drop_call("set_option"),
        conformance("asyncio", "routing"),
    ),
    Mutation(
        "nothing let in",
        "a replier counts the replies that nobody can have",
        f"{REQREP}:Replier._prepare",
        drop_call("set_option"),
        conformance("asyncio", "reqrep"),
    ),
    Mutation(
        "nothing let in",
        "a request waits here until a peer is connected",
        f"{REQREP}:Requester._defaults",
        value("dict()"),
        conformance("asyncio", "reqrep"),
    ),
    Mutation(
        "nothing let in",
        "nothing is unpickled",
        PROTOCOLS,
        imports("pickle"),
        ("tests/test_imports.py",),
    ),
]
