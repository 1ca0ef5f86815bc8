"""The futures of operations that had to wait, and of sends that had not.

The facts. A future is done in one turn of the loop, and the task that awaits it runs in the next. If the task is
cancelled between the two, asyncio throws ``CancelledError`` into its ``await``, and the future's result is nobody's.

The design. Each waiting operation is a future that is also what is parked: it is told to try, and tries at once. The
message of a receive whose ``await`` ends without it goes back to its place. A future that is cancelled leaves
its place at once, and so does one whose time is over.
"""

from __future__ import annotations

import asyncio
from asyncio import CancelledError, Future
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import zmq

from zmqbridge.waiting.parking import Parked
from zmqbridge_asyncio.source import Taken

if TYPE_CHECKING:
    from zmqbridge_asyncio.at_once import AtOnce
    from zmqbridge_asyncio.desk import Desk

__all__ = ["CLOSED", "Dispatch", "Pending", "Receipt", "Sent", "Told", "close", "done"]

CLOSED = "the ZeroMQ socket was closed while this waited for it"


def done(loop: asyncio.AbstractEventLoop, result: Any) -> Future[Any]:
    """Return a future that is done."""
    future: Future[Any] = Future(loop=loop)
    future.set_result(result)
    return future


class Sent(Future[Any]):
    """A send that had not to wait, in a turn that had none left: if it is awaited, the next one waits for its turn.

    Args:
        at_once: what sent it.
        loop: the loop that runs.
    """

    def __init__(self, at_once: AtOnce, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._at_once = at_once

    def __await__(self) -> Generator[Any, None, Any]:
        self._at_once.spent = True
        return self.result()
        yield  # type: ignore[unreachable]

    __iter__ = __await__


class Told:
    """What a desk has try when it is told to, whether it was told once or several times since it last tried."""

    _desk: Desk
    _told = False

    @property
    def waits(self) -> bool:
        """Whether it has not left its place."""
        raise NotImplementedError

    def wake(self) -> None:
        """It is told to try; once is enough."""
        if not self._told:
            self._told = True
            self._desk.told.append(self)

    def attempt(self) -> bool:
        """Try; return whether it waits no more."""
        raise NotImplementedError


class Pending(Told, Future[Any]):
    """An operation that waits.

    Args:
        desk: where it waits.
        owner: the socket, which lives as long as somebody waits for it.
        act: does what it waits for, or raises ``zmq.Again``.
        loop: the loop that runs.
    """

    parked: Parked

    def __init__(
        self, desk: Desk, owner: zmq.Socket[Any], act: Callable[[], Any], loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(loop=loop)
        self._desk = desk
        self._owner: zmq.Socket[Any] | None = owner
        self._act = act
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waits(self) -> bool:
        """Whether it has not left its place."""
        return self._owner is not None

    def attempt(self) -> bool:
        """Try; return whether it waits no more."""
        self._told = False
        if self.done() or self.get_loop().is_closed():
            self.leave(served=self.parked.served)
            return True
        try:
            result = self._act()
        except zmq.Again:
            self.parked.served = False
            self._desk.refused()
            return False
        except Exception as error:
            self.leave(served=True)
            self.set_exception(error)
        else:
            self.leave(served=True)
            self.succeed(result)
        return True

    def succeed(self, result: Any) -> None:
        """It is done."""
        self.set_result(result)

    def leave(self, *, served: bool) -> None:
        """Leave its place."""
        if self._owner is None:
            return
        self._owner = None
        self._desk.waiting.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.unpark(served=served)

    def unpark(self, *, served: bool) -> None:
        """Leave the books."""
        raise NotImplementedError

    def expire_after(self, milliseconds: int) -> None:
        """Give up after a time, with ``zmq.Again``."""
        self._timer = self.get_loop().call_later(milliseconds / 1000, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._desk.settle()  # it may have come in time, and lie unread, the loop having been blocked
        if not self.done():
            self.leave(served=False)
            self.set_exception(zmq.Again())

    def cancel(self, msg: Any | None = None) -> bool:
        cancelled = super().cancel(msg)
        if cancelled:
            self.leave(served=self.parked.served)
        return cancelled

    def __await__(self) -> Generator[Any, None, Any]:
        try:
            return (yield from super().__await__())
        except BaseException as error:
            if isinstance(error, (CancelledError, GeneratorExit)) and self.done() and not self.cancelled():
                self.undo()
            raise

    __iter__ = __await__

    def undo(self) -> None:
        """Nobody takes the result: whoever awaited it was cancelled."""
        self.exception()  # was seen


class Receipt(Pending):
    """A receive that waits.

    Attributes:
        load: makes of what was taken what is returned.
    """

    load: Callable[[Any], Any] | None = None
    _taken: Taken | None = None

    def __init__(
        self,
        desk: Desk,
        owner: zmq.Socket[Any],
        act: Callable[[], list[Any]],
        result: Callable[[list[Any]], Any],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(desk, owner, act, loop)
        self._result_of = result

    def succeed(self, frames: list[Any]) -> None:
        self._taken = self._desk.source.latest(frames)
        try:
            result = self._result_of(frames)
            if self.load is not None:
                result = self.load(result)
        except Exception as error:
            self.set_exception(error)
        else:
            # Whoever else looks at it may have it, though the one who awaits it does not.
            if len(self._callbacks or ()) > 1:
                self._taken = None
            self.set_result(result)

    def unpark(self, *, served: bool) -> None:
        self.parked.served = False
        self._desk.channel.lot.leave_reader(self.parked)

    def undo(self) -> None:
        taken, self._taken = self._taken, None
        if self.exception() is None and taken is not None:
            self._desk.give_back(taken)


class Dispatch(Pending):
    """A send that waits."""

    def unpark(self, *, served: bool) -> None:
        self.parked.served = served
        self._desk.channel.lot.leave_writer(self.parked)


def close(pending: Future[Any]) -> None:
    """End a future whose socket is closed."""
    with suppress(RuntimeError):  # its loop may be at its end
        pending.cancel(CLOSED)
