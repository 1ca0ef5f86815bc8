"""What is measured: this machine's processors, memory, disks and network, as psutil tells."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

import psutil

__all__ = ["Machine", "Measurement"]

PROCESSORS = 8
"""How many processors are measured at most: each has a tag, and a line in the account."""


class Measurement(NamedTuple):
    tag: str
    value: float
    unit: str


class Machine:
    """Measures; rates are means since the previous measurement."""

    def __init__(self) -> None:
        self._time = time.monotonic()
        self._transferred = self._read_transferred()
        psutil.cpu_percent(percpu=True)
        self.tags = [measurement.tag for measurement in self.measure()]

    def measure(self) -> Iterator[Measurement]:
        """Yield one measurement for each tag; a machine without disks has none of them."""
        for index, percent in enumerate(psutil.cpu_percent(percpu=True)[:PROCESSORS]):
            yield Measurement(f"cpu.{index}", percent, "%")
        yield Measurement("memory", psutil.virtual_memory().percent, "%")
        now, transferred = time.monotonic(), self._read_transferred()
        seconds = max(now - self._time, 1e-6)
        for tag, total in transferred.items():
            yield Measurement(tag, round((total - self._transferred.get(tag, total)) / seconds / 1000, 1), "kB/s")
        self._time, self._transferred = now, transferred

    @staticmethod
    def _read_transferred() -> dict[str, int]:
        """Return the bytes that disks and network interfaces have moved since the machine started."""
        transferred = {}
        disk = psutil.disk_io_counters()
        if disk is not None:
            transferred["disk"] = disk.read_bytes + disk.write_bytes
        network = psutil.net_io_counters()
        if network is not None:
            transferred["network"] = network.bytes_recv + network.bytes_sent
        return transferred
