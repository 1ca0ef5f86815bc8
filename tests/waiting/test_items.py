"""Iterating over what was read ahead: what is free is taken at once, and otherwise it is waited for."""

from __future__ import annotations

import asyncio
from threading import get_ident
from typing import Any

import pytest

from tests.waiting.awaiting import drive
from tests.waiting.bells import Bell
from zmqbridge.channel.units import Units
from zmqbridge.waiting.guard import Ownership
from zmqbridge.waiting.inbox import Inbox


@pytest.fixture
def ownership(units: Units) -> Ownership:
    """This thread's."""
    ownership = units.Ownership()
    ownership.owner = get_ident()
    return ownership


@pytest.fixture
def inbox(units: Units, ownership: Ownership) -> Inbox[Any]:
    """An empty inbox that belongs to this thread."""
    return units.Inbox(ownership)


async def wait() -> str:
    """What is awaited where nothing is free."""
    return "waited"


def test_items(units: Units, inbox: Inbox[Any]) -> None:
    """An iterator takes what is there beyond what is reserved, and otherwise awaits what the call returns."""
    waits: list[int] = []

    async def counted() -> str:
        waits.append(len(inbox))
        return "waited"

    inbox.put([1, (2,), None, StopIteration(4)])
    items, claimant = units.Items(inbox, counted), Bell()
    assert aiter(items) is items
    assert drive(anext(items)) == 1
    inbox.grant(claimant)
    assert drive(anext(items)) == (2,)
    assert drive(anext(items)) is None
    assert drive(anext(items)) == "waited"
    inbox.revoke(claimant)
    assert isinstance(drive(anext(items)), StopIteration)
    assert drive(anext(items)) == "waited"
    assert waits == [1, 0]


def test_items_of_another_thread(units: Units, inbox: Inbox[Any], ownership: Ownership) -> None:
    """Where the socket is not the caller's, the call that is awaited says so; nothing is taken."""
    inbox.put([1])
    items = units.Items(inbox, wait)
    ownership.owner += 1
    assert drive(anext(items)) == "waited"
    ownership.owner = 0
    assert drive(anext(items)) == "waited"
    ownership.owner = get_ident()
    assert drive(anext(items)) == 1


def test_items_are_tasks(units: Units, inbox: Inbox[Any]) -> None:
    """The next item can be a task, whether it is there or not."""
    inbox.put([1])

    async def main() -> list[Any]:
        items: Any = units.Items(inbox, wait)
        return [await asyncio.create_task(items.__anext__()) for _ in range(2)]

    assert asyncio.run(main()) == [1, "waited"]


def test_two_iterators(units: Units, inbox: Inbox[Any]) -> None:
    """Two iterators over one inbox share what is there."""
    one, other = units.Items(inbox, wait), units.Items(inbox, wait)
    inbox.put([1, 2, 3])
    assert [drive(anext(items)) for items in (one, other, one, other)] == [1, 2, 3, "waited"]


def test_the_end(units: Units, inbox: Inbox[Any]) -> None:
    """Iteration ends where what is awaited says so, and what is there comes first."""

    async def end() -> str:
        raise StopAsyncIteration

    async def main() -> list[Any]:
        return [item async for item in units.Items(inbox, end)]

    inbox.put([1, 2])
    assert drive(main()) == [1, 2]
    assert drive(main()) == []


def test_what_waiting_raises(units: Units, inbox: Inbox[Any]) -> None:
    """What the wait raises is raised, whether it does as it is made or as it is awaited."""

    async def fails() -> str:
        raise OSError("as it is awaited")

    def fails_at_once() -> Any:
        raise OSError("as it is made")

    for call, words in ((fails, "as it is awaited"), (fails_at_once, "as it is made")):
        items: Any = units.Items(inbox, call)

        async def main(items: Any = items) -> Any:
            return await anext(items)

        with pytest.raises(OSError, match=words):
            main().send(None)
