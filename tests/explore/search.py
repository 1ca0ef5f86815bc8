"""The search: breadth first, so that the first list of steps that breaks something is the shortest.

The facts. A coroutine cannot be copied. A state can be reached by its list of steps alone.

The consequence. Each step from a state costs the whole list once more, if the step runs a coroutine.

The design. A list of steps is gone through once more for each step from its end that runs a coroutine which is there
already. All others are taken and undone: whatever they change is data. What comes in the middle of a step counts as a
step of its own, so what it leads to belongs to the layer after the next. A layer is split into portions, which several
processes may expand.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import Pool

from tests.explore.fingerprint import Graph
from tests.explore.world import Broken, World

__all__ = ["Counterexample", "Report", "replay", "search"]

PORTION = 200

Path = tuple["Path", str] | None


@dataclass(frozen=True)
class Counterexample:
    """Something that does not hold, and the way to it.

    Attributes:
        world, turn: where it does not hold.
        steps: the steps to it.
        settles: it shows when everything was done then that could be.
        what: what does not hold.
    """

    world: str
    turn: int
    steps: list[str]
    settles: bool
    what: str

    def __str__(self) -> str:
        steps = "".join(f'        "{step}",\n' for step in self.steps)
        then = "  # and when all has come to rest" if self.settles else ""
        return f'{self.what}{then}\n\n    replay("{self.world}", {self.turn}, [\n{steps}    ])\n'


@dataclass
class Report:
    """What a search has seen.

    Attributes:
        states: how many states that differ.
        steps: how many steps from one to another.
        depth: up to how many steps from the beginning it saw all.
        finished: no further step leads to a further state.
        seconds: how long it took.
        layers: how many states were met first after so many steps.
        found: what does not hold, if anything; of what is told in the same words, the shortest.
    """

    states: int = 0
    steps: int = 0
    depth: int = 0
    finished: bool = False
    seconds: float = 0.0
    layers: list[int] = field(default_factory=list)
    found: dict[str, Counterexample] = field(default_factory=dict)


def replay(world: str, turn: int, steps: Iterable[str], *, in_order: bool = False, bounded: bool = False) -> None:
    """Go through a list of steps, and then let all come to rest. Steps that are not possible (any more) are left out.

    Raises:
        Broken: if something does not hold that must.
    """
    with World(world, turn, in_order=in_order, bounded=bounded) as explored:
        for step in steps:
            if explored.possible(step):
                explored.take(step)
                explored.check()
        explored.settle()


def flat(path: Path) -> list[str]:
    steps = []
    while path is not None:
        path, step = path
        steps.append(step)
    return steps[::-1]


@dataclass
class Portion:
    """What was found from some states.

    Attributes:
        children: the number of the state within the portion, how many steps the step counts for, the step, and the
            fingerprint of where it leads.
        steps: how many steps were taken.
        broken: what does not hold: after how many more steps, the number of the state, the step if there is one, and
            what.
    """

    children: list[tuple[int, int, str, int]] = field(default_factory=list)
    steps: int = 0
    broken: list[tuple[int, int, str | None, str]] = field(default_factory=list)


class Expander:
    """Finds what the steps from a state lead to."""

    def __init__(self, kind: str, turn: int, in_order: bool = False, bounded: bool = False) -> None:
        self._world = World(kind, turn, in_order=in_order, bounded=bounded)
        self._known: set[int] = set()

    def expand(self, states: list[list[str]]) -> Portion:
        """Take each step that is possible from each of some states."""
        portion = Portion()
        for number, steps in enumerate(states):
            self._expand(portion, number, steps)
        if len(self._known) > 3_000_000:
            self._known.clear()
        return portion

    def end(self) -> None:
        """Drop what is still open."""
        self._world.leave()

    def _expand(self, portion: Portion, number: int, steps: list[str]) -> None:
        world = self._world
        self._reach(steps)
        inner = world.inner_state()
        busy = world.busy()
        saved = world.saved(inner)
        outer = replace(saved, inner=None)
        for step in world.outer_steps():
            self._take(portion, number, step, 1, inner)
            world.back(outer)
        for step in world.new_steps():
            self._take(portion, number, step, 1)
            variants = world.variants(step)
            world.back(saved)
            for variant, cost in variants:
                self._take(portion, number, variant, cost)
                world.back(saved)
        fresh = True
        for step in world.old_steps():
            if not fresh:
                self._reach(steps)
            fresh = False
            self._take(portion, number, step, 1)
            for variant, cost in world.variants(step):
                self._reach(steps)
                self._take(portion, number, variant, cost)
        if busy:
            if not fresh:
                self._reach(steps)
            try:
                world.settle()
            except Broken as broken:
                portion.broken.append((0, number, None, str(broken)))

    def _reach(self, steps: list[str]) -> None:
        world = self._world
        world.begin()
        for step in steps:
            world.take(step)

    def _take(self, portion: Portion, number: int, step: str, cost: int, inner: Graph | None = None) -> None:
        world = self._world
        portion.steps += 1
        try:
            world.take(step)
            if not world.happened:
                return
            reached = world.fingerprint(inner)
            if reached not in self._known:
                world.check()
                self._known.add(reached)
                portion.children.append((number, cost, step, reached))
        except Broken as broken:
            portion.broken.append((cost, number, step, str(broken)))


_expander: Expander | None = None


def _prepare(kind: str, turn: int, in_order: bool, bounded: bool) -> None:
    global _expander  # noqa: PLW0603 - each process has its own
    gc.set_threshold(50_000, 20, 100)
    _expander = Expander(kind, turn, in_order, bounded)


def _expand(states: list[list[str]]) -> Portion:
    assert _expander is not None
    return _expander.expand(states)


@contextmanager
def _expanding(
    processes: int, kind: str, turn: int, in_order: bool, bounded: bool
) -> Iterator[Callable[[Iterable[list[list[str]]]], Iterator[Portion]]]:
    """Lend what expands portions, in their order."""
    if processes == 1:
        expander = Expander(kind, turn, in_order, bounded)
        try:
            yield lambda portions: map(expander.expand, portions)
        finally:
            expander.end()
    else:
        with Pool(processes, _prepare, (kind, turn, in_order, bounded)) as pool:
            yield lambda portions: pool.imap(_expand, portions)


def search(
    kind: str,
    turn: int,
    *,
    depth: int = 1_000,
    seconds: float = float("inf"),
    states: int = 1 << 62,
    processes: int = 1,
    in_order: bool = False,
    bounded: bool = False,
    goes_on: bool = False,
    tell: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Search a world.

    Args:
        kind: which.
        turn: how many messages a turn of the loop reads, and sends, at most.
        depth: up to how many steps.
        seconds: for how long.
        states: no further layer once so many were seen.
        processes: how many expand states.
        in_order: receives are served in the order of their calls, too.
        bounded: nothing that is run reads more messages at once than a turn has, too.
        goes_on: it goes on when something is found, though not from where something does not hold.
        tell: told of each layer.
    """
    began = time.monotonic()
    report = Report()
    seen: set[int] = set()
    layers: list[dict[int, Path]] = [{0: None}, {}, {}]
    with _expanding(processes, kind, turn, in_order, bounded) as expand:
        for done in range(depth):
            layer = [(fingerprint, path) for fingerprint, path in layers[0].items() if fingerprint not in seen]
            layers = [*layers[1:], {}]
            seen.update(fingerprint for fingerprint, _ in layer)
            report.layers.append(len(layer))
            report.depth = done
            report.finished = not layer and not layers[0]
            if report.finished or len(seen) + len(layers[0]) >= states:
                break
            broken: list[tuple[int, Path, str | None, str]] = []
            starts = range(0, len(layer), PORTION)
            portions = ([flat(path) for _, path in layer[start : start + PORTION]] for start in starts)
            for start, portion in zip(starts, expand(portions), strict=True):
                report.steps += portion.steps
                broken += [(cost, layer[start + number][1], step, what) for cost, number, step, what in portion.broken]
                for number, cost, step, fingerprint in portion.children:
                    if fingerprint not in seen:
                        layers[cost - 1].setdefault(fingerprint, (layer[start + number][1], step))
                if time.monotonic() - began > seconds:
                    break
            report.states = len(seen | layers[0].keys() | layers[1].keys())
            report.seconds = time.monotonic() - began
            tell(report)
            for _, path, last, what in sorted(broken, key=lambda found: found[0])[: None if goes_on else 1]:
                steps = flat(path) + ([] if last is None else [last])
                report.found.setdefault(what, Counterexample(kind, turn, steps, last is None, what))
            if (report.found and not goes_on) or report.seconds > seconds:
                break
            report.depth = done + 1
    return report
