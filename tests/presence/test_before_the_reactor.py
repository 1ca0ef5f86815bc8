"""Connections that a program of Twisted makes before it runs the reactor, as the oldest of them do."""

from __future__ import annotations

import subprocess
import sys

import pytest

WATCHED = """
from twisted.internet import reactor
import zmqbridge_twisted as tx

class Watched(tx.ZmqPullConnection):
    watchPeers = True

    def gotEvent(self, event):
        print(event.kind.name, flush=True)
        if event.kind.name == "HANDSHAKE_SUCCEEDED":
            reactor.stop()

factory = tx.ZmqFactory()
factory.registerForShutdown()
pull = Watched(factory, tx.ZmqEndpoint("bind", "tcp://127.0.0.1:*"))
address = pull.socket.LAST_ENDPOINT.rstrip(b"\\0").decode()
push = tx.ZmqPushConnection(factory, tx.ZmqEndpoint("connect", address))
reactor.run()
"""

PRESENT = """
from twisted.internet import reactor
import zmqbridge_twisted as tx

class Present(tx.ZmqPubConnection):
    presence = True

    def gotSubscription(self, tag, count):
        print(tag, count, flush=True)
        reactor.stop()

factory = tx.ZmqFactory()
factory.registerForShutdown()
publisher = Present(factory, tx.ZmqEndpoint("bind", "inproc://publisher"))
subscriber = tx.ZmqSubConnection(factory, tx.ZmqEndpoint("connect", "inproc://publisher"))
subscriber.subscribe(b"tag")
reactor.run()
"""


@pytest.mark.parametrize(
    ("program", "said"),
    [(WATCHED, "LISTENING\nACCEPTED\nHANDSHAKE_SUCCEEDED\n"), (PRESENT, "b'tag' 1\n")],
    ids=["watched", "present"],
)
def test_handlers(program: str, said: str) -> None:
    """Their handlers hear of the peers from the beginning on, once the reactor runs."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True, timeout=40)
    assert done.stdout == said
