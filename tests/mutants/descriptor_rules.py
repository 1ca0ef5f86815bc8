"""The rules of the descriptor, by the numbers that the docstring of :mod:`zmqbridge.socket` gives them."""

from __future__ import annotations

from tests.mutants.changes import (
    argument,
    assigned,
    branch,
    condition,
    drop_assignment,
    drop_branch,
    drop_call,
    handler,
    ignore_result,
    never,
    once,
    only_if,
    replace_call,
    returns,
    uncaught,
    unguarded,
    value,
    whole_test,
)
from tests.mutants.mutation import Mutation, conformance

__all__ = ["MUTATIONS"]

CHANNEL = "zmqbridge.channel.channel:Channel"
LOOK = f"{CHANNEL}.look"
ATTEMPT = "zmqbridge.channel.attempt:Attempt.send"
EDGE = "zmqbridge.waiting.edge:Edge"
ATTENDANT = "zmqbridge.channel.attendant:Attendant"
PLAIN = "zmqbridge.socket.plain:Socket"
LEAN = "zmqbridge.socket.lean:LeanSocket"
MODEL = ("tests/model",)
WALK = ("tests/test_explore.py", "-k", "hung_once or few_steps")
ATTEMPTS = ("tests/channel/test_attempt.py",)
LOOKS = ("tests/channel/test_looks.py",)
PUMPS = ("tests/channel/test_pump.py",)
SOCKETS = ("tests/sockets",)
RECEIVING = ("tests/sockets/test_receiving.py",)
BREAKING = ("tests/sockets/test_breaking_off.py",)
BEYONDS = ("tests/channel/test_beyond.py",)
BEYOND = "zmqbridge.channel.beyond:Beyond"

ONLY_READABLE = [
    Mutation(
        "1",
        "who waits for room waits for the descriptor to be readable",
        f"{CHANNEL}._lead",
        argument("wait", 0, "{} if self.lot.wants_input else None"),
        conformance("asyncio", "pipeline"),
    ),
    Mutation("1", "EVENTS says whether there is room", LOOK, drop_call("let_writers_try"), WALK),
    Mutation(
        "1",
        "a look silences the descriptor where nobody wants anything",
        LOOK,
        unguarded("reading").within(whole_test("lanes", "reading")),
        LOOKS,
    ),
]

