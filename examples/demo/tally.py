"""What a reader counts: the same for every loop, since it knows none.

A reader gives :meth:`Tally.receive` each publication that it receives and stops receiving once
:attr:`Tally.ended` is true; it sends :meth:`Tally.ask` as a request, one at a time, and gives the
reply to :meth:`Tally.answer`; and it sends :meth:`Tally.report` to the supervisor now and then.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

from examples.demo.messages import Report, decode, encode

__all__ = ["ASK_INTERVAL", "PATIENCE", "REPORT_INTERVAL", "Tally"]

ASK_INTERVAL = 0.2
"""Seconds between a reply and the next request."""
REPORT_INTERVAL = 0.25
"""Seconds between reports."""
PATIENCE = 10.0
"""Seconds to wait for a reply; after that the request counts as unanswered."""

LATEST = 500
"""Round trips of which the median is taken."""


class Tally:
    """The counts of one reader.

    Args:
        name: the reader's.
        tags: the beginnings of tags that it is subscribed to.
    """

    def __init__(self, name: str, tags: Sequence[str]) -> None:
        self._name = name
        self._prefixes = tuple(tags)
        self._wanted: set[str] = set()
        self._since: dict[str, int] = {}
        self._ended: set[str] = set()
        self._received: Counter[str] = Counter()
        self._latest: Counter[str] = Counter()
        self._missing = 0
        self._repeated = 0
        self._asked = 0
        self._answered = 0
        self._next_tag = itertools.cycle(tags)
        self._asked_for = ""
        self._asked_at: float | None = None
        self._round_trips: deque[float] = deque(maxlen=LATEST)
        self._worst: float | None = None

    # --- publications ---

    @property
    def ready(self) -> bool:
        """Every tag subscribed to has been heard, so nothing under them can be missed from now on."""
        return bool(self._wanted) and self._wanted <= self._since.keys()

    @property
    def ended(self) -> bool:
        """The publisher has said *end* under every tag subscribed to."""
        return bool(self._wanted) and self._wanted <= self._ended

    def receive(self, tag: bytes, message: bytes) -> dict[str, Any] | None:
        """Count a publication, and return what is in it if it is a measurement."""
        name = tag.decode()
        content: dict[str, Any] = decode(message)
        if "hello" in content:
            self._wanted = {tag for tag in content["hello"] if tag.startswith(self._prefixes)}
            if name not in self._since:  # else it is for somebody who came later
                self._since[name] = self._latest[name] = content["hello"][name]
            return None
        if name not in self._since:
            return None  # the hello, which is still to come, counts it among those before
        if "end" in content:
            self._ended.add(name)
            self._missing += content["end"] - self._latest[name]
            return None
        number = content["number"]
        if number > self._latest[name]:
            self._missing += number - self._latest[name] - 1
            self._latest[name] = number
        else:
            self._repeated += 1
        self._received[name] += 1
        return content

    # --- requests ---

    def ask(self) -> bytes:
        """Return the next request for history: its own tags in turn."""
        self._asked += 1
        self._asked_for = next(self._next_tag)
        # Before the first measurement processes are still starting: not a time to measure in.
        self._asked_at = time.perf_counter() if self._received else None
        return encode({"from": self._name, "number": self._asked, "tag": self._asked_for, "last": 20})

    def answer(self, reply: Sequence[bytes]) -> None:
        """Count a reply, if it is the one to the latest request."""
        now = time.perf_counter()
        content = decode(reply[0])
        if (content["number"], content["tag"]) != (self._asked, self._asked_for):
            return
        self._answered += 1
        if self._asked_at is not None:
            round_trip = now - self._asked_at
            self._round_trips.append(round_trip)
            self._worst = max(round_trip, self._worst or 0.0)

    # --- reports ---

    def report(self, *, last: bool = False) -> Report:
        """Return the counts so far.

        Args:
            last: there is nothing more to come.
        """
        running = "starting" if not self.ready else "running" if self._received else "ready"
        return Report(
            name=self._name,
            state="done" if last else running,
            since=self._since,
            received=dict(self._received),
            missing=self._missing,
            repeated=self._repeated,
            asked=self._asked,
            answered=self._answered,
            median=statistics.median(self._round_trips) if self._round_trips else None,
            worst=self._worst,
        )
