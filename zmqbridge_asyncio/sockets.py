"""The socket of zmq.asyncio's interface: pyzmq's own, whose operations return futures that begin at once.

The facts. What a program of ``zmq.asyncio`` does most is to await one operation after another, of which most need not
wait. So an operation that need not wait should cost little more than pyzmq's call and a future. And programs ask
whether a socket is one of ``zmq.asyncio``, in order to use a plain one instead.

The design. :class:`Socket` is ``zmq.asyncio``'s class with all of its own workings replaced. An operation that need not
wait calls libzmq and returns a future that is done. Any other parks at the :class:`~zmqbridge_asyncio.desk.Desk` of the
socket, which is made when it is first needed.
"""

from __future__ import annotations

import asyncio
import warnings
from asyncio import Future
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import zmq
import zmq.asyncio
import zmq.backend

from zmqbridge._guessing import seed_routing_ids
from zmqbridge.errors import ZmqBridgeError
from zmqbridge.framing import frames_of
from zmqbridge.socket import POLLIN
from zmqbridge.waiting.turn import TURN_LIMIT, check_turn_limit
from zmqbridge_asyncio.desk import Desk, loop_of_the_caller
from zmqbridge_asyncio.futures import Dispatch, Receipt, Sent
from zmqbridge_asyncio.polling import Poll, Poller
from zmqbridge_asyncio.source import Source

__all__ = ["Socket"]

NOBLOCK = int(zmq.NOBLOCK)
EVENTS = int(zmq.EVENTS)

_running = asyncio._get_running_loop
_receive_frame: Callable[[Any, int], bytes] = zmq.backend.Socket.recv


