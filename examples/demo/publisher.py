"""The publisher, on asyncio: measures this machine ten times a second and publishes each value under its tag.

It knows who subscribes, and tells each from which number on: who comes late has nothing to miss from before.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import zmqbridge
from examples.demo.machine import Machine
from examples.demo.messages import Report, Settings, encode
from examples.demo.tally import REPORT_INTERVAL

MEASURE_INTERVAL = 0.1


async def main(settings: Settings) -> None:
    machine = Machine()
    published: Counter[str] = Counter()
    async with zmqbridge.Context() as context:
        publisher = context.publisher(bind=[settings.measurements, "tcp://127.0.0.1:*"], presence=True)
        orders = context.replier(bind=settings.orders)
        named = zmqbridge.SocketOptions(identity=settings.name.encode())
        reports = context.dealer(connect=settings.reports, options=named)
        report = Report(
            name=settings.name, state="ready", addresses=[endpoint.address for endpoint in publisher.endpoints]
        )

        async def greet() -> None:
            async for change in publisher.subscription_changes():
                tags = [tag for tag in machine.tags if tag.encode().startswith(change.tag)]
                if change.subscribed:
                    hello = encode({"hello": {tag: published[tag] for tag in machine.tags}})
                    for tag in tags:
                        publisher.publish(hello, tag)
                else:
                    report.left |= {tag: published[tag] for tag in tags}

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

            greeting = tasks.create_task(greet())
            begin = await orders.receive()

            report.state = "running"
            measuring = tasks.create_task(measure())
            await begin.reply(b"")
            end = await orders.receive()
            measuring.cancel()
            greeting.cancel()

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
