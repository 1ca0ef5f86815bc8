"""A program on each loop: it is written once, for asyncio, and the others differ in their import and their last line.

Pages show what this makes, and tests run it.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LOOPS", "on_loop"]

_IMPORT = "import asyncio\n"
_LAST = "asyncio.run(main())\n"
_OURS = "import zmqbridge\n"


@dataclass(frozen=True)
class Loop:
    """How a program that stands on a loop differs: what it imports, its last line, and what it installs."""

    imports: str
    last: str
    extra: str


LOOPS = {
    "asyncio": Loop(_IMPORT, _LAST, "asyncio"),
    "uvloop": Loop("import uvloop\n", "uvloop.run(main())\n", "uvloop"),
    "trio": Loop("import trio\n", "trio.run(main)\n", "trio"),
    "anyio": Loop("import anyio\n", "anyio.run(main)\n", "anyio"),
    "Twisted": Loop(
        "from twisted.internet.defer import Deferred\nfrom twisted.internet.task import react\n",
        "react(lambda reactor: Deferred.fromCoroutine(main()))\n",
        "twisted",
    ),
}


def on_loop(program: str, name: str) -> str:
    """Return a program of asyncio's as it is on a loop."""
    loop = LOOPS[name]
    if program.count(_IMPORT) != 1 or not program.endswith("\n" + _LAST) or program.count("asyncio") != 2:
        raise ValueError("a program for each loop names asyncio in its import and in its last line, and nowhere else")
    if loop.imports == _IMPORT:
        return program
    head, ours, body = program.removesuffix(_LAST).replace(_IMPORT, "").partition(_OURS)
    return f"{head.lstrip()}{loop.imports}\n{ours}{body}{loop.last}"
