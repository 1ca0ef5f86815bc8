"""The connections: the awaitable surface of every pattern, written once for every loop."""

from zmqbridge.connections.base import Connection, Receiver, Sender, Stats
from zmqbridge.connections.callbacks import Delivery
from zmqbridge.connections.pubsub import Publisher, Subscriber
from zmqbridge.connections.pushpull import Puller, Pusher
from zmqbridge.connections.raw import Dealer, Pair, RawConnection, RoutedMessage, Router
from zmqbridge.connections.ready import first_ready
from zmqbridge.connections.reqrep import Replier, Request, Requester

__all__ = [
    "Connection",
    "Dealer",
    "Delivery",
    "Pair",
    "Publisher",
    "Puller",
    "Pusher",
    "RawConnection",
    "Receiver",
    "Replier",
    "Request",
    "Requester",
    "RoutedMessage",
    "Router",
    "Sender",
    "Stats",
    "Subscriber",
    "first_ready",
]
