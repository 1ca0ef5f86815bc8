"""Which backend serves the loop that is running: found by entry point, never imported needlessly.

An entry point of the group ``zmqbridge.backends`` is named for its loop's own package.
A program that has not imported that package cannot be running that loop, so its backend
is not imported, and neither is the loop.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from zmqbridge.abc import Backend
from zmqbridge.errors import BackendError
from zmqbridge.showing import shown

__all__ = ["GROUP", "find_backend"]

GROUP = "zmqbridge.backends"


@cache
def _installed() -> dict[str, EntryPoint]:
    return {entry_point.name: entry_point for entry_point in entry_points(group=GROUP)}


def find_backend(name: str | None = None) -> Backend:
    """Return a backend for the loop that runs the caller.

    Args:
        name: the entry point's name; ``None`` asks each backend whose loop is imported.

    Raises:
        BackendError: if no loop runs here, or none of that name.
    """
    installed = _installed()
    if name is not None:
        if name not in installed:
            raise BackendError(f"no backend is called {shown(name)}; installed are {_names()}")
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
