"""Router and dealer with handlers, their frames as they are; a router's first frame is the peer."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

import zmq

from zmqbridge.socket import Socket
from zmqbridge_twisted.connection import ZmqConnection

__all__ = ["ZmqBase", "ZmqDealerConnection", "ZmqRouterConnection"]


class ZmqBase(ZmqConnection):
    """What :class:`ZmqDealerConnection` and :class:`ZmqRouterConnection` have in common."""

    def sendMsg(self, message: Any) -> None:
        """Send a message of one frame, as :meth:`~zmqbridge_twisted.ZmqConnection.send` does."""
        self.sendMultipart([message])

    def sendMultipart(self, parts: Any) -> None:
        """Send a message of several frames, as :meth:`~zmqbridge_twisted.ZmqConnection.send` does."""
        self.send(parts)

    def messageReceived(self, message: list[bytes]) -> None:
        """Pass a message's frames to :meth:`gotMessage`."""
        self.gotMessage(*message)

    def gotMessage(self, *args: Any, **kwargs: Any) -> None:
        """Handle a message; to be overridden. A dealer gets the frames, a router the sender's id before them."""
        raise NotImplementedError(f"{type(self).__name__} received a message and has no gotMessage() for it")


class ZmqDealerConnection(ZmqBase):
    """A DEALER socket: sends to its peers in turn, and receives from all of them."""

    socketType: ClassVar[int | None] = zmq.DEALER


class ZmqRouterConnection(ZmqBase):
    """A ROUTER socket: knows its peers by routing id, and sends to the one that is named.

    Attributes:
        mandatory: whether a message that cannot be delivered is an error: ``ZmqPeerUnreachable`` where no such
            peer is connected, ``ZmqWouldBlock`` where it is full. As in txZMQ, it is dropped otherwise.
            See ``ZMQ_ROUTER_MANDATORY`` in libzmq's page ``zmq_setsockopt``.
    """

    socketType: ClassVar[int | None] = zmq.ROUTER
    mandatory: bool = False

    def _zmqPrepare(self, socket: Socket) -> None:
        socket.set_option(zmq.ROUTER_MANDATORY, int(self.mandatory))

    def _zmqLane(self, frames: Sequence[bytes]) -> Hashable:
        return frames[0]

    def sendMsg(self, recipientId: bytes, message: Any) -> None:  # type: ignore[override]
        """Send a message of one frame to one peer.

        Args:
            recipientId: the peer's routing id.
            message: the frame: ``bytes``, or text, which is encoded as UTF-8.
        """
        self.send([recipientId, message])

    def sendMultipart(self, recipientId: bytes, parts: Sequence[Any]) -> None:  # type: ignore[override]
        """Send a message of several frames to one peer."""
        self.send([recipientId, *parts])

    def messageReceived(self, message: list[bytes]) -> None:
        """Pass the sender's routing id and the frames to ``gotMessage(senderId, *frames)``."""
        self.gotMessage(*message)
