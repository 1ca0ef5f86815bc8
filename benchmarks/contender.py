"""What takes part in a measurement, and what a measurement is of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.run import Run

PURE = "pure Python"


@dataclass(frozen=True)
class Contender:
    """A library, on a loop, doing a workload.

    Attributes:
        name: what it is called in the results.
        run: does the measurement.
        rate: messages of 100 bytes a second, roughly: how many the first measurement is made of.
        modules: what must be installed for it.
        ours: it is zmqbridge, measured with the extension and without.
        in_c: it is the helper's program.
    """

    name: str
    run: Callable[[Run], None]
    rate: float
    modules: tuple[str, ...] = ()
    ours: bool = False
    in_c: bool = False


@dataclass(frozen=True)
class Workload:
    """What all its contenders do.

    Attributes:
        name: its kind, for ``--only``.
        setting: its variant; the two together are its own.
        contenders: who does it.
        yardstick: the contender to whose figures the ratios are.
        figure: the figure that is compared, one of :data:`benchmarks.figures.FIGURES`.
        quick: the contenders that ``--quick`` keeps.
        frames: frames of a message.
        size: bytes of a frame.
        share: how long a measurement is, as a multiple of the usual.
    """

    name: str
    setting: str
    contenders: tuple[Contender, ...]
    yardstick: str
    figure: str = "messages_per_second"
    quick: tuple[str, ...] = ()
    frames: int = 1
    size: int = 100
    share: float = 1.0

    @property
    def title(self) -> str:
        return f"{self.name}: {self.setting}"

    def first_count(self, contender: Contender, seconds: float) -> int:
        """Return how many messages the first measurement is made of."""
        each = self.frames / contender.rate + self.frames * self.size / 1e9
        return at_least_two(seconds * self.share / each)


def at_least_two(count: float) -> int:
    """Return a count that has a message to start the clock and one to stop it."""
    return max(2, int(count))
