"""Asks an installed zmqbridge whether it is whole: ``python -I release/installed.py --extension serves|missing``.

It stands on nothing but what a plain install brings, and must not find the project's own folder first.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import pkgutil
import sys

import zmqbridge

PACKAGES = ("zmqbridge", "zmqbridge_asyncio", "zmqbridge_trio", "zmqbridge_twisted")
NEEDS_LOOP = {"trio", "twisted", "zope", "anyio", "sniffio"}
SENT = [[b"one frame"], [b"two", b"frames"]]


async def exchange() -> list[list[bytes]]:
    """Return what comes of two messages over TCP, on asyncio."""
    async with zmqbridge.Context() as context:
        puller = context.puller(bind="tcp://127.0.0.1:*")
        pusher = context.pusher(connect=puller.endpoints[0].address)
        for message in SENT:
            await pusher.send(message)
        return [list(await puller.receive()) for _ in SENT]


def import_all() -> list[str]:
    """Import each module of the package, and return their names; a loop that is not installed is passed over."""
    names = []
    for package in PACKAGES:
        try:
            paths = importlib.import_module(package).__path__
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in NEEDS_LOOP:
                raise
            continue
        for module in pkgutil.walk_packages(paths, f"{package}."):
            if module.name.endswith((".speedups", ".__main__")):
                continue
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError as error:
                if (error.name or "").partition(".")[0] not in NEEDS_LOOP:
                    raise
            names.append(module.name)
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description="Asks an installed zmqbridge whether it is whole.")
    parser.add_argument("--extension", choices=["serves", "missing"], required=True)
    wanted = parser.parse_args().extension
    found = "serves" if zmqbridge.speedups_enabled else "missing"
    if found != wanted:
        sys.exit(f"the C extension should be {wanted!r}, and is {found!r}; 'python -m zmqbridge' says why")
    modules = import_all()
    received = asyncio.run(exchange())
    if received != SENT:
        sys.exit(f"sent {SENT}, received {received}")
    print(f"zmqbridge {zmqbridge.__version__}, {len(modules)} modules, messages arrive, the extension: {found}")


if __name__ == "__main__":
    main()
