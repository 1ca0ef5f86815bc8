"""zmqbridge for Twisted: the backend of the awaitable connections, and txZMQ's connections with handlers.

A program written for txZMQ says ``import zmqbridge_twisted as txzmq``, and is otherwise left as it is.
"""

from zmqbridge_twisted.authenticator import ZmqAuthenticator
from zmqbridge_twisted.backend import TwistedBackend
from zmqbridge_twisted.connection import ZmqConnection, ZmqEndpoint, ZmqEndpointType
from zmqbridge_twisted.errors import (
    ZmqContextTerminated,
    ZmqEndpointError,
    ZmqPeerUnreachable,
    ZmqRequestTimeoutError,
    ZmqSendRefused,
    ZmqUnknownRequestError,
    ZmqWouldBlock,
)
from zmqbridge_twisted.factory import ZmqFactory
from zmqbridge_twisted.pubsub import ZmqPubConnection, ZmqSubConnection
from zmqbridge_twisted.pushpull import ZmqPullConnection, ZmqPushConnection
from zmqbridge_twisted.req_rep import ZmqREPConnection, ZmqREQConnection
from zmqbridge_twisted.router_dealer import ZmqDealerConnection, ZmqRouterConnection

__all__ = [
    "TwistedBackend",
    "ZmqAuthenticator",
    "ZmqConnection",
    "ZmqContextTerminated",
    "ZmqDealerConnection",
    "ZmqEndpoint",
    "ZmqEndpointError",
    "ZmqEndpointType",
    "ZmqFactory",
    "ZmqPeerUnreachable",
    "ZmqPubConnection",
    "ZmqPullConnection",
    "ZmqPushConnection",
    "ZmqREPConnection",
    "ZmqREQConnection",
    "ZmqRequestTimeoutError",
    "ZmqRouterConnection",
    "ZmqSendRefused",
    "ZmqSubConnection",
    "ZmqUnknownRequestError",
    "ZmqWouldBlock",
]
