"""What the iterator in C gives for an item that is there: no coroutine, and all that a coroutine has."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from tests.native.books import new_inbox
from tests.waiting.awaiting import drive


async def wait() -> str:
    """What is awaited where nothing is free."""
    return "waited"


def test_asked_for_before_they_are_awaited(extension: Any) -> None:
    """What is asked for and never awaited stays, and what another took meanwhile is waited for."""
    inbox = new_inbox(extension)
    inbox.put([1])
    items = extension.Items(inbox, wait)
    first, second, never = items.__anext__(), items.__anext__(), items.__anext__()
    del never
    assert len(inbox) == 1
    assert drive(first) == 1
    assert drive(second) == "waited"


@pytest.mark.parametrize("value", [StopIteration, ValueError("thrown")], ids=["class", "instance"])
def test_thrown_into_before_it_is_awaited(extension: Any, value: Any) -> None:
    """What is thrown into one that has not begun is raised, as by a coroutine, and the item stays."""
    with pytest.raises((StopIteration, RuntimeError, ValueError)) as raised:  # which of them is Python's to say
        wait().throw(value)
    inbox = new_inbox(extension)
    inbox.put([2])
    asked = extension.Items(inbox, wait).__anext__()
    with pytest.raises(raised.type):
        asked.throw(value)
    asked.close()
    assert inbox.take_many(10) == [2]


def test_closed_before_it_is_awaited(extension: Any) -> None:
    """One that is closed before it has begun takes nothing."""
    inbox = new_inbox(extension)
    inbox.put([2])
    items = extension.Items(inbox, wait)
    items.__anext__().close()
    assert len(inbox) == 1
    stepped = items.__anext__()
    with pytest.raises(StopIteration) as stopped:
        next(stepped)
    assert stopped.value.value == 2


class Pause:
    """Awaited, it waits once."""

    def __await__(self) -> Generator[None, None, None]:
        yield


def test_waits_that_are_cancelled(extension: Any) -> None:
    """An exception thrown into a wait reaches what waits, and so does the end."""
    ends: list[str] = []

    async def pausing() -> None:
        try:
            await Pause()
        except ValueError:
            ends.append("thrown")
            raise
        except GeneratorExit:
            ends.append("closed")
            raise

    inbox = new_inbox(extension)
    inbox.put([1])
    items = extension.Items(inbox, pausing)
    thrown, closed = items.__anext__(), items.__anext__()
    inbox.clear()
    assert next(thrown) is None
    assert next(closed) is None
    with pytest.raises(ValueError, match="stop"):
        thrown.throw(ValueError("stop"))
    closed.close()
    assert ends == ["thrown", "closed"]


def test_a_wait_that_goes_on(extension: Any) -> None:
    """A wait that has begun is waited for to its end, though an item comes meanwhile."""

    async def pausing() -> str:
        await Pause()
        return "waited"

    inbox = new_inbox(extension)
    inbox.put([1])
    asked = extension.Items(inbox, pausing).__anext__()
    inbox.clear()
    assert asked.send(None) is None
    inbox.put([2])
    with pytest.raises(StopIteration) as stopped:
        asked.send(None)
    assert stopped.value.value == "waited"
    assert inbox.take_many(10) == [2]
