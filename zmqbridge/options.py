"""The options of a connection, with their units, checked before a socket sees them.

libzmq takes options by number, in milliseconds, with sentinels that differ from
option to option (-1, 0), and applies some of them only to later binds and
connects. Here they are spelt out, seconds are seconds, ``None`` is always
libzmq's own default, a value out of range is an error at construction, and a
connection applies them all before its first bind or connect. The defaults and
the rules are those of libzmq's page ``zmq_setsockopt``.

Every option of libzmq 4.3.5 has a field here, or stands with the reason why not on the page of all options. What
kinds of fields there are, and how they are checked, is in :mod:`zmqbridge.option_kinds`.

A traceback can be shown with the variables of its frames. So an error about options leaves none behind that held a key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, Generic, overload

from zmqbridge.errors import OptionError
from zmqbridge.framing import FrameT
from zmqbridge.option_kinds import (
    INT64_MAX,
    OtherOptions,
    ReconnectStop,
    check_value,
    count,
    flag,
    key,
    octets,
    seconds,
    text,
    value_for,
    words,
)
from zmqbridge.security.presets import Presets
from zmqbridge.showing import shown

if TYPE_CHECKING:
    from typing import Unpack

__all__ = ["OtherOptions", "ReconnectStop", "Secret", "SocketOptions", "check_options", "check_wait"]

_XPUB = ("XPUB", "PUB")


@dataclass(frozen=True, kw_only=True, slots=True)
class SocketOptions(Presets, Generic[FrameT]):
    """How a connection's socket behaves. Every field's default, ``None``, is libzmq's.

    Pass it as ``options=`` to any of :class:`zmqbridge.Context`'s methods, and
    derive a variant with :func:`dataclasses.replace`. ``options | others`` is both of them; where both
    say something, the others have it.

    Attributes:
        send_high_water_mark: messages that libzmq queues for one peer before a send
            must wait (or a publisher drops); 0 is no limit. libzmq's default is 1000. A
            subscriber's is 0: it sends subscriptions alone, and libzmq drops those above the mark.
        receive_high_water_mark: messages that libzmq queues from one peer before that
            peer is held back; 0 is no limit. libzmq's default is 1000. A value below 256
            also bounds how many messages this library reads ahead.
        linger: seconds for which unsent messages are kept after closing; 0 drops them at
            once, ``math.inf`` keeps them until they are sent. ``None`` is the context's, and 0 for a
            subscriber, which has nothing but its subscriptions to send.
        identity: the routing id that this socket shows to a router, 1 to 255 bytes. Those that libzmq makes up for
            peers without one are a zero byte and four more: a router that meets one of these twice ends its process.
        immediate: ``True`` queues messages only for peers that are really connected, so that
            a send waits for one; ``False`` also queues for a peer still to be reached.
            Requesters default to ``True``, all else to ``False``.
        conflate: keep only the newest message; for single-frame messages alone.
        max_message_size: bytes of the largest frame to accept; a peer that sends a larger
            one is disconnected. libzmq's default is no limit.
        max_frames: frames of the longest multipart message to accept; a longer one is dropped, and counted in
            :attr:`~zmqbridge.Stats.malformed`. The default is 1024 where publications, requests or replies come
            in, and no limit elsewhere.
        affinity: which of libzmq's own threads serve the socket, a bit for each; 0 is all of them.
        ipv6: allow IPv6 addresses beside IPv4.
        use_fd: the number of a descriptor that listens already, as systemd passes it, to bind with.
        bind_to_device: the interface that packets go through, such as ``eth0``; it needs a right of its own on Linux.
        backlog: connections that the system keeps before they are accepted. libzmq's default is 100.
        send_buffer: bytes of the kernel's buffer for what is sent on a connection, instead of the system's default.
        receive_buffer: bytes of the kernel's buffer for what is received on one, likewise.
        type_of_service: the byte of that name in each packet's header, 0 to 255. libzmq's default is 0.
        connect_timeout: seconds that one attempt to connect may take; 0 is as long as the system lets it, the default.
        tcp_max_retransmission: seconds without an acknowledgement after which the system gives a connection up, where
            it can; 0 is the system's own, libzmq's default.
        tcp_keepalive: turn TCP keepalive on or off, instead of the system's default.
        tcp_keepalive_idle: seconds of silence before the first probe; whole seconds.
        tcp_keepalive_interval: seconds between probes; whole seconds.
        tcp_keepalive_count: probes without an answer before the peer counts as gone.
        reconnect_interval: seconds between attempts to reconnect; ``math.inf`` makes none. libzmq's default
            is 0.1.
        reconnect_interval_max: seconds up to which that interval doubles; 0 is no doubling.
        reconnect_stop: what ends the attempts to reconnect: some of ``"refused"`` (nobody listens there),
            ``"handshake_failed"`` and ``"disconnected"`` (by :meth:`~zmqbridge.Connection.disconnect`).
            libzmq's default is nothing.
        heartbeat_interval: seconds between ZMTP pings; 0 is none, libzmq's default.
        heartbeat_timeout: seconds without an answer before a pinged peer counts as gone.
        heartbeat_ttl: seconds after which the peer should count this side as gone, in tenths,
            6553.5 at most.
        handshake_interval: seconds for a new peer's ZMTP handshake; 0 is for ever.
            libzmq's default is 30.
        router_handover: a peer that comes with the routing id of another takes its place; ``False``, libzmq's default,
            turns it away. On routers.
        connect_routing_id: the routing id by which a router knows the first peer that it connects to, 1 to 255 bytes,
            the first of them no zero byte: it can be sent to at once.
        probe_router: send an empty message over each new connection, by which a plain router learns of a peer that
            has sent nothing. On routers, dealers and requesters.
        xpub_no_drop: what a peer has no room for fails with :exc:`~zmqbridge.WouldBlock` instead of being dropped, for
            the other peers as well. On XPUB and publishers.
        xpub_verbose: each subscription is received, and not the first of equal ones alone. On XPUB.
        xpub_verboser: so is each end of one. On XPUB.
        xpub_manual: subscriptions are received, and granted by the program:
            :meth:`~zmqbridge.RawConnection.subscribe`. On XPUB.
        xpub_welcome_message: what a new subscriber receives first, if it has subscribed to it. On XPUB and publishers.
        invert_matching: subscribers receive what they did *not* subscribe to; on publishers and subscribers alike.
        only_first_subscribe: of a multipart message only the first frame can be a subscription. On XPUB and XSUB.
        req_correlate: a REQ socket sends an id with each request, and drops replies without it.
        req_relaxed: a REQ socket may ask again before it is answered; set ``req_correlate`` too.
        stream_notify: a STREAM socket receives an empty message where a peer connects or is gone. libzmq's default is
            ``True``.
        multicast_rate: kilobits a second for pgm and epgm. libzmq's default is 100.
        multicast_loop: whether what is multicast reaches this machine as well. libzmq's default is ``True``.
        multicast_hops: routers that a multicast packet passes at most, and one. libzmq's default is 1.
        multicast_recovery: seconds that a receiver may be away before it loses something. libzmq's default is 10.
        multicast_max_packet: bytes of the largest multicast packet. libzmq's default is 1500.
        socks_proxy: the SOCKS5 proxy to connect through, such as ``127.0.0.1:1080``.
        socks_username: who this is to the proxy.
        socks_password: its password.
        zap_domain: the domain in which a ZAP handler (ZeroMQ's RFC 27) judges who connects; without one, nobody does.
        zap_enforce_domain: with a domain, and no handler that answers, nobody comes in. libzmq's default is ``False``.
        plain_server: this side is the server of the PLAIN handshake (RFC 24). Passwords go over the network as they
            are, and a ZAP handler judges them: without one nobody comes in.
        plain_username: who this is to a PLAIN server; on the client alone.
        plain_password: its password.
        curve_server: this side is the server of the CURVE handshake (ZeroMQ's RFC 26).
        curve_public_key: this side's public key: 32 bytes, or 40 characters of Z85.
        curve_secret_key: this side's secret key, likewise.
        curve_server_key: the server's public key, likewise; on the client alone.
        memoryview_from: frames of so many bytes and more, 1,024 at least, are received as read-only
            memoryviews of libzmq's own buffer instead of copies. The buffer lives as long as the
            view. Tags and the ids of requests are bytes all the same. The default copies all.
            These options, and what a connection with them receives, are of ``bytes | memoryview`` then.
        watch: have libzmq tell of the connection's peers: :attr:`~zmqbridge.Connection.peers`,
            :meth:`~zmqbridge.Connection.events` and :meth:`~zmqbridge.Connection.wait_connected` need it. It takes
            a thread for each context, and a descriptor for each connection. ``None`` is the context's.
        metadata: each message that is received says who sent it, by the word of the authenticator, and from where:
            :func:`zmqbridge.origin_of`. Both are known of a server that enforces a domain alone.

    Raises:
        OptionError: for a value of the wrong type or out of range; the message names the
            field, the value and the range.
    """

    send_high_water_mark: int | None = count("SNDHWM", low=0)
    receive_high_water_mark: int | None = count("RCVHWM", low=0)
    linger: float | None = seconds("LINGER", endless=True)
    identity: bytes | None = octets("ROUTING_ID", low=1, high=255)
    immediate: bool | None = flag("IMMEDIATE")
    conflate: bool | None = flag("CONFLATE")
    max_message_size: int | None = count("MAXMSGSIZE", low=0, high=INT64_MAX)
    max_frames: int | None = count(None, low=1)
    affinity: int | None = count("AFFINITY", low=0, high=INT64_MAX)
    ipv6: bool | None = flag("IPV6")
    use_fd: int | None = count("USE_FD", low=0)
    bind_to_device: str | None = text("BINDTODEVICE")
    backlog: int | None = count("BACKLOG", low=1)
    send_buffer: int | None = count("SNDBUF", low=1)
    receive_buffer: int | None = count("RCVBUF", low=1)
    type_of_service: int | None = count("TOS", low=0, high=255)
    connect_timeout: float | None = seconds("CONNECT_TIMEOUT")
    tcp_max_retransmission: float | None = seconds("TCP_MAXRT")
    tcp_keepalive: bool | None = flag("TCP_KEEPALIVE")
    tcp_keepalive_idle: int | None = count("TCP_KEEPALIVE_IDLE", low=1)
    tcp_keepalive_interval: int | None = count("TCP_KEEPALIVE_INTVL", low=1)
    tcp_keepalive_count: int | None = count("TCP_KEEPALIVE_CNT", low=1)
    reconnect_interval: float | None = seconds("RECONNECT_IVL", low=0.001, endless=True)
    reconnect_interval_max: float | None = seconds("RECONNECT_IVL_MAX")
    reconnect_stop: tuple[ReconnectStop, ...] | None = words(
        "RECONNECT_STOP", {"refused": 1, "handshake_failed": 2, "disconnected": 4}
    )
    heartbeat_interval: float | None = seconds("HEARTBEAT_IVL")
    heartbeat_timeout: float | None = seconds("HEARTBEAT_TIMEOUT")
    heartbeat_ttl: float | None = seconds("HEARTBEAT_TTL", high=6553.5)
    handshake_interval: float | None = seconds("HANDSHAKE_IVL")
    router_handover: bool | None = flag("ROUTER_HANDOVER", only=("ROUTER",))
    connect_routing_id: bytes | None = octets(
        "CONNECT_ROUTING_ID", low=1, high=255, forbidden=b"\0", only=("ROUTER", "STREAM")
    )
    probe_router: bool | None = flag("PROBE_ROUTER", only=("ROUTER", "DEALER", "REQ"))
    xpub_no_drop: bool | None = flag("XPUB_NODROP", only=_XPUB)
    xpub_verbose: bool | None = flag("XPUB_VERBOSE", only=_XPUB)
    xpub_verboser: bool | None = flag("XPUB_VERBOSER", only=_XPUB)
    xpub_manual: bool | None = flag("XPUB_MANUAL", only=_XPUB)
    xpub_welcome_message: bytes | None = octets("XPUB_WELCOME_MSG", low=1, high=INT64_MAX, only=_XPUB)
    invert_matching: bool | None = flag("INVERT_MATCHING")
    only_first_subscribe: bool | None = flag("ONLY_FIRST_SUBSCRIBE", only=(*_XPUB, "XSUB"))
    req_correlate: bool | None = flag("REQ_CORRELATE", only=("REQ",))
    req_relaxed: bool | None = flag("REQ_RELAXED", only=("REQ",))
    stream_notify: bool | None = flag("STREAM_NOTIFY", only=("STREAM",))
    multicast_rate: int | None = count("RATE", low=1)
    multicast_loop: bool | None = flag("MULTICAST_LOOP")
    multicast_hops: int | None = count("MULTICAST_HOPS", low=1)
    multicast_recovery: float | None = seconds("RECOVERY_IVL")
    multicast_max_packet: int | None = count("MULTICAST_MAXTPDU", low=1)
    socks_proxy: str | None = text("SOCKS_PROXY")
    socks_username: str | None = text("SOCKS_USERNAME")
    socks_password: str | None = text("SOCKS_PASSWORD", secret=True)
    zap_domain: str | None = text("ZAP_DOMAIN")
    zap_enforce_domain: bool | None = flag("ZAP_ENFORCE_DOMAIN")
    plain_server: bool | None = flag("PLAIN_SERVER")
    plain_username: str | None = text("PLAIN_USERNAME")
    plain_password: str | None = text("PLAIN_PASSWORD", secret=True)
    curve_server: bool | None = flag("CURVE_SERVER")
    curve_public_key: bytes | str | None = key("CURVE_PUBLICKEY")
    curve_secret_key: bytes | str | None = key("CURVE_SECRETKEY")
    curve_server_key: bytes | str | None = key("CURVE_SERVERKEY")
    memoryview_from: int | None = count(None, low=1024)
    watch: bool | None = flag(None)
    metadata: bool | None = flag(None)

    if TYPE_CHECKING:
        # What a connection with these options receives: frames are bytes, unless views of large ones are asked for.
        @overload
        def __init__(
            self: SocketOptions[bytes], *, memoryview_from: None = None, **others: Unpack[OtherOptions]
        ) -> None: ...
        @overload
        def __init__(
            self: SocketOptions[bytes | memoryview], *, memoryview_from: int | None, **others: Unpack[OtherOptions]
        ) -> None: ...
        def __init__(self, **options: Any) -> None: ...

    def __post_init__(self) -> None:
        for name, rule in _rules():
            value = getattr(self, name)
            if value is not None:
                check_value(name, value, rule)
        if (self.curve_public_key is None) != (self.curve_secret_key is None):
            raise OptionError("curve_public_key and curve_secret_key are a pair; one of them is missing")
        if self.curve_server and self.curve_server_key is not None:
            raise OptionError("curve_server_key is for the client; a curve_server has only its own pair of keys")
        if (self.curve_server or self.curve_server_key is not None) and self.curve_secret_key is None:
            raise OptionError("CURVE needs curve_public_key and curve_secret_key; make a pair with zmq.curve_keypair()")
        if (self.plain_username is None) != (self.plain_password is None):
            raise OptionError("plain_username and plain_password are a pair; one of them is missing")
        if self.plain_server and self.plain_username is not None:
            raise OptionError(
                "plain_username and plain_password are for the client; a plain_server has none of its own"
            )
        if (self.plain_server or self.plain_username is not None) and self.curve_secret_key is not None:
            raise OptionError("a socket speaks PLAIN or CURVE; leave out the fields of one of them")
        if self.zap_enforce_domain and self.zap_domain is None:
            # A PLAIN server without a domain that enforces one ends the process as soon as a client comes.
            raise OptionError("zap_enforce_domain needs zap_domain, the name of the domain to enforce")
        if self.socks_password is not None and self.socks_username is None:
            raise OptionError("socks_password goes with socks_username, which is missing")

    def libzmq_values(self) -> Iterator[tuple[str, str, int | bytes]]:
        """Yield the field's name, libzmq's option and its value in libzmq's unit, for all of libzmq's that is set."""
        for name, rule in _rules():
            value = getattr(self, name)
            if value is not None and rule["option"] is not None:
                yield name, rule["option"], value_for(value, rule)

    def filled(self, values: Mapping[str, Any]) -> SocketOptions[Any]:
        """Return these options, with values for some of the fields that are left open here."""
        missing = {name: value for name, value in values.items() if getattr(self, name) is None}
        return replace(self, **missing) if missing else self

    @overload
    def __or__(self: SocketOptions[bytes], others: SocketOptions[bytes]) -> SocketOptions[bytes]: ...
    @overload
    def __or__(self, others: SocketOptions[Any]) -> SocketOptions[bytes | memoryview]: ...
    def __or__(self, others: SocketOptions[Any]) -> SocketOptions[Any]:
        """Return both; where both say something, the others have it."""
        if not isinstance(others, SocketOptions):
            return NotImplemented
        values = {name: value for name, _ in _rules() if (value := getattr(self, name)) is not None}
        try:
            return others.filled(values)
        finally:
            values.clear()  # an error's frame shows no secret

    def over(self, defaults: SocketOptions[Any], type_name: str) -> SocketOptions[Any]:
        """Return these options, and those of others for what is left open here.

        Args:
            defaults: the others; what they say for other types of sockets alone is passed over.
            type_name: the type of the socket, such as ``"XPUB"``.
        """
        return self.filled(
            {
                name: value
                for name, rule in _rules()
                if (value := getattr(defaults, name)) is not None and _is_for(rule, type_name)
            }
        )


def _is_for(rule: Any, type_name: str) -> bool:
    return not rule["only"] or type_name in rule["only"]


@cache
def _rules() -> tuple[tuple[str, Any], ...]:
    """Return the name of each field, and what it takes."""
    return tuple((spec.name, spec.metadata) for spec in fields(SocketOptions))


def _forgetful(init: Callable[..., None]) -> Callable[..., None]:
    @wraps(init)
    def init_and_forget(self: SocketOptions, *args: Any, **values: Any) -> None:
        try:
            init(self, *args, **values)
        except (OptionError, TypeError) as error:
            kind, words = type(error), str(error)
        else:
            return
        del args
        values.clear()
        raise kind(words)

    return init_and_forget


SocketOptions.__init__ = _forgetful(SocketOptions.__init__)  # type: ignore[method-assign]


class Secret:
    """A value that no error shows."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    @property
    def is_text(self) -> bool:
        """Whether the value is a ``str``."""
        return isinstance(self._value, str)

    def reveal(self) -> Any:
        """Return the value."""
        return self._value

    def __repr__(self) -> str:
        return "<Secret>"


@cache
def _left_open() -> SocketOptions:
    return SocketOptions()


def check_options(options: object) -> SocketOptions:
    """Return the options that a caller gave for a connection.

    Raises:
        OptionError: if they are none.
    """
    if options is None:
        return _left_open()
    if not isinstance(options, SocketOptions):
        raise OptionError(
            f"options is a {type(options).__name__}; it takes a SocketOptions, as in SocketOptions(linger=0)"
        )
    return options


def check_wait(name: str, seconds: Any) -> float:
    """Return how many seconds a caller wants to wait; ``math.inf`` is for ever.

    Raises:
        ValueError: if it is no time.
    """
    wrong = isinstance(seconds, (bool, str, bytes, bytearray))
    if not wrong:
        try:
            wait = float(seconds)
        except (TypeError, ValueError, OverflowError):
            wrong = True
    if wrong or not wait >= 0:
        raise ValueError(f"{name}={shown(seconds)} is no time to wait; it is seconds, 0 or more, or None")
    return wait
