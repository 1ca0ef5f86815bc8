"""What one turn of the loop may do."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from zmqbridge.channel.units import Units
from zmqbridge.waiting.turn import check_turn_limit


@pytest.mark.parametrize("limit", [1, 2, 256, sys.maxsize])
def test_a_turn(units: Units, limit: int) -> None:
    """A turn allows so many reads and as many sends; each is used up on its own, and the next turn has all again."""
    turn = units.Turn(limit)
    assert (turn.limit, turn.reads, turn.sends, turn.number, turn.lenient) == (limit, limit, limit, 0, False)
    turn.reads -= 1
    turn.sends -= 2
    assert (turn.reads, turn.sends, turn.number) == (limit - 1, limit - 2, 0)
    turn.begin()
    assert (turn.reads, turn.sends, turn.number) == (limit, limit, 1)


def test_below_zero(units: Units) -> None:
    """What is left may fall below zero, by what one batch holds, and the next turn owes nothing."""
    turn = units.Turn(2)
    turn.reads -= 300
    turn.sends -= 300
    assert (turn.reads, turn.sends) == (-298, -298)
    turn.begin()
    assert (turn.reads, turn.sends) == (2, 2)


def test_lenient(units: Units) -> None:
    """Whether it is lenient is not a matter of turns."""
    turn = units.Turn(2)
    turn.lenient = True
    turn.begin()
    assert turn.lenient is True
    turn.lenient = False
    turn.begin()
    assert turn.lenient is False


def test_without_a_limit(units: Units) -> None:
    """Where somebody else bounds the turns there is no limit, in this turn and in any later one."""
    turn = units.Turn(1)
    turn.unlimit()
    assert (turn.limit, turn.reads, turn.sends, turn.number) == (sys.maxsize, sys.maxsize, sys.maxsize, 1)
    turn.sends -= 1000
    turn.begin()
    assert (turn.sends, turn.number) == (sys.maxsize, 2)


@pytest.mark.parametrize("limit", [1, 2, 256, 10**30])
def test_limits(limit: int) -> None:
    """Any number from 1 on is a limit."""
    assert check_turn_limit(limit) == limit


@pytest.mark.parametrize("limit", [0, -1, True, 1.0, "1", None])
def test_no_limits(limit: Any) -> None:
    """What would let a turn do nothing, or is no number of messages, is refused."""
    with pytest.raises(ValueError, match="lets nothing be read or sent; it is a number of messages, 1 or more"):
        check_turn_limit(limit)
