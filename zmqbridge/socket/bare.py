"""A ``zmq.Socket`` as far as no message is concerned: its options, its endpoints, and its end.

The facts. ``zmq.Context.destroy()`` closes the sockets that its context knows, and then waits for all that there are.
A receive or a send here never waits in libzmq, so its time limits for them would say nothing. To bind an ipc path
libzmq removes what is there, be it in use or no socket at all. pyzmq's errors quote the value of an option that was of
the wrong type, and a traceback shows the variables of its frames.

The design. The socket is made by the context, which knows it then, and tells of its closing by other code. An option
that would say nothing is refused. A path is asked before it is bound. And where an option's value is a secret, no error
quotes it, and no frame here has it in a variable.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from math import inf
from random import SystemRandom
from typing import Any, NoReturn

import zmq

from zmqbridge.endpoints import Endpoint, check_address, ports_of
from zmqbridge.errors import (
    ConnectionClosed,
    ContextTerminated,
    EndpointError,
    LocalProtocolError,
    OptionError,
    ZmqBridgeError,
)
from zmqbridge.options import Secret, SocketOptions
from zmqbridge.showing import cut, shown
from zmqbridge.socket.paths import why_taken

__all__ = ["BareSocket", "TellingSocket", "is_secret", "raise_failure", "type_name_of"]

_REMEDIES = {
    errno.EADDRINUSE: "the address is in use; choose another, or ':*' for any free port",
    errno.EADDRNOTAVAIL: "no interface of this machine has that address; bind '*' or one of its own",
    errno.ENODEV: "no interface of this machine has that name; bind '*' or one of its own",
    errno.EACCES: "this process may not listen there; a port below 1024 or that directory needs more rights",
    errno.ENOENT: "no such directory, or nothing of that name is bound or connected here",
    errno.ENAMETOOLONG: f"the path is too long; an ipc path has at most {zmq.IPC_PATH_MAX_LEN} bytes",
    errno.EINVAL: "libzmq cannot read it; write 'tcp://host:port', 'ipc://path' or 'inproc://name'",
    errno.ENOTCONN: "this connection is not connected there",
    int(zmq.EPROTONOSUPPORT): "this libzmq is built without that transport",
    int(zmq.ENOCOMPATPROTO): "this socket type cannot use that transport",
}

# libzmq lets these connect to an address once; to connect to it again does nothing.
_CONNECT_ONCE = frozenset({int(zmq.DEALER), int(zmq.SUB), int(zmq.PUB), int(zmq.REQ)})

# Of a port of several: the next may do.
_TAKEN = (errno.EADDRINUSE, errno.EACCES)

_LIMITS = "time limits are the loop's: asyncio.timeout(), trio.fail_after(), anyio.fail_after(), Deferred.addTimeout()"
_IGNORED = {
    int(zmq.RCVTIMEO): f"a receive waits for as long as its caller lets it; {_LIMITS}",
    int(zmq.SNDTIMEO): f"a send waits for as long as its caller lets it; {_LIMITS}",
}

_SECRETS = frozenset(int(option) for option in zmq.SocketOption if "KEY" in option.name or "PASSWORD" in option.name)
_KNOWN = frozenset(map(int, zmq.SocketOption))


def is_secret(option: object, value: object) -> bool:
    """Whether no error may show the value of an option: it is a key or a password, or nobody knows what it is."""
    if not isinstance(option, int) or option in _SECRETS:
        return True
    return option not in _KNOWN and not isinstance(value, (int, float))


def type_name_of(socket_type: int) -> str:
    """Return the name of a type of socket; nothing, if it is none."""
    try:
        return zmq.SocketType(socket_type).name
    except ValueError:
        return ""


class TellingSocket(zmq.Socket[bytes]):
    """pyzmq's socket, which tells of its closing by other code before it happens."""

    _told: Callable[[], bool] | None = None
    """Called then; returns whether it may be closed. ``None`` where nobody wants to know."""

    def close(self, linger: int | None = None) -> None:
        """Close the socket, unless whoever is told of it keeps it open."""
        if self._told is None or self._told():
            self._end(linger)

    def _end(self, linger: int | None) -> None:
        super().close(linger)

    def __del__(self) -> None:
        """Whoever is told of its closing closes it; pyzmq would do it before the loop has let go of its descriptor."""
        if self._told is None:
            super().__del__()


