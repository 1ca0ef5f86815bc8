"""The historian, on uvloop: keeps what is published and answers requests for it. Two sockets, one loop."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from itertools import islice

import uvloop

import zmqbridge
from examples.demo.messages import STOP, Settings, decode, encode
from examples.demo.tally import REPORT_INTERVAL, Tally

KEPT = 600
"""How many values are kept under each tag."""


class History:
    """The latest values under each tag."""

    def __init__(self) -> None:
        self._values: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=KEPT))

    def add(self, tag: str, value: float) -> None:
        self._values[tag].append(value)

    def latest(self, prefix: str, count: int) -> list[float]:
        """Return the latest values under each tag that begins so, the newest first."""
        tags = [tag for tag in self._values if tag.startswith(prefix)]
        return [value for tag in tags for value in islice(reversed(self._values[tag]), count)]


async def main(settings: Settings) -> None:
    tally = Tally(settings.name, settings.tags)
    history = History()
    requests: Counter[str] = Counter()
    replies: Counter[str] = Counter()
    async with zmqbridge.Context() as context:
        subscriber = context.subscriber(connect=settings.measurements, tags=settings.tags)
        replier = context.replier(bind=[settings.history, "tcp://127.0.0.1:*"])
        named = zmqbridge.SocketOptions(identity=settings.name.encode())
        reports = context.dealer(connect=settings.reports, options=named)

        async def keep_publications() -> None:
            async for tag, message in subscriber:
                measurement = tally.receive(tag, message)
                if measurement is not None:
                    history.add(tag.decode(), measurement["value"])
                if tally.ended:
                    break

        async def answer_requests() -> None:
            async for request in replier:
                if request.parts == [STOP]:
                    await request.reply(b"")
                    break
                question = decode(request.parts[0])
                requests[question["from"]] += 1
                values = history.latest(question["tag"], question["last"])
                await request.reply(encode({"number": question["number"], "tag": question["tag"], "values": values}))
                replies[question["from"]] += 1

        async def report(*, last: bool = False) -> None:
            report = tally.report(last=last)
            report.addresses = [endpoint.address for endpoint in replier.endpoints]
            report.requests, report.replies = dict(requests), dict(replies)
            await reports.send(report.to_bytes())

        async def keep_reporting() -> None:
            while True:
                await report()
                await asyncio.sleep(REPORT_INTERVAL)

        async with asyncio.TaskGroup() as tasks:
            reporting = tasks.create_task(keep_reporting())
            keeping = tasks.create_task(keep_publications())
            await answer_requests()
            await keeping
            reporting.cancel()
        await report(last=True)


if __name__ == "__main__":
    uvloop.run(main(Settings.from_stdin()))
