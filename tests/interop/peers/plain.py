"""Plain pyzmq sockets of any type, each blocking in a thread of its own, a step at a time.

::

    {"job": 1, "open": "PULL", "bind": [...], "connect": [...], "options": {"RCVHWM": 1}}
    {"job": 1, "do": "listen"}
    {"job": 1, "do": "stop"}

The steps are the methods of :class:`PlainSocket` whose names begin with ``do_``. What a socket
receives is reported; so is where it listens, once it does.
"""

from __future__ import annotations

import itertools
import queue
import threading
import traceback
from typing import Any

import zmq

from tests.interop.peers.control import commands, frames_of, report, texts_of, where_bound


class PlainSocket:
    """One socket, in its own context and its own thread."""

    def __init__(self, command: dict[str, Any]) -> None:
        self.job: int = command["job"]
        self.steps: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        threading.Thread(target=self.run, args=(command,), daemon=True).start()

    def stop(self) -> None:
        """End the thread, whether it waits for a step or for its socket."""
        self.steps.put(None)
        threading.Thread(target=self.context.term, daemon=True).start()

    def run(self, command: dict[str, Any]) -> None:
        self.socket = self.context.socket(getattr(zmq, command["open"]))
        try:
            for name, value in command["options"].items():
                self.socket.set(getattr(zmq, name), bytes.fromhex(value) if isinstance(value, str) else value)
            addresses = []
            for address in command["bind"]:
                self.socket.bind(address)
                addresses.append(where_bound(self.socket))
            for address in command["connect"]:
                self.socket.connect(address)
            report(self.job, addresses=addresses)
            while (step := self.steps.get()) is not None:
                getattr(self, "do_" + step["do"])(frames_of(step["frames"]))
        except zmq.ContextTerminated:
            pass
        except BaseException:
            report(self.job, error=traceback.format_exc())
            raise
        finally:
            self.socket.close(0)

    def receive(self) -> list[bytes]:
        message = self.socket.recv_multipart()
        report(self.job, message=texts_of(message))
        return message

    def do_send(self, message: list[bytes]) -> None:
        """Send one message."""
        self.socket.send_multipart(message)

    def do_flood(self, frames: list[bytes]) -> None:
        """Send for ever, each message with its number before the frames."""
        for number in itertools.count():
            self.socket.send_multipart([b"%d" % number, *frames])

    def do_receive(self, _: list[bytes]) -> None:
        """Receive one message."""
        self.receive()

    def do_listen(self, _: list[bytes]) -> None:
        """Receive for ever."""
        while True:
            self.receive()

    def do_answer(self, prefix: list[bytes]) -> None:
        """Receive one message, and answer it with some frames and then its own."""
        self.socket.send_multipart([*prefix, *self.receive()])

    def do_echo(self, prefix: list[bytes]) -> None:
        """Answer for ever."""
        while True:
            self.do_answer(prefix)

    def do_ask(self, questions: list[bytes]) -> None:
        """Send one message after another, each when the answer to the one before it has come."""
        for question in questions:
            self.socket.send_multipart([question])
            self.receive()


def main() -> None:
    sockets: dict[int, PlainSocket] = {}
    for command in commands():
        if "open" in command:
            sockets[command["job"]] = PlainSocket(command)
        elif command["do"] == "stop":
            sockets.pop(command["job"]).stop()
        else:
            sockets[command["job"]].steps.put(command)


if __name__ == "__main__":
    main()
