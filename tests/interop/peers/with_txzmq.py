"""Connections of txZMQ, or of a library with its interface, on Twisted's global reactor.

``python -m tests.interop.peers.with_txzmq zmqbridge_twisted`` takes those of ``zmqbridge_twisted``; without an
argument they are ``txzmq``'s. Nothing else here depends on which it is.

::

    {"job": 1, "open": "REQ", "bind": [...], "connect": [...], "options": {"identity": "..."}}
    {"job": 1, "do": "send", "frames": [...]}
    {"job": 1, "do": "stop"}

=================  ================================================================================
step               what it does
=================  ================================================================================
``send``           publishes ``[tag, message]``, makes a request, pushes, or sends; a ROUTER's
                   first frame is the recipient
``many``           ``[count]``: ``send`` that often, with the numbers from 0 as messages
``later``          a PUSH of zmqbridge_twisted pushes once there is room
``subscribe``      subscribes to each of the tags; ``unsubscribe`` undoes it
``ask``            ``[seconds, *parts]``: a request with a timeout; reports ``[b"reply", *parts]``, or
                   ``[b"no reply", *parts]`` with the parts of the request when it timed out
``hold``           from now on a REP keeps requests, and reports ``[b"held"]``; ``answer`` answers the
                   kept one of a ``[number]``, and after ``release`` it keeps them no more
``look``           reports ``[b"room"]`` or ``[b"no room"]``: whether a peer is there that takes a
                   message; for a ROUTER, whether the peer of that ``[identity]`` is
``connect``        ``[address]``: one more endpoint
=================  ================================================================================

A REP that keeps nothing answers each request with its own parts, the word ``re:`` before them. What a
connection receives is reported: ``[tag, message]``, a reply's parts, a request's parts, what was pulled,
a router's ``[sender, *frames]``.
"""

from __future__ import annotations

import argparse
import errno
import threading
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import zmq
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from tests.interop.peers.control import commands, frames_of, report, texts_of, where_bound

PAUSE = 0.002


def _library() -> Any:
    parser = argparse.ArgumentParser(description="Obey a test with the connections of a library, until stdin ends.")
    parser.add_argument("library", nargs="?", default="txzmq", help="the module of the connections")
    return import_module(parser.parse_args().library)


txzmq = _library()
txzmq.ZmqConnection.reconnectInterval = 10  # milliseconds, for cases with a restart
the_reactor: Any = reactor


class Working:
    """What a test may ask of a connection of any kind."""

    job: int

    def send_frames(self, *frames: bytes) -> None:
        raise AssertionError(f"a {type(self).__name__} sends nothing")

    def received(self, *frames: bytes) -> None:
        report(self.job, message=texts_of(frames))

    def do_send(self, *frames: bytes) -> None:
        self.send_frames(*frames)

    def do_many(self, count: bytes) -> None:
        for number in range(int(count)):
            self.send_frames(b"%d" % number)

    def do_look(self: Any) -> None:
        there = self.socket.get(zmq.EVENTS) & zmq.POLLOUT
        self.doRead()  # the look may have used up what the descriptor had to say
        self.received(b"room" if there else b"no room")

    def do_connect(self: Any, address: bytes) -> None:
        self.addEndpoints([txzmq.ZmqEndpoint(txzmq.ZmqEndpointType.connect, address.decode())])
        self.doRead()  # likewise


class Pub(Working, txzmq.ZmqPubConnection):  # type: ignore[misc, name-defined]
    def send_frames(self, *frames: bytes) -> None:
        tag, message = frames
        self.publish(message, tag)


class Sub(Working, txzmq.ZmqSubConnection):  # type: ignore[misc, name-defined]
    def do_subscribe(self, *tags: bytes) -> None:
        for tag in tags:
            self.subscribe(tag)

    def do_unsubscribe(self, *tags: bytes) -> None:
        for tag in tags:
            self.unsubscribe(tag)

    def gotMessage(self, message: bytes, tag: bytes) -> None:
        self.received(tag, message)


class Req(Working, txzmq.ZmqREQConnection):  # type: ignore[misc, name-defined]
    def send_frames(self, *frames: bytes) -> None:
        reply: Deferred[list[bytes]] = self.sendMsg(*frames)
        reply.addCallback(lambda parts: self.received(*parts))
        reply.addErrback(self.failed)

    def do_ask(self, seconds: bytes, *parts: bytes) -> None:
        reply: Deferred[list[bytes]] = self.sendMsg(*parts, timeout=float(seconds))
        reply.addCallback(lambda answer: self.received(b"reply", *answer))
        reply.addErrback(self.timed_out, parts)
        reply.addErrback(self.failed)

    def timed_out(self, failure: Failure, parts: Sequence[bytes]) -> None:
        failure.trap(txzmq.ZmqRequestTimeoutError)
        self.received(b"no reply", *parts)

    def failed(self, failure: Failure) -> None:
        report(self.job, error=failure.getTraceback())