class Socket(zmq.asyncio.Socket):
    """A ZeroMQ socket whose operations return :class:`asyncio.Future` objects.

    Its interface is that of :class:`zmq.asyncio.Socket`.

    Attributes:
        turn_limit: how many messages one turn of the loop receives, and how many it sends, where each is awaited. A
            subclass may set it, or the class for all.
    """

    turn_limit: int = TURN_LIMIT

    _desk: Desk | None = None
    _waits: dict[int, int] | None = None
    _shared: bool = False
    _poller_class = Poller
    _repr_cls = "zmqbridge_asyncio.Socket"

    def __init__(
        self,
        context: Any = None,
        socket_type: int = -1,
        io_loop: Any = None,
        _from_socket: zmq.Socket[Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(context, zmq.Socket):
            context, _from_socket = None, context
        if _from_socket is not None:
            zmq.Socket.__init__(self, shadow=_from_socket)  # type: ignore[arg-type]
        else:
            seed_routing_ids()
            zmq.Socket.__init__(self, context, socket_type, **kwargs)  # type: ignore[arg-type]
        if io_loop is not None:
            warnings.warn(
                "Socket(io_loop=...) is ignored: the loop that runs is used", DeprecationWarning, stacklevel=2
            )
        self._shared = bool(self._shadow)

    @classmethod
    def from_socket(cls, socket: zmq.Socket[Any], io_loop: Any = None) -> Any:
        """Return one that uses the same ZeroMQ socket as a plain one."""
        return cls(_from_socket=socket, io_loop=io_loop)

    # --- what programs of zmq.asyncio look at ---

    @property
    def underlying(self) -> int:
        """The address of libzmq's socket. Whoever has it may call the socket, and nobody hears of that."""
        self._share()
        address: int = super().underlying
        return address

    @property
    def _shadow_sock(self) -> Any:
        """The plain socket for the same ZeroMQ socket."""
        self._share()
        return self._here().channel.socket.raw

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

    def _share(self) -> None:
        if not self._shared:
            self._shared = True
            if self._desk is not None:
                self._desk.shared = True

    # --- the desk ---

    def _here(self) -> Desk:
        """Return the desk, on the loop that runs."""
        desk = self._desk
        if desk is None:
            address: Any = _Address(self)
            desk = self._desk = Desk(address, shared=self._shared, turn_limit=check_turn_limit(self.turn_limit))
        if not desk.is_here(_running()) and desk.channel.guard.open:
            loop = loop_of_the_caller()
            if not desk.is_here(loop):
                desk.move(loop)
        return desk

    # --- receiving ---

    def recv(self, flags: int = 0, copy: bool = True, track: bool = False) -> Any:
        """Receive a frame; the future's result is ``bytes``, or a ``zmq.Frame`` where it is not to be copied."""
        desk = self._desk
        if desk is not None and desk.flows and copy and not flags:
            turn, loop = desk.turn, desk.loop
            if turn.reads > 0 and loop.is_running():
                try:
                    frame = _receive_frame(self, NOBLOCK)
                except zmq.ZMQError:
                    desk.flows = False
                else:
                    turn.reads -= 1
                    if not desk.edge.stale:
                        desk.edge.touch()
                    future: Future[Any] = Future(loop=loop)
                    future.set_result(frame)
                    return future
        return self._receive(Source.frame, _frame, flags, copy, track)

    def recv_multipart(self, flags: int = 0, copy: bool = True, track: bool = False) -> Any:
        """Receive a whole message; the future's result is the list of its frames."""
        desk = self._desk
        if desk is not None and desk.flows and copy and not flags:
            turn, loop = desk.turn, desk.loop
            if turn.reads > 0 and loop.is_running():
                frames = desk.source.message_of_bytes()
                if frames is None:
                    desk.flows = False
                else:
                    turn.reads -= 1
                    if not desk.edge.stale:
                        desk.edge.touch()
                    future: Future[Any] = Future(loop=loop)
                    future.set_result(frames)
                    return future
        return self._receive(Source.message, _frames, flags, copy, track)

    def recv_into(self, buf: Any, /, *, nbytes: int = 0, flags: int = 0) -> Any:
        """Receive a frame into a buffer; the future's result is the number of the frame's bytes."""
        try:
            view = memoryview(buf).cast("B")
            if nbytes < 0:
                raise ValueError(f"{nbytes=} must be non-negative")
            if nbytes > view.nbytes:
                raise ValueError(f"{nbytes=} too big for memoryview of {view.nbytes}B")
            if view.readonly:
                raise BufferError("the buffer is read-only")
        except (TypeError, ValueError, BufferError) as error:
            return self._failed(error)
        return self._receive(Source.frame, partial(_into, view[: nbytes or view.nbytes]), flags, True, False)

    def _receive(
        self,
        take: Callable[[Source, int, bool, bool], list[Any]],
        result: Callable[[list[Any]], Any],
        flags: int,
        copy: bool,
        track: bool,
    ) -> Any:
        desk = self._here()
        act = partial(take, desk.source, flags, copy, track)
        if flags & NOBLOCK or not desk.channel.guard.open:
            return self._now(desk, lambda: result(act()))
        loop = desk.loop
        try:
            frames = desk.receive_at_once(act)
            if frames is not None:
                future: Future[Any] = Future(loop=loop)
                future.set_result(result(frames))
                return future
        except Exception as error:
            return self._failed(error)
        receipt = Receipt(desk, self, act, result, loop)
        desk.receive(receipt)
        self._limit(receipt, zmq.RCVTIMEO)
        return receipt

    def _deserialize(self, recvd: Any, load: Callable[[Any], Any]) -> Any:
        if not recvd.done():
            recvd.load = load  # it is new, and nobody else has it
            return recvd
        future: Future[Any] = Future(loop=recvd.get_loop())
        try:
            future.set_result(load(recvd.result()))
        except Exception as error:
            future.set_exception(error)
        return future

    # --- sending ---

    def send(  # type: ignore[override]
        self, data: Any, flags: int = 0, copy: bool = True, track: bool = False, **kwargs: Any
    ) -> Any:
        """Send a frame; the future is done when libzmq has it."""
        desk = self._desk
        if type(data) is bytes and copy and not flags and not kwargs and desk is not None and not desk.spent:
            loop = desk.loop
            if loop.is_running():
                try:
                    if desk.at_once(data):
                        turn = desk.turn
                        turn.sends -= 1
                        future: Future[Any] = Future(loop=loop) if turn.sends > 0 else _sent(desk)
                        future.set_result(None)
                        return future
                except (ZmqBridgeError, TypeError):
                    pass  # pyzmq has its own words for it
        return self._send(data, flags, copy, track, kwargs, several=False)

    def send_multipart(  # type: ignore[override]
        self, msg_parts: Any, flags: int = 0, copy: bool = True, track: bool = False, **kwargs: Any
    ) -> Any:
        """Send a whole message, or nothing of it; the future is done when libzmq has it."""
        desk = self._desk
        if (
            copy
            and not flags
            and not kwargs
            and type(msg_parts) in _SEQUENCES
            and msg_parts
            and type(msg_parts[-1]) is bytes
            and desk is not None
            and not desk.spent
        ):
            loop = desk.loop
            if loop.is_running():
                try:
                    if desk.at_once(msg_parts):
                        turn = desk.turn
                        turn.sends -= 1
                        future: Future[Any] = Future(loop=loop) if turn.sends > 0 else _sent(desk)
                        future.set_result(None)
                        return future
                except (ZmqBridgeError, TypeError):
                    pass
        return self._send(msg_parts, flags, copy, track, kwargs, several=True)

    def _send(self, message: Any, flags: int, copy: bool, track: bool, kwargs: dict[str, Any], *, several: bool) -> Any:
        desk = self._here()
        act: Callable[[], Any]
        if copy and not flags and not kwargs and _is_of_bytes(message, several=several):
            act = partial(_send_bytes, desk, frames_of(message))
        else:
            plain = desk.channel.socket.raw
            call = plain.send_multipart if several else plain.send
            if copy and not flags & NOBLOCK:
                message = _kept(message, several=several)
            act = partial(_send_by_pyzmq, desk, partial(call, message, flags | NOBLOCK, copy, track, **kwargs))
        if not desk.channel.guard.open:
            return self._now(desk, act)
        if flags & NOBLOCK:
            desk.flush()
            return self._now(desk, act)
        if not desk.spent and None not in desk.channel.lot.lanes:
            try:
                result = act()
            except zmq.Again:
                pass
            except Exception as error:
                return self._failed(error)
            else:
                desk.turn.sends -= 1
                sent: Future[Any] = Future(loop=desk.loop) if desk.turn.sends > 0 else _sent(desk)
                sent.set_result(result)
                return sent
        loop = desk.loop
        dispatch = Dispatch(desk, self, act, loop)
        desk.dispatch(dispatch)
        self._limit(dispatch, zmq.SNDTIMEO)
        return dispatch

    # --- both ---

    def _now(self, desk: Desk, act: Callable[[], Any]) -> Any:
        """Return a future of what can be done now, or of why it cannot."""
        future: Future[Any] = Future(loop=loop_of_the_caller())
        try:
            if self.closed:
                raise zmq.ZMQError(zmq.ENOTSOCK)
            future.set_result(act())
        except Exception as error:
            future.set_exception(error)
        finally:
            desk.touch()
        return future

    def _failed(self, error: Exception) -> Any:
        future: Future[Any] = Future(loop=loop_of_the_caller())
        future.set_exception(error)
        return future

    def _limit(self, pending: Receipt | Dispatch, option: int) -> None:
        """Have an operation that waits end in time."""
        milliseconds = self._waits.get(option, -1) if self._waits and not self._shared else -1
        if self._shared:
            milliseconds = int(zmq.Socket.get(self, option))
        if milliseconds >= 0:
            pending.expire_after(milliseconds)

    def poll(self, timeout: Any = None, flags: int = zmq.POLLIN) -> Any:
        """Wait until the socket is ready; the future's result is what for, 0 if the time was over before."""
        if self.closed:
            raise zmq.ZMQError(zmq.ENOTSUP)
        poll = Poll([(self, self, flags)], [], loop_of_the_caller(), partial(_events_of, self, flags))
        poll.begin(timeout)
        return poll

    # --- options, endpoints and the end ---

    def get(self, key: int) -> Any:
        """Return an option."""
        if key != EVENTS or self._desk is None or not self._desk.channel.guard.open:
            return zmq.Socket.get(self, key)
        events = zmq.Socket.get(self, key)
        self._desk.touch()
        return events | POLLIN if self._desk.source.kept else events  # type: ignore[operator]

    getsockopt = get  # type: ignore[assignment]

    def set(self, option: int, optval: Any) -> None:
        """Set an option."""
        zmq.Socket.set(self, option, optval)
        if option in _TIMES:
            if self._waits is None:
                self._waits = {}
            self._waits[int(option)] = optval

    setsockopt = set  # noqa: A003

    def _touch(self) -> None:
        if self._desk is not None and self._desk.channel.guard.open:
            self._desk.touch()

    def bind(self, addr: str) -> Any:
        """Listen at an address."""
        try:
            return super().bind(addr)
        finally:
            self._touch()

    def connect(self, addr: str) -> Any:
        """Connect to an address."""
        try:
            return super().connect(addr)
        finally:
            self._touch()

    def unbind(self, addr: Any) -> None:
        """Listen no more."""
        try:
            super().unbind(addr)
        finally:
            self._touch()

    def disconnect(self, addr: Any) -> None:
        """Disconnect."""
        try:
            super().disconnect(addr)
        finally:
            self._touch()

    def close(self, linger: int | None = None) -> None:
        """Close the socket; what waits for it is cancelled, and says why."""
        if self._desk is not None:
            self._desk.close()
        zmq.Socket.close(self, linger)

    # --- what pollers of zmq.asyncio call ---

    def _add_recv_event(self, kind: str, *, args: Any = None, kwargs: Any = None, future: Any = None) -> Any:
        return self._event(kind, POLLIN, future, args or (), kwargs or {})

    def _add_send_event(self, kind: str, msg: Any = None, kwargs: Any = None, future: Any = None) -> Any:
        return self._event(kind, int(zmq.POLLOUT), future, (msg,), kwargs or {})

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


_SEQUENCES = frozenset({list, tuple})
_TIMES = frozenset({int(zmq.RCVTIMEO), int(zmq.SNDTIMEO)})


class _Address:
    """A socket's address and type, asked for without telling the socket that it is given away."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket

    @property
    def underlying(self) -> int:
        address: int = zmq.Socket.underlying.__get__(self._socket)
        return address

    def get(self, option: int) -> Any:
        return zmq.Socket.get(self._socket, option)


def _sent(desk: Desk) -> Sent:
    sent = Sent(loop=desk.loop)
    sent.desk = desk
    return sent


def _frame(frames: list[Any]) -> Any:
    return frames[0]


def _frames(frames: list[Any]) -> list[Any]:
    return frames


def _into(view: memoryview, frames: list[Any]) -> int:
    frame = frames[0]
    size = min(len(frame), len(view))
    view[:size] = frame[:size]
    return len(frame)


def _events_of(socket: Socket, flags: int) -> int:
    desk = socket._here()
    try:
        return desk.events() & flags
    except ZmqBridgeError:
        return int(zmq.Socket.get(socket, EVENTS)) & flags  # has pyzmq's own words for it
    finally:
        desk.touch()


def _is_of_bytes(message: Any, *, several: bool) -> bool:
    if not several:
        return type(message) is bytes
    return type(message) in _SEQUENCES and bool(message) and all(type(frame) is bytes for frame in message)


def _kept(message: Any, *, several: bool) -> Any:
    """Return what is to be sent as it is now, for the caller's buffer or list may change while it waits."""
    if several:
        try:
            return [_kept(frame, several=False) for frame in message]
        except TypeError:
            return message
    return bytes(message) if isinstance(message, (bytearray, memoryview)) else message


def _send_bytes(desk: Desk, frames: Sequence[bytes]) -> None:
    """Send a message of bytes, whole.

    Raises:
        zmq.Again: if there is no room.
    """
    try:
        if desk.attempt.send(frames):
            return
    except ZmqBridgeError:
        desk.channel.socket.raw.send_multipart(frames, NOBLOCK)  # has pyzmq's own words for it
        return
    raise zmq.Again


def _send_by_pyzmq(desk: Desk, call: Callable[[], Any]) -> Any:
    """Have pyzmq send what is no plain message, or with flags.

    Raises:
        zmq.Again: if there is no room.
    """
    try:
        return call()
    except zmq.Again:
        if not desk.channel.socket.events() & zmq.POLLOUT:
            raise
        return call()
    finally:
        desk.touch()
