"""Many tasks on one socket: what turns a socket that never waits into operations that a task can await.

=============  =================================================================================
module         what is in it
=============  =================================================================================
``channel``    the leader's loop, receiving, waiting for a reply, and the end
``attempt``    the one function that attempts a send, accounts for it, and looks
``outbox``     every way to send: at once, now, in turn, many
``attendant``  who leads for a program that is called and awaits nothing
``pump``       what such a program's handlers are given their messages by
``units``      the books in Python, and their twins in C
=============  =================================================================================
"""

from zmqbridge.channel.attendant import Attendant
from zmqbridge.channel.channel import Channel, DeadlinePassed
from zmqbridge.channel.outbox import Outbox
from zmqbridge.channel.pump import Pump
from zmqbridge.channel.readiness import begin_turns, is_readable, wait_readable

__all__ = [
    "Attendant",
    "Channel",
    "DeadlinePassed",
    "Outbox",
    "Pump",
    "begin_turns",
    "is_readable",
    "wait_readable",
]
