"""Who is there: what libzmq tells of a connection's peers, for tasks and handlers of any loop.

=================  ==================================================================================================
module             what is in it
=================  ==================================================================================================
``events``         :class:`Event`: what libzmq's monitor says, in words. Pure
``ring``           :class:`~zmqbridge.presence.ring.Ring`: the latest of many, and how many were left out. Pure
``standing``       :class:`~zmqbridge.presence.standing.Standing`: how many handshakes stand. Pure
``echo``           the tags by which a subscriber learns that its subscriptions have arrived. Pure
``subscriptions``  :class:`~zmqbridge.presence.subscriptions.Subscriptions`: who has subscribed. Pure
``routes``         :class:`~zmqbridge.presence.routes.Routes`: which routing ids are there. Pure
``bell``           :class:`~zmqbridge.presence.bell.Bell`: tasks that wait for what another thread tells
``sentry``         :class:`~zmqbridge.presence.sentry.Sentry`: the thread that reads the monitors
``refusals``       which addresses have refused the connection, or hang up on it
``watch``          :class:`~zmqbridge.presence.watch.Watch`: one connection, watched
``standby``        :class:`~zmqbridge.presence.standby.Standby`: one connection, read though nobody awaits it
=================  ==================================================================================================
"""

from __future__ import annotations

from zmqbridge.presence.events import Event, EventKind
from zmqbridge.presence.routes import PeerChange
from zmqbridge.presence.subscriptions import SubscriptionChange

__all__ = ["Event", "EventKind", "PeerChange", "SubscriptionChange"]
