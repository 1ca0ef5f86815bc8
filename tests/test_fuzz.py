"""Whatever a peer sends: the layouts of :mod:`tests.fuzz`, made by hypothesis and by a seeded generator."""

from __future__ import annotations

import itertools
import re
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.conformance.harnesses.on_nothing import BlockingHarness
from tests.fuzz.__main__ import main
from tests.fuzz.layouts import IDS, decode, encode, is_probe, is_publication, is_reply, is_request, one, random_layout
from zmqbridge.connections import Connection
from zmqbridge.protocols import PendingRequest
from zmqbridge.waiting.parking import Parked

# The same examples each time; `python -m tests.fuzz` looks for others.
repeatable = settings(derandomize=True, deadline=None, max_examples=200)

BATCH = 256
BATCHES = 196

frames = st.one_of(
    st.just(b""), st.just(b"\0"), st.sampled_from(IDS), st.binary(max_size=20), st.binary(min_size=238, max_size=400)
)
layouts = st.lists(st.lists(frames, max_size=8), max_size=10)
requests = st.lists(st.lists(st.sampled_from([*IDS[:3], b"", b"peer"]), min_size=2, max_size=4), max_size=30)


@repeatable
@given(layouts)
@example([[]])
@example([[b"x" * 1000] * 200])
@example([[b"x"] * 255, [b"", b"good"]])
def test_layouts_round_trip(batch: list[list[bytes]]) -> None:
    """Any layouts can be told in bytes, and are read back from them."""
    assert decode(encode(batch)) == batch


@repeatable
@given(layouts)
@example([[b"x"] * 200, [b""] * 200, [b"\0"]])
@example([[IDS[0], b"", b"given up"], [IDS[1], b"", b"yes"], [IDS[1], b"", b"repeated"], [IDS[1]], [IDS[2], b"x"]])
def test_structured(batch: list[list[bytes]]) -> None:
    """Whatever layouts come: what is malformed is counted, and the rest is what the table of the wire says."""
    one(encode(batch))


@repeatable
@given(requests)
def test_same_ids(batch: list[list[bytes]]) -> None:
    """Requests that share their ids are each answered once, and replies that share an id answer one request."""
    one(encode(batch))


@repeatable
@given(st.binary(max_size=500))
def test_bytes(data: bytes) -> None:
    """Any bytes at all are layouts, of which the same holds."""
    one(data)


def accepted(connection: Connection, batch: list[list[bytes]]) -> list[Any]:
    """Return what a connection makes of these messages for whoever receives; those who wait for an answer are told."""
    channel = connection._channel
    channel.guard.check()
    items, answered = channel.intake._decoder.decode(batch)
    for parked in answered:
        channel.lot.answer(parked)
    return list(items)


@pytest.mark.parametrize("seed", [1, 2])
def test_fifty_thousand(seed: int) -> None:
    """What four connections accept of fifty thousand layouts is as many as are well-formed, each as it came."""
    random = Random(seed)
    loop = BlockingHarness()

    async def case() -> None:
        async with loop.context() as context:
            subscriber, requester = context.subscriber(), context.requester()
            replier, router = context.replier(), context.router()
            waiting: dict[bytes, PendingRequest[Parked]] = {}
            publications = replies = requests = answered = 0
            for _ in range(BATCHES):
                while len(waiting) < 16:
                    pending = requester._protocol.begin([b"?"], Parked())
                    waiting[pending.id] = pending
                ids = list(waiting)
                batch = [random_layout(random, ids) for _ in range(BATCH)]

                publications_read = accepted(subscriber, batch)
                published = [layout for layout in batch if is_publication(layout)]
                assert [b"\0".join(publication) for publication in publications_read] == [
                    b"\0".join(it if b"\0" in it[0] else [b"", *it][-2:]) for it in published
                ]
                publications += len(published)

                accepted(requester, batch)
                for id, _, *parts in filter(is_reply, batch):
                    replies += 1
                    pending_request = waiting.pop(id, None)
                    if pending_request is not None:
                        answered += 1
                        assert pending_request.reply == parts
                        assert pending_request.caller.served
                assert not any(pending.reply or pending.caller.served for pending in waiting.values())

                asked = [layout for layout in batch if is_request(layout) and not is_probe(layout)]
                for request, layout in itertools.zip_longest(accepted(replier, batch), asked):
                    assert (request.peer, request.replied) == (layout[0], False)
                    end = layout.index(b"")
                    assert (request.id, request.parts) == (layout[end - 1], layout[end + 1 :])
                requests += len(asked)

                assert [[routed.peer, *routed.frames] for routed in accepted(router, batch)] == batch
            total = BATCHES * BATCH
            assert subscriber.stats.malformed == total - publications
            assert replier.stats.malformed == total - requests - replier.stats.probes
            assert (requester.stats.malformed, requester.stats.unmatched_replies) == (
                total - replies - requester.stats.probes,
                replies - answered,
            )
            assert min(replier.stats.probes, requester.stats.probes) > 0
            assert router.stats.malformed == 0
            assert min(publications, requests, replies, answered, total - publications, total - replies) > 1000

    loop.run(case)


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The command that fuzzes tells how many inputs it ran; with the same seed they are the same."""
    inputs: list[list[bytes]] = [[], []]
    for run in inputs:
        assert main(["--random", "--seconds", "0.2", "--seed", "5"], run.append) == 0
        printed = capsys.readouterr().out
        assert re.search(rf"--seed 5\n{len(run)} inputs in .* s, and all of them hold", printed)
    assert len(inputs[0]) >= 100
    assert all(one == other for one, other in zip(*inputs, strict=False))


def test_command_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """An input that fails is printed with the command that runs it again, and that fails too."""

    def fails(data: bytes) -> None:
        assert IDS[5] not in itertools.chain.from_iterable(decode(data)), "found"

    assert main(["--random", "--seed", "5"], fails) == 1
    printed = capsys.readouterr().out
    assert "AssertionError: found" in printed
    found = re.search(r"^python -m tests.fuzz (--input=[0-9a-f]+)$", printed, re.MULTILINE)
    assert found is not None
    with pytest.raises(AssertionError, match="found"):
        main([found.group(1)], fails)
    assert main([found.group(1)]) == 0
    assert capsys.readouterr().out == "it holds\n"
