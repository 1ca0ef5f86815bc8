"""A reader on Twisted, in coroutines: the Context is the same as on any other loop."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater, react

import zmqbridge
from examples.demo.messages import Settings
from examples.demo.tally import ASK_INTERVAL, PATIENCE, REPORT_INTERVAL, Tally


async def request_history(reactor: Any, requester: zmqbridge.Requester, tally: Tally) -> None:
    while not tally.ended:
        try:
            tally.answer(await requester.request(tally.ask(), timeout=PATIENCE))
        except zmqbridge.RequestTimeout:
            continue  # the account will tell
        await deferLater(reactor, ASK_INTERVAL)


async def keep_reporting(reactor: Any, reports: zmqbridge.Dealer, tally: Tally) -> None:
    while not tally.ended:
        await reports.send(tally.report().to_bytes())
        await deferLater(reactor, REPORT_INTERVAL)


async def receive(subscriber: zmqbridge.Subscriber, tally: Tally) -> None:
    async for tag, message in subscriber:
        tally.receive(tag, message)
        if tally.ended:
            break


async def main(reactor: Any, settings: Settings) -> None:
    tally = Tally(settings.name, settings.tags)
    async with zmqbridge.Context() as context:
        subscriber = context.subscriber(connect=settings.measurements, tags=settings.tags)
        requester = context.requester(connect=settings.history)
        named = zmqbridge.SocketOptions(identity=settings.name.encode())
        reports = context.dealer(connect=settings.reports, options=named)
        work = [
            receive(subscriber, tally),
            request_history(reactor, requester, tally),
            keep_reporting(reactor, reports, tally),
        ]
        await gatherResults([Deferred.fromCoroutine(coroutine) for coroutine in work], consumeErrors=True)
        await reports.send(tally.report(last=True).to_bytes())


if __name__ == "__main__":
    settings = Settings.from_stdin()
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, settings)))
