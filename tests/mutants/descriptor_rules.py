"""The rules of the descriptor, by the numbers that the docstring of ``zmqbridge/_socket.py`` gives them."""

from __future__ import annotations

from tests.mutants.changes import (
    argument,
    branch,
    drop_assignment,
    drop_break,
    drop_call,
    handler,
    ignore_result,
    never,
    once,
    returns,
    unguarded,
)
from tests.mutants.mutation import Mutation, conformance

__all__ = ["MUTATIONS"]

CHANNEL = "zmqbridge._channel:Channel"
READS = "zmqbridge._socket:Socket.drain"
READS_LEAN = "zmqbridge._socket:LeanSocket.drain"
MODEL = ("tests/waiting", "tests/model")
SOCKET = ("tests/sockets",)

MUTATIONS = [
    Mutation(
        "1",
        "who waits for room waits for the descriptor to be readable",
        f"{CHANNEL}._park",
        argument("wait", 0, "{} if self.readiness.wants_input else None"),
        conformance("asyncio", "pipeline"),
    ),
    Mutation(
        "1",
        "EVENTS says whether there is room",
        f"{CHANNEL}.serve",
        drop_call("let_writers_try"),
        MODEL,
    ),
    Mutation(
        "2",
        "look again after a send",
        f"{CHANNEL}._try_send",
        drop_call("touched").within(branch("sent")),
        conformance("asyncio", "edge"),
    ),
    Mutation(
        "2",
        "look again after a send that neither waits nor asks",
        f"{CHANNEL}.send_at_once",
        drop_call("wake"),
        conformance("asyncio", "edge"),
    ),
    Mutation(
        "2",
        "look again after a failed send that saw input",
        f"{CHANNEL}._try_send",
        drop_call("touched").within(branch("input_pending")),
        MODEL,
    ),
    Mutation(
        "2",
        "look again after a send that libzmq refused",
        f"{CHANNEL}._try_send",
        drop_call("touched").within(handler("ZmqBridgeError")),
        conformance("asyncio", "edge"),
    ),
    Mutation(
        "2",
        "look again after any other call",
        f"{CHANNEL}.touching",
        drop_call("touched"),
        conformance("asyncio", "edge"),
    ),
    Mutation(
        "2",
        "a message that comes between the drain and the look for room is read",
        f"{CHANNEL}.serve",
        drop_assignment("stale").within(branch("POLLIN")),
        conformance("asyncio", "edge"),
    ),
    Mutation(
        "2",
        "a request that waits for room lets late replies be read",
        "zmqbridge.connections.reqrep:Requester._prepare",
        drop_assignment("reads_always"),
        conformance("asyncio", "lifecycle"),
    ),
    Mutation(
        "2",
        "read EVENTS, too, where a writer waits",
        f"{CHANNEL}.serve",
        unguarded("lanes"),
        (*conformance("asyncio", "edge", "routing"), *MODEL),
    ),
    Mutation(
        "3",
        "a batch that was not the end is followed by another",
        f"{CHANNEL}.serve",
        ignore_result("_read"),
        conformance("asyncio", "lifecycle", "pipeline"),
    ),
    Mutation(
        "3",
        "a drain reads until EAGAIN",
        READS,
        returns("messages, False").within(handler("Again")),
        conformance("asyncio", "fairness"),
        also=(READS_LEAN,),
    ),
    Mutation(
        "3",
        "a readable descriptor with nothing ready is no message",
        f"{CHANNEL}.wait_for_item",
        once("served"),
        conformance("asyncio", "lifecycle"),
    ),
    Mutation(
        "4",
        "a false EAGAIN is found out",
        "zmqbridge._socket:Socket.send",
        never("POLLOUT"),
        SOCKET,
    ),
    Mutation(
        "5",
        "a router's full peer is not tried in a circle",
        "zmqbridge._socket:Socket.send",
        drop_break(),
        SOCKET,
    ),
    Mutation(
        "5",
        "a router's room is looked for again",
        f"{CHANNEL}.patience",
        never("lanes"),
        conformance("asyncio", "edge"),
    ),
    Mutation(
        "6",
        "a message is sent from its first frame again",
        "zmqbridge._socket:Socket.try_once",
        drop_call("_forget_the_rest"),
        SOCKET,
    ),
    Mutation(
        "6",
        "a message is read whole",
        READS,
        never("more"),
        conformance("asyncio", "pipeline"),
    ),
    Mutation(
        "unread",
        "a descriptor that fires for nobody is dropped (asyncio)",
        "zmqbridge_asyncio.watch:Watch.readable",
        drop_call("_release"),
        ("tests/test_backends.py", "-k", "fires_for_nobody"),
    ),
    Mutation(
        "unread",
        "a descriptor that fires for nobody is dropped (Twisted)",
        "zmqbridge_twisted.reader:Reader.doRead",
        drop_call("_release"),
        ("tests/test_backends.py", "-k", "fires_for_nobody"),
    ),
]
