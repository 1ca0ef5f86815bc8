"""What handlers and producers raise, in Twisted's log: each kind once a burst, with how many there were.

Of one kind is what was raised at the same place in the program, and is of the same class: so a handler that fails on
each message of a flood writes a line and not a file, and another error beside it is told all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from twisted.python import log
from twisted.python.failure import Failure

from zmqbridge.bursts import Bursts, raised_here

__all__ = ["Failures"]


class Failures:
    """What failed on one connection.

    Args:
        describe: names the connection.
        clock: what bursts are measured by, in seconds.
    """

    def __init__(self, describe: Callable[[], str], clock: Callable[[], float] = monotonic) -> None:
        self._describe = describe
        self._clock = clock
        self._bursts = Bursts()

    def log(self, what: str, failure: Failure | None = None) -> None:
        """Log what was raised, unless it is in the middle of a burst of its kind.

        Args:
            what: failed, in a few words.
            failure: what was raised; the exception being handled if it is left out.
        """
        kind, raised = (failure.type, None) if failure is not None else raised_here()
        count = self._bursts.count((what, kind, raised), self._clock())
        if count:
            times = "" if count == 1 else f", {count} times since this was last told; the latest"
            log.err(failure, f"{self._describe()}: {what}{times}")

    def tell_rest(self) -> None:
        """Log how many were not: nothing more will come."""
        if self._bursts.fresh:
            log.msg(f"{self._describe()}: {self._bursts.fresh} more failure(s) like those above were not logged")
