"""What libzmq's monitor says, in words: each line of its table has a kind, and what it means is said."""

from __future__ import annotations

import struct

import pytest
import zmq

from zmqbridge.presence.events import Event, EventKind, Reader
from zmqbridge.presence.standing import Standing

ADDRESS = "tcp://127.0.0.1:5555"


def said(number: int, value: int = 0, address: bytes = ADDRESS.encode()) -> list[bytes]:
    """The two frames of a monitor."""
    return [struct.pack("=HI", number, value), address]


def read(*numbers: int) -> list[EventKind]:
    """The kinds of a course of events."""
    reader = Reader()
    events = [reader.read(said(number)) for number in numbers]
    return [event.kind for event in events if event is not None]


def test_each_of_libzmqs_has_a_kind() -> None:
    """Every event that this libzmq can tell has a kind of its own, but for the last, which is the end."""
    kinds = set()
    for event in zmq.Event:
        if str(event.name).startswith(("ALL", "PIPES_STATS", "PROTOCOL_ERROR")):
            continue
        told = Reader().read(said(int(event)))
        if event is zmq.Event.MONITOR_STOPPED:
            assert told is None
        else:
            assert told is not None
            kinds.add(told.kind)
    assert EventKind.UNKNOWN not in kinds
    assert kinds == set(EventKind) - {EventKind.UNKNOWN, EventKind.LEFT_OUT, EventKind.LEFT, EventKind.CONNECT_RETRIED}


def test_each_protocol_error_has_words() -> None:
    """Every protocol error of libzmq has words; one that is not known shows its number."""
    words = set()
    errors = [getattr(zmq, name) for name in dir(zmq) if name.startswith("PROTOCOL_ERROR_")]
    for number in errors:
        event = Reader().read(said(0x2000, int(number)))
        assert event is not None
        assert event.error is not None
        words.add(event.error)
    assert len(words) == len(set(errors))
    assert not any("0x" in text for text in words)
    unknown = Reader().read(said(0x2000, 0x7777))
    assert unknown is not None
    assert unknown.error == "protocol error 0x7777"


@pytest.mark.parametrize(
    ("number", "value", "refused", "denied", "words"),
    [
        (0x4000, 300, False, True, "status 300"),
        (0x4000, 400, True, True, "status 400"),
        (0x4000, 500, True, True, "status 500"),
        (0x4000, 7, True, True, "status 7"),
        (0x2000, 0x11000001, True, True, "keys do not go together"),
        (0x2000, 0x11000002, True, True, "another security mechanism"),
        (0x2000, 0x10000001, True, False, "command"),
        (0x0800, 32, False, False, "Broken pipe"),
        (0x8000, 5, False, False, "event 0x8000 with the value 5"),
    ],
)
def test_failures(number: int, value: int, refused: bool, denied: bool, words: str) -> None:
    """A handshake that has failed says why, and whether libzmq tries again."""
    event = Reader().read(said(number, value))
    assert event is not None
    assert (event.refused, event.denied) == (refused, denied)
    assert words in str(event)
    assert ADDRESS in str(event)


def test_a_name_that_cannot_be_resolved() -> None:
    """Where libzmq tries again without having tried, the name could not be resolved; else it could."""
    delayed, retried, closed, gone = 2, 4, 0x80, 0x200
    assert read(retried, retried) == [EventKind.UNRESOLVED] * 2
    for tried in (closed, gone, delayed):
        assert read(tried, retried, retried)[1:] == [EventKind.CONNECT_RETRIED, EventKind.UNRESOLVED]
    reader = Reader()
    reader.read(said(closed))
    reader.forget(ADDRESS)
    event = reader.read(said(retried))
    assert event is not None
    assert event.kind is EventKind.UNRESOLVED


DELAYED, CONNECTED, RETRIED, GONE = 2, 1, 4, 0x200


def addresses(*said_of: tuple[int, str]) -> list[tuple[str, EventKind]]:
    """Where a course of events is, and its kinds."""
    reader = Reader()
    events = [reader.read(said(number, 0, address.encode())) for number, address in said_of]
    return [(event.address, event.kind) for event in events if event is not None]


def test_a_name_stays_the_programs() -> None:
    """What libzmq says of the address that it has resolved is told of the name that the program gave."""
    name, resolved, moved = "tcp://lab:5555", "tcp://10.0.0.1:5555", "tcp://[fd00::1%2]:5555"
    course = addresses(
        (DELAYED, name), (CONNECTED, name), (GONE, name), (RETRIED, resolved), (DELAYED, resolved), (GONE, resolved),
        (RETRIED, moved), (CONNECTED, moved),
    )  # fmt: skip
    assert {address for address, _ in course} == {name}
    assert EventKind.UNRESOLVED not in [kind for _, kind in course]


