"""Something done in a thread of its own, which has ended when it is done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["in_a_thread"]

T = TypeVar("T")


def in_a_thread(call: Callable[[], T]) -> T:
    """Return what a call returns in a thread of its own, or raise what it raises."""
    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(call())
        except BaseException as error:  # it is raised where it is asked for
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]
