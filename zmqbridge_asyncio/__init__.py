"""zmqbridge on asyncio, and on any loop with its interface, uvloop above all: the backend, and zmq.asyncio's interface.

===============  ====================================================================
module           what is in it
===============  ====================================================================
``backend``      the port: what zmqbridge's own connections wait on
``watch``        a descriptor that is registered for it
``proactor``     the same where the loop cannot
``contexts``     zmq.asyncio's ``Context``
``sockets``      its ``Socket``
``base``         what a socket has: its desk, its options and endpoints, its end
``receiving``    its receives
``sending``      its sends
``at_once``      what need not wait, in one call
``polling``      its ``Poller``, and what waits for several sockets
``desk``         the books of one such socket: who waits on which loop, who looks
``serving``      how a look reads for those who wait
``loops``        the loop that a call is made on
``futures``      those who wait
``source``       where receives take from
``descriptor``   a socket's descriptor on the loop that waits for it
``streams``      ``ZMQStream``: callbacks for each message that comes and goes
``passing``      what comes is handed over, what goes is sent in order
``calling``      the callbacks
``replacing``    standing in for zmq.asyncio
===============  ====================================================================

Only what is asked for is imported: the backend needs none of the rest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from zmqbridge_asyncio.backend import AsyncioBackend

if TYPE_CHECKING:
    from zmqbridge_asyncio.contexts import Context
    from zmqbridge_asyncio.polling import Poller
    from zmqbridge_asyncio.replacing import install, uninstall
    from zmqbridge_asyncio.sockets import Socket
    from zmqbridge_asyncio.streams import ZMQStream

__all__ = ["AsyncioBackend", "Context", "Poller", "Socket", "ZMQStream", "install", "uninstall"]

_MODULES = {
    "Context": "contexts",
    "Poller": "polling",
    "Socket": "sockets",
    "ZMQStream": "streams",
    "install": "replacing",
    "uninstall": "replacing",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = value
        return value
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # What else pyzmq's own module has, for those who find this one in its place.
    try:
        return getattr(import_module(f"{__name__}.replacing").original, name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