ANY_CALL_EATS_THE_EDGE = [
    Mutation(
        "2",
        "look after a send that was accepted",
        ATTEMPT,
        only_if("touch", "not locals().get('sent')"),
        (*ATTEMPTS, *conformance("asyncio", "edge")),
    ),
    Mutation(
        "2",
        "look after a refused send that saw something to receive",
        ATTEMPT,
        only_if("touch", "locals().get('sent', True)"),
        (*ATTEMPTS, *conformance("asyncio", "refused_sends")),
    ),
    Mutation(
        "2",
        "look after a refused send only if somebody wants input",
        ATTEMPT,
        unguarded("wants_input"),
        ATTEMPTS,
    ),
    Mutation(
        "2",
        "look after a refused send only if it saw something to receive",
        ATTEMPT,
        unguarded("input_pending"),
        ATTEMPTS,
    ),
    Mutation(
        "2",
        "look after a send that raised",
        ATTEMPT,
        only_if("touch", "'sent' in locals()"),
        (*ATTEMPTS, *conformance("asyncio", "edge")),
    ),
    Mutation(
        "2",
        "look after any other call",
        f"{CHANNEL}.touching",
        drop_call("touch"),
        conformance("asyncio", "edge"),
    ),
    Mutation(
        "2",
        "look after a program has taken the socket of a connection with handlers",
        "zmqbridge_twisted.connection:ZmqConnection.socket",
        drop_call("touch"),
        ("tests/test_trial.py", "-k", "select"),
    ),
    Mutation(
        "2",
        "a receive that parks without having read has the leader look",
        f"{CHANNEL}.receive",
        drop_call("touch"),
        WALK,
    ),
    Mutation(
        "2",
        "a connection looks before its first wait",
        f"{EDGE}.__init__",
        drop_assignment("stale"),
        ("tests/waiting/test_edge.py",),
    ),
    Mutation("2", "a touch wakes the leader", f"{EDGE}.touch", drop_call("wake"), ("tests/waiting/test_edge.py",)),
    Mutation(
        "2",
        "a touch wakes the leader only where the edge was not stale",
        f"{EDGE}.touch",
        condition("stale", becomes="False"),
        ("tests/waiting/test_edge.py",),
    ),
    Mutation(
        "2",
        "who leads looks where the edge is stale",
        f"{CHANNEL}._lead",
        drop_call("look").within(branch("reads")),
        LOOKS,
    ),
    Mutation(
        "2",
        "who touches the socket while a look runs has it looked at once more",
        LOOK,
        condition("again", becomes="setattr(edge, 'stale', False) or {}"),
        LOOKS,
    ),
    Mutation(
        "2",
        "a look that fails leaves the edge stale",
        LOOK,
        drop_call("touch").within(handler("BaseException")),
        LOOKS,
    ),
    Mutation(
        "2",
        "a message that comes between the read and the look for room is read",
        LOOK,
        drop_assignment("again").within(branch("POLLIN", "wanted")),
        conformance("asyncio", "edge"),
    ),
    Mutation(
        "2",
        "a request that waits for room lets late replies be read",
        "zmqbridge.connections.reqrep:Requester.__init__",
        drop_assignment("reads_always"),
        conformance("asyncio", "lifecycle"),
    ),
    Mutation(
        "2",
        "EVENTS is read, too, where a writer waits",
        LOOK,
        unguarded("lanes").within(whole_test("lanes", "reading")),
        (*conformance("asyncio", "edge", "routing"), *MODEL),
    ),
    Mutation(
        "2",
        "a pump looks before the first turn",
        f"{ATTENDANT}.__init__",
        drop_call("wake"),
        PUMPS,
    ),
]

AFTER_EAGAIN_IT_IS_ARMED = [
    Mutation(
        "3",
        "a batch that was not the end is followed by another",
        LOOK,
        ignore_result("read"),
        conformance("asyncio", "lifecycle", "pipeline"),
    ),
    Mutation(
        "3",
        "who leaves something behind wakes the leader",
        LOOK,
        replace_call("touch", "setattr(edge, 'stale', True)").within(branch("again")),
        WALK,
    ),
    Mutation(
        "3",
        "where there is no room to read, something may be left",
        "zmqbridge.channel.intake:Intake.read",
        returns("True").within(branch("room")),
        LOOKS,
    ),
    Mutation(
        "3",
        "a receive says whether it came to the end",
        f"{PLAIN}.receive",
        returns("messages, False").within(handler("Again")),
        SOCKETS,
    ),
    Mutation(
        "3",
        "that EVENTS says no more is the end (ctypes)",
        f"{LEAN}._receive",
        returns("False").within(branch("POLLIN")),
        SOCKETS,
    ),
    Mutation(
        "3",
        "a readable descriptor with nothing ready is no message",
        f"{CHANNEL}.receive",
        once("is_first"),
        conformance("asyncio", "lifecycle"),
    ),
]

NEVER_LEFT_UNREAD = [
    Mutation(
        "4",
        "a descriptor that fires for nobody is dropped (asyncio)",
        "zmqbridge_asyncio.watch:Watch.readable",
        drop_call("_release"),
        ("tests/test_backends.py", "-k", "fires_for_nobody"),
    ),
    Mutation(
        "4",
        "a descriptor that fires for nobody is dropped (Twisted)",
        "zmqbridge_twisted.reader:Reader.doRead",
        drop_call("_release"),
        ("tests/test_backends.py", "-k", "fires_for_nobody"),
    ),
]

