"""A connection's end, that of its context, and what a fork leaves to its child."""

from __future__ import annotations

from tests.mutants.changes import (
    assigned,
    branch,
    condition,
    drop_assignment,
    drop_branch,
    drop_call,
    handler,
    never,
    replace_call,
    uncaught,
    unguarded,
)
from tests.mutants.mutation import Mutation, conformance

__all__ = ["MUTATIONS"]

CHANNEL = "zmqbridge.channel.channel"
GUARD = "zmqbridge.waiting.guard:Guard"
HOME = "zmqbridge.home:Home"
LINK = "zmqbridge.link:Link"
BIND = "zmqbridge.socket.bare:BareSocket._bind"
WHY_TAKEN = "zmqbridge.socket.paths:why_taken"
LOT = "zmqbridge.waiting.parking:ParkingLot"
CLOSING = conformance("asyncio", "closing")
MISUSE = conformance("asyncio", "misuse")
GUARDS = ("tests/waiting/test_guard.py",)
LOOKS = ("tests/channel/test_looks.py",)
HOMES = ("tests/test_home.py",)
ENDS = ("tests/test_ends.py",)
PENDING = (*ENDS, "-k", "what_is_pending")
ENDPOINTS = conformance("asyncio", "endpoints")
DROPPING = conformance("asyncio", "dropping")

CLOSES = [
    Mutation("closing", "nobody owns what is closed", f"{GUARD}.close", drop_call("_tell"), GUARDS),
    Mutation("closing", "nobody owns what is terminated", f"{GUARD}.terminate", drop_call("_tell"), GUARDS),
    Mutation("closing", "no check opens it again", f"{GUARD}._tell", condition("open", becomes="True"), GUARDS),
    Mutation("closing", "a check says why it is too late", f"{GUARD}.check", drop_call("check"), GUARDS),
    Mutation("closing", "all that are parked are woken", f"{CHANNEL}:Channel.close", drop_call("_wake_all"), CLOSING),
    Mutation(
        "closing",
        "those who have a claim are woken as well",
        f"{LOT}.wake_all",
        drop_call("wake_all"),
        ("tests/waiting/test_parking.py",),
    ),
    Mutation(
        "closing",
        "a receive that is woken sees it",
        f"{CHANNEL}:Channel.receive",
        drop_call("check").within(branch("is_first")),
        LOOKS,
    ),
    Mutation(
        "closing",
        "a request that is woken sees it",
        f"{CHANNEL}:Channel.wait_for_answer",
        drop_call("check"),
        CLOSING,
    ),
    Mutation(
        "closing",
        "a send that is woken sees it",
        "zmqbridge.channel.outbox:Outbox.send_in_turn",
        drop_call("check"),
        CLOSING,
    ),
    Mutation(
        "closing",
        "when a look finds the socket ended, all are told",
        f"{CHANNEL}:Channel.look",
        drop_call("ended_by"),
        LOOKS,
    ),
    Mutation(
        "closing",
        "when a send finds the socket ended, all are told",
        "zmqbridge.channel.attempt:Attempt.send",
        drop_call("_ended"),
        LOOKS,
    ),
    Mutation(
        "closing",
        "who is told that the socket was ended is woken",
        f"{CHANNEL}:Channel.ended_by",
        drop_call("_wake_all"),
        LOOKS,
    ),
    Mutation(
        "closing",
        "a connection that cannot be made leaves no socket",
        "zmqbridge.link:Link.__init__",
        drop_call("close").within(handler("BaseException")),
        MISUSE,
    ),
]

FORKS = [
    Mutation(
        "fork",
        "the child does not own the parent's connections",
        f"{CHANNEL}:_close_in_child",
        drop_call("fork"),
        MISUSE,
    ),
    Mutation("fork", "nobody owns what was forked", f"{GUARD}.fork", drop_call("_tell"), GUARDS),
    Mutation(
        "fork",
        "what was read ahead is the parent's",
        f"{CHANNEL}:_close_in_child",
        drop_call("clear"),
        HOMES,
    ),
    Mutation(
        "fork",
        "the child makes no connections in the parent's context",
        f"{HOME}.check_open",
        condition("forked", becomes="False"),
        MISUSE,
    ),
    Mutation("fork", "the child does not end the parent's context", f"{HOME}.terminate", drop_branch("forked"), HOMES),
    Mutation(
        "fork",
        "the end of the child closes nothing of the parent's",
        f"{HOME}.inherit",
        unguarded("forked"),
        HOMES,
    ),
]

