"""Push and pull with handlers: each message goes to one of the pullers, frames as they are."""

from __future__ import annotations

from typing import Any, ClassVar

import zmq

from zmqbridge_twisted.connection import ZmqConnection

__all__ = ["ZmqPullConnection", "ZmqPushConnection"]


class ZmqPushConnection(ZmqConnection):
    """A PUSH socket: its messages go to its pullers in turn."""

    socketType: ClassVar[int | None] = zmq.PUSH

    def push(self, message: Any) -> None:
        """Send a message, as :meth:`ZmqConnection.send` does; :meth:`ZmqConnection.sendDeferred` waits for room."""
        self.send(message)


class ZmqPullConnection(ZmqConnection):
    """A PULL socket: override :meth:`onPull`."""

    socketType: ClassVar[int | None] = zmq.PULL

    def messageReceived(self, message: list[bytes]) -> None:
        """Pass a message to :meth:`onPull`."""
        self.onPull(message)

    def onPull(self, message: list[bytes]) -> None:
        """Handle a message; to be overridden.

        Args:
            message: its frames.
        """
        raise NotImplementedError(f"{type(self).__name__} received a message and has no onPull() for it")