AN_ANSWER_MAY_BE_WRONG = [
    Mutation("5", "a false EAGAIN is found out", f"{PLAIN}.send", never("POLLOUT"), SOCKETS),
    Mutation(
        "5",
        "a router's full peer is not tried in a circle",
        f"{PLAIN}.send",
        never("looked"),
        ("tests/sockets/test_sending.py",),
    ),
    Mutation(
        "5",
        "a router's room is looked for again",
        f"{CHANNEL}.patience",
        never("lanes"),
        conformance("asyncio", "edge"),
    ),
    Mutation(
        "5",
        "where POLLOUT says nothing the writers try at each look",
        LOOK,
        unguarded("tells_room"),
        (*LOOKS, *conformance("asyncio", "routing")),
    ),
    Mutation(
        "5",
        "where POLLOUT says nothing a writer that parks wakes the leader",
        f"{CHANNEL}.writer_parked",
        unguarded("patience"),
        LOOKS,
    ),
    Mutation(
        "5",
        "a writer that parks where the edge is stale has a look made",
        f"{CHANNEL}.writer_parked",
        unguarded("stale"),
        PUMPS,
    ),
    Mutation(
        "5",
        "it is told that a writer parks",
        "zmqbridge.channel.outbox:Outbox.send_in_turn",
        drop_call("writer_parked"),
        (*LOOKS, *PUMPS),
    ),
]

# A ROUTER, a STREAM or a PAIR does not see that a peer is gone while messages of its are unread.
A_PEER_THAT_IS_GONE = [
    Mutation(
        "gone",
        "while a send waits more is read, so that the end of its peer is seen",
        LOOK,
        never("serves"),
        BEYONDS,
    ),
    Mutation(
        "gone",
        "where an end is seen at once no more is read",
        LOOK,
        unguarded("serves"),
        BEYONDS,
    ),
    Mutation(
        "gone",
        "where no send waits no more is read",
        LOOK,
        unguarded("lanes").within(whole_test("POLLIN", "lanes")),
        BEYONDS,
    ),
    Mutation(
        "gone",
        "a ROUTER, a STREAM and a PAIR hide ends",
        "zmqbridge.socket.plain:_HIDES_ENDS",
        value("frozenset()"),
        BEYONDS,
    ),
    Mutation(
        "gone",
        "an end makes no descriptor readable, so it is looked for again",
        f"{CHANNEL}.patience",
        unguarded("serves"),
        BEYONDS,
    ),
    Mutation("gone", "it is told that the first send waits", f"{CHANNEL}.writer_parked", drop_call("begin"), BEYONDS),
    Mutation(
        "gone",
        "sends that wait later put nothing off",
        f"{CHANNEL}.writer_parked",
        unguarded("writers"),
        BEYONDS,
    ),
    Mutation(
        "gone",
        "no more is read before a send has waited for some time",
        f"{BEYOND}.begin",
        drop_assignment("_due"),
        BEYONDS,
    ),
    Mutation("gone", "no more is read before it is time", f"{BEYOND}.is_due", never("_due"), BEYONDS),
    Mutation("gone", "the next time comes later", f"{BEYOND}.is_due", drop_assignment("_due"), BEYONDS),
    Mutation(
        "gone",
        "Intake asks whether it is time",
        "zmqbridge.channel.intake:Intake.read_beyond",
        condition("is_due", becomes="True"),
        BEYONDS,
    ),
    Mutation(
        "gone",
        "no more is read than libzmq itself may hold",
        f"{BEYOND}.room",
        assigned("most", "maxsize"),
        BEYONDS,
    ),
    Mutation("gone", "a batch is read at a time", f"{BEYOND}.room", replace_call("min", "(most - buffered)"), BEYONDS),
    Mutation(
        "gone", "where libzmq has no limit there is none", f"{BEYOND}.room", condition("mark", becomes="True"), BEYONDS
    ),
    Mutation("gone", "each peer may have sent as much", f"{BEYOND}.note", drop_call("update"), BEYONDS),
    Mutation(
        "gone",
        "who is met again is no other peer",
        f"{BEYOND}.note",
        argument("update", 0, "map(id, messages)"),
        BEYONDS,
    ),
    Mutation(
        "gone",
        "only where the first frame is a peer's name is it one",
        f"{BEYOND}.note",
        condition("_names_peers", becomes="True"),
        BEYONDS,
    ),
    Mutation("gone", "peers are counted anew when all was taken", f"{BEYOND}.room", drop_call("clear"), BEYONDS),
    Mutation(
        "gone",
        "whose messages were read is noted",
        "zmqbridge.channel.intake:Intake.read_beyond",
        replace_call("note", "self._receive(room)"),
        BEYONDS,
    ),
    Mutation(
        "gone",
        "what libzmq may hold is the receive high-water mark",
        "zmqbridge.link:Link._adapt",
        drop_assignment("mark"),
        ("tests/test_read_ahead.py",),
    ),
]