THE_CONTEXT_ENDS = [
    Mutation(
        "end of the context",
        "a closed context makes no connections",
        f"{HOME}.check_open",
        condition("closed", becomes="False"),
        CLOSING,
    ),
    Mutation(
        "end of the context",
        "it is closed once it was terminated",
        f"{HOME}.terminate",
        drop_assignment("closed"),
        CLOSING,
    ),
    Mutation(
        "end of the context",
        "a shared one is left to its owner",
        f"{HOME}.terminate",
        unguarded("_owns_context"),
        CLOSING,
    ),
    Mutation(
        "end of the context",
        "the longest linger period counts",
        f"{HOME}.open_socket",
        assigned("_longest_linger", "linger"),
        HOMES,
    ),
    Mutation(
        "end of the context",
        "a linger period that was set later counts",
        "zmqbridge.link:Link.end",
        assigned("linger", "0.0"),
        ENDS,
    ),
    Mutation(
        "end of the context",
        "what is pending is bound before libzmq would",
        "zmqbridge._termination:Termination._terminate",
        drop_call("_bind"),
        (*ENDS, "-k", "pending"),
    ),
    Mutation(
        "end of the context",
        "other code that closes the socket closes the connection",
        "zmqbridge.link:Link._close_by_others",
        drop_call("ended_by"),
        DROPPING,
    ),
    Mutation(
        "end of the context",
        "another thread closes no socket",
        "zmqbridge.link:Link._close_by_others",
        condition("inherit", becomes="True"),
        DROPPING,
    ),
    Mutation(
        "end of the context",
        "a link does not keep its connection: to be closed",
        f"{LINK}.__init__",
        replace_call("WeakMethod", "(lambda: close)"),
        DROPPING,
    ),
    Mutation(
        "end of the context",
        "a link does not keep its connection: to be named",
        f"{LINK}.__init__",
        assigned("name", "describe"),
        DROPPING,
    ),
    Mutation(
        "end of the context",
        "a decoder does not keep its replier",
        "zmqbridge.connections.reqrep:RequestDecoder.__init__",
        replace_call("ref", "(lambda: replier)"),
        DROPPING,
    ),
    Mutation(
        "end of the context",
        "a link whose connection is gone is closed all the same",
        f"{LINK}.close",
        unguarded("end"),
        (*DROPPING, *HOMES),
    ),
    Mutation(
        "end of the context",
        "a name that nobody has bound is pending",
        f"{HOME}.join",
        drop_call("add").within(branch("_bound")),
        PENDING,
    ),
    Mutation(
        "end of the context",
        "a name that somebody has bound is not pending",
        f"{HOME}.join",
        condition("_bound", becomes="True"),
        PENDING,
    ),
    Mutation(
        "end of the context", "a name that is bound is pending no more", f"{HOME}.join", drop_call("discard"), PENDING
    ),
    Mutation(
        "end of the context", "only names within the process are pending", f"{HOME}.join", never("startswith"), PENDING
    ),
    Mutation(
        "end of the context",
        "a name that is unbound is bound by nobody",
        f"{LINK}._forget_endpoint",
        drop_call("part"),
        PENDING,
    ),
    Mutation(
        "end of the context",
        "a name whose link has ended is bound by nobody",
        f"{LINK}._leave",
        drop_call("part"),
        PENDING,
    ),
    Mutation(
        "end of the context",
        "a name whose link could not be made is bound by nobody",
        f"{LINK}.__init__",
        drop_call("part"),
        PENDING,
    ),
    Mutation(
        "end of the context",
        "a context that is full takes no more",
        f"{HOME}.open_socket",
        never("_most"),
        (*ENDS, "-k", "pending"),
    ),
    Mutation(
        "end of the context",
        "a link that has ended leaves its home",
        f"{HOME}.leave",
        drop_call("discard"),
        DROPPING,
    ),
    Mutation(
        "end of the context",
        "a connection is its loop's thread's from the start",
        "zmqbridge.link:Link.__init__",
        drop_call("settle"),
        conformance("asyncio", "threads"),
    ),
    Mutation(
        "end of the context",
        "the end of the interpreter waits for what is unsent",
        "zmqbridge._termination:_end_all",
        drop_call("join"),
        ("tests/test_backends.py", "-k", "waits_for_a_peer"),
    ),
]

PATHS = [
    Mutation("paths", "a path that is in use is refused", BIND, never("why_taken"), ENDPOINTS),
    Mutation("paths", "a descriptor that is given is not asked for its path", BIND, unguarded("USE_FD"), ENDPOINTS),
    Mutation("paths", "a file that is no socket is left alone", WHY_TAKEN, never("S_ISSOCK"), ENDPOINTS),
    Mutation(
        "paths",
        "a socket's file at which nobody listens is taken over",
        WHY_TAKEN,
        uncaught("ConnectionRefusedError"),
        ENDPOINTS,
    ),
    Mutation("paths", "who is too busy to accept is not waited for", WHY_TAKEN, drop_call("setblocking"), ENDPOINTS),
    Mutation("paths", "a name without a file is the system's to know", WHY_TAKEN, unguarded("startswith"), ENDPOINTS),
    Mutation("paths", "a path that is too long is libzmq's to refuse", WHY_TAKEN, never("args"), ENDPOINTS),
]

COUNTS = [
    Mutation(
        "counts",
        "what closing drops is counted",
        f"{CHANNEL}:Channel.close",
        replace_call("clear", "0 * {}"),
        CLOSING,
    ),
    Mutation(
        "counts",
        "what the inbox drops it tells",
        "zmqbridge.waiting.inbox:Inbox.clear",
        assigned("dropped", "0"),
        ("tests/waiting/test_inbox.py",),
    ),
]

MUTATIONS = [*CLOSES, *FORKS, *THE_CONTEXT_ENDS, *PATHS, *COUNTS]
