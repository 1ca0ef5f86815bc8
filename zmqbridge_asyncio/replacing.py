"""Standing in for zmq.asyncio, for libraries that import it themselves.

The facts. ``import zmq.asyncio`` takes the module from ``sys.modules``, and ``zmq.asyncio`` is an attribute of ``zmq``.
Who has taken a class from the module before, with ``from zmq.asyncio import Context``, keeps it.

The design. :func:`install` puts this package in both places; :func:`uninstall` puts back what was there. The log tells
of both, and names the modules that keep a class of the original.
"""

from __future__ import annotations

import logging
import sys
from types import ModuleType

import zmq
import zmq.asyncio

# They derive from the original's classes: it is there when they are made.
from zmqbridge_asyncio import contexts, polling, sockets  # noqa: F401

__all__ = ["install", "original", "uninstall"]

logger: logging.Logger = logging.getLogger("zmqbridge")

NAME = "zmq.asyncio"

original: ModuleType = zmq.asyncio
"""pyzmq's own module."""


def install() -> None:
    """Have ``zmq.asyncio`` be this package from now on, for whoever imports it or looks it up. Twice is no error."""
    package = sys.modules["zmqbridge_asyncio"]
    if sys.modules.get(NAME) is package:
        return
    _put(package)
    keep = _who_keeps_the_original()
    logger.info(
        "zmqbridge_asyncio stands in for zmq.asyncio; zmqbridge_asyncio.uninstall() undoes it%s",
        f"; these were imported before and keep its classes: {', '.join(keep)}" if keep else "",
    )


def uninstall() -> None:
    """Have ``zmq.asyncio`` be pyzmq's own again. What was made meanwhile goes on working; twice is no error."""
    if sys.modules.get(NAME) is sys.modules["zmqbridge_asyncio"]:
        _put(original)
        logger.info("zmq.asyncio is pyzmq's own again")


def _put(module: ModuleType) -> None:
    sys.modules[NAME] = module
    zmq.asyncio = module


def _who_keeps_the_original() -> list[str]:
    classes = {id(getattr(original, name)) for name in ("Context", "Socket", "Poller")}
    return sorted(
        name
        for name, module in list(sys.modules.items())
        if not name.startswith(("zmqbridge_asyncio", NAME))
        and any(id(value) in classes for value in list(vars(module).values()))
        if isinstance(module, ModuleType)
    )