A_MESSAGE_GOES_WHOLE = [
    Mutation(
        "6",
        "what a dying pipe swallows is ended, and the message sent again",
        f"{PLAIN}._send_several",
        drop_call("_forget_the_rest"),
        SOCKETS,
    ),
    Mutation(
        "6",
        "nothing is ended that has not begun",
        f"{PLAIN}._send_several",
        condition("sent", "last", becomes="sent < last").within(handler("Again")),
        SOCKETS,
    ),
    Mutation("6", "a pair swallows nothing", f"{PLAIN}._send_several", unguarded("_swallows"), SOCKETS),
    Mutation("6", "a message is read whole", f"{PLAIN}._receive", never("more"), SOCKETS),
    Mutation("6", "a message is read whole (ctypes)", f"{LEAN}._more_follows", returns("False"), SOCKETS),
    Mutation("6", "a long message is read on by the next call", f"{PLAIN}._receive", unguarded("_begun"), SOCKETS),
    Mutation("6", "a long message is read on (ctypes)", f"{LEAN}._receive", never("_begun"), RECEIVING),
    Mutation(
        "6", "a call reads no more of a long message than a batch", f"{LEAN}._read_on", unguarded("cost"), RECEIVING
    ),
    Mutation(
        "6",
        "nor more when it reads on",
        f"{LEAN}._receive",
        never("room").within(branch("_begun")),
        RECEIVING,
    ),
    Mutation(
        "6",
        "a message of too many frames is left out whole",
        f"{PLAIN}._add",
        condition("_message", "max_frames", becomes="True"),
        SOCKETS,
    ),
    Mutation(
        "6",
        "a message of too many frames is noted once",
        f"{PLAIN}._add",
        drop_assignment("_message", of="None"),
        BREAKING,
    ),
    Mutation(
        "6",
        "what follows one that is left out is a message",
        f"{PLAIN}._add",
        drop_assignment("_begun", of="False"),
        BREAKING,
    ),
    Mutation(
        "6",
        "the rest of a message for which there was no memory is no message",
        f"{PLAIN}.receive",
        drop_call("_skip_what_broke_off").within(handler("MemoryError")),
        BREAKING,
    ),
    Mutation(
        "6",
        "a receive in the middle of another takes nothing",
        f"{PLAIN}.receive",
        never("_reading"),
        BREAKING,
    ),
    Mutation(
        "6",
        "a receive in the middle of another is not told that this is all",
        f"{PLAIN}.receive",
        returns("[], True").within(branch("_reading")),
        BREAKING,
    ),
    Mutation(
        "6",
        "when a receive is over the next one reads",
        f"{PLAIN}.receive",
        drop_assignment("_reading", of="False"),
        BREAKING,
    ),
    Mutation(
        "6",
        "the rest of what broke off is no message",
        f"{PLAIN}.receive",
        drop_call("_skip_what_broke_off").within(handler("BaseException")),
        SOCKETS,
    ),
    Mutation(
        "6",
        "what was read before a signal's handler raised is kept",
        f"{PLAIN}.receive",
        drop_assignment("_read_before").within(handler("BaseException")),
        SOCKETS,
    ),
    Mutation(
        "6",
        "a message that broke off is never continued by another",
        f"{PLAIN}._send_several",
        drop_assignment("send_frame").within(handler("BaseException")),
        SOCKETS,
    ),
    Mutation(
        "6",
        "a signal's handler sends behind the message that it interrupted",
        f"{PLAIN}.send",
        drop_branch("_in_message"),
        SOCKETS,
    ),
    Mutation(
        "6",
        "what was sent in the middle of a message follows it at once",
        f"{PLAIN}.send",
        drop_call("_send_behind"),
        BREAKING,
    ),
    Mutation(
        "6",
        "what was sent in the middle of a message that was refused is not dropped",
        f"{PLAIN}._send_several",
        condition("behind", becomes="False"),
        BREAKING,
    ),
    Mutation(
        "6",
        "what was sent in the middle of a message, and has no room, is kept",
        f"{PLAIN}._send_behind",
        drop_assignment("_behind", of="behind"),
        BREAKING,
    ),
    Mutation(
        "6",
        "a message that was refused does not overtake it either",
        f"{PLAIN}.send",
        replace_call("send", "self._send_several(frames)"),
        BREAKING,
    ),
    Mutation(
        "6",
        "no later message overtakes what waits to be sent",
        f"{PLAIN}.send",
        never("_send_behind"),
        BREAKING,
    ),
    Mutation(
        "6",
        "what waits to be sent is sent when EVENTS is read",
        f"{PLAIN}.events",
        drop_call("_send_behind"),
        BREAKING,
    ),
    Mutation(
        "6",
        "what waits to be sent is sent when EVENTS is read (ctypes)",
        f"{LEAN}.events",
        unguarded("_behind"),
        BREAKING,
    ),
    Mutation(
        "6",
        "a peer that is gone by then keeps nothing back",
        f"{PLAIN}._send_behind",
        uncaught("PeerUnreachable"),
        BREAKING,
    ),
    Mutation(
        "6",
        "when a message is sent the next one is not in the middle of it",
        f"{PLAIN}._send_several",
        drop_assignment("_in_message", of="False"),
        BREAKING,
    ),
]

