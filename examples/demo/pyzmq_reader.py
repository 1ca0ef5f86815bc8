"""A reader that is a plain pyzmq program, with blocking sockets and a poller: SUB, REQ and DEALER.

Nothing of zmqbridge is in it: it shows that the wire is ZeroMQ's own.
"""

from __future__ import annotations

import math
import time

import zmq

from examples.demo.messages import Settings
from examples.demo.tally import ASK_INTERVAL, PATIENCE, REPORT_INTERVAL, Tally


def main(settings: Settings) -> None:
    tally = Tally(settings.name, settings.tags)
    with (
        zmq.Context() as context,
        context.socket(zmq.SUB) as subscriber,
        context.socket(zmq.REQ) as requester,
        context.socket(zmq.DEALER) as reports,
    ):
        for tag in settings.tags:
            subscriber.subscribe(tag)
        subscriber.connect(settings.measurements)
        requester.connect(settings.history)
        reports.setsockopt_string(zmq.IDENTITY, settings.name)
        reports.connect(settings.reports)
        poller = zmq.Poller()
        poller.register(subscriber, zmq.POLLIN)
        poller.register(requester, zmq.POLLIN)

        now = next_report = next_request = time.monotonic()
        waits_for_reply = False
        while not tally.ended or (waits_for_reply and now < next_request + PATIENCE):
            now = time.monotonic()
            if now >= next_report:
                reports.send(tally.report().to_bytes())
                next_report = now + REPORT_INTERVAL
            if now >= next_request and not waits_for_reply:
                requester.send(tally.ask())
                waits_for_reply = True
            due = next_report if waits_for_reply else min(next_report, next_request)
            for socket, _ in poller.poll(max(0, math.ceil((due - now) * 1000))):
                if socket is subscriber:
                    tag, _, message = subscriber.recv().partition(b"\0")
                    tally.receive(tag, message)
                else:
                    tally.answer(requester.recv_multipart())
                    waits_for_reply = False
                    next_request = time.monotonic() + ASK_INTERVAL
        reports.send(tally.report(last=True).to_bytes())


if __name__ == "__main__":
    main(Settings.from_stdin())
