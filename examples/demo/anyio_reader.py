"""A reader in anyio's terms, so on whichever loop anyio runs: here on asyncio, its default."""

from __future__ import annotations

import anyio

import zmqbridge
from examples.demo.messages import Settings
from examples.demo.tally import ASK_INTERVAL, PATIENCE, REPORT_INTERVAL, Tally


async def request_history(requester: zmqbridge.Requester, tally: Tally) -> None:
    while not tally.ended:
        try:
            tally.answer(await requester.request(tally.ask(), timeout=PATIENCE))
        except zmqbridge.RequestTimeout:
            continue  # the account will tell
        await anyio.sleep(ASK_INTERVAL)


async def keep_reporting(reports: zmqbridge.Dealer, tally: Tally) -> None:
    while not tally.ended:
        await reports.send(tally.report().to_bytes())
        await anyio.sleep(REPORT_INTERVAL)


async def main(settings: Settings) -> None:
    tally = Tally(settings.name, settings.tags)
    async with zmqbridge.Context() as context:
        subscriber = context.subscriber(connect=settings.measurements, tags=settings.tags)
        requester = context.requester(connect=settings.history)
        named = zmqbridge.SocketOptions(identity=settings.name.encode())
        reports = context.dealer(connect=settings.reports, options=named)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(request_history, requester, tally)
            tasks.start_soon(keep_reporting, reports, tally)
            async for tag, message in subscriber:
                tally.receive(tag, message)
                if tally.ended:
                    break
        await reports.send(tally.report(last=True).to_bytes())


if __name__ == "__main__":
    anyio.run(main, Settings.from_stdin())
