"""What goes over the wire, and how a process gets to know where to send it: JSON, and nothing else.

A publication is one of three, each under its tag::

    {"hello": {"cpu.0": 0, "memory": 0, ...}}                  all tags, and how many measurements came before
    {"number": 17, "value": 23.5, "unit": "%"}                 the 17th measurement under this tag
    {"end": 100}                                               there were 100

A request for history, and its reply::

    {"from": "trio_reader", "number": 3, "tag": "cpu.", "last": 20}
    {"number": 3, "tag": "cpu.", "values": [23.5, ...]}

A request to the publisher or the historian may also be one of the supervisor's orders.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import asdict, dataclass, field
from typing import Any, Self

__all__ = ["BEGIN", "END", "STOP", "Report", "Settings", "decode", "encode"]

BEGIN = b"begin"
"""To the publisher: everybody hears you, publish measurements."""
END = b"end"
"""To the publisher: say under each tag how many there were."""
STOP = b"stop"
"""To the historian, then the publisher: nobody needs you any more."""


def encode(content: dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def decode(message: bytes) -> Any:
    return json.loads(message)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a participant is told when it starts: one line of JSON on its standard input.

    Attributes:
        name: its own name, which it shows to the supervisor as its routing id.
        tags: what it subscribes to: the beginnings of tags.
        reports: where the supervisor takes reports.
        measurements: where the publisher publishes.
        history: where the historian answers.
        orders: where the publisher takes orders.
    """

    name: str
    tags: tuple[str, ...]
    reports: str
    measurements: str
    history: str
    orders: str

    @classmethod
    def from_stdin(cls) -> Self:
        """Wait for the settings, and see to it that this process does not outlive the supervisor."""
        line = sys.stdin.buffer.readline()
        if not line:
            sys.exit("no settings on standard input; the demo starts this program: python -m examples.demo")
        settings = json.loads(line)
        threading.Thread(target=_end_with_the_supervisor, daemon=True).start()
        return cls(**{**settings, "tags": tuple(settings["tags"])})

    def to_line(self) -> bytes:
        return encode(asdict(self)) + b"\n"


def _end_with_the_supervisor() -> None:
    # Not sys.stdin.read(): its lock, held by a daemon thread, is fatal to the interpreter's exit.
    while os.read(0, 1):
        pass
    os._exit(1)


@dataclass(kw_only=True)
class Report:
    """What a process has done so far, sent to the supervisor a few times a second.

    Attributes:
        name: the process.
        state: starting, ready, running or done; the report that says done is the last.
        addresses: where it listens.
        published: messages by tag.
        left: messages by tag that were published until a subscriber to it left.
        since: messages by tag that came before those that it counts.
        received: messages by tag.
        missing: numbers that were left out between those received.
        repeated: messages whose number had come before.
        asked: requests sent.
        answered: replies received, each to its own request.
        requests: requests received, by who sent them.
        replies: replies sent, by who requested them.
        median: of the latest round trips, in seconds.
        worst: of all round trips, in seconds.
    """

    name: str
    state: str = "starting"
    addresses: list[str] = field(default_factory=list)
    published: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    since: dict[str, int] = field(default_factory=dict)
    received: dict[str, int] = field(default_factory=dict)
    missing: int = 0
    repeated: int = 0
    asked: int = 0
    answered: int = 0
    requests: dict[str, int] = field(default_factory=dict)
    replies: dict[str, int] = field(default_factory=dict)
    median: float | None = None
    worst: float | None = None

    @property
    def messages(self) -> int:
        """Messages published and received."""
        return sum(self.published.values()) + sum(self.received.values())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        return cls(**json.loads(data))

    def to_bytes(self) -> bytes:
        return encode(asdict(self))
