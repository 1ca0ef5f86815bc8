"""What becomes of the awkward cases, in zmqbridge and in its peers: lost messages, hangs, a loop that stands still.

``python -m benchmarks.guarantees`` runs every case against every library, each time in a fresh process, and prints
what was observed: a row a case, a column a library. Where a case gives a figure, it is the median of the rounds.
The peers are on PyPI as zmq-anyio, aiozmq and txzmq; one that is not installed has no column.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata, util
from pathlib import Path
from typing import Any

import zmq

from benchmarks.guarantees_peers import handling, handling_peers, receiving, receiving_peers
from benchmarks.guarantees_peers.handling import Handlers
from benchmarks.guarantees_peers.libraries import Aiozmq, Bridge, PyzmqAsyncio, ZmqAnyio
from benchmarks.guarantees_peers.loops import OnAnyio, OnAsyncio, OnTrio, OnTwisted
from benchmarks.guarantees_peers.observing import Observation, free_address

TITLES = {
    "timeout": "a message comes in the turn in which a time limit ends the receive: is it lost?",
    "wait_for": "the same with asyncio.wait_for",
    "cancel": "a receive is cancelled, then a message comes: is it lost?",
    "nested": "a time limit within another, each around a receive",
    "middle": "a peer goes between two frames of a message",
    "send": "a send between a message's coming and the loop's turn: does the receive hang?",
    "failed-send": "the same with a send at the high-water mark",
    "connect": "the same with a connect to one more inproc address",
    "bind": "the same with a bind to one more inproc address",
    "subscribe": "the same with a subscription to one more tag",
    "events": "the same with a read of EVENTS",
    "queued": "ten messages are queued before the first wait",
    "false-edge": "fifty peers come and go without a message, then one sends",
    "ping-pong": "1,000 messages there and back at marks of 1",
    "two": "two receives are parked on one socket, two messages come",
    "duplex": "a receive and a send are parked on one socket",
    "flood": "another process floods this one: the longest gap of a 1 ms ticker",
    "turns": "five receives are parked, then five sends: are they served in turn?",
    "close": "the socket is closed: the parked receive",
    "term": "another thread terminates the context: the parked receive",
    "malformed": "a malformed request to a replier, then a good one",
    "strangers": "garbage, HTTP and silence at the port, and a good peer",
    "pickled": "a pickled call comes",
    "same-id": "two clients choose the same request id",
    "repeated": "a late reply comes once more, while the next request waits",
    "forged": "replies that nobody asked for, then two requests",
    "killed": "a server is killed and comes back, twice; it is asked again",
    "dead-requests": "requests time out while the server is down; of them it gets, when it comes",
    "deaf-client": "a client sends 50,000 requests of 1 KB and reads no reply: memory",
    "unanswered": "the same, and they are never answered: memory",
    "mark": "sends of 10,000 with a high-water mark of 100, and nobody reads",
    "full-peer": "one of a router's peers is full, and then gone: a send to it",
    "ahead": "one receive and no more, marks of 100 (libzmq holds 200): the sender gets rid of",
    "handler": "three messages, the handler of the first fails",
    "shutdown": "closing with a message unsent and a linger of 2 s: the loop is",
    "exit": "the program ends with its sends unsent; the peer comes 0.3 s later: it gets",
    "exit-nobody": "the same, and no peer comes, with a linger of 2 s: the process",
    "left-over": "a hundred sockets are opened and closed: descriptors",
    "two-loops": "a second loop after the first, with the same context",
    "another-loop": "a socket of a loop that has ended, on a second loop",
    "after-loop": "a socket is closed after its loop has ended",
    "idle": "a parked receive: use of a processor",
    "thread": "a send from another thread",
    "fork": "a send in a forked child",
    "text": "a str is sent",
    "endpoint": "a bind to tcp:/127.0.0.1:5555",
    "in-use": "a bind to a port in use",
}


@dataclass(frozen=True)
class Column:
    """A library on a loop.

    Attributes:
        module: the package that must be installed.
        distribution: its name on PyPI.
        make: makes the library for a case.
        programs: what runs in a case.
        cases: the cases that can be expressed with it.
    """

    module: str
    distribution: str
    make: Callable[[str], Any]
    programs: Mapping[str, Callable[[Any], Any]]
    cases: Set[str]


def on_asyncio(case: str) -> OnAsyncio:
    return OnAsyncio(wait_for=case == "wait_for")


REQUESTS = {"malformed", "same-id", "repeated", "forged", "dead-requests", "deaf-client", "unanswered"}
LIVES = {"two-loops", "another-loop", "after-loop"}
"""The cases that run their loops themselves."""
OUTSIDE = {"exit", "exit-nobody"}
"""The cases of a program that ends, which are watched from without."""
TIMED = {"flood", "shutdown", "exit", "exit-nobody"}
"""The cases whose outcome depends on what else the machine does."""

CASES = receiving.CASES | receiving_peers.CASES | receiving_peers.LIVES
EVERYWHERE = CASES.keys() - REQUESTS - {"handler", "wait_for"} | OUTSIDE
BRIDGE = EVERYWHERE | REQUESTS
ANYIO = EVERYWHERE - {"another-loop", "after-loop"}
WAITING = {"duplex", "ping-pong"}
ONE_REACTOR = {"two-loops", "another-loop"}
HANDLED = handling.CASES | handling_peers.CASES | handling_peers.LIVES

COLUMNS = {
    "zmqbridge on asyncio": Column(
        "zmqbridge", "zmqbridge", lambda case: Bridge(on_asyncio(case)), CASES, BRIDGE | {"wait_for"}
    ),
    "zmqbridge on trio": Column("zmqbridge_trio", "zmqbridge", lambda _: Bridge(OnTrio()), CASES, BRIDGE),
    "zmqbridge on Twisted": Column(
        "zmqbridge_twisted", "zmqbridge", lambda _: Bridge(OnTwisted()), CASES, BRIDGE - ONE_REACTOR
    ),
    "zmqbridge_twisted, handlers": Column(
        "zmqbridge_twisted", "zmqbridge", lambda _: Handlers("zmqbridge_twisted"), HANDLED, HANDLED.keys() | OUTSIDE
    ),
    "zmq.asyncio": Column(
        "zmq", "pyzmq", lambda case: PyzmqAsyncio(on_asyncio(case)), CASES, EVERYWHERE | {"wait_for"}
    ),
    "zmq-anyio on asyncio": Column(
        "zmq_anyio",
        "zmq-anyio",
        lambda _: ZmqAnyio(OnAnyio("asyncio")),
        CASES,
        ANYIO,
    ),
    "zmq-anyio on trio": Column(
        "zmq_anyio",
        "zmq-anyio",
        lambda _: ZmqAnyio(OnAnyio("trio")),
        CASES,
        ANYIO,
    ),
    "aiozmq": Column(
        "aiozmq", "aiozmq", lambda case: Aiozmq(on_asyncio(case)), CASES, EVERYWHERE | {"wait_for", "handler"}
    ),
    "txZMQ, handlers": Column(
        "txzmq", "txZMQ", lambda _: Handlers("txzmq"), HANDLED, (HANDLED.keys() | OUTSIDE) - WAITING
    ),
}

LIMIT = 20.0
LINGER = 2.0
KEPT: list[Any] = []
"""What a program that ends without closing leaves behind."""


def why_not(name: str, case: str) -> str:
    """Say why a case cannot be expressed."""
    if case in ("malformed", "same-id", "deaf-client", "unanswered"):
        return "n/a: no replier"
    if case in ("repeated", "forged", "dead-requests"):
        return "n/a: no requester"
    if name.startswith("zmq-anyio") and case in LIVES:
        return "n/a: its async with closes it"
    if case in ONE_REACTOR:
        return "n/a: a reactor runs once"
    if case == "wait_for":
        return "n/a: asyncio's alone"
    if case in WAITING:
        return "n/a: its send never waits"
    if case == "handler":
        return "n/a: no handlers"
    if case in ("two", "turns"):
        return "n/a: one handler"
    if case == "ahead":
        return "n/a: the handler gets all at once"
    assert "handlers" in name
    return "n/a: nothing to cancel"


# --- one case, in this process ---


def observe_here(name: str, case: str) -> None:
    """Run a case in this process, print what was observed, and end without closing anything."""
    if case in OUTSIDE:
        tell(observe_exit(name, listen=case == "exit"))
    column = COLUMNS[name]
    if case in LIVES:
        tell(column.programs[case](partial(column.make, case)))
    library = column.make(case)

    async def main() -> None:
        async with library.stack:
            await library.begin()
            try:
                observation = await column.programs[case](library)
            except Exception as error:
                observation = Observation(f"the program ends with {type(error).__name__}")
            tell(observation)

    try:
        library.loop.run(main)
    except BaseException as error:
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        tell(Observation(f"the program ends with {type(error).__name__}"))
    tell(Observation("the program ends early"))


def tell(observation: Observation) -> None:
    print(json.dumps(asdict(observation)), flush=True)
    os._exit(0)


def leave_here(name: str, address: str) -> None:
    """Send, and end the program without closing."""
    library = COLUMNS[name].make("")

    async def main() -> None:
        await library.begin()
        await library.forget(address, LINGER, KEPT)
        print("sent", flush=True)

    library.loop.run(main)


def observe_exit(name: str, *, listen: bool) -> Observation:
    """Have a program send and end; see what arrives, or when it ends."""
    context: zmq.Context[Any] = zmq.Context()
    address = free_address()
    program = subprocess.Popen(command("--leave", name, "--address", address), stdout=subprocess.PIPE)
    assert program.stdout is not None
    program.stdout.readline()
    sent = time.perf_counter()
    received = 0
    if listen:
        time.sleep(0.3)
        with context.socket(zmq.PULL) as pull:
            pull.bind(address)
            while received < 100 and pull.poll(1000 if program.poll() is not None else 4000):
                pull.recv()
                received += 1
    try:
        program.wait(15)
    except subprocess.TimeoutExpired:
        program.kill()
        return Observation("does not end")
    if listen:
        return Observation("{} of 100", received)
    return Observation("ends after {} s", time.perf_counter() - sent)


# --- all of them, each in a process of its own ---


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", "benchmarks.guarantees", *arguments]


def observe(name: str, case: str) -> Observation:
    """Run a case in a fresh process, with a time limit."""
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command("--one", name, "--case", case),
            stdout=output,
            stderr=errors,
            start_new_session=True,
            # A send in the extension is one call, between whose frames nothing can be made to happen.
            env=os.environ | ({"ZMQBRIDGE_NO_SPEEDUPS": "1"} if case == "middle" else {}),
        )
        try:
            status = process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            return Observation(f"stands still for {LIMIT:.0f} s")
        finally:
            stop_group(process)
        output.seek(0)
        lines = output.read().splitlines()
        if status == 0 and lines:
            return Observation(**json.loads(lines[-1]))
        errors.seek(0)
        sys.stderr.write(errors.read().decode(errors="replace")[-2000:])
        return Observation(f"crashes with status {status}")


def stop_group(process: subprocess.Popen[bytes]) -> None:
    """End a process, and whatever it has started and left."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 9)
    process.wait()