def test_two_names_with_one_port() -> None:
    """Of names with the same port the one is tried again first that was gone first; other ports, other addresses of the
    program's and those where it listens have nothing to do with it."""
    ada, bob, own, other = "tcp://ada:5555", "tcp://bob:5555", "tcp://10.0.0.3:5555", "tcp://eve:55555"
    listening = "tcp://0.0.0.0:5555"
    begun = [(DELAYED, address) for address in (ada, bob, own, other)]
    course = addresses(
        *begun, (0x20, listening), (GONE, listening), (GONE, other), (GONE, bob), (GONE, ada), (RETRIED, own),
        (RETRIED, "tcp://10.0.0.2:5555"), (RETRIED, "tcp://10.0.0.1:5555"), (CONNECTED, "tcp://10.0.0.2:5555"),
        (RETRIED, "tcp://10.0.0.9:5555"),
    )  # fmt: skip
    assert [address for address, _ in course[-5:]] == [own, bob, ada, bob, "tcp://10.0.0.9:5555"]
    assert course[-1][1] is EventKind.UNRESOLVED


def test_a_name_that_was_left() -> None:
    """What a name had been resolved to is nobody's once the program has disconnected from it."""
    reader = Reader()
    name, resolved = b"tcp://lab:5555", b"tcp://10.0.0.1:5555"
    for number, address in ((DELAYED, name), (GONE, name), (RETRIED, resolved)):
        reader.read(said(number, 0, address))
    reader.forget(name.decode())
    event = reader.read(said(CONNECTED, 0, resolved))
    assert event is not None
    assert event.address == resolved.decode()


def test_strange_frames() -> None:
    """An address that is no text, or is not there, or is very long is no error."""
    for frames in (said(1, 0, b"\xff\xfe"), said(1)[:1], said(1, 0, b"x" * 100_000)):
        event = Reader().read(frames)
        assert event is not None
        assert event.kind is EventKind.CONNECTED
        assert len(str(event)) < 1000


class Course:
    """The books of one connection, and what happens there, in short words: ``+3`` a connection with the descriptor 3 is
    made, ``ok`` a handshake succeeds, ``no`` one fails, ``-3`` the connection is gone."""

    def __init__(self) -> None:
        self.standing = Standing()

    def __call__(self, words: str, address: str = ADDRESS) -> int:
        for word in words.split():
            fd = int(word[1:]) if word[0] in "+-" else None
            kind = {
                "+": EventKind.ACCEPTED,
                "-": EventKind.DISCONNECTED,
                "o": EventKind.HANDSHAKE_SUCCEEDED,
                "n": EventKind.HANDSHAKE_FAILED,
            }[word[0]]
            self.standing.note(Event(kind, address, fd=fd))
        return self.standing.count


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("", 0),
        ("+1", 0),
        ("+1 ok", 1),
        ("+1 ok -1", 0),
        ("+1 no -1", 0),
        ("+1 -1", 0),
        ("+1 ok +2 ok", 2),
        ("+1 +2 ok ok", 2),
        ("+1 +2 ok ok -1", 1),
        ("+1 ok +2 no -2", 1),
        ("+1 ok +2 -2", 1),
        ("+1 ok +2 +3 ok no -3", 2),
        ("+1 +2 ok no -2", 1),
        ("+1 +2 ok no -2 -1", 0),
        ("+1 +2 ok -2 -1", 0),
        ("+1 +2 ok -2 -1 +3 ok", 1),
        ("+1 ok +1 ok", 1),
        ("+1 +1 ok -1", 0),
        ("+1 ok +2 +3 no -2 no -3", 1),
        ("ok ok -1 -2", 0),
        ("+1 ok ok ok", 1),
        ("no no +1 ok", 1),
    ],
)
def test_standing(words: str, count: int) -> None:
    """Handshakes that succeeded stand until their peer is gone; what else comes and goes beside them does not count."""
    assert Course()(words) == count


def test_what_is_known_stays_known() -> None:
    """A peer that was alone in its handshake counts whatever strangers do afterwards, a hundred times."""
    course = Course()
    course("+1 ok")
    for _ in range(100):
        course("+2 +3 ok -3 -2")
        course("+2 +3 ok no -2 -3")
        course("+2 -2 +3 no -3")
    assert course("") == 1
    assert course("-1") == 0


def test_standing_forgets() -> None:
    """What was left by this end counts no more, nor does its failure; other addresses do."""
    course = Course()
    course("+1 ok +2 ok +3 no")
    course("+9 ok", "ipc://other")
    standing = course.standing
    standing.forget(ADDRESS)
    assert (standing.count, standing.at("ipc://other"), standing.at(ADDRESS)) == (1, 1, 0)
    assert course("-1 ok") == 1
    assert course("+1 ok") == 2


def test_refusals() -> None:
    """A refusal stands until a handshake succeeds at the same address; what failed last is kept."""
    course = Course()
    standing = course.standing
    refusal = Event(EventKind.AUTH_FAILED, ADDRESS, "no", refused=True)
    course("+1")
    standing.note(refusal)
    assert standing.refusals == {ADDRESS: refusal}
    course("+2", "ipc://other")
    standing.note(Event(EventKind.AUTH_FAILED, "ipc://other", "later"))
    assert list(standing.refusals) == [ADDRESS]
    course("-1 +1 ok")
    assert standing.refusals == {}
    assert standing.latest_failure is not None
    assert standing.latest_failure.error == "later"
