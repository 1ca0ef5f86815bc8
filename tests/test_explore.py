"""The exhaustive walk over small worlds: a part of it that takes half a minute, and what it is there to find."""

from __future__ import annotations

import pytest

from tests.explore import core
from tests.explore.search import replay, search
from tests.explore.world import WORLDS, Broken, World
from tests.size import WHOLE

# How many steps of each world are searched here: with turns of 2, one less unless the whole way is gone.
DEPTHS = {"dealer": 3, "edge": 5, "pusher": 4, "puller": 7, "requester": 4}


@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.parametrize("kind", WORLDS)
def test_nothing_is_lost_within_a_few_steps(kind: str, turn: int) -> None:
    """No interleaving of so few steps loses a wake-up or a message, or starves anybody."""
    whole = WHOLE or turn == 1
    depth = DEPTHS[kind] if whole else DEPTHS[kind] - 1
    report = search(kind, turn, depth=depth, in_order=True)
    assert not report.found, "\n".join(map(str, report.found.values()))
    assert report.depth == depth
    assert report.states > (1_000 if whole else 200)


@pytest.mark.parametrize("turn", [1, 2, 3])
@pytest.mark.parametrize(
    ("kind", "steps"),
    [
        ("dealer", ["start receive", "arrive", "start send_frames, processing", "cancel 1", "run 1"]),
        ("dealer", ["start send, arrive before call 2", "start receive"]),
        ("edge", ["start send", "start receive, arrive before call 3", "run 0, arrive before call 4", "start receive"]),
        ("requester", ["start request, take before call 2", "forge", "start request, processing", "cancel 1"]),
    ],
    ids=["a refused send is cancelled", "a receive behind a send", "another behind it", "a request behind a request"],
)
def test_what_hung_once_does_not_hang(kind: str, steps: list[str], turn: int) -> None:
    """A refused send that looked at the mailbox leaves nobody waiting for what was told there."""
    replay(kind, turn, steps)


def test_a_missing_look_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody looks again after a touch, the walk finds the shortest way to hang, to be pasted as a test."""
    core.take_out_the_look(monkeypatch.setattr)
    report = search("puller", 2, depth=4)
    (found,) = report.found.values()
    assert found.steps == ["start receive", "arrive", "call look"]
    assert "receive waits, and 1 messages are there" in str(found)
    pasted = str(found)[str(found).index("replay(") :]
    with pytest.raises(Broken, match="receive waits, and 1 messages are there"):
        eval(pasted, {"replay": replay})
    monkeypatch.undo()
    eval(pasted, {"replay": replay})


def test_a_leader_that_is_not_replaced_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody takes over from a leader that leaves, the walk finds it."""
    core.take_out_the_succession(monkeypatch.setattr)
    report = search("puller", 1, depth=6)
    (found,) = report.found.values()
    with pytest.raises(Broken):
        replay("puller", 1, found.steps)
    monkeypatch.undo()
    replay("puller", 1, found.steps)


@pytest.mark.parametrize("kind", WORLDS)
def test_a_step_is_undone(kind: str) -> None:
    """After a step that was undone, the state is the one before; after the same steps again, it is the same."""
    with World(kind, 1) as world:
        for steps in [[], *([step] for step in world.outer_steps() + world.new_steps())]:
            world.begin()
            for step in steps:
                world.take(step)
            before = world.fingerprint()
            saved = world.saved(world.inner_state())
            for step in world.outer_steps() + world.new_steps():
                world.take(step)
                world.back(saved)
                assert world.fingerprint() == before, (steps, step)


def test_two_processes_see_what_one_sees() -> None:
    """How many processes search makes no difference to what they find."""
    alone, both = (search("puller", 1, depth=5, processes=processes) for processes in (1, 2))
    assert (alone.states, alone.steps, alone.layers) == (both.states, both.steps, both.layers)
