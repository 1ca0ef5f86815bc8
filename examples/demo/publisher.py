"""The publisher, on asyncio: measures this machine ten times a second and publishes each value under its tag."""

from __future__ import annotations

import asyncio
from collections import Counter

import zmqbridge
from examples.demo.machine import Machine
from examples.demo.messages import Report, Settings, encode
from examples.demo.tally import REPORT_INTERVAL

HELLO_INTERVAL = 0.05
MEASURE_INTERVAL = 0.1


async def main(settings: Settings) -> None:
    machine = Machine()
    published: Counter[str] = Counter()
    async with zmqbridge.Context() as context:
        publisher = context.publisher(bind=[settings.measurements, "tcp://127.0.0.1:*"])
        orders = context.replier(bind=settings.orders)
        reports = context.pusher(connect=settings.reports)
        report = Report(
            name=settings.name, state="ready", addresses=[endpoint.address for endpoint in publisher.endpoints]
        )

        async def say_hello() -> None:
            while True:
                for tag in machine.tags:
                    publisher.publish(encode({"hello": machine.tags}), tag)
                await asyncio.sleep(HELLO_INTERVAL)

        async def measure() -> None:
            loop = asyncio.get_running_loop()
            due = loop.time()
            while True:
                for tag, value, unit in machine.measure():
                    published[tag] += 1
                    publisher.publish(encode({"number": published[tag], "value": value, "unit": unit}), tag)
                # Neither drifting nor, after a pause of the whole process, making up for what was missed.
                due = max(due + MEASURE_INTERVAL, loop.time())
                await asyncio.sleep(due - loop.time())

        async def keep_reporting() -> None:
            while True:
                report.published = dict(published)
                await reports.send(report.to_bytes())
                await asyncio.sleep(REPORT_INTERVAL)

        async with asyncio.TaskGroup() as tasks:
            reporting = tasks.create_task(keep_reporting())

            greeting = tasks.create_task(say_hello())
            begin = await orders.receive()
            greeting.cancel()

            report.state = "running"
            measuring = tasks.create_task(measure())
            await begin.reply(b"")
            end = await orders.receive()
            measuring.cancel()

            for tag in machine.tags:
                publisher.publish(encode({"end": published[tag]}), tag)
            await end.reply(b"")

            stop = await orders.receive()
            reporting.cancel()
            await stop.reply(b"")

        report.state = "done"
        report.published = dict(published)
        await reports.send(report.to_bytes())


if __name__ == "__main__":
    asyncio.run(main(Settings.from_stdin()))
