"""What publications look like, who only introduces himself, ports in a range, and waiting without taking."""

from __future__ import annotations

from tests.mutants.changes import condition, drop_call, never, replace_use, returns
from tests.mutants.mutation import Mutation, conformance

__all__ = ["MUTATIONS"]

LOT = "zmqbridge.waiting.parking:ParkingLot"
FIRST_READY = "zmqbridge.connections.ready:first_ready"
READY = conformance("asyncio", "readiness")
FRAMINGS = ("tests/test_framings.py",)

MUTATIONS = [
    Mutation(
        "waits", "who waits without taking hears of what is free", f"{LOT}.grant", drop_call("_tell_onlookers"), READY
    ),
    Mutation("waits", "who waits without taking is woken", f"{LOT}._tell_onlookers", drop_call("wake"), READY),
    Mutation(
        "waits",
        "messages are read for who only waits",
        f"{LOT}.wants_input",
        replace_use("_onlookers", "_watchers"),
        READY,
    ),
    Mutation("waits", "of several the first rotates", FIRST_READY, replace_use("_turns", "iter([0] * 99)"), READY),
    Mutation(
        "probes",
        "who introduces himself to a replier asks nothing",
        "zmqbridge.protocols:ReplierProtocol.receive",
        never("is_probe"),
        conformance("asyncio", "hostile"),
    ),
    Mutation(
        "probes",
        "who introduces himself to a requester says nothing wrong",
        "zmqbridge.protocols:RequesterProtocol.receive",
        never("is_probe"),
        conformance("asyncio", "hostile"),
    ),
    Mutation(
        "framings",
        "a raw message has no tag",
        "zmqbridge.framings:Raw.write",
        never("tag"),
        FRAMINGS,
    ),
    Mutation(
        "framings",
        "what publishers say under reserved tags is not seen",
        "zmqbridge.framings:Framing.read_at_once",
        never("RESERVED"),
        conformance("asyncio", "framings"),
    ),
    Mutation(
        "ports",
        "a port that is taken is passed over",
        "zmqbridge.socket.bare:BareSocket._bind_one",
        condition("_TAKEN", becomes="True"),
        conformance("asyncio", "endpoints"),
    ),
    Mutation(
        "options",
        "what is for other types of sockets is passed over",
        "zmqbridge.options:_is_for",
        returns("True"),
        conformance("asyncio", "context_options"),
    ),
]
