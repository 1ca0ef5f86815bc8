"""ZAP, ZeroMQ's RFC 27: what libzmq asks about who connects, and what it is told. Pure.

The facts. A request has an empty frame, the version, an id, the domain, the peer's address, a routing id, the
mechanism, and what the peer showed: nothing for NULL, a name and a password for PLAIN, a public key for CURVE, a
principal for GSSAPI. A reply has the same id, a status, words, the user's id and metadata. libzmq refuses who connects
if a reply is anything else; a client that gets 300 tries again, one that gets 400 does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from zmqbridge.options import Secret
from zmqbridge.security import z85
from zmqbridge.showing import shown

__all__ = ["MOST_USER_ID", "Handshake", "Question", "Status", "Verdict", "accepted", "checked", "read", "reply"]

VERSION = b"1.0"
MOST_USER_ID = 255

_CREDENTIALS = {"NULL": 0, "PLAIN": 2, "CURVE": 1}


class Status(Enum):
    """What libzmq is told."""

    OK = b"200"
    AGAIN = b"300"
    """We could not decide: the client tries again."""
    REFUSED = b"400"
    """A policy says no: the client does not try again."""
    MALFORMED = b"500"


@dataclass(frozen=True, slots=True)
class Handshake:
    """Who wants to come in.

    Attributes:
        mechanism: ``"NULL"``, ``"PLAIN"``, ``"CURVE"`` or another.
        domain: of the server.
        address: the peer's IP address; empty where it has none, as over ipc.
        identity: of the server's connection that it comes to, if that has one: libzmq says nothing of the peer's own.
        public_key: the peer's, as Z85; with CURVE alone. The peer has proved that it has the secret key.
        username: what it says to be; with PLAIN alone.
        password: what it shows for that; with PLAIN alone, and shown in no ``repr``.
        principal: with GSSAPI alone.
    """

    mechanism: str
    domain: str
    address: str = ""
    identity: bytes = b""
    public_key: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    principal: str | None = None

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Handshake is not pickled, for a password would be in the pickle; take what you need of it")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is answered.

    Attributes:
        status: see there.
        reason: in words, for the log; the peer does not see them.
        user_id: who it is, if it comes in.
    """

    status: Status
    reason: str = ""
    user_id: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A request of libzmq's.

    Attributes:
        route: what the reply begins with.
        request_id: what it is to.
        handshake: who wants to come in; ``None`` if the request makes no sense.
    """

    route: bytes
    request_id: bytes
    handshake: Handshake | None


def read(frames: Sequence[bytes]) -> Question | None:
    """Return what a ROUTER received, or ``None`` for what cannot even be answered."""
    if len(frames) < 4 or frames[1]:
        return None
    route, _, version, request_id, *rest = frames
    handshake = None
    if version == VERSION and len(rest) >= 4:
        handshake = _handshake(rest[:4], [Secret(each) for each in rest[4:]])
    return Question(route, request_id, handshake)


def _handshake(about_peer: Sequence[bytes], credentials: list[Secret]) -> Handshake | None:
    domain, address, identity, mechanism = about_peer
    name = mechanism.decode("ascii", "replace")
    if len(credentials) != _CREDENTIALS.get(name, len(credentials)):
        return None
    try:
        about = {"domain": domain.decode(), "address": address.decode(), "identity": identity}
        if name == "CURVE":
            key = credentials[0].reveal()
            if len(key) != z85.KEY_BYTES:
                return None
            return Handshake(name, **about, public_key=z85.encode(key))  # type: ignore[arg-type]
        if name == "PLAIN":
            user, password = (each.reveal().decode() for each in credentials)
            return Handshake(name, **about, username=user, password=password)  # type: ignore[arg-type]
        principal = credentials[0].reveal().decode() if credentials else None
        return Handshake(name, **about, principal=principal)  # type: ignore[arg-type]
    except UnicodeDecodeError:
        return None


def reply(question: Question, verdict: Verdict) -> list[bytes]:
    """Return what a ROUTER sends."""
    return [
        question.route,
        b"",
        VERSION,
        question.request_id,
        verdict.status.value,
        verdict.status.name.encode(),
        verdict.user_id.encode() if verdict.status is Status.OK else b"",
        b"",
    ]


def checked(verdict: Verdict) -> Verdict:
    """Return a verdict that means the same to libzmq. Where it cuts a user id, a peer might be taken for another."""
    if verdict.status is Status.OK and "\0" in verdict.user_id:
        return Verdict(Status.REFUSED, "its user id holds a zero byte, at which libzmq would cut it")
    return verdict


def accepted(answer: object, default: str, name: str) -> Verdict:
    """Return the verdict of what a function of the program's has returned.

    Args:
        name: the function's name.
        answer: ``True``, or who it is; ``False`` and ``None`` are a no.
        default: who it is, if the answer is ``True``.

    Raises:
        TypeError: if it is none of these.
        ValueError: if it names nobody, or a name is too long.
    """
    if answer is None or answer is False:
        return Verdict(Status.REFUSED, f"{name} says no")
    if answer is True:
        return Verdict(Status.OK, user_id=default)
    if not isinstance(answer, str):
        raise TypeError(f"{name} returned a {type(answer).__name__}; it returns True, a user id, False or None")
    if not 1 <= len(answer.encode()) <= MOST_USER_ID:
        raise ValueError(f"{name} returned the user id {shown(answer)}; one has 1 to {MOST_USER_ID} bytes")
    return Verdict(Status.OK, user_id=answer)
