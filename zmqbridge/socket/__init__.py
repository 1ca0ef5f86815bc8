"""The only package that calls a ``zmq.Socket``: libzmq's rules, made plain calls that never wait.

The facts (libzmq 4.x; its pages ``zmq_getsockopt``, ``zmq_send``, ``zmq_recv``, and its
sources ``socket_base.cpp``, ``lb.cpp``, ``router.cpp``, ``pair.cpp``). ``docs/descriptor.rst`` has the same numbers.

1. ``ZMQ_FD`` is the mailbox of commands from libzmq's I/O thread, not the network. It
   becomes readable when a command comes, for incoming and outgoing readiness alike,
   and stays so until some call processes the commands: ``recv`` that finds nothing,
   a read of ``ZMQ_EVENTS``, now and then any other.
2. Processing the commands consumes the edge. Whatever they said must be acted on then:
   the descriptor will not say it again.
3. After a ``recv`` that returned EAGAIN nothing is left to read, and the next message
   makes the descriptor readable: waiting for it is safe.
4. While commands are in the mailbox the descriptor stays readable: who is registered and does not read is called
   without end.
5. ``send`` looks at the commands at most once a millisecond or so, so its EAGAIN may be out
   of date: read EVENTS, which always looks, and try once more. A ROUTER says POLLOUT where any of its peers has room; a
   STREAM, and a PUB or XPUB that may not drop, always do. It tells nothing of the one peer that matters: see
   :attr:`Socket.tells_room`.
6. A multipart message goes whole or not at all, whatever becomes of its pipe between two frames. What
   libzmq has of it is dropped with the pipe. Then PUSH and DEALER answer EAGAIN to the next frame and swallow the
   rest up to the message's last one: so that one is sent, empty, and the message can be sent again from its first
   frame. If they hear of the pipe's end before that frame, they swallow the rest and say that it was sent, as a
   ROUTER always does: the message is lost like whatever else was queued for that peer. A PAIR answers
   EAGAIN and swallows nothing, so there nothing is to be ended.
   One gap is libzmq's, and nothing here can close it: a PAIR that hears of the old peer's end *and* of a new one
   between two frames sends the new one the rest. With no call but ``send`` in between it looks at its commands
   once at most between two frames. Within that one look would have to come the end, then its confirmation by another
   thread, which follows on that look, and then the new peer. In 6,000 deaths under load, with a pause between the
   frames, that never was; with a read of EVENTS there as well, it was. So nothing here looks in mid-message.
7. The number of a closed descriptor is used again at once: it is unregistered before the socket is closed.
8. ``zmq_ctx_term`` blocks until what was sent is sent: it is never called on the loop's thread.

EINTR: pyzmq makes an interrupted call again, once Python's own handlers have run, and the extension does as
well. Where RCVMORE is called with ctypes and fails, pyzmq is asked.

Costs, in nanoseconds a call with pyzmq 27.3 on CPython 3.11: ``recv(NOBLOCK, copy=False)``
with ``.more`` and ``.bytes`` 640; ``get(RCVMORE)`` 780; ``get(EVENTS)`` 1400; a ``recv``
that raises EAGAIN 3200; ``send`` of pyzmq's compiled class 180, of its Python subclass
380; ``recv(NOBLOCK)`` of the compiled class 150; RCVMORE of libzmq's own function, called with ctypes, 141.

The consequence: :meth:`Socket.receive` reads many messages a call, asks each frame
whether more follow, pays for one exception a batch, and tells whether it came to the end.

=============  ===================================================================================
module         what is in it
=============  ===================================================================================
``paths``      what is at an ipc path before it is bound
``bare``       :class:`BareSocket`: a socket's options, its endpoints, and its end
``plain``      :class:`Socket`, with pyzmq alone
``asking``     :class:`AskingSocket`, which asks after each frame, where pyzmq stands on cffi (PyPy)
``lean``       :class:`LeanSocket`, which asks libzmq itself whether more frames follow, by ctypes
``fast``       :class:`FastSocket`, a batch a call, by the C extension
``tracing``    sockets that say by which connection each message came, and whose it is
``releasing``  :class:`~zmqbridge.socket.releasing.Release`, which tells when an address is free again
=============  ===================================================================================
"""

from __future__ import annotations

from typing import Any

import zmq

from zmqbridge import _native
from zmqbridge.socket.asking import AskingSocket, frames_tell
from zmqbridge.socket.bare import is_secret, type_name_of
from zmqbridge.socket.fast import FastSocket
from zmqbridge.socket.lean import LeanSocket, load_option
from zmqbridge.socket.plain import BATCH_COST, POLLIN, POLLOUT, Socket
from zmqbridge.socket.tracing import Source, Traced, judges, traced

__all__ = [
    "BATCH_COST",
    "POLLIN",
    "POLLOUT",
    "AskingSocket",
    "FastSocket",
    "LeanSocket",
    "Socket",
    "Source",
    "Traced",
    "is_secret",
    "judges",
    "open_socket",
    "shadow_socket",
    "speedups_enabled",
    "type_name_of",
]

speedups_enabled: bool = _native.speedups is not None

_option_can_be_read = load_option() is not None
_frames_tell = frames_tell()


class _Lender:
    """What stands for a context where the socket is there already: its sockets are shadows of that one."""

    def __init__(self, socket: zmq.Socket[Any]) -> None:
        self._address = int(socket.underlying)

    def socket(self, socket_type: int, socket_class: type[zmq.Socket[bytes]]) -> zmq.Socket[bytes]:
        return socket_class(shadow=self._address)


def shadow_socket(socket: zmq.Socket[Any]) -> Socket:
    """Return what calls a socket that somebody else has opened and will close; it does not keep that alive."""
    lender: Any = _Lender(socket)
    return open_socket(lender, int(socket.get(zmq.TYPE)))


def open_socket(context: zmq.Context[Any], socket_type: int, *, tracing: bool = False) -> Socket:
    """Return a new socket, of the fastest kind there is.

    Args:
        context: the ZeroMQ context.
        socket_type: one of pyzmq's socket types.
        tracing: whether each message is a list that can say where it came from: by which connection, unless
            :attr:`Socket.notes_sources` is off, and whose it is, after :meth:`Socket.note_origins`.
    """
    kind: type[Socket] = Socket
    if _native.speedups is not None:
        kind = FastSocket
    elif not _frames_tell:
        kind = AskingSocket
    elif _option_can_be_read:
        kind = LeanSocket
    return (traced(kind) if tracing else kind)(context, socket_type)
