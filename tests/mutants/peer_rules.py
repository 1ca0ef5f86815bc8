"""Nothing that a peer sends, or does not read, is let in: it is checked, dropped, counted, and told once."""

from __future__ import annotations

from tests.mutants.changes import (
    argument,
    assigned,
    condition,
    drop_assignment,
    drop_call,
    drop_increment,
    imports,
    never,
    rename,
    replace_call,
    replace_use,
    uncaught,
    unguarded,
    value,
)
from tests.mutants.mutation import Mutation, conformance

__all__ = ["MUTATIONS"]

PROTOCOLS = "zmqbridge.protocols"
REPLIES = f"{PROTOCOLS}:RequesterProtocol.receive"
REQREP = "zmqbridge.connections.reqrep"
STATS = "zmqbridge.link:Link.stats"
PURE = ("tests/test_protocols.py",)

INTAKE = "zmqbridge.channel.intake:Intake"
BURST = "zmqbridge.bursts:Burst"
BURSTS = ("tests/test_bursts.py",)
UNFIT = (*conformance("asyncio", "hostile"), "-k", "many_frames or more_frames")
PURSE = "zmqbridge.waiting.patience:Patience"
PATIENCE = f"{PURSE}.spend"
HELD_UP = (*conformance("asyncio", "hostile"), "-k", "held_up")
NEVER_READS = conformance("asyncio", "hostile", "reqrep")
PATIENCES = ("tests/waiting/test_patience.py",)

MUTATIONS = [
    Mutation(
        "nothing let in",
        "what is malformed is told once a burst",
        "zmqbridge.bursts:QUIET_SECONDS",
        value("0.0"),
        conformance("asyncio", "hostile"),
    ),
    Mutation("nothing let in", "what was told is quiet for a while", f"{BURST}.untold", never("now"), BURSTS),
    Mutation("nothing let in", "each is told once", f"{BURST}.untold", drop_assignment("_told"), BURSTS),
    Mutation(
        "nothing let in",
        "a burst that goes on is told as often",
        f"{BURST}.untold",
        drop_assignment("_quiet_until"),
        BURSTS,
    ),
    Mutation("nothing let in", "nothing begins no burst", f"{BURST}.untold", unguarded("fresh"), BURSTS),
    Mutation(
        "nothing let in",
        "kinds without end are one kind",
        "zmqbridge.bursts:Bursts.count",
        drop_assignment("kind"),
        BURSTS,
    ),
    Mutation(
        "nothing let in",
        "kinds that are known stay so",
        "zmqbridge.bursts:Bursts.count",
        unguarded("kind"),
        BURSTS,
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
        "what is left out unread is counted as malformed",
        f"{INTAKE}._count_unfit",
        drop_call("count"),
        UNFIT,
    ),
    Mutation(
        "nothing let in",
        "what is left out unread has arrived",
        f"{INTAKE}._count_unfit",
        drop_increment("arrived"),
        UNFIT,
    ),
    Mutation(
        "nothing let in",
        "what is left out unread is counted once",
        f"{INTAKE}._count_unfit",
        drop_call("clear"),
        UNFIT,
    ),
    Mutation(
        "nothing let in",
        "a pattern knows how many frames its messages have",
        f"{INTAKE}.__init__",
        drop_assignment("max_frames"),
        UNFIT,
    ),
    Mutation(
        "nothing let in",
        "how many frames a message may have is for the program to say",
        "zmqbridge.socket.plain:Socket.apply",
        drop_assignment("max_frames"),
        UNFIT,
    ),
    Mutation(
        "nothing let in",
        "what has no tag is a message without one",
        "zmqbridge.framing:split",
        condition("found", becomes="True"),
        PURE,
    ),
    Mutation(
        "nothing let in",
        "the first separator ends the tag",
        "zmqbridge.framing:split",
        rename("partition", "rpartition"),
        (*PURE, "tests/test_framing.py"),
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
        "all waits for clients that make no room come out of one purse",
        PATIENCE,
        assigned("_left", "self._left"),
        PATIENCES,
    ),
    Mutation(
        "nothing let in",
        "what comes back is no more than there was",
        "zmqbridge.waiting.patience:Patience.left",
        argument("min", 0, "1e9"),
        PATIENCES,
    ),
    Mutation(
        "nothing let in",
        "a wait that ended well costs what it held others up",
        PATIENCE,
        never("in_vain"),
        PATIENCES,
    ),
    Mutation("nothing let in", "what was spent comes back", f"{PURSE}.left", drop_assignment("_left"), PATIENCES),
    Mutation("nothing let in", "time comes back once", f"{PURSE}.left", drop_assignment("_at"), PATIENCES),
    Mutation(
        "nothing let in",
        "a small part of the time comes back",
        "zmqbridge.waiting.patience:SHARE",
        value("1.0"),
        PATIENCES,
    ),
    Mutation(
        "nothing let in", "what is owed is no wait", f"{PURSE}.left", replace_call("max", "self._left"), PATIENCES
    ),
    Mutation(
        "nothing let in",
        "no debt lasts for ever",
        PATIENCE,
        replace_call("max", "self._left - waited"),
        PATIENCES,
    ),
    Mutation(
        "nothing let in", "who is alone holds up nobody", PATIENCE, condition("alone", becomes="False"), PATIENCES
    ),
    Mutation(
        "nothing let in",
        "replies wait as long as the purse has",
        f"{REQREP}:Replier._reply",
        replace_call("left", "self._patience._longest"),
        NEVER_READS,
    ),
    Mutation(
        "nothing let in",
        "what replies wait comes out of the purse",
        f"{REQREP}:Replier._reply",
        drop_call("_note_wait"),
        NEVER_READS,
    ),
    Mutation(
        "nothing let in",
        "where another task receives nobody is held up",
        f"{REQREP}:Replier._note_wait",
        unguarded("has_readers"),
        HELD_UP,
    ),
    Mutation(
        "nothing let in",
        "where there is one client nobody is held up",
        f"{REQREP}:Replier._note_wait",
        unguarded("mixed"),
        HELD_UP,
    ),
    Mutation(
        "nothing let in",
        "several clients hold each other up",
        f"{REQREP}:RequestDecoder.decode",
        drop_assignment("mixed"),
        HELD_UP,
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