def summary(observations: list[Observation]) -> str:
    """Return several rounds' observations in a few words: figures as their median, differing outcomes with counts."""
    counts = Counter(observation.words for observation in observations)
    said = []
    for words, count in counts.most_common():
        figures = [each.figure for each in observations if each.words == words and each.figure is not None]
        text = words.format(in_figures(statistics.median(figures))) if figures else words
        said.append(text if len(counts) == 1 else f"{text} ({count} of {len(observations)} runs)")
    return "; ".join(said)


def in_figures(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 10 or figure == int(figure) else f"{figure:.2g}"


def table(results: dict[str, dict[str, list[Observation]]], names: list[str]) -> Iterator[str]:
    """Yield the lines of the result."""
    wrap = partial(textwrap.wrap, width=15)
    rows = [["", *names]]
    rows += [[TITLES[case], *(summary(row[name]) for name in names)] for case, row in results.items()]
    for row in rows:
        cells = [textwrap.wrap(row[0], width=34), *map(wrap, row[1:])]
        for line in range(max(map(len, cells))):
            parts = [cell[line] if line < len(cell) else "" for cell in cells]
            yield f"{parts[0]:34} | " + " | ".join(f"{part:15}" for part in parts[1:])
        yield "-" * (36 + 18 * len(names))


def versions(names: list[str]) -> dict[str, str]:
    found = {"Python": platform.python_version(), "libzmq": zmq.zmq_version()}
    for distribution in ("pyzmq", "anyio", "trio", "Twisted", *(COLUMNS[name].distribution for name in names)):
        with suppress(metadata.PackageNotFoundError):
            found[distribution] = metadata.version(distribution)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was observed here as well")
    parser.add_argument("--cases", nargs="+", choices=TITLES, default=list(TITLES), metavar="CASE", help=str([*TITLES]))
    parser.add_argument("--libraries", nargs="+", choices=COLUMNS, metavar="LIBRARY", help=str([*COLUMNS]))
    parser.add_argument("--one", choices=COLUMNS, help=argparse.SUPPRESS)
    parser.add_argument("--case", choices=TITLES, help=argparse.SUPPRESS)
    parser.add_argument("--leave", choices=COLUMNS, help=argparse.SUPPRESS)
    parser.add_argument("--address", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        observe_here(arguments.one, arguments.case)
    if arguments.leave:
        leave_here(arguments.leave, arguments.address)
        return
    names = [name for name in arguments.libraries or COLUMNS if util.find_spec(COLUMNS[name].module)]
    results: dict[str, dict[str, list[Observation]]] = {case: {name: [] for name in names} for case in arguments.cases}
    for case, row in results.items():
        for name, observations in row.items():
            if case not in COLUMNS[name].cases:
                observations.extend([Observation(why_not(name, case))] * arguments.rounds)
    for _ in range(arguments.rounds):
        # Most of them sleep for most of their time; what is measured against the clock has the machine to itself.
        for at_once, timed in ((4, False), (1, True)):
            running: list[tuple[list[Observation], Future[Observation]]] = []
            with ThreadPoolExecutor(at_once) as pool:
                for case, row in results.items():
                    for name, observations in row.items():
                        if case in COLUMNS[name].cases and (case in TIMED) == timed:
                            running.append((observations, pool.submit(observe, name, case)))
            for observations, future in running:
                observations.append(future.result())
    found = versions(names)
    print(", ".join(f"{name} {version}" for name, version in found.items()), f"; {arguments.rounds} rounds", sep="")
    print(*table(results, names), sep="\n")
    if arguments.json:
        observed = {
            case: {
                name: {"observed": summary(observations), "runs": [asdict(each) for each in observations]}
                for name, observations in row.items()
            }
            for case, row in results.items()
        }
        titles = {case: TITLES[case] for case in results}
        document = {"versions": found, "rounds": arguments.rounds, "cases": titles, "observed": observed}
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
