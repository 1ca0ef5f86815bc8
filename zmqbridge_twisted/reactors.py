"""The name ``reactor`` that some of txZMQ's modules have, and that its users' tests replace.

The facts. ``txzmq.connection``, ``txzmq.factory`` and ``txzmq.req_rep`` import the global reactor, and a test says
``patch(txzmq.req_rep, "reactor", Clock())`` to have the timeouts go by its own clock. Importing the global reactor
installs one, which a library must leave to the program.

The design. The name is looked up when it is first asked for. A reactor that was put in its place is used as txZMQ uses
it: the one in ``req_rep`` for the timeouts of requests. All else goes by the factory's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["global_reactor", "lazily"]


def global_reactor() -> Any:
    """Return the reactor that the program runs, importing it when it is first asked for."""
    from twisted.internet import reactor  # noqa: PLC0415 - importing it installs one

    return reactor


def lazily(module: str) -> Callable[[str], Any]:
    """Return a module's ``__getattr__`` that knows the name ``reactor``.

    Args:
        module: the module's name.
    """

    def get(name: str) -> Any:
        if name == "reactor":
            return global_reactor()
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return get
