"""Frame layouts made of bytes, and what must hold of the pure modules for every one of them.

A *layout* is the list of a message's frames. Bytes are read as a sequence of layouts, so that whatever makes bytes
(a fuzzer, hypothesis, a generator of random numbers) makes layouts, and any of them can be told in hexadecimal:

- a message is a byte, the number of its frames, and its frames;
- a frame is a byte and what it calls for: 0 is the empty frame; 1 to 16 one of the ids that :data:`IDS` are; 17 the
  one zero byte; 18 two bytes of a length and so many bytes; any more that number less 18 of bytes;
- where the bytes are at an end, so is the message.

:func:`one` checks one such sequence. It knows what each message means from the table in :mod:`zmqbridge.framing`, and
finds it out by other ways than that module does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from random import Random
from typing import Any

from zmqbridge.errors import RemoteProtocolError
from zmqbridge.framing import (
    FRAME_MEMORY,
    MAX_ENVELOPE,
    Envelope,
    read_envelope,
    read_publication,
    read_reply,
    reply_frames,
)
from zmqbridge.protocols import Faults, ReplierProtocol, RequesterProtocol, SubscriberProtocol
from zmqbridge_twisted.unanswered import REQUEST_MEMORY, Unanswered

__all__ = [
    "IDS",
    "check",
    "decode",
    "encode",
    "is_probe",
    "is_publication",
    "is_reply",
    "is_request",
    "mutated",
    "one",
    "random_layout",
]

Layout = list[bytes]

IDS = tuple(b"the id number %02d" % number for number in range(16))
GIVEN_UP = 3  # every so manieth request is not pending any more
LATER_ID = b"an id of a later"

ZERO = len(IDS) + 1
LONG = ZERO + 1
LONGEST = 0xFFFF
MOST_FRAMES = 0xFF

LIMIT = 3
LIFETIME = 5.0
MEMORY = 2 * REQUEST_MEMORY + 8 * FRAME_MEMORY


# --- layouts and bytes ---


def decode(data: bytes) -> list[Layout]:
    """Read bytes as a sequence of layouts; any bytes are one."""
    layouts: list[Layout] = []
    rest = iter(data)
    for count in rest:
        layout: Layout = []
        for kind in _up_to(count, rest):
            if kind == 0:
                layout.append(b"")
            elif kind < ZERO:
                layout.append(IDS[kind - 1])
            elif kind == ZERO:
                layout.append(b"\0")
            else:
                length = int.from_bytes(bytes(_up_to(2, rest)), "big") if kind == LONG else kind - LONG
                layout.append(bytes(_up_to(length, rest)))
        layouts.append(layout)
    return layouts


def _up_to(count: int, source: Iterator[int]) -> Iterator[int]:
    for _, byte in zip(range(count), source, strict=False):
        yield byte


def encode(layouts: Sequence[Layout]) -> bytes:
    """Return bytes that :func:`decode` reads as these layouts: of at most 255 frames of at most 65,535 bytes."""
    return b"".join(bytes([len(layout)]) + b"".join(map(_encoded, layout)) for layout in layouts)


def _encoded(frame: bytes) -> bytes:
    if not frame:
        return b"\0"
    if frame in IDS:
        return bytes([1 + IDS.index(frame)])
    if frame == b"\0":
        return bytes([ZERO])
    if len(frame) <= 0xFF - LONG:
        return bytes([LONG + len(frame)]) + frame
    return bytes([LONG]) + len(frame).to_bytes(2, "big") + frame


# --- what a layout is ---


def is_publication(layout: Layout) -> bool:
    """Whether it is ``[tag + zero byte + message]``, ``[message]`` or ``[tag, message]``."""
    return len(layout) in (1, 2)


def is_reply(layout: Layout) -> bool:
    """Whether it is ``[id, b"", *parts]``."""
    return [len(frame) for frame in layout[1:2]] == [0]


def is_probe(layout: Layout) -> bool:
    """Whether it is nothing but a peer's introduction, at a router: its routing id and an empty frame."""
    return len(layout) == 2 and layout[1] == b""


def is_request(layout: Layout) -> bool:
    """Whether some frames stand before the first empty one, and no more of them than any route has."""
    if 0 not in [len(frame) for frame in layout][1:] or layout[0] == b"":
        return False
    envelope = layout[: layout.index(b"")]
    return sum(FRAME_MEMORY + len(frame) for frame in envelope) <= MAX_ENVELOPE


# --- what must hold ---


def one(data: bytes) -> None:
    """Check what must hold, on the layouts that some bytes are.

    Raises:
        AssertionError: if something does not hold, or whatever the code under test raised.
    """
    check(decode(data))


