"""Nobody comes in who should not, whatever fails; what a client learns of that; and whose a message is."""

from __future__ import annotations

from tests.mutants.changes import (
    argument,
    branch,
    condition,
    drop_assignment,
    drop_branch,
    drop_call,
    handler,
    never,
    replace_call,
    replace_use,
    returns,
    uncaught,
    unguarded,
    whole_test,
)
from tests.mutants.mutation import Mutation, conformance

__all__ = ["MUTATIONS"]

SECURITY = "zmqbridge.security"
KEYS = f"{SECURITY}.keys"
POLICIES = f"{SECURITY}.policies:Policies"
HANDLER = f"{SECURITY}.handler:Handler"
JUDGE = f"{SECURITY}.authenticator:Judge"
DESK = f"{SECURITY}.asking:Desk"
DIRECTORY = f"{SECURITY}.directory:Directory"
AUTHENTICATION = conformance("asyncio", "authentication")
REFUSED = conformance("asyncio", "refused")
ORIGINS = conformance("asyncio", "origins")
ZAP = ("tests/security/test_zap.py",)
ASKING = ("tests/security/test_asking.py",)
PAIRS = ("tests/security/test_keys.py",)

MUTATIONS = [
    # --- it fails closed ---
    Mutation(
        "security",
        "a domain is enforced",
        f"{SECURITY}.presets:_domain",
        returns('{"zap_domain": domain}').everywhere(),
        (*AUTHENTICATION, "-k", "no_authenticator"),
    ),
    Mutation(
        "security",
        "a domain without an authenticator lets nobody in while others have one",
        f"{HANDLER}._take",
        argument("Verdict", 0, "Status.OK").within(branch("court")),
        (*AUTHENTICATION, "-k", "another_domain"),
    ),
    Mutation(
        "security",
        "what cannot be judged is a failure of ours, and no policy's no",
        f"{JUDGE}.judge",
        replace_use("AGAIN", "Status.REFUSED").within(handler("Exception")),
        (*AUTHENTICATION, "-k", "directory"),
    ),
    Mutation(
        "security",
        "what is asked fails closed",
        f"{DESK}._run",
        replace_use("AGAIN", "Status.OK"),
        (*AUTHENTICATION, "-k", "broken"),
    ),
    Mutation(
        "security",
        "what is asked and fails says 300",
        f"{DESK}._run",
        replace_use("AGAIN", "Status.REFUSED"),
        (*AUTHENTICATION, "-k", "broken"),
    ),
    Mutation(
        "security",
        "a no says 400",
        f"{SECURITY}.zap:accepted",
        replace_use("REFUSED", "Status.AGAIN"),
        ZAP,
    ),
    Mutation(
        "security",
        "a closed authenticator refuses those who wait",
        f"{DESK}.close",
        drop_call("_answer"),
        ASKING,
    ),
    Mutation(
        "security",
        "an answer is given once",
        f"{SECURITY}.handler:Case.answer",
        drop_branch("answered"),
        ASKING,
    ),
    # --- what is asked on the loop ---
    Mutation(
        "security",
        "a question has its time",
        f"{DESK}.take",
        drop_call("expect"),
        ASKING,
    ),
    Mutation(
        "security",
        "what took too long is cancelled",
        f"{DESK}._expire",
        drop_call("tell_loop"),
        (*AUTHENTICATION, "-k", "never_returns"),
    ),
    Mutation(
        "security",
        "so many are asked at once",
        f"{DESK}._start_some",
        unguarded("_concurrency"),
        ASKING,
    ),
    Mutation(
        "security",
        "so many wait to be asked",
        f"{DESK}.take",
        drop_branch("_most"),
        ASKING,
    ),
    Mutation(
        "security",
        "the next is asked when one has ended",
        f"{DESK}._run",
        drop_call("_start_some"),
        ASKING,
    ),
    Mutation(
        "security",
        "after an answer the handler reads what came meanwhile",
        f"{HANDLER}._reply",
        drop_call("_receive"),
        ("tests/security/test_handler.py",),
    ),
    # --- the policies ---
    Mutation(
        "security",
        "who shows nothing is refused where keys or passwords are asked for",
        f"{POLICIES}.judge",
        unguarded("_asks"),
        (*AUTHENTICATION, "-k", "not_said"),
    ),
    Mutation(
        "security",
        "networks hold beside keys",
        f"{POLICIES}.judge",
        never("_within"),
        (*AUTHENTICATION, "-k", "not_said or networks"),
    ),
    Mutation(
        "security",
        "what no policy judges is a no",
        f"{POLICIES}._judge_key",
        condition("_authorize", becomes="True").within(whole_test("_authorize")),
        (*AUTHENTICATION, "-k", "not_said"),
    ),
    Mutation(
        "security",
        "a known user needs the password as well",
        f"{POLICIES}._judge_password",
        unguarded("right"),
        (*AUTHENTICATION, "-k", "test_passwords"),
    ),
    Mutation(
        "security",
        "authorize is asked after the others have said yes",
        f"{JUDGE}._ask",
        unguarded("OK"),
        (*AUTHENTICATION, "-k", "functions_of_keys"),
    ),
    # --- the directory of keys ---
    Mutation(
        "security",
        "a directory is read again when it changes",
        f"{DIRECTORY}.keys",
        unguarded("_stamp"),
        ZAP,
    ),
    Mutation(
        "security",
        "what changed within the time's grain is read again",
        f"{DIRECTORY}.keys",
        unguarded("settled"),
        ZAP,
    ),
    Mutation(
        "security",
        "a directory that was gone is read anew",
        f"{DIRECTORY}.keys",
        drop_assignment("_stamp"),
        ZAP,
    ),
    Mutation(
        "security",
        "a file that is no certificate keeps nobody out",
        f"{DIRECTORY}._file",
        uncaught("CertificateError"),
        ZAP,
    ),
    # --- secrets ---
    Mutation(
        "security",
        "a secret key is its owner's alone from the first byte",
        f"{KEYS}:_write",
        argument("open", 2, "0o644"),
        PAIRS,
    ),
    Mutation(
        "security",
        "a secret key is its owner's alone when it is written",
        f"{KEYS}:_write",
        argument("fchmod", 1, "0o644"),
        PAIRS,
    ),
    Mutation(
        "security",
        "nothing is written over",
        f"{KEYS}:_publish",
        replace_call("link", "os.replace(temporary, path)"),
        PAIRS,
    ),
    Mutation(
        "security",
        "what others can read is not loaded",
        f"{KEYS}:_read",
        never("_OTHERS"),
        PAIRS,
    ),
    Mutation(
        "security",
        "a fifo is no certificate",
        f"{KEYS}:_read",
        never("S_ISREG"),
        PAIRS,
    ),
    Mutation(
        "security",
        "a pair shows its public key alone",
        f"{KEYS}:KeyPair.__repr__",
        replace_use("_public", "self.secret"),
        PAIRS,
    ),
    Mutation(
        "security",
        "the log shows no password",
        f"{DESK}._log",
        drop_branch("password"),
        (*AUTHENTICATION, "-k", "no_log"),
    ),
    # --- what a client learns ---
    Mutation(
        "security",
        "requests end where every server has refused",
        "zmqbridge.presence.refusals:refused_everywhere",
        returns("None"),
        (*REFUSED, "-k", "request_that_is_refused and tcp"),
    ),
    Mutation(
        "security",
        "while one may let it in nothing ends",
        "zmqbridge.presence.refusals:refused_everywhere",
        returns("next(filter(None, said), None)"),
        (*REFUSED, "-k", "several"),
    ),
    Mutation(
        "security",
        "while one may come nothing ends",
        "zmqbridge.presence.refusals:refused_everywhere",
        unguarded("endpoints"),
        (*REFUSED, "-k", "listens"),
    ),
    Mutation(
        "security",
        "one that waits to be sent hears of a refusal before it waits",
        "zmqbridge.channel.outbox:Outbox.send_in_turn",
        drop_call("goes_on"),
        (*REFUSED, "-k", "request_that_is_refused and tcp"),
    ),
    Mutation(
        "security",
        "how often a server hung up is counted",
        "zmqbridge.presence.standing:Standing.note",
        replace_call("get", "0").within(branch("HANDSHAKE_FAILED")),
        (*REFUSED, "-k", "wrong_server_key and tcp"),
    ),
    Mutation(
        "security",
        "and forgotten with a handshake",
        "zmqbridge.presence.standing:Standing.note",
        replace_use("hung_up", "{{}}").within(branch("HANDSHAKE_SUCCEEDED")),
        (*REFUSED, "-k", "hang_ups"),
    ),
    Mutation(
        "security",
        "what is resolved is told of the program's name",
        "zmqbridge.presence.events:_Names.given",
        never("_is_resolved"),
        ("tests/presence/test_events.py",),
    ),
    # --- whose a message is ---
    Mutation(
        "security",
        "what an unjudged peer claims is not taken for what it is",
        "zmqbridge.socket.tracing:judges",
        unguarded("ZAP_ENFORCE_DOMAIN"),
        (*ORIGINS, "-k", "claims"),
    ),
    Mutation(
        "security",
        "a domain without a name judges nobody",
        "zmqbridge.socket.tracing:judges",
        unguarded("domain"),
        ORIGINS,
    ),
    Mutation(
        "security",
        "a client judges nobody",
        "zmqbridge.socket.tracing:judges",
        unguarded("server"),
        (*ORIGINS, "-k", "client"),
    ),
    Mutation(
        "security",
        "who stops to judge does so for good",
        "zmqbridge.socket.tracing:_Tracing._doubt",
        drop_call("note_origins"),
        (*ORIGINS, "-k", "any_more"),
    ),
    Mutation(
        "security",
        "a user id that libzmq would cut lets nobody in",
        f"{SECURITY}.zap:checked",
        never("user_id"),
        (*ORIGINS, "-k", "cut or names"),
    ),
    Mutation(
        "security",
        "a message's origin is that of its own connection",
        "zmqbridge.socket.tracing:_Tracing._receive",
        drop_assignment("_origin"),
        (*ORIGINS, "-k", "watched"),
    ),
]
