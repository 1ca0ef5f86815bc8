"""Connections of txZMQ, on Twisted's global reactor.

::

    {"job": 1, "open": "REQ", "bind": [...], "connect": [...], "options": {}}
    {"job": 1, "do": "send", "frames": [...]}
    {"job": 1, "do": "stop"}

``send`` publishes ``[tag, message]``, makes a request, or pushes; a REP answers each request with its own
parts, the word ``txzmq`` before them. What a connection receives is reported: ``[tag, message]``,
a reply's parts, a request's parts, what was pulled.
"""

from __future__ import annotations

import threading
import traceback
from typing import Any

import txzmq
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from tests.interop.peers.control import commands, frames_of, report, texts_of, where_bound


class Pub(txzmq.ZmqPubConnection):  # type: ignore[misc]
    job: int

    def do(self, frames: list[bytes]) -> None:
        tag, message = frames
        self.publish(message, tag)


class Sub(txzmq.ZmqSubConnection):  # type: ignore[misc]
    job: int

    def do(self, frames: list[bytes]) -> None:
        for tag in frames:
            self.subscribe(tag)

    def gotMessage(self, message: bytes, tag: bytes) -> None:
        report(self.job, message=texts_of([tag, message]))


class Req(txzmq.ZmqREQConnection):  # type: ignore[misc]
    job: int

    def do(self, frames: list[bytes]) -> None:
        reply: Deferred[list[bytes]] = self.sendMsg(*frames)
        reply.addCallback(lambda parts: report(self.job, message=texts_of(parts)))
        reply.addErrback(self.failed)

    def failed(self, failure: Failure) -> None:
        report(self.job, error=failure.getTraceback())


class Rep(txzmq.ZmqREPConnection):  # type: ignore[misc]
    job: int

    def gotMessage(self, id: bytes, *parts: bytes) -> None:
        report(self.job, message=texts_of(parts))
        self.reply(id, b"txzmq", *parts)


class Push(txzmq.ZmqPushConnection):  # type: ignore[misc]
    job: int

    def do(self, frames: list[bytes]) -> None:
        self.push(frames)


class Pull(txzmq.ZmqPullConnection):  # type: ignore[misc]
    job: int

    def onPull(self, message: list[bytes]) -> None:
        report(self.job, message=texts_of(message))


KINDS: dict[str, Any] = {"PUB": Pub, "SUB": Sub, "REQ": Req, "REP": Rep, "PUSH": Push, "PULL": Pull}


class Program:
    """All that one process of txZMQ has open."""

    def __init__(self) -> None:
        self.factory = txzmq.ZmqFactory()
        self.connections: dict[int, Any] = {}

    def obey(self, command: dict[str, Any]) -> None:
        job = command["job"]
        try:
            if "open" in command:
                self.open(job, command)
            elif command["do"] == "stop":
                self.connections.pop(job).shutdown()
            else:
                self.connections[job].do(frames_of(command["frames"]))
        except Exception:
            report(job, error=traceback.format_exc())

    def open(self, job: int, command: dict[str, Any]) -> None:
        connection = KINDS[command["open"]](self.factory)
        connection.job = job
        self.connections[job] = connection
        addresses = []
        for address in command["bind"]:
            connection.addEndpoints([txzmq.ZmqEndpoint(txzmq.ZmqEndpointType.bind, address)])
            addresses.append(where_bound(connection.socket))
        for address in command["connect"]:
            connection.addEndpoints([txzmq.ZmqEndpoint(txzmq.ZmqEndpointType.connect, address)])
        report(job, addresses=addresses)


def main() -> None:
    program = Program()
    the_reactor: Any = reactor

    def listen() -> None:
        for command in commands():
            the_reactor.callFromThread(program.obey, command)

    threading.Thread(target=listen, daemon=True).start()
    the_reactor.run()


if __name__ == "__main__":
    main()
