"""pyzmq's own proxies, ``zmq.proxy``, each in a thread of its own.

::

    {"job": 1, "open": "queue", "bind": [], "connect": []}      ROUTER in front, DEALER behind
    {"job": 2, "open": "forwarder", "bind": [], "connect": []}  XSUB in front, XPUB behind
    {"job": 1, "do": "stop"}

It reports where both its ends listen, the front first: clients and publishers connect to the front,
repliers and subscribers to the back. With an address in ``connect``, the back connects there instead.
"""

from __future__ import annotations

import threading
import traceback
from typing import Any

import zmq

from tests.interop.peers.control import commands, report, where_bound

KINDS = {"queue": (zmq.ROUTER, zmq.DEALER), "forwarder": (zmq.XSUB, zmq.XPUB)}


def run(context: zmq.Context[zmq.Socket[bytes]], command: dict[str, Any]) -> None:
    front, back = (context.socket(type) for type in KINDS[command["open"]])
    try:
        addresses = []
        for socket, onward in ((front, []), (back, command["connect"])):
            for address in onward:
                socket.connect(address)
            if not onward:
                socket.bind("tcp://127.0.0.1:*")
                addresses.append(where_bound(socket))
        report(command["job"], addresses=addresses)
        zmq.proxy(front, back)
    except zmq.ContextTerminated:
        pass
    except BaseException:
        report(command["job"], error=traceback.format_exc())
        raise
    finally:
        front.close(0)
        back.close(0)


def main() -> None:
    contexts: dict[int, zmq.Context[zmq.Socket[bytes]]] = {}
    for command in commands():
        if "open" in command:
            context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
            contexts[command["job"]] = context
            threading.Thread(target=run, args=(context, command), daemon=True).start()
        else:
            threading.Thread(target=contexts.pop(command["job"]).term, daemon=True).start()


if __name__ == "__main__":
    main()
