"""A reader that is a txZMQ program: ZmqSubConnection, ZmqREQConnection and ZmqDealerConnection.

Nothing of zmqbridge is in it: both libraries use the same frames.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater, react
from txzmq import (
    ZmqDealerConnection,
    ZmqEndpoint,
    ZmqFactory,
    ZmqREQConnection,
    ZmqRequestTimeoutError,
    ZmqSubConnection,
)

from examples.demo.messages import Settings
from examples.demo.tally import ASK_INTERVAL, PATIENCE, REPORT_INTERVAL, Tally


class Subscription(ZmqSubConnection):  # type: ignore[misc]  # txZMQ has no types
    """Counts what it receives."""

    def __init__(self, factory: ZmqFactory, endpoint: ZmqEndpoint, tally: Tally) -> None:
        self._tally = tally
        super().__init__(factory, endpoint)

    def gotMessage(self, message: bytes, tag: bytes) -> None:
        self._tally.receive(tag, message)


async def main(reactor: Any, settings: Settings) -> None:
    tally = Tally(settings.name, settings.tags)
    factory = ZmqFactory()
    factory.lingerPeriod = 1000
    reports = ZmqDealerConnection(factory, ZmqEndpoint("connect", settings.reports), settings.name.encode())
    requester = ZmqREQConnection(factory, ZmqEndpoint("connect", settings.history))
    subscription = Subscription(factory, ZmqEndpoint("connect", settings.measurements), tally)
    for tag in settings.tags:
        subscription.subscribe(tag.encode())

    reporting = LoopingCall(lambda: reports.sendMsg(tally.report().to_bytes()))
    reporting.start(REPORT_INTERVAL)
    while not tally.ended:
        try:
            tally.answer(await requester.sendMsg(tally.ask(), timeout=PATIENCE))
        except ZmqRequestTimeoutError:
            continue  # the account will tell
        await deferLater(reactor, ASK_INTERVAL)
    reporting.stop()
    reports.sendMsg(tally.report(last=True).to_bytes())
    factory.shutdown()


if __name__ == "__main__":
    settings = Settings.from_stdin()
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, settings)))
