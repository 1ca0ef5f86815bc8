"""Calling a method of an object without keeping the object alive. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from weakref import WeakMethod

__all__ = ["weakly", "weakly_with"]

Item = TypeVar("Item")
T = TypeVar("T")


def weakly_with(method: Callable[[Item], None]) -> Callable[[Item], None]:
    """Return what calls a method of an object with an item, likewise; once it is gone, nothing happens."""
    reference = WeakMethod(method)

    def call(item: Item) -> None:
        bound = reference()
        if bound is not None:
            bound(item)

    return call


def weakly(method: Callable[[], T], otherwise: T) -> Callable[[], T]:
    """Return what calls a method of an object, and does not keep that alive; once it is gone, it returns the other."""
    reference = WeakMethod(method)

    def call() -> T:
        bound = reference()
        return otherwise if bound is None else bound()

    return call