class BareSocket:
    """A socket's options, its endpoints, and its end.

    Every method may raise :exc:`~zmqbridge.ContextTerminated` or
    :exc:`~zmqbridge.ConnectionClosed`, and nothing else that is not said.

    Attributes:
        type_name: the name of its type.
        raw: the ``zmq.Socket`` itself.
        fd: its descriptor.

    Raises:
        OptionError: if this libzmq has no such type.
        ZmqBridgeError: if there can be no more sockets.
    """

    kind: type[TellingSocket] = TellingSocket

    def __init__(self, context: zmq.Context[Any], socket_type: int) -> None:
        name = type_name_of(socket_type)
        if not name:
            raise OptionError(
                f"{shown(socket_type)} is no ZeroMQ socket type; use one of zmq's, as in zmq.PUSH"
            ) from None
        self.type_name = name
        try:
            self.raw: TellingSocket = context.socket(socket_type, socket_class=self.kind)
        except zmq.ZMQError as error:
            if error.errno == errno.EINVAL:
                raise OptionError(f"this libzmq ({zmq.zmq_version()}) has no {name} sockets") from None
            if error.errno == errno.EMFILE:
                raise ZmqBridgeError(
                    f"no more sockets: the context allows {context.get(zmq.MAX_SOCKETS)}, or the process is out "
                    "of descriptors; close some, or raise the context's max_sockets or 'ulimit -n'"
                ) from None
            self._translate(error)
        try:
            self.fd: int = self.raw.FD
        except (zmq.ZMQError, RuntimeError, AttributeError):  # the last up to pyzmq 26.2
            self.raw.close(0)
            raise OptionError(
                f"{name} is a draft type: this libzmq ({zmq.zmq_version()}) has no {name} sockets "
                "with a descriptor to wait for"
            ) from None
        self._get: Callable[[int], Any] = self.raw.get

    # --- options ---

    def apply(self, options: SocketOptions) -> None:
        """Set all that the options name.

        Raises:
            OptionError: for one that this libzmq, or this type of socket, refuses.
        """
        for name, option, value in options.libzmq_values():
            try:
                self.raw.set(getattr(zmq, option), value)
            except (zmq.ZMQError, AttributeError) as error:
                refusal = str(error)
            else:
                continue
            del value
            raise OptionError(
                f"libzmq {zmq.zmq_version()} refuses {name} for a {self.type_name} socket: {cut(refusal)}"
            )

    def get_option(self, option: int) -> Any:
        """Return one of libzmq's options by number."""
        try:
            return self.raw.get(option)
        except (zmq.ZMQError, TypeError, OverflowError) as error:
            self._refuse("read", option, "", error)

    def set_option(self, option: int, value: int | bytes | str | Secret) -> None:
        """Set one of libzmq's options by number.

        Raises:
            OptionError: if the socket refuses the option or the value, or nothing would come of it.
        """
        if option in _IGNORED:
            raise OptionError(f"{zmq.SocketOption(option).name} would do nothing: {_IGNORED[option]}")
        try:
            self._set(option, value)
        except zmq.ZMQError as error:
            refusal: zmq.ZMQError | str = error
        except (TypeError, OverflowError, ValueError):
            refusal = "it takes a value of another type, or a smaller one"  # pyzmq's own words quote the value
        else:
            return
        self._refuse(
            "set",
            option,
            " to a value that is not shown" if isinstance(value, Secret) else f" to {shown(value)}",
            refusal,
        )

    def _set(self, option: int, value: int | bytes | str | Secret) -> None:
        if isinstance(value, Secret):
            (self.raw.set_string if value.is_text else self.raw.set)(option, value.reveal())
        elif isinstance(value, str):
            self.raw.set_string(option, value)
        else:
            self.raw.set(option, value)

    def _refuse(self, verb: str, option: int, to: str, refusal: Exception | str) -> NoReturn:
        if isinstance(refusal, zmq.ZMQError) and refusal.errno in (zmq.ETERM, zmq.ENOTSOCK):
            self._translate(refusal)
        raise OptionError(
            f"a {self.type_name} socket cannot {verb} option {shown(option)}{to}: {cut(str(refusal))}"
        ) from None

    # --- endpoints ---

    def bind(self, address: str) -> Endpoint:
        """Listen at an address, and return it as libzmq resolved it; of a range of ports, at a free one."""
        check_address(address)
        ports = ports_of(address)
        return self._bind(address) if ports is None else self._bind_one(address, ports)

    def _bind_one(self, address: str, ports: range) -> Endpoint:
        host = address.rpartition(":")[0]
        # At random, so that those who begin at the same time do not meet at each.
        for port in SystemRandom().sample(ports, len(ports)):
            try:
                return self._bind(f"{host}:{port}")
            except EndpointError as error:
                if error.errno not in _TAKEN:
                    raise
        raise EndpointError(
            f"cannot bind a {self.type_name} socket to {shown(address)}: none of its {len(ports)} port(s) is free for "
            "this process; choose others, or ':*' for any free port",
            errno.EADDRINUSE,
        )

    def _bind(self, address: str) -> Endpoint:
        transport, _, place = address.partition("://")
        if transport == "ipc" and self.get_option(zmq.USE_FD) < 0 and (why := why_taken(place)):
            raise EndpointError(f"cannot bind a {self.type_name} socket to {shown(address)}: {why}", errno.EADDRINUSE)
        self._change("bind", self.raw.bind, address)
        if transport == "inproc":
            return Endpoint("bind", address)  # it may be longer than what pyzmq reads of an option
        try:
            resolved: bytes = self._get(zmq.LAST_ENDPOINT)
        except zmq.ZMQError as error:
            self.raw.unbind(address)
            self._cannot("bind", address, error)
        return Endpoint("bind", resolved.rstrip(b"\0").decode())

    def connect(self, address: str) -> Endpoint:
        """Connect to an address."""
        self._change("connect", self.raw.connect, address)
        return Endpoint("connect", address)

    def connects_once(self, address: str) -> bool:
        """Whether to connect to an address a second time does nothing."""
        return int(self.raw.get(zmq.TYPE)) in _CONNECT_ONCE and not address.startswith("inproc://")

    def unbind(self, address: str) -> None:
        """Stop listening at an address, and end all connections to it."""
        self._change("unbind", self.raw.unbind, address)

    def disconnect(self, address: str) -> None:
        """End all connections to an address."""
        self._change("disconnect", self.raw.disconnect, address)

    def _change(self, verb: str, change: Callable[[str], object], address: str) -> None:
        check_address(address)
        if ports_of(address) is not None:
            raise EndpointError(
                f"cannot {verb} a {self.type_name} socket to {shown(address)}: a range of ports is to bind; "
                "give the one port, as the endpoint that was bound says it"
            )
        try:
            change(address)
        except zmq.ZMQError as error:
            self._cannot(verb, address, error)

    def _cannot(self, verb: str, address: str, error: zmq.ZMQError) -> NoReturn:
        if error.errno in (zmq.ETERM, zmq.ENOTSOCK):
            self._translate(error)
        number = error.errno or errno.EINVAL
        remedy = _REMEDIES.get(number, str(error))
        raise EndpointError(f"cannot {verb} a {self.type_name} socket to {shown(address)}: {remedy}", number) from None

    # --- the end ---

    def close(self, linger: int | None = None) -> None:
        """Close the socket; libzmq goes on sending what it has queued, for the linger period."""
        self.raw._told = None
        self.raw.close(linger)

    def before_closing(self, told: Callable[[], bool]) -> None:
        """Have something called when other code closes the socket; it returns whether that may be.

        From now on the socket is closed by :meth:`close`, and not as it is collected.
        """
        self.raw._told = told

    @property
    def linger(self) -> float:
        """For how many seconds what is unsent is kept after closing, as the socket has it now."""
        try:
            milliseconds = int(self._get(zmq.LINGER))
        except zmq.ZMQError:
            return 0.0  # it is at its end already
        return inf if milliseconds < 0 else milliseconds / 1000

    def _translate(self, error: zmq.ZMQError) -> NoReturn:
        raise_failure(self.type_name, error)


def raise_failure(type_name: str, error: zmq.ZMQError) -> NoReturn:
    """Raise what libzmq's error means for a socket of this type."""
    if error.errno == zmq.ETERM:
        raise ContextTerminated("the ZeroMQ context was terminated; close the connection") from None
    if error.errno == zmq.ENOTSOCK:
        raise ConnectionClosed("the socket was closed by other code; open another connection") from None
    if error.errno == zmq.ENOTSUP:
        raise _misuse(error, f"a {type_name} socket goes one way only; it does not do this") from None
    if error.errno == zmq.EFSM:
        raise _misuse(
            error,
            f"a {type_name} socket sends and receives by turns, and it is not the turn of this; "
            "a requester or a replier has no turns",
        ) from None
    raise ZmqBridgeError(f"libzmq failed: {error}") from error


def _misuse(found: zmq.ZMQError, words: str) -> LocalProtocolError:
    error = LocalProtocolError(words)
    error.errno = found.errno
    return error
