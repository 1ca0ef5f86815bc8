"""The socket of zmq.asyncio's interface: pyzmq's own, whose operations return futures that begin at once.

The facts. What a program of ``zmq.asyncio`` does most is to await one operation after another, of which most need not
wait. So an operation that need not wait should cost little more than pyzmq's call and a future. And programs ask
whether a socket is one of ``zmq.asyncio``, in order to use a plain one instead.

The design. :class:`Socket` is ``zmq.asyncio``'s class with all of its own workings replaced. An operation that need not
wait is one call of its :class:`~zmqbridge_asyncio.at_once.AtOnce`, which returns a future that is done. Any other goes
the whole way, and parks at the desk. Receives are in :mod:`~zmqbridge_asyncio.receiving`, sends in
:mod:`~zmqbridge_asyncio.sending`, and what both stand on in :mod:`~zmqbridge_asyncio.base`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import zmq

from zmqbridge.errors import ZmqBridgeError
from zmqbridge.socket import POLLIN, POLLOUT
from zmqbridge_asyncio.base import EVENTS
from zmqbridge_asyncio.futures import Dispatch, Receipt
from zmqbridge_asyncio.loops import loop_of_the_caller
from zmqbridge_asyncio.polling import Poll, Poller
from zmqbridge_asyncio.receiving import Receiving
from zmqbridge_asyncio.sending import Sending

__all__ = ["Socket"]


class Socket(Receiving, Sending):
    """A ZeroMQ socket whose operations return :class:`asyncio.Future` objects.

    Its interface is that of :class:`zmq.asyncio.Socket`.

    Attributes:
        turn_limit: how many messages one turn of the loop receives, and how many it sends, where each is awaited. A
            subclass may set it, or the class for all.
    """

    _poller_class = Poller
    _repr_cls = "zmqbridge_asyncio.Socket"

    def poll(self, timeout: Any = None, flags: int = zmq.POLLIN) -> Any:
        """Wait until the socket is ready; the future's result is what for, 0 if the time was over before."""
        if self.closed:
            raise zmq.ZMQError(zmq.ENOTSUP)
        poll = Poll([(self, self, flags)], [], loop_of_the_caller(), partial(_events_of, self, flags))
        poll.begin(timeout)
        return poll

    # --- what programs of zmq.asyncio look at ---

    @property
    def _recv_futures(self) -> list[Any]:
        desk = self._desk
        if desk is None:
            return []
        return [each for each in desk.waiting if isinstance(each, Receipt)] + [
            each for each, wanted in desk.watchers.items() if wanted & POLLIN
        ]

    @property
    def _send_futures(self) -> list[Any]:
        desk = self._desk
        return [] if desk is None else [each for each in desk.waiting if isinstance(each, Dispatch)]

    # --- what pollers of zmq.asyncio call ---

    def _add_recv_event(self, kind: str, *, args: Any = None, kwargs: Any = None, future: Any = None) -> Any:
        return self._event(kind, POLLIN, future, args or (), kwargs or {})

    def _add_send_event(self, kind: str, msg: Any = None, kwargs: Any = None, future: Any = None) -> Any:
        return self._event(kind, POLLOUT, future, (msg,), kwargs or {})

    def _event(self, kind: str, wanted: int, future: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        if kind != "poll":
            return getattr(self, kind)(*args, **kwargs)
        poll = self.poll(None, wanted)

        def tell(done: Any) -> None:
            if not future.done():
                future.cancel() if done.cancelled() else future.set_result(None)

        poll.add_done_callback(tell)
        future.add_done_callback(lambda _: poll.cancel())
        return future

    def _clear_io_state(self) -> None:
        """What polls a plain socket through this one has done."""
        if self._desk is not None:
            self._desk.descriptor.release(self._desk.channel.socket.fd)


def _events_of(socket: Socket, flags: int) -> int:
    desk = socket._here()
    try:
        return desk.events() & flags
    except ZmqBridgeError:
        return int(zmq.Socket.get(socket, EVENTS)) & flags  # has pyzmq's own words for it
    finally:
        desk.touch()
