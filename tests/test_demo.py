"""The demo, run as its users run it: its account, its end by Ctrl-C, and its end when a participant dies."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

pytest.importorskip("rich", reason="the demo's own dependency")

from rich.console import Console

from examples.demo.account import Account
from examples.demo.cast import CAST, HISTORIAN, PUBLISHER, SUPERVISOR
from examples.demo.display import Board, Gauge, Line, print_account, render_board
from examples.demo.messages import Report
from examples.demo.tally import Tally

# Eight processes start here, on a machine that may have other things to do.
pytestmark = pytest.mark.timeout(180)

ROOT = Path(__file__).parents[1]
READERS = [role.name for role in CAST if role.asks]
ROLES = [*CAST, SUPERVISOR]
STEPS = ("requests", "arrived", "answered", "replies")
SMALL = (80, 24)


class Demo:
    """A run of the demo without a terminal."""

    def __init__(self, seconds: float, directory: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "examples.demo", "--seconds", str(seconds)],
            cwd=ROOT,
            # A supervisor that is killed cannot remove its own.
            env={**os.environ, "TMPDIR": directory},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )
        self.participants: list[psutil.Process] = []
        self.output = ""

    def wait_for(self, text: str) -> None:
        """Read lines up to one that holds this text, and note which processes run then."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output += line
            if text in line:
                self.participants = psutil.Process(self._process.pid).children()
                return
        pytest.fail(f"the demo ended without {text!r}; it printed:\n{self.output}")

    def participant(self, name: str) -> psutil.Process:
        return next(process for process in self.participants if f"examples.demo.{name}" in process.cmdline())

    def send_signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for the end, and return the exit status."""
        output, _ = self._process.communicate()
        self.output += output
        return self._process.returncode

    def left_over(self) -> list[psutil.Process]:
        """Return the participants that outlive the demo."""
        return [process for process in self.participants if runs(process)]

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def runs(process: psutil.Process) -> bool:
    """Whether a process still runs; one that only waits to be buried does not."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


