"""The demo, run as its users run it: its account, with a reader that is killed and replaced, its end by Ctrl-C, and its
end when a participant dies."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

pytest.importorskip("rich", reason="the demo's own dependency")

from rich.console import Console

from examples.demo.account import Account
from examples.demo.cast import CAST, HISTORIAN, KILLED, PUBLISHER, SUCCESSOR, SUPERVISOR
from examples.demo.display import FULL_WIDTH, Board, Gauge, Line, print_account, render_board
from examples.demo.messages import Report
from examples.demo.tally import Tally

# Eight processes start here, on a machine that may have other things to do.
pytestmark = pytest.mark.timeout(180)

ROOT = Path(__file__).parents[1]
ROLES = [*CAST, SUPERVISOR]
REPLACED = [other for role in ROLES for other in ([KILLED, SUCCESSOR] if role is KILLED else [role])]
READERS = [role.name for role in REPLACED if role.asks]
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


NEWS = ("anyio_reader is killed", "anyio_reader has left: 7 of 8 connected", "anyio_again has come: 8 of 8 connected")


def check_replacement(output: str) -> None:
    """Look whether one reader was killed, and all messages under its tags are accounted for."""
    told = [line.partition(" s: ")[2] for line in output.splitlines()]
    assert [news for news in told if news in NEWS] == list(NEWS), output
    figures = re.search(
        r"^anyio_reader was killed: of (\d+) messages under its tags (\d+) reached it, (\d+) were lost with it, "
        r"(\d+) were published while it was gone, (\d+) reached anyio_again\.",
        output,
        re.MULTILINE,
    )
    assert figures, output
    published, reached, lost, gone, taken_over = map(int, figures.groups())
    assert published == reached + lost + gone + taken_over
    assert reached > 0
    assert taken_over > 0


def test_complete_run(start: Start) -> None:
    """A run without a terminal prints plain lines and an account of every message, and its status is 0. In its middle a
    reader is killed and replaced, and what became of its messages is in the account."""
    demo = start(1)
    assert demo.wait() == 0, demo.output
    assert "\x1b" not in demo.output
    assert "measuring for 1 s" in demo.output
    steps = [re.search(rf"^ *{step} +(\d.*)$", demo.output, re.MULTILINE) for step in STEPS]
    counts = [found.group(1).split() if found else [] for found in steps]
    assert [len(step) for step in counts] == [len(READERS)] * len(STEPS), demo.output
    for reader, *others in zip(READERS, *counts, strict=True):
        assert reader == KILLED.name or others == [others[0]] * len(STEPS), demo.output
    verdict = re.fullmatch(
        r"All is accounted for: (\d+) messages published, (\d+) of \2 deliveries received, "
        r"(\d+) requests sent, (\d+) answered\.",
        demo.output.splitlines()[-1],
    )
    assert verdict, demo.output
    assert all(int(figure) > 0 for figure in verdict.groups())
    assert int(verdict.group(3)) - int(verdict.group(4)) in (0, 1)  # who is killed may wait for a reply
    check_replacement(demo.output)


def test_interruption_while_a_reader_is_replaced(start: Start) -> None:
    """A run interrupted when a reader was just killed ends when its successor is there, and accounts for both."""
    demo = start(1)
    demo.wait_for(NEWS[0])
    demo.send_signal(signal.SIGINT)
    assert demo.wait() == 130, demo.output
    assert demo.left_over() == []
    check_replacement(demo.output)
    assert demo.output.splitlines()[-1].startswith("Interrupted: All is accounted for"), demo.output


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
    psutil.wait_procs(demo.participants, timeout=60)
    assert demo.left_over() == []


# --- the account itself ---


TAGS = ("cpu.0", "memory", "network", "disk")


def reports(*tags: str, published: int = 3) -> dict[str, Report]:
    """The last reports of a run in which nothing is missing."""
    made = {
        role.name: Report(
            name=role.name,
            state="done",
            received={tag: published for tag in tags or TAGS if role.tags and role.subscribes_to(tag)},
            asked=2 * role.asks,
            answered=2 * role.asks,
        )
        for role in ROLES
    }
    made[PUBLISHER.name].published = dict.fromkeys(tags or TAGS, published)
    made[HISTORIAN.name].requests = dict.fromkeys(READERS, 2)
    made[HISTORIAN.name].replies = dict.fromkeys(READERS, 2)
    return made


def reports_with_replacement(*tags: str, published: int = 9) -> dict[str, Report]:
    """The same where a reader was killed and replaced: 3 messages reached it under each tag, 1 was lost with it, 2 were
    published while it was gone, and the rest reached its successor."""
    made = reports(*tags, published=published)
    heard = list(made[KILLED.name].received)
    made[PUBLISHER.name].left = dict.fromkeys(heard, 4)
    made[SUCCESSOR.name] = replace(
        made[KILLED.name],
        name=SUCCESSOR.name,
        since=dict.fromkeys(heard, 6),
        received=dict.fromkeys(heard, published - 6),
    )
    made[KILLED.name] = replace(made[KILLED.name], state="running", received=dict.fromkeys(heard, 3))
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


def test_account_of_a_replacement() -> None:
    """Each message for a reader that was killed and replaced is in one of four figures, and none of them is a fault."""
    account = Account(REPLACED, reports_with_replacement())
    assert list(account.faults()) == []
    assert account.messages_received == account.messages_due == 9 * (4 + 4 + 1 + 2 + 2 + 2) + 3 * 2 + 3 * 2
    (it,) = account.replacements()
    assert (it.killed, it.successor) == (KILLED, SUCCESSOR)
    assert (it.published, it.received, it.lost, it.unheard, it.taken_over) == (18, 6, 2, 4, 6)


@pytest.mark.parametrize(
    ("name", "change", "fault"),
    [
        (
            "anyio_reader",
            {"received": {"memory": 5, "network": 3}},
            "anyio_reader received 5 of 4 messages under memory",
        ),
        ("anyio_reader", {"missing": 1}, "anyio_reader found 1 numbers left out"),
        ("anyio_reader", {"repeated": 1}, "anyio_reader found 1 messages that came twice or out of order"),
        ("anyio_again", {"received": {"memory": 2, "network": 3}}, "anyio_again received 2 of 3 messages under memory"),
        ("anyio_again", {"received": {"memory": 4, "network": 3}}, "anyio_again received 4 of 3 messages under memory"),
        (
            "anyio_again",
            {"since": {"memory": 3, "network": 6}, "received": {"memory": 6, "network": 3}},
            "anyio_again was told of 3 messages before it under memory, when anyio_reader left after 4",
        ),
        ("anyio_again", {"since": {}}, "anyio_again received 3 of 9 messages under network"),
        (
            "anyio_again",
            {"state": "running"},
            "no last report came from anyio_again: their figures here are older, and not compared",
        ),
        ("publisher", {"left": {}}, "anyio_reader received 3 of 0 messages under memory"),
    ],
)
def test_account_of_a_replacement_names_what_is_missing(name: str, change: dict[str, object], fault: str) -> None:
    """Whatever does not add up of a reader that was killed, and of its successor, is named."""
    made = reports_with_replacement()
    made[name] = replace(made[name], **change)  # type: ignore[arg-type]
    assert fault in list(Account(REPLACED, made).faults())


@pytest.mark.parametrize(
    ("asked", "arrived", "replied", "answered", "complete"),
    [
        (2, 2, 2, 2, True),
        (2, 5, 5, 2, True),  # it went on after its last report
        (2, 2, 2, 1, True),  # it was waiting for the reply
        (2, 1, 1, 1, True),  # its last request did not leave it any more
        (3, 3, 3, 1, False),
        (3, 1, 1, 2, False),
        (3, 1, 1, 3, False),
        (2, 0, 0, 2, False),
        (2, 0, 0, 1, False),
        (2, 3, 2, 2, False),
        (2, 2, 2, 3, False),
        (0, 0, 0, 0, False),
    ],
)
def test_account_of_the_requests_of_a_killed_reader(
    asked: int, arrived: int, replied: int, answered: int, complete: bool
) -> None:
    """Of a reader that was killed, only what came after its last report, and one reply, may be unknown."""
    made = reports_with_replacement()
    made[KILLED.name] = replace(made[KILLED.name], asked=asked, answered=answered)
    made[HISTORIAN.name].requests[KILLED.name] = arrived
    made[HISTORIAN.name].replies[KILLED.name] = replied
    faults = list(Account(REPLACED, made).faults())
    assert (faults == []) is complete
    assert all("anyio_reader" in fault for fault in faults)


def measurement(number: int) -> bytes:
    return b'{"number": %d, "value": 1.0, "unit": "%%"}' % number


def test_tally_finds_gaps_and_repeats() -> None:
    """A reader counts the numbers that are left out, at the end too, and those that come again."""
    tally = Tally("reader", ["cpu."])
    tally.receive(b"cpu.0", b'{"hello": {"cpu.0": 0, "memory": 0}}')
    assert tally.ready
    for number in (1, 2, 4, 4):
        tally.receive(b"cpu.0", measurement(number))
    ended_before = tally.ended
    tally.receive(b"cpu.0", b'{"end": 6}')
    assert (ended_before, tally.ended) == (False, True)
    report = tally.report(last=True)
    assert (report.received, report.missing, report.repeated) == ({"cpu.0": 4}, 3, 1)


def test_tally_of_who_comes_late() -> None:
    """A reader that comes late counts from the number that it was told under each tag, and is told it once."""
    tally = Tally("reader", ["cpu."])
    assert tally.receive(b"cpu.0", measurement(17)) is None
    assert tally.report().state == "starting"
    tally.receive(b"cpu.0", b'{"hello": {"cpu.0": 17, "cpu.1": 4, "memory": 17}}')
    tally.receive(b"cpu.0", measurement(18))
    assert not tally.ready
    tally.receive(b"cpu.1", b'{"hello": {"cpu.0": 18, "cpu.1": 4, "memory": 18}}')
    assert tally.report().state == "running"
    tally.receive(b"cpu.0", b'{"hello": {"cpu.0": 18, "cpu.1": 4, "memory": 18}}')  # for another
    tally.receive(b"cpu.0", measurement(20))
    tally.receive(b"cpu.0", b'{"end": 20}')
    tally.receive(b"cpu.1", b'{"end": 4}')
    assert tally.ended
    report = tally.report(last=True)
    assert report.since == {"cpu.0": 17, "cpu.1": 4}
    assert (report.received, report.missing, report.repeated) == ({"cpu.0": 2}, 1, 0)


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


def printed(show: Callable[[Console], None], size: tuple[int, int] = SMALL) -> list[str]:
    """Return the lines that a terminal of so many columns and lines gets, without its colours."""
    file = Terminal()
    width, height = size
    show(Console(file=file, width=width, height=height, color_system=None, force_terminal=True))
    return [line.rstrip() for line in file.getvalue().splitlines()]


PROCESSORS = pytest.mark.parametrize("processors", [1, 2, 3, 4, 5, 6, 7, 64])


def tags(processors: int) -> list[str]:
    return [*(f"cpu.{number}" for number in range(processors)), "memory", "disk", "network"]


def lines_of(made: Mapping[str, Report]) -> list[Line]:
    """Every process on the board, some time after one was killed and replaced."""
    lines = [
        Line(role, replace(made[role.name], median=0.01234, worst=1.23456), per_second=98.76, connected=True)
        for role in REPLACED
    ]
    for line in lines:
        if line.role is KILLED:
            line.killed, line.connected = True, False
        elif line.role is SUPERVISOR:
            line.connected = None
    return lines


@PROCESSORS
@pytest.mark.parametrize("width", [SMALL[0], FULL_WIDTH - 1, FULL_WIDTH])
def test_board_fits_a_small_terminal(processors: int, width: int) -> None:
    """The board stands in 80 columns and 24 lines whole, whatever the number of processors, and names each process."""
    gauges = {tag: Gauge("%" if "cpu" in tag else "kB/s", deque([987654.0] * 40)) for tag in tags(processors)}
    lines = lines_of(reports_with_replacement(published=98765))
    board = Board(600.0, lines, gauges, phase="finishing", elapsed=599.9)
    board.news = [f"300.{number} s: {news}" for number, news in enumerate(NEWS)]
    size = (width, SMALL[1])
    output = printed(lambda console: console.print(render_board(board, *size)), size)
    assert len(output) < SMALL[1]
    assert max(map(len, output)) <= width
    assert "…" not in "".join(output)
    text = "\n".join(output)
    assert "8 of 8 connected" in output[0]
    assert "599.9 of 600 s  finishing" in text
    for news in board.news:
        assert news in output
    for name in [*(role.name for role in REPLACED), "memory", "disk", "network"]:
        assert re.search(rf"^ *{name} ", text, re.MULTILINE), text
    assert re.search(r"^(cpu\.0|\d+ cpus) ", text, re.MULTILINE), text


def test_board_tells_who_is_connected() -> None:
    """Each process but the supervisor has a word on its connection, and the headline their number."""
    lines = lines_of(reports_with_replacement())[:-2]
    board = Board(600.0, lines, phase="measuring", elapsed=300.0)
    output = printed(lambda console: console.print(render_board(board, *SMALL)))
    assert f"{len(lines) - 1} of {len(lines) - 1} connected" in output[0]
    words = {line.split()[0]: line.split()[2] for line in output if line.split() and "_reader" in line.split()[0]}
    assert words == {name: "no" if name == KILLED.name else "yes" for name in words}
    assert KILLED.name in words
    lines[0].connected = False
    output = printed(lambda console: console.print(render_board(board, *SMALL)))
    assert f"{len(lines) - 2} of {len(lines) - 1} connected" in output[0]


@PROCESSORS
def test_account_fits_a_small_terminal(processors: int) -> None:
    """The account of a run stands in 80 columns and 24 lines whole, and no message is left out of it."""
    published = dict.fromkeys(tags(processors), 9876)
    made = reports_with_replacement(*published, published=9876)
    made[KILLED.name].answered = 1
    made[HISTORIAN.name].requests[KILLED.name] = made[HISTORIAN.name].replies[KILLED.name] = 12
    account = Account(REPLACED, made)
    assert list(account.faults()) == []
    output = printed(lambda console: print_account(console, account, [], interrupted=False))
    assert len(output) < SMALL[1]
    assert max(map(len, output)) <= SMALL[0]
    assert "…" not in "".join(output)
    columns = [line.split() for line in output]
    rows = {line[0]: line[1:] for line in columns if line}
    for step in STEPS:
        others = [figure for reader, figure in zip(READERS, rows[step], strict=True) if reader != KILLED.name]
        assert others == ["2"] * (len(READERS) - 1)
    assert rows["all"][0] == str(9876 * len(published))
    at = [line[:1] for line in columns].index(["all"])
    first = next(i for i, line in enumerate(columns) if line and line[0] in ("cpu.0", str(processors)))
    figures = [int(next(word for word in reversed(line) if word.isdigit())) for line in columns[first:at] if line]
    assert sum(figures) == 9876 * len(published)  # the supervisor's, which hears everything


def test_account_says_why_the_requests_of_a_killed_reader_differ() -> None:
    """What a reader that was killed could not report any more, and the reply that it did not get, is said."""
    made = reports_with_replacement()
    made[KILLED.name] = replace(made[KILLED.name], asked=2, answered=1)
    made[HISTORIAN.name].requests[KILLED.name] = made[HISTORIAN.name].replies[KILLED.name] = 4
    account = Account(REPLACED, made)
    assert list(account.faults()) == []
    output = " ".join(printed(lambda console: print_account(console, account, [], interrupted=False)))
    assert "It sent 2 more request(s) after its last report. Its last request has no reply." in output
    assert "12 requests sent, 11 answered." in output
    made[KILLED.name] = replace(made[KILLED.name], asked=4, answered=4)
    output = " ".join(printed(lambda console: print_account(console, account, [], interrupted=False)))
    assert "last report" not in output
    assert "no reply" not in output


def test_account_shows_a_loss_among_processors_together() -> None:
    """What one of many processors lacks is seen in their common line, and in the verdict."""
    made = reports(*tags(64), published=10)
    made[SUPERVISOR.name].received["cpu.40"] = 9
    account = Account(ROLES, made)
    faults = [fault for fault in account.faults() if SUPERVISOR.name in fault]
    output = printed(lambda console: print_account(console, account, faults, interrupted=False))
    (row,) = (line for line in output if " cpus " in line)
    assert row.split()[0] == "63"
    assert row.split()[2] == "630"
    assert row.split()[-1] == "629"
    assert faults == ["supervisor received 9 of 10 messages under cpu.40"]
    assert "NOT ALL IS ACCOUNTED FOR" in "\n".join(output)
