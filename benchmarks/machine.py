"""Where the figures were measured: the machine, and the versions of all that took part."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import zmq

DISTRIBUTIONS = ("zmqbridge", "pyzmq", "uvloop", "trio", "anyio", "Twisted", "txZMQ", "zmq-anyio", "aiozmq", "tornado")


def machine() -> dict[str, str | int | list[float]]:
    """Describe this machine, and how busy it is."""
    return {
        "processor": processor(),
        "processors": os.cpu_count() or 1,
        "load_average": [round(each, 2) for each in os.getloadavg()],
        "kernel": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
    }


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Return the version of each library that is installed."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {"Python": python, "libzmq": zmq.zmq_version(), **installed(DISTRIBUTIONS)}


def installed(distributions: Iterable[str]) -> dict[str, str]:
    """Return the versions of those distributions that are installed."""
    found = {}
    for distribution in distributions:
        with suppress(metadata.PackageNotFoundError):
            found[distribution] = metadata.version(distribution)
    return found
