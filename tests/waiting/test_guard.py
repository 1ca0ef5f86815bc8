"""Who may touch a socket: one thread, while it is open, and no forked child."""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident

import pytest

from tests.waiting.threads import in_a_thread
from zmqbridge.channel.units import Units
from zmqbridge.errors import ConnectionClosed, ContextTerminated, LocalProtocolError
from zmqbridge.protocols import State
from zmqbridge.waiting.guard import Guard


@pytest.fixture
def guard(units: Units) -> Guard:
    """The guard of a connection that nobody has used."""
    return Guard(units.Ownership(), lambda: "<a connection>")


def test_ownership(units: Units) -> None:
    """An ownership is nobody's at first, and any thread's that it is given to."""
    ownership = units.Ownership()
    assert ownership.owner == 0
    for ident in (get_ident(), in_a_thread(get_ident), 0):
        ownership.owner = ident
        assert ownership.owner == ident


def test_the_first_to_use_it_owns_it(guard: Guard) -> None:
    """A connection belongs to nobody until it is used, and from then on to the thread that did."""
    assert (guard.ownership.owner, guard.open, guard.state) == (0, True, State.OPEN)
    guard.check_open()
    assert guard.ownership.owner == 0
    guard.check()
    guard.check()
    assert guard.ownership.owner == get_ident()


def test_another_thread(guard: Guard) -> None:
    """Any other thread is refused, and told whose it is; whether it is open, any thread may ask."""
    guard.check()
    for check in (guard.check, guard.check_thread):
        with pytest.raises(LocalProtocolError, match=rf"<a connection> belongs to another thread .ident {get_ident()}"):
            in_a_thread(check)
    in_a_thread(guard.check_open)
    assert guard.ownership.owner == get_ident()


END = [
    (Guard.close, State.CLOSED, ConnectionClosed),
    (Guard.terminate, State.TERMINATED, ContextTerminated),
    (Guard.fork, State.FORKED, LocalProtocolError),
]


@pytest.mark.parametrize("used", [True, False])
@pytest.mark.parametrize(("end", "state", "error"), END, ids=["closed", "terminated", "forked"])
def test_ends(guard: Guard, end: Callable[[Guard], object], state: State, error: type[Exception], used: bool) -> None:
    """At its end nobody owns it, in the same step, and every check says why; no check of its thread opens it again."""
    if used:
        guard.check()
    end(guard)
    assert (guard.ownership.owner, guard.open, guard.state) == (0, False, state)
    for check in (guard.check, guard.check_open):
        with pytest.raises(error):
            check()
    guard.check_thread()
    guard.adopt()
    assert guard.ownership.owner == 0
    with pytest.raises(error):
        guard.check()


def test_closed_once(guard: Guard) -> None:
    """Closing says whether it was open; what was terminated is closed then, and what was forked never."""
    assert [guard.close(), guard.close()] == [True, False]
    states = []
    for end in (guard.terminate, guard.fork):
        end()
        states.append(guard.state)
    assert states == [State.CLOSED, State.FORKED]
    with pytest.raises(LocalProtocolError, match="before the process forked"):
        guard.close()


def test_terminated_and_closed(guard: Guard) -> None:
    """A terminated connection says so until it is closed."""
    guard.terminate()
    assert guard.close()
    with pytest.raises(ConnectionClosed):
        guard.check()


def test_inherited(guard: Guard) -> None:
    """What belongs to a thread that has ended is inherited; what belongs to one that runs is not."""
    in_a_thread(guard.check)
    assert guard.ownership.owner not in (0, get_ident())
    assert guard.inherit()
    assert guard.ownership.owner == get_ident()
    assert guard.inherit()
    assert not in_a_thread(guard.inherit)
    assert guard.ownership.owner == get_ident()


def test_inherited_of_nobody(guard: Guard) -> None:
    """What nobody has used is the heir's, though it was never anyone's."""
    assert guard.inherit()
    assert guard.ownership.owner == get_ident()


def test_adopted(guard: Guard) -> None:
    """A connection can be given to the calling thread, whoever's it was."""
    in_a_thread(guard.check)
    guard.adopt()
    guard.check()
    with pytest.raises(LocalProtocolError):
        in_a_thread(guard.check)


def test_made_where_its_loop_runs(guard: Guard) -> None:
    """A connection that is made where its loop runs belongs to that thread from the start, and never to another."""
    guard.settle(lambda: True)
    assert guard.ownership.owner == get_ident()
    with pytest.raises(LocalProtocolError, match="belongs to another thread"):
        in_a_thread(guard.check)


def test_made_where_no_loop_runs(guard: Guard) -> None:
    """One that is made where none runs belongs to nobody until it is used."""
    in_a_thread(lambda: guard.settle(lambda: False))
    assert guard.ownership.owner == 0
    guard.check()
    assert guard.ownership.owner == get_ident()


def test_made_before_its_loop_runs(guard: Guard) -> None:
    """One that is made for a loop still to run is the maker's, until the loop runs elsewhere and calls."""
    loops: set[int] = set()
    guard.settle(lambda: get_ident() in loops if loops else None)
    with pytest.raises(LocalProtocolError, match="belongs to another thread"):
        in_a_thread(guard.check)
    guard.check()

    def run() -> None:
        loops.add(get_ident())
        guard.check()
        assert guard.ownership.owner == get_ident()

    in_a_thread(run)
    with pytest.raises(LocalProtocolError, match="belongs to another thread"):
        guard.check()