class Rep(Working, txzmq.ZmqREPConnection):  # type: ignore[misc, name-defined]
    kept: list[tuple[bytes, Sequence[bytes]]] | None = None

    def do_hold(self) -> None:
        self.kept = []
        self.received(b"held")

    def do_release(self) -> None:
        self.kept = None

    def do_answer(self, number: bytes) -> None:
        assert self.kept is not None
        id, parts = self.kept[int(number)]
        self.reply(id, b"re:", *parts)

    def gotMessage(self, id: bytes, *parts: bytes) -> None:
        self.received(*parts)
        if self.kept is None:
            self.reply(id, b"re:", *parts)
        else:
            self.kept.append((id, parts))


class Push(Working, txzmq.ZmqPushConnection):  # type: ignore[misc, name-defined]
    def send_frames(self, *frames: bytes) -> None:
        self.push(list(frames))

    def do_later(self, *frames: bytes) -> None:
        self.sendDeferred(list(frames)).addErrback(lambda failure: report(self.job, error=failure.getTraceback()))


class Pull(Working, txzmq.ZmqPullConnection):  # type: ignore[misc, name-defined]
    def onPull(self, message: list[bytes]) -> None:
        self.received(*message)


class Router(Working, txzmq.ZmqRouterConnection):  # type: ignore[misc, name-defined]
    def send_frames(self, *frames: bytes) -> None:
        recipient, *parts = frames
        if len(parts) == 1:
            self.sendMsg(recipient, parts[0])
        else:
            self.sendMultipart(recipient, parts)

    def do_look(self, identity: bytes = b"") -> None:
        self.socket.set(zmq.ROUTER_MANDATORY, 1)
        try:
            self.sendMsg(identity, b"look")
        except zmq.ZMQError as error:
            if error.errno != errno.EHOSTUNREACH:
                raise
            self.received(b"no room")
        else:
            self.received(b"room")
        finally:
            self.socket.set(zmq.ROUTER_MANDATORY, 0)
            self.doRead()

    def gotMessage(self, sender: bytes, *frames: bytes) -> None:
        self.received(sender, *frames)


class Dealer(Working, txzmq.ZmqDealerConnection):  # type: ignore[misc, name-defined]
    def send_frames(self, *frames: bytes) -> None:
        if len(frames) == 1:
            self.sendMsg(frames[0])
        else:
            self.sendMultipart(list(frames))

    def gotMessage(self, *frames: bytes) -> None:
        self.received(*frames)


KINDS: dict[str, Any] = {kind.__name__.upper(): kind for kind in (Pub, Sub, Req, Rep, Push, Pull, Router, Dealer)}


class Program:
    """All that one process has open."""

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
                getattr(self.connections[job], "do_" + command["do"])(*frames_of(command["frames"]))
        except Exception:
            report(job, error=traceback.format_exc())

    def open(self, job: int, command: dict[str, Any]) -> None:
        options = {name: bytes.fromhex(value) for name, value in command["options"].items()}
        connection = KINDS[command["open"]](self.factory, **options)
        connection.job = job
        self.connections[job] = connection
        endpoints = [(txzmq.ZmqEndpointType.bind, address) for address in command["bind"]]
        endpoints += [(txzmq.ZmqEndpointType.connect, address) for address in command["connect"]]
        self.add(connection, endpoints, [])

    def add(self, connection: Any, endpoints: list[tuple[str, str]], addresses: list[str]) -> None:
        """Bind and connect, and report where; a place where another one listens still is waited for."""
        while endpoints:
            type, address = endpoints[0]
            try:
                connection.addEndpoints([txzmq.ZmqEndpoint(type, address)])
            except zmq.ZMQError as error:
                # libzmq closes a listener in a thread of its own, some time after its socket.
                if error.errno != errno.EADDRINUSE:
                    raise
                the_reactor.callLater(PAUSE, self.add, connection, endpoints, addresses)
                return
            if type == txzmq.ZmqEndpointType.bind:
                addresses.append(where_bound(connection.socket))
            del endpoints[0]
        report(connection.job, addresses=addresses)


def main() -> None:
    program = Program()

    def listen() -> None:
        for command in commands():
            the_reactor.callFromThread(program.obey, command)

    threading.Thread(target=listen, daemon=True).start()
    the_reactor.run()


if __name__ == "__main__":
    main()
