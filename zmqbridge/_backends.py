"""Which backend serves the loop that is running: found by entry point, never imported needlessly.

An entry point of the group ``zmqbridge.backends`` is named for its loop's own package.
A program that has not imported that package cannot be running that loop, so its backend
is not imported, and neither is the loop.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from zmqbridge.abc import Backend
from zmqbridge.errors import BackendError
from zmqbridge.showing import shown

__all__ = ["GROUP", "BackendFinder", "find_backend"]

GROUP = "zmqbridge.backends"


@cache
def _installed() -> dict[str, EntryPoint]:
    return {entry_point.name: entry_point for entry_point in entry_points(group=GROUP)}


class BackendFinder:
    """Finds the backend of the loop that something serves, when it is first asked for, and remembers it.

    Args:
        given: a backend, the name of one, or ``None`` to find out.

    Raises:
        BackendError: if it is none of these.
    """

    def __init__(self, given: str | Backend | None = None) -> None:
        if isinstance(given, str):
            _check_name(given)
        elif isinstance(given, type) or not (given is None or callable(getattr(given, "create_waiter", None))):
            raise BackendError(
                f"backend={shown(given)} is no backend; pass the name of one ({_names()}), an object with the methods "
                "of zmqbridge.abc.Backend, or nothing to find out; a zmq.Context to share is passed as zmq_context=..."
            )
        self._given = given if isinstance(given, str) else None
        self._backend = None if isinstance(given, str) else given

    @property
    def name(self) -> str:
        """What is known of the loop, in words."""
        if self._backend is not None:
            return type(self._backend).__name__
        return self._given or "a loop to be found out"

    def find(self) -> Backend:
        """Return the backend.

        Raises:
            BackendError: as :func:`find_backend`.
        """
        if self._backend is None:
            self._backend = find_backend(self._given)
        return self._backend

    def runs_here(self) -> bool | None:
        """Whether the loop runs in the calling thread; ``None`` if it has not begun, and may be to run here.

        It asks the class method ``runs_here`` of the backend, or, where there is none, :meth:`Backend.running
        <zmqbridge.abc.Backend.running>`.
        """
        if self._backend is not None:
            return _runs_here(type(self._backend))
        answers = [
            _runs_here(entry_point.load())
            for loop, entry_point in _installed().items()
            if loop in sys.modules and self._given in (None, loop)
        ]
        return True if True in answers else None if None in answers else False


def _runs_here(backend: Any) -> bool | None:
    answer = getattr(backend, "runs_here", None)
    if answer is None:
        return getattr(backend, "running", lambda: None)() is not None
    runs: bool | None = answer()
    return runs


def _check_name(name: str) -> None:
    if name not in _installed():
        raise BackendError(f"no backend is called {shown(name)}; installed are {_names()}")


def find_backend(name: str | None = None) -> Backend:
    """Return a backend for the loop that runs the caller.

    Args:
        name: the entry point's name; ``None`` asks each backend whose loop is imported.

    Raises:
        BackendError: if no loop runs here, or none of that name.
    """
    installed = _installed()
    if name is not None:
        _check_name(name)
        backend = _running(installed[name])
        if backend is None:
            raise BackendError(f"the caller does not run on {name}; call this from a task of that loop")
        return backend
    for loop, entry_point in installed.items():
        if loop in sys.modules:
            backend = _running(entry_point)
            if backend is not None:
                return backend
    raise BackendError(
        f"no event loop runs the caller; await this from a task of one of {_names()}, or pass a backend to Context(...)"
    )


def _running(entry_point: EntryPoint) -> Backend | None:
    backend: Backend | None = entry_point.load().running()
    return backend


def _names() -> str:
    return ", ".join(sorted(_installed())) or "none (is zmqbridge installed, or only on the path?)"
