"""Sending a message whose memory libzmq is lent, and knowing when it has let go.

The facts. libzmq sends a large frame from the memory that it is given, some time after it has taken the message. Until
then that must not change. Whoever lets go of it last is one of libzmq's threads, or a thread of pyzmq's; a task can
only be woken on its own loop.

The design. A :class:`Loan` has a weak reference to each view that libzmq is lent: the view dies when libzmq has let go,
whichever way it was lent, and whichever thread notices. Then the loop is told, and the task looks. A loan that
is out is kept by this module, so what was lent outlives the task that lent it. Nothing of the program's own is let
go of but on its loop.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any
from weakref import ref

from zmqbridge.abc import Backend
from zmqbridge.channel.channel import Channel
from zmqbridge.channel.outbox import Outbox
from zmqbridge.errors import BackendError
from zmqbridge.framing import Message, frames_of, is_one_frame
from zmqbridge.presence.bell import Bell

__all__ = ["Loan", "send_shared"]

_out: set[Loan] = set()


class Loan:
    """What libzmq was lent of one message.

    Args:
        views: what it is lent.
        backend: of the loop that is told when it has let go of all.
        bell: is rung then.

    Attributes:
        returned: libzmq has let go of all.
    """

    __slots__ = ("_backend", "_bell", "_kept", "_lent", "returned")

    def __init__(self, views: Sequence[memoryview], backend: Backend, bell: Bell) -> None:
        self.returned: bool = False
        self._backend = backend
        self._bell = bell
        self._kept: list[Any] | None = [view.obj for view in views]
        references = [ref(view, self._gone) for view in views]
        self._lent: dict[int, ref[memoryview]] = {id(reference): reference for reference in references}
        _out.add(self)

    def _gone(self, reference: ref[memoryview]) -> None:
        """One of the views is dead; any thread calls this."""
        self._lent.pop(id(reference), None)
        if not self._lent:
            try:
                self._backend.call_from_thread(self.end)
            except BackendError:
                self.end()

    def end(self) -> None:
        """Nothing of it is out any more. Twice is no error."""
        self.returned = True
        self._lent = {}
        self._kept = None
        _out.discard(self)
        self._bell.ring()


async def send_shared(
    channel: Channel[Any],
    outbox: Outbox,
    message: Message,
    head: Sequence[bytes] = (),
    lane: Hashable = None,
) -> None:
    """Send a message without a copy, and return when libzmq has let go of it.

    Args:
        channel: whose bell is rung.
        outbox: sends it.
        message: as its caller gave it.
        head: frames that go before it.
        lane: the one whose room it needs.
    """
    backend = channel.enter()
    views = views_of(message)
    lent = [view for view in views if channel.socket.lends(view.nbytes)]
    if lent:
        channel.socket.begin_lending()
    loan = Loan(lent, backend, channel.bell) if lent else None
    frames: list[Any] = [*head, *views]
    sent = False
    try:
        views.clear()
        lent.clear()
        await outbox.send(frames, lane)
        sent = True
    finally:
        frames.clear()
        if loan is not None and not sent:
            loan.end()
    if loan is not None:
        returned = loan
        await channel.bell.until(lambda: returned.returned or not channel.guard.open, backend)
        channel.guard.check()


def views_of(message: Message) -> list[memoryview]:
    """Return views of the frames of a message as the caller gave it, for which nothing is copied.

    Raises:
        TypeError: as :func:`~zmqbridge.framing.frames_of`; and for a buffer that does not lie in one piece.
        LocalProtocolError: for an empty sequence.
    """
    given: Any = message
    frames = [given] if not isinstance(message, (list, tuple)) and is_one_frame(message) else list(given)
    return [_view(frame) for frame in frames or frames_of(())]


def _view(given: Any) -> memoryview:
    try:
        view = memoryview(given)
    except TypeError:
        view = memoryview(*frames_of((given,)))  # raises what says what a frame is
    if not view.c_contiguous:
        raise TypeError(
            f"a frame that is shared lies in one piece (C-contiguous), unlike this {type(given).__name__} with the "
            f"strides {view.strides}; share a copy, as numpy.ascontiguousarray() makes it"
        )
    return view