Start = Callable[[float], Demo]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a run that measures for so many seconds; none outlives the test."""
    started: list[Demo] = []
    with TemporaryDirectory(prefix="zmqb-", ignore_cleanup_errors=True) as directory:

        def start(seconds: float) -> Demo:
            started.append(Demo(seconds, directory))
            return started[-1]

        yield start
        for demo in started:
            demo.kill()


def test_complete_run(start: Start) -> None:
    """A run without a terminal prints plain lines and an account of every message, and its status is 0."""
    demo = start(1)
    assert demo.wait() == 0, demo.output
    assert "\x1b" not in demo.output
    assert "measuring for 1 s" in demo.output
    steps = [re.search(rf"^ *{step} +(\d.*)$", demo.output, re.MULTILINE) for step in STEPS]
    counts = [found.group(1).split() if found else [] for found in steps]
    assert len(counts[0]) == len(READERS), demo.output
    assert counts == [counts[0]] * len(STEPS), demo.output
    verdict = re.fullmatch(
        r"All is accounted for: (\d+) messages published, (\d+) of \2 deliveries received, "
        r"(\d+) requests sent, \3 answered\.",
        demo.output.splitlines()[-1],
    )
    assert verdict, demo.output
    assert all(int(figure) > 0 for figure in verdict.groups())


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.repeats)])
def test_interruption(start: Start, number: int) -> None:
    """An interrupted run ends all its processes, accounts for what there was, and its status is 130."""
    demo = start(600)
    demo.wait_for(" s: ")  # a busy machine may skip a second
    assert len(demo.participants) == len(CAST)
    demo.send_signal(number)
    assert demo.wait() == 130, demo.output
    assert demo.left_over() == []
    assert "Traceback" not in demo.output
    assert demo.output.splitlines()[-1].startswith("Interrupted: "), demo.output


def test_interruption_while_processes_start(start: Start) -> None:
    """A run interrupted before anything was published ends as quietly."""
    demo = start(600)
    demo.wait_for("starting the processes")
    demo.send_signal(signal.SIGINT)
    assert demo.wait() == 130, demo.output
    assert demo.left_over() == []
    assert "Traceback" not in demo.output


@pytest.mark.parametrize("name", [pytest.param("trio_reader", marks=pytest.mark.repeats), "publisher"])
def test_death_of_a_participant(start: Start, name: str) -> None:
    """A participant that is killed is named, the others are ended, and the status is 1."""
    demo = start(600)
    demo.wait_for(" s: ")  # a busy machine may skip a second
    demo.participant(name).kill()
    assert demo.wait() == 1, demo.output
    assert demo.left_over() == []
    assert "Traceback" not in demo.output
    assert f"FAULT: {name} was killed by SIGKILL" in demo.output
    assert "NOT ALL IS ACCOUNTED FOR" in demo.output.splitlines()[-1]


def test_death_of_the_supervisor(start: Start) -> None:
    """No participant outlives a supervisor that is killed."""
    demo = start(600)
    demo.wait_for(" s: ")  # a busy machine may skip a second
    demo.send_signal(signal.SIGKILL)
    assert len(demo.participants) == len(CAST)
    deadline = time.monotonic() + 60
    while demo.left_over() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert demo.left_over() == []


# --- the account itself ---


def reports() -> dict[str, Report]:
    """The last reports of a run in which nothing is missing."""
    published = {"cpu.0": 3, "memory": 3, "network": 3, "disk": 3}
    made = {
        role.name: Report(
            name=role.name,
            state="done",
            received={tag: count for tag, count in published.items() if role.tags and role.subscribes_to(tag)},
            asked=2 * role.asks,
            answered=2 * role.asks,
        )
        for role in ROLES
    }
    made[PUBLISHER.name].published = published
    made[HISTORIAN.name].requests = dict.fromkeys(READERS, 2)
    made[HISTORIAN.name].replies = dict.fromkeys(READERS, 2)
    return made


def test_account_of_a_complete_run() -> None:
    """Where every message arrived and every request was answered, the account finds no fault."""
    account = Account(ROLES, reports())
    assert list(account.faults()) == []
    assert account.messages_received == account.messages_due


@pytest.mark.parametrize(
    ("name", "change", "fault"),
    [
        ("trio_reader", {"received": {"cpu.0": 2}}, "trio_reader received 2 of 3 messages under cpu.0"),
        ("trio_reader", {"received": {"cpu.0": 3, "disk": 1}}, "trio_reader received 1 of 0 messages under disk"),
        ("supervisor", {"missing": 1}, "supervisor found 1 numbers left out"),
        ("supervisor", {"repeated": 1}, "supervisor found 1 messages that came twice or out of order"),
        ("pyzmq_reader", {"asked": 0, "answered": 0}, "pyzmq_reader sent no request"),
        (
            "trio_reader",
            {"asked": 3},
            "trio_reader sent 3 requests, the historian received 2 of them and sent 2 replies, trio_reader received 2",
        ),
        (
            "anyio_reader",
            {"state": "running"},
            "no last report came from anyio_reader: their figures here are older, and not compared",
        ),
        ("publisher", {"published": {}}, "nothing was published"),
    ],
)
def test_account_names_what_is_missing(name: str, change: dict[str, object], fault: str) -> None:
    """Whatever is missing is named, in words that say whose it is."""
    made = reports()
    made[name] = replace(made[name], **change)  # type: ignore[arg-type]
    assert fault in list(Account(ROLES, made).faults())


def test_tally_finds_gaps_and_repeats() -> None:
    """A reader counts the numbers that are left out, at the end too, and those that come again."""
    tally = Tally("reader", ["cpu."])
    tally.receive(b"cpu.0", b'{"hello": ["cpu.0", "memory"]}')
    assert tally.ready
    for number in (1, 2, 4, 4):
        tally.receive(b"cpu.0", b'{"number": %d, "value": 1.0, "unit": "%%"}' % number)
    ended_before = tally.ended
    tally.receive(b"cpu.0", b'{"end": 6}')
    assert (ended_before, tally.ended) == (False, True)
    report = tally.report(last=True)
    assert (report.received, report.missing, report.repeated) == ({"cpu.0": 4}, 3, 1)


def test_tally_counts_a_reply_to_its_own_request_alone() -> None:
    """A reply to another request than the latest does not count as an answer."""
    tally = Tally("reader", ["cpu."])
    tally.ask()
    tally.ask()
    tally.answer([b'{"number": 1, "tag": "cpu.", "values": []}'])
    assert tally.report().answered == 0
    tally.answer([b'{"number": 2, "tag": "cpu.", "values": []}'])
    assert tally.report().answered == 1


# --- on a small terminal ---


class Terminal(StringIO):
    """Takes what is printed to a terminal."""

    def isatty(self) -> bool:
        return True


def printed(show: Callable[[Console], None]) -> list[str]:
    """Return the lines that a terminal of 80 columns and 24 lines gets, without its colours."""
    file = Terminal()
    width, height = SMALL
    show(Console(file=file, width=width, height=height, color_system=None, force_terminal=True))
    return [line.rstrip() for line in file.getvalue().splitlines()]


PROCESSORS = pytest.mark.parametrize("processors", [1, 2, 3, 4, 5, 6, 7, 64])


def tags(processors: int) -> list[str]:
    return [*(f"cpu.{number}" for number in range(processors)), "memory", "disk", "network"]


@PROCESSORS
def test_board_fits_a_small_terminal(processors: int) -> None:
    """The board stands in 80 columns and 24 lines whole, whatever the number of processors, and names each process."""
    lines = [Line(role, replace(reports()[role.name], median=0.01234, worst=1.23456)) for role in ROLES]
    gauges = {tag: Gauge("%" if "cpu" in tag else "kB/s", deque([987654.0] * 40)) for tag in tags(processors)}
    board = Board(600.0, lines, gauges, phase="finishing", elapsed=599.9)
    output = printed(lambda console: console.print(render_board(board, *SMALL)))
    assert len(output) < SMALL[1]
    assert max(map(len, output)) <= SMALL[0]
    assert "…" not in "".join(output)
    text = "\n".join(output)
    assert "599.9 of 600 s  finishing" in text
    for name in [*(role.name for role in ROLES), "memory", "disk", "network"]:
        assert re.search(rf"^ *{name} ", text, re.MULTILINE), text
    assert re.search(r"^(cpu\.0|\d+ cpus) ", text, re.MULTILINE), text


@PROCESSORS
def test_account_fits_a_small_terminal(processors: int) -> None:
    """The account of a run stands in 80 columns and 24 lines whole, and no message is left out of it."""
    made = reports()
    published = dict.fromkeys(tags(processors), 9876)
    made[PUBLISHER.name].published = published
    for role in ROLES:
        if role.tags:
            made[role.name].received = {tag: n for tag, n in published.items() if role.subscribes_to(tag)}
    account = Account(ROLES, made)
    output = printed(lambda console: print_account(console, account, [], interrupted=False))
    assert len(output) < SMALL[1]
    assert max(map(len, output)) <= SMALL[0]
    assert "…" not in "".join(output)
    columns = [line.split() for line in output]
    rows = {line[0]: line[1:] for line in columns if line}
    for step in STEPS:
        assert rows[step] == ["2"] * len(READERS)
    assert rows["all"][0] == str(9876 * len(published))
    at = [line[:1] for line in columns].index(["all"])
    first = next(i for i, line in enumerate(columns) if line and line[0] in ("cpu.0", str(processors)))
    figures = [int(next(word for word in reversed(line) if word.isdigit())) for line in columns[first:at] if line]
    assert sum(figures) == 9876 * len(published)  # the supervisor's, which hears everything


def test_account_shows_a_loss_among_processors_together() -> None:
    """What one of many processors lacks is seen in their common line, and in the verdict."""
    made = reports()
    published = dict.fromkeys(tags(64), 10)
    made[PUBLISHER.name].published = published
    made[SUPERVISOR.name].received = published | {"cpu.40": 9}
    account = Account(ROLES, made)
    faults = [fault for fault in account.faults() if SUPERVISOR.name in fault]
    output = printed(lambda console: print_account(console, account, faults, interrupted=False))
    (row,) = (line for line in output if " cpus " in line)
    assert row.split()[0] == "63"
    assert row.split()[2] == "630"
    assert row.split()[-1] == "629"
    assert faults == ["supervisor received 9 of 10 messages under cpu.40"]
    assert "NOT ALL IS ACCOUNTED FOR" in "\n".join(output)