def check(batch: Sequence[Layout]) -> None:
    """Check what must hold, on these layouts: the same whether they come in one batch or in two."""
    as_they_came = [list(layout) for layout in batch]
    cut = len(batch) // 2
    _check_readers(batch)
    for batches in ([batch], [batch[:cut], batch[cut:]]):
        _check_subscriber(batches)
        _check_requester(batches)
        _check_replier(batches)
    _check_unanswered(batch)
    assert list(batch) == as_they_came, "the frames of a message were changed"


def _check_readers(batch: Sequence[Layout]) -> None:
    """What is well-formed is read, and what is not is the peer's mistake and no other error."""
    readers: list[tuple[Callable[[Layout], object], Callable[[Layout], bool]]] = [
        (read_publication, is_publication),
        (read_reply, is_reply),
        (read_envelope, is_request),
    ]
    for layout in batch:
        for read, is_well_formed in readers:
            accepted = True
            try:
                read(layout)
            except RemoteProtocolError:
                accepted = False
            assert accepted is is_well_formed(layout), (
                f"{read.__name__} {'accepted' if accepted else 'refused'} {layout!r}"
            )


def _check_faults(faults: Faults, malformed: int) -> None:
    """All that is malformed is counted, and told of once."""
    assert faults.malformed == malformed, f"{faults.malformed} counted of {malformed} malformed messages"
    assert bool(faults.latest) == bool(malformed)
    assert faults.untold(0.0) == malformed
    assert faults.untold(1.0) == 0


def _malformed(batches: Sequence[Sequence[Layout]], is_well_formed: Callable[[Layout], bool]) -> int:
    return sum(not is_well_formed(layout) for layout in chain.from_iterable(batches))


def _check_subscriber(batches: Sequence[Sequence[Layout]]) -> None:
    subscriber = SubscriberProtocol(Faults())
    publications = [publication for batch in batches for publication in subscriber.receive(batch)]
    good = [layout for layout in chain.from_iterable(batches) if is_publication(layout)]
    assert len(publications) == len(good)
    for (tag, message), layout in zip(publications, good, strict=True):
        if len(layout) == 2:
            assert [tag, message] == layout
        else:
            assert [tag + b"\0" + message if b"\0" in layout[0] else message] == layout
            assert b"\0" not in tag
    _check_faults(subscriber.faults, _malformed(batches, is_publication))
    assert subscriber.receive([[b"after\0wards"]]) == [(b"after", b"wards")]


def _check_requester(batches: Sequence[Sequence[Layout]]) -> None:
    requester: RequesterProtocol[int] = RequesterProtocol(Faults(), ids=iter([*IDS, LATER_ID]))
    requests = [requester.begin([b"?"], number) for number in range(len(IDS))]
    for request in requests[::GIVEN_UP]:
        requester.end(request)
    waiting = {request.id: request for request in requests}
    for request in requests[::GIVEN_UP]:
        del waiting[request.id]
    replies = [layout for layout in chain.from_iterable(batches) if is_reply(layout)]
    expected = []
    for id, _, *parts in replies:
        if id in waiting:
            expected.append((waiting.pop(id), parts))
    answered = [request for batch in batches for request in requester.receive(batch)]
    assert [(request, request.reply) for request in answered] == expected
    assert all(request.frames == [request.id, b"", b"?"] for request in requests)
    assert all(request.reply is None for request in requests if request not in answered)
    assert len(requester) == len(waiting)
    assert len(answered) + requester.unmatched == len(replies)
    _check_faults(requester.faults, _malformed(batches, lambda layout: is_reply(layout) or layout == [b""]))
    assert requester.probes == sum(layout == [b""] for layout in chain.from_iterable(batches))
    later = requester.begin([b"?"], -1)
    assert requester.receive([[later.id, b"", b"!"]]) == [later]
    assert later.reply == [b"!"]


def _check_replier(batches: Sequence[Sequence[Layout]]) -> None:
    replier = ReplierProtocol(Faults())
    envelopes = [envelope for batch in batches for envelope in replier.receive(batch)]
    good = [layout for layout in chain.from_iterable(batches) if is_request(layout) and not is_probe(layout)]
    assert len(envelopes) == len(good)
    assert replier.probes == sum(map(is_probe, chain.from_iterable(batches)))
    for envelope, layout in zip(envelopes, good, strict=True):
        assert reply_frames(envelope, envelope.parts) == layout
        reply = reply_frames(envelope, [b"", b"!"])
        assert reply[: len(envelope.route)] == envelope.route
        assert read_reply(reply[len(envelope.route) :]) == (envelope.id, [b"", b"!"])
    _check_faults(replier.faults, _malformed(batches, lambda layout: is_request(layout) or is_probe(layout)))
    assert replier.receive([[b"peer", b"id", b"", b"?"]]) == [Envelope([b"peer"], b"id", [b"?"])]


