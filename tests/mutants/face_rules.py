"""zmq.asyncio's interface: what nobody took goes back, the loop has its turns, and whoever waits hears of the end."""

from __future__ import annotations

from tests.mutants.changes import condition, drop_assignment, drop_call, drop_decrement, uncaught, unguarded
from tests.mutants.mutation import Mutation

__all__ = ["MUTATIONS"]

DESK = "zmqbridge_asyncio.desk:Desk"
FUTURES = "zmqbridge_asyncio.futures"
AT_ONCE = "zmqbridge_asyncio.at_once:AtOnce"
CASES = "tests/asyncio_face"
AT_ONCES = (f"{CASES}/test_at_once.py",)
CANCELLING = (f"{CASES}/test_cancelling.py",)
LIFE = (f"{CASES}/test_life.py",)
POLLING = (f"{CASES}/test_polling.py",)
PASSING = "zmqbridge_asyncio.passing"
STREAMS = (f"{CASES}/test_streams.py",)
RECEIVING = (f"{CASES}/test_receiving.py",)
SENDING = (f"{CASES}/test_sending.py",)

MUTATIONS = [
    Mutation("face", "what nobody took is given back", f"{FUTURES}:Receipt.undo", drop_call("give_back"), CANCELLING),
    Mutation(
        "face",
        "what was given back is taken first",
        "zmqbridge_asyncio.source:Source.frame",
        condition("kept", becomes="False"),
        CANCELLING,
    ),
    Mutation(
        "face", "a future that is cancelled leaves its place", f"{FUTURES}:Pending.cancel", drop_call("leave"), LIFE
    ),
    Mutation("face", "one turn receives so many", f"{AT_ONCE}._take", unguarded("reads"), AT_ONCES),
    Mutation("face", "a receive at once is charged", f"{AT_ONCE}._take", drop_decrement("reads"), AT_ONCES),
    Mutation("face", "a receive at once touches the edge", f"{AT_ONCE}._take", drop_call("touch"), AT_ONCES),
    Mutation("face", "a send at once is charged", f"{AT_ONCE}.sent", drop_decrement("sends"), AT_ONCES),
    Mutation("face", "a send behind a spent turn waits", f"{AT_ONCE}._send", unguarded("spent"), AT_ONCES),
    Mutation(
        "face",
        "one turn sends so many that are awaited",
        f"{FUTURES}:Sent.__await__",
        drop_assignment("spent"),
        SENDING,
    ),
    Mutation("face", "what waits for its turn is sent before closing", f"{DESK}.close", drop_call("flush"), SENDING),
    Mutation(
        "face",
        "what others may use is looked at again",
        f"{DESK}._patience",
        condition("shared", becomes="False"),
        LIFE,
    ),
    Mutation(
        "face",
        "what waited on a loop that ended takes nothing",
        f"{FUTURES}:Pending.attempt",
        condition("is_closed", becomes="False"),
        LIFE,
        (f"{DESK}.move",),
    ),
    Mutation("face", "closing ends what waits", f"{DESK}.close", drop_call("_end_all"), LIFE),
    Mutation(
        "face",
        "the end of the context is said to be that",
        f"{DESK}._end",
        condition("ContextTerminated", becomes="False"),
        LIFE,
    ),
    Mutation(
        "face",
        "a file is always ready",
        "zmqbridge_asyncio.polling:Descriptors.add",
        uncaught("PermissionError"),
        POLLING,
    ),
    Mutation("face", "one turn hands over so many", f"{PASSING}:Incoming.ready", unguarded("room"), STREAMS),
    Mutation(
        "face", "what a turn leaves is handed over later", f"{PASSING}:Incoming.ready", drop_call("touch"), STREAMS
    ),
    Mutation(
        "face", "a stream receives by turns", f"{PASSING}:Incoming.take", condition("is_ready", becomes="True"), STREAMS
    ),
    Mutation(
        "face",
        "one turn of a stream sends so many",
        f"{PASSING}:Outgoing.attempt",
        condition("sends", becomes="False"),
        STREAMS,
    ),
    Mutation(
        "face", "what a stream could not send is told", f"{PASSING}:Outgoing.send_one", drop_call("_log"), STREAMS
    ),
    Mutation(
        "face",
        "a poll that has no answer waits on",
        "zmqbridge_asyncio.polling:Poll._ask_again",
        condition("answer", becomes="True"),
        POLLING,
    ),
]
