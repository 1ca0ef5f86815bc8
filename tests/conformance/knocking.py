"""Those who want to come in: plain libzmq sockets, whose monitors say what becomes of them."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import zmq
from zmq.utils.monitor import parse_monitor_message

from zmqbridge import KeyPair

IN, REFUSED, CUT, MISMATCH = "in", "refused", "cut", "mismatch"
"""It is in; was told no for good; was hung up on, and may try again; speaks no mechanism of the server's."""

_TOLD = {
    int(zmq.EVENT_HANDSHAKE_SUCCEEDED): IN,
    int(zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL): CUT,
    int(zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL): MISMATCH,
}


class Knocker:
    """A client of another ZeroMQ context, without a loop.

    Args:
        address: of the server.
        kind: of the socket.
        retries: whether it tries again.
        options: of libzmq, such as ``CURVE_SERVERKEY=...``.
    """

    def __init__(self, address: str, kind: int = zmq.DEALER, *, retries: bool = True, **options: Any) -> None:
        self._context = zmq.Context()
        self.socket = self._context.socket(kind)
        self.socket.set(zmq.LINGER, 0)
        self.socket.set(zmq.RECONNECT_IVL, 20 if retries else -1)
        for name, value in options.items():
            self.socket.set(getattr(zmq, name), value)
        # An unread monitor stalls its context in the end, so it tells of nothing else.
        self._monitor = self.socket.get_monitor_socket(sum(_TOLD) + int(zmq.EVENT_HANDSHAKE_FAILED_AUTH))
        self.told: list[str] = []
        self.address = address
        self.socket.connect(address)

    @classmethod
    def with_keys(cls, address: str, keys: KeyPair, server_key: str, **more: Any) -> Self:
        """Return one that speaks CURVE."""
        return cls(
            address,
            CURVE_PUBLICKEY=keys.public.encode(),
            CURVE_SECRETKEY=keys.secret.encode(),
            CURVE_SERVERKEY=server_key.encode(),
            **more,
        )

    def hears(self, *wanted: str) -> bool:
        """Whether it was told one of these so far."""
        self.read(0)
        return not set(self.told).isdisjoint(wanted)

    def read(self, milliseconds: int) -> None:
        """Read what it was told, waiting for something as long as this."""
        while self._monitor.poll(milliseconds):
            message = parse_monitor_message(self._monitor.recv_multipart())
            event, value = int(message["event"]), int(message["value"])
            if event == int(zmq.EVENT_HANDSHAKE_FAILED_AUTH):
                self.told.append(CUT if value == 300 else REFUSED)
            elif event in _TOLD:
                self.told.append(_TOLD[event])
            milliseconds = 0

    def close(self) -> None:
        """Go away."""
        self.socket.disable_monitor()
        self._monitor.close(0)
        self.socket.close(0)
        self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
