"""A case: its name, what happens in it, and what a library must have for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from benchmarks.guarantees.libraries.library import Library
from benchmarks.guarantees.observing import Observation

__all__ = ["Case", "Need", "Setting", "case", "life", "program"]

Make = Callable[[], Library]
Leaving = Callable[[str], list[str]]
"""Returns the command of a program that sends to an address and ends."""


class Need(Enum):
    """What not every library has; the value says what that is like where it lacks."""

    CANCELLING = "nothing to cancel"
    WAIT_FOR = "asyncio's alone"
    SEVERAL_RECEIVES = "one handler"
    READING_ON_DEMAND = "the handler gets all at once"
    WAITING_SENDS = "its send never waits"
    HANDLERS = "no handlers"
    REPLIER = "no replier"
    REQUESTER = "no requester"
    OUTLIVING = "its async with closes it"
    LOOPS_IN_A_ROW = "a reactor runs once"


class Setting(Enum):
    """What a case is given.

    Attributes:
        LOOP: a library, on its loop.
        LIFE: what makes a library: the case runs its loops itself.
        PROGRAM: the command of a program, which is watched from without.
    """

    LOOP = 0
    LIFE = 1
    PROGRAM = 2


@dataclass(frozen=True)
class Case:
    """A case.

    Attributes:
        name: what it is called on the command line and on the page.
        title: what happens in it, for the table.
        needs: what a library must have, else it has no such case.
        setting: what the case is given.
        run: the case.
        timed: whether the outcome depends on what else the machine does.
        between_frames: whether something happens between two frames of a message. A send in the extension is one
            call, between whose frames nothing can be made to happen, so that such a case runs without it.
    """

    name: str
    title: str
    needs: tuple[Need, ...]
    setting: Setting
    run: Callable[[Any], Any]
    timed: bool
    between_frames: bool


def case(
    name: str, title: str, *needs: Need, timed: bool = False, between_frames: bool = False
) -> Callable[[Callable[[Library], Awaitable[Observation]]], Case]:
    """Make a case of a function that is run on the library's loop."""
    return lambda run: Case(name, title, needs, Setting.LOOP, run, timed, between_frames)


def life(name: str, title: str, *needs: Need) -> Callable[[Callable[[Make], Observation]], Case]:
    """Make a case of a function that runs the loops itself."""
    return lambda run: Case(name, title, needs, Setting.LIFE, run, False, False)


def program(name: str, title: str) -> Callable[[Callable[[Leaving], Observation]], Case]:
    """Make a case of a function that watches a program which sends and ends."""
    return lambda run: Case(name, title, (), Setting.PROGRAM, run, True, False)