UNREGISTER_BEFORE_CLOSING = [
    Mutation(
        "7",
        "the descriptor is released before the socket is closed",
        f"{CHANNEL}.close",
        drop_call("_release"),
        conformance("twisted-epoll", "closing"),
    ),
    Mutation(
        "7",
        "the descriptor of a socket that other code has closed is released",
        f"{CHANNEL}.ended_by",
        drop_call("_release"),
        LOOKS,
    ),
]

NEVER_END_THE_CONTEXT_ON_THE_LOOP = [
    Mutation(
        "8",
        "it is terminated off the loop's thread",
        "zmqbridge._termination:Termination._begin",
        replace_call("start", "self._context.term() or self._done.set()"),
        ("tests/test_ends.py", "-k", "thread_of_its_own"),
    ),
]

MUTATIONS = [
    *ONLY_READABLE,
    *ANY_CALL_EATS_THE_EDGE,
    *AFTER_EAGAIN_IT_IS_ARMED,
    *NEVER_LEFT_UNREAD,
    *AN_ANSWER_MAY_BE_WRONG,
    *A_PEER_THAT_IS_GONE,
    *A_MESSAGE_GOES_WHOLE,
    *UNREGISTER_BEFORE_CLOSING,
    *NEVER_END_THE_CONTEXT_ON_THE_LOOP,
]