def _check_unanswered(batch: Sequence[Layout]) -> None:
    """What is kept can be answered once, under a name of its own; nothing that was not kept can be answered."""
    unanswered = Unanswered()
    kept: dict[bytes, tuple[int, Envelope]] = {}
    forgotten = 0
    for now, layout in enumerate(batch):
        for name in layout[-1:]:
            envelope = unanswered.take(name)
            assert envelope == (kept.pop(name)[1] if name in kept else None)
        if not is_request(layout):
            continue
        envelope = read_envelope(layout)
        name = unanswered.add(envelope, float(now), LIMIT, LIFETIME, MEMORY)
        assert name not in kept, "two requests go by one name"
        assert name == envelope.id or envelope.id in kept
        kept[name] = (now, envelope._replace(parts=[]))
        while len(kept) > 1 and (
            len(kept) > LIMIT or _memory_of(kept) > MEMORY or next(iter(kept.values()))[0] < now - LIFETIME
        ):
            del kept[next(iter(kept))]
            forgotten += 1
        assert len(unanswered) == len(kept) <= LIMIT
        assert unanswered.memory == _memory_of(kept)
    assert unanswered.forgotten == forgotten
    for name, (_, envelope) in kept.items():
        assert unanswered.take(name) == envelope
        assert unanswered.take(name) is None
    assert (len(unanswered), unanswered.memory) == (0, 0)


def _memory_of(kept: dict[bytes, tuple[int, Envelope]]) -> int:
    """What requests take: each so much, each frame so much, and its bytes."""
    envelopes = [[*envelope.route, envelope.id] for _, envelope in kept.values()]
    return sum(REQUEST_MEMORY + sum(FRAME_MEMORY + len(frame) for frame in envelope) for envelope in envelopes)


# --- random ones ---


def random_layout(random: Random, ids: Sequence[bytes] = IDS) -> Layout:
    """Return a layout that is well-formed for some socket, or was before something was done to it."""
    layout = random.choice(_WELL_FORMED)(random, ids)
    while random.random() < 0.5:
        random.choice(_CHANGES)(random, layout, ids)
    return layout[:MOST_FRAMES]


def _frame(random: Random, ids: Sequence[bytes]) -> bytes:
    choice = random.random()
    if choice < 0.3:
        return b""
    if choice < 0.5:
        return random.choice(ids)
    if choice < 0.6:
        return b"\0"
    return random.randbytes(random.randrange(1, 20))


_WELL_FORMED: list[Callable[[Random, Sequence[bytes]], Layout]] = [
    lambda random, ids: [b"tag\0" + _frame(random, ids)],
    lambda random, ids: [_frame(random, ids), _frame(random, ids)],
    lambda random, ids: [random.choice(ids), b"", _frame(random, ids)],
    lambda random, ids: [b"peer", random.choice(ids), b"", _frame(random, ids)],
    lambda random, ids: [b"peer", b"", _frame(random, ids)],
]


def _insert(random: Random, layout: Layout, ids: Sequence[bytes]) -> None:
    layout.insert(random.randint(0, len(layout)), _frame(random, ids))


def _replace(random: Random, layout: Layout, ids: Sequence[bytes]) -> None:
    layout[random.randrange(len(layout))] = _frame(random, ids)


def _remove(random: Random, layout: Layout, ids: Sequence[bytes]) -> None:
    if len(layout) > 1:
        del layout[random.randrange(len(layout))]


def _repeat(random: Random, layout: Layout, ids: Sequence[bytes]) -> None:
    at = random.randrange(len(layout))
    layout[at:at] = [layout[at]] * (200 if random.random() < 0.01 else random.randrange(1, 4))


def _shuffle(random: Random, layout: Layout, ids: Sequence[bytes]) -> None:
    random.shuffle(layout)


_CHANGES: list[Callable[[Random, Layout, Sequence[bytes]], Any]] = [_insert, _replace, _remove, _repeat, _shuffle]


def mutated(random: Random, corpus: Sequence[bytes]) -> bytes:
    """Return one of the corpus with a few changes, or pieces of two of them, joined."""
    data = bytearray(random.choice(corpus))
    for _ in range(random.randrange(1, 5)):
        at = random.randint(0, len(data))
        change = random.randrange(5)
        if change == 0:
            data[at:at] = random.randbytes(random.randrange(1, 5))
        elif change == 1:
            del data[at : at + random.randrange(1, 5)]
        elif change == 2 and data:
            data[min(at, len(data) - 1)] = random.choice((0, 1, ZERO, LONG, 0xFF, random.randrange(256)))
        elif change == 3:
            data[at:at] = data[at : at + random.randrange(1, 30)]
        elif change == 4:
            other = random.choice(corpus)
            data[at:] = other[random.randint(0, len(other)) :]
    return bytes(data[:4096])
