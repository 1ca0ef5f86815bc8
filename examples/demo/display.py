"""What the supervisor shows: a live table on a terminal, plain lines elsewhere, and the account at the end."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Protocol, Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from examples.demo.account import Account, Replacement
from examples.demo.cast import Role
from examples.demo.messages import Report

__all__ = ["Board", "Display", "Gauge", "Line", "open_display", "print_account", "render_board"]

BARS = " ▁▂▃▄▅▆▇█"
COLOURS = {"ready": "yellow", "running": "green", "done": "cyan", "killed": "bold red", "failed": "bold red"}
CONNECTED = {True: ("yes", "green"), False: ("no", ""), None: ("", "")}
FULL_WIDTH = 120
"""Columns that the table of processes takes; a narrower terminal gets fewer of them."""
LINES_AROUND_PROCESSES = 7
"""The headline, the head of the table of processes, the lines about it, and the cursor's."""
LINES_AROUND_TAGS = 18
"""What the account has beside a line for each tag, with five lines of words, and the prompt below it."""
LATEST_NEWS = 3
"""How many lines of news the table has room for."""
CPU = "cpu."
PLAIN_WIDTH = 120
"""Where there is no terminal to tell its width."""


@dataclass
class Line:
    """One process on the board.

    Attributes:
        role: which.
        report: the latest that it said.
        per_second: how many messages it sends or receives.
        failed: it died or hangs, and should not have.
        killed: it was killed, and was meant to be.
        connected: the supervisor's connection to it stands; ``None`` for the supervisor itself.
    """

    role: Role
    report: Report
    per_second: float = 0.0
    failed: bool = False
    killed: bool = False
    connected: bool | None = None
    _samples: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=6))

    def take(self, report: Report) -> None:
        """Show a newer report; the rate is that of the latest second or so."""
        self.report = report
        self._samples.append((time.monotonic(), report.messages))
        (first, before), (last, after) = self._samples[0], self._samples[-1]
        if last > first:
            self.per_second = (after - before) / (last - first)

    @property
    def state(self) -> str:
        return "failed" if self.failed else "killed" if self.killed else self.report.state

    @property
    def requests(self) -> tuple[int, int] | None:
        """Requests and replies: for the historian those received and sent, for a reader those sent and received."""
        if self.role.asks:
            return self.report.asked, self.report.answered
        if self.report.requests:
            return sum(self.report.requests.values()), sum(self.report.replies.values())
        return None


@dataclass
class Gauge:
    """The latest measurements under one tag."""

    unit: str
    values: deque[float] = field(default_factory=lambda: deque(maxlen=40))

    def __str__(self) -> str:
        return f"{self.values[-1]:,.0f} {self.unit}"


@dataclass
class Board:
    """All that there is to show at one moment."""

    seconds: float
    lines: list[Line]
    gauges: dict[str, Gauge] = field(default_factory=dict)
    phase: str = "starting"
    elapsed: float = 0.0
    news: list[str] = field(default_factory=list)

    @property
    def processes(self) -> int:
        """How many there should be: who takes a place is not one more."""
        return sum(not line.role.replaces for line in self.lines)

    @property
    def connected_of_all(self) -> str:
        """How many are connected, the supervisor to all others."""
        return f"{sum(line.connected is not False for line in self.lines)} of {self.processes} connected"


class Display(Protocol):
    """Shows the board while it is entered."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def show(self, board: Board) -> None: ...


def open_display(console: Console) -> Display:
    """Return the display that suits where the output goes."""
    if console.file.isatty() and not console.is_dumb_terminal:
        return LiveTable(console)
    return PlainLines()


# --- on a terminal ---


class LiveTable:
    """A table that is drawn again and again in its place."""

    def __init__(self, console: Console) -> None:
        # Whoever shows the board decides when: rich's own thread is not needed.
        self._live = Live(console=console, auto_refresh=False)
        self._console = console

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, board: Board) -> None:
        self._live.update(render_board(board, *self._console.size), refresh=True)


def render_board(board: Board, width: int, height: int) -> RenderableType:
    """Return the board, made to fit a terminal of this size from 80 columns and 24 lines on."""
    news = [Text(line, style="yellow") for line in board.news[-LATEST_NEWS:]]
    room = height - len(board.lines) - len(news) - LINES_AROUND_PROCESSES
    return Group(_headline(board, width), "", _processes(board.lines, width), "", *news, _gauges(board.gauges, room))


def _headline(board: Board, width: int) -> RenderableType:
    who = f"  {board.connected_of_all}{', ZeroMQ between them' if width >= FULL_WIDTH else ''}  "
    bar = 30 if width >= FULL_WIDTH else 20
    done = round(bar * min(1.0, board.elapsed / board.seconds))
    return Text.assemble(
        ("zmqbridge", "bold"),
        who,
        ("━" * done, "green"),
        ("━" * (bar - done), "bright_black"),
        f"  {board.elapsed:4.1f} of {board.seconds:g} s  {board.phase}",
    )


def _processes(lines: Iterable[Line], width: int) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD, collapse_padding=True, show_edge=False, pad_edge=False, border_style="bright_black"
    )
    columns = [column for column in COLUMNS if column.always or width >= FULL_WIDTH]
    for column in columns:
        table.add_column(column.title, justify=column.justify, no_wrap=True)
    for line in lines:
        table.add_row(*(column.cell(line) for column in columns))
    return table


@dataclass(frozen=True)
class Column:
    """One column of the table of processes.

    Attributes:
        title: its head.
        cell: what it says of a process.
        justify: to which side.
        always: show it on a narrow terminal too.
    """

    title: str
    cell: Callable[[Line], str | Text]
    justify: Literal["left", "right"] = "right"
    always: bool = True


COLUMNS = [
    Column("process", lambda line: Text(line.role.name, style="bold"), "left"),
    Column("written\nwith", lambda line: line.role.written_with, "left", always=False),
    Column("loop", lambda line: line.role.loop, "left"),
    Column("con-\nnected", lambda line: Text(*CONNECTED[line.connected]), "left"),
    Column("subscribed\nto", lambda line: _subscriptions(line.role), "left", always=False),
    Column("mes-\nsages", lambda line: str(line.report.messages)),
    Column("per\nsecond", lambda line: f"{0.0 if line.killed else line.per_second:.0f}"),
    Column("requests", lambda line: str(line.requests[0]) if line.requests else "", always=False),
    Column("replies", lambda line: str(line.requests[1]) if line.requests else "", always=False),
    Column("round\ntrip ms", lambda line: _milliseconds(line.report.median)),
    Column("worst\nms", lambda line: _milliseconds(line.report.worst)),
    Column("state", lambda line: Text(line.state, style=COLOURS.get(line.state, "")), "left"),
]


def _subscriptions(role: Role) -> str:
    if role.tags == ("",):
        return "everything"
    return ", ".join(tag + "*" if tag.endswith(".") else tag for tag in role.tags)


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.2f}"


def _gauges(gauges: dict[str, Gauge], room: int) -> Table:
    """Return a line for each tag, or one for all processors together where that is more than there is room for."""
    processors = [gauge for tag, gauge in gauges.items() if tag.startswith(CPU)]
    if len(gauges) > room and processors:
        others = {tag: gauge for tag, gauge in gauges.items() if not tag.startswith(CPU)}
        latest = zip(*(reversed(gauge.values) for gauge in processors), strict=False)
        means = [statistics.fmean(values) for values in latest]
        gauges = {f"{len(processors)} cpus": Gauge(processors[0].unit, deque(reversed(means))), **others}
    table = Table.grid(padding=(0, 2))
    for tag, gauge in gauges.items():
        table.add_row(
            Text(tag, style="bold"), Text(str(gauge), justify="right"), Text(_sparkline(gauge), style="green")
        )
    return table


def _sparkline(gauge: Gauge) -> str:
    full = 100.0 if gauge.unit == "%" else max(gauge.values) or 1.0
    return "".join(BARS[min(8, max(0, round(8 * value / full)))] for value in gauge.values)


# --- elsewhere ---


_PHASES = {
    "starting": "starting the processes",
    "measuring": "all {0.processes} processes hear each other; measuring for {0.seconds:g} s",
    "finishing": "finishing",
    "finished": "all processes have ended",
}


class PlainLines:
    """A line when the phase changes, one for each piece of news, and one a second."""

    def __init__(self) -> None:
        self._phase = ""
        self._second = 0
        self._told = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    def show(self, board: Board) -> None:
        for news in board.news[self._told :]:
            print(news, flush=True)
        self._told = len(board.news)
        if int(board.elapsed) > self._second:
            self._second = int(board.elapsed)
            print(_summary(board), flush=True)
        if board.phase != self._phase:
            self._phase = board.phase
            print(_PHASES[board.phase].format(board), flush=True)


def _summary(board: Board) -> str:
    published = sum(sum(line.report.published.values()) for line in board.lines)
    received = sum(sum(line.report.received.values()) for line in board.lines)
    asked = sum(line.report.asked for line in board.lines)
    answered = sum(line.report.answered for line in board.lines)
    facts = [board.connected_of_all]
    facts.append(f"{published} published, {received} received, {asked} requests, {answered} replies")
    medians = [line.report.median for line in board.lines if line.report.median is not None]
    if medians:
        worst = max(line.report.worst or 0.0 for line in board.lines)
        facts.append(f"round trip {_milliseconds(statistics.median(medians))} ms, worst {_milliseconds(worst)} ms")
    if board.gauges:
        facts.append(", ".join(f"{tag} {gauge}" for tag, gauge in board.gauges.items()))
    return f"{int(board.elapsed):3} s: {'; '.join(facts)}"


# --- the account ---


def print_account(console: Console, account: Account, faults: Sequence[str], *, interrupted: bool) -> None:
    """Print what was published, received, requested and answered, and the verdict, last of all.

    Args:
        console: where to.
        account: the figures.
        faults: all that went wrong, in plain words.
        interrupted: whether the user ended the run.
    """
    plain = not console.file.isatty()
    if plain:
        console = Console(file=console.file, width=PLAIN_WIDTH, color_system=None)
    if account.messages_published:
        console.print()
        console.print(_table(account, plain, None if plain else console.height - LINES_AROUND_TAGS))
    console.print()
    for fault in faults:
        console.print(Text(f"FAULT: {fault}", style="red"), soft_wrap=plain)
    for replacement in account.replacements():
        console.print(_explanation(account, replacement), soft_wrap=plain)
    console.print(_verdict(account, complete=not faults, interrupted=interrupted), soft_wrap=plain)


def _explanation(account: Account, it: Replacement) -> str:
    sent, arrived, _, answered = account.requests(it.killed)
    messages = (
        f"{it.killed.name} was killed: of {it.published} messages under its tags {it.received} reached it, "
        f"{it.lost} were lost with it, {it.unheard} were published while it was gone, "
        f"{it.taken_over} reached {it.successor.name}."
    )
    late = f" It sent {arrived - sent} more request(s) after its last report." if arrived > sent else ""
    lost = " Its last request has no reply." if sent > answered else ""
    return messages + late + lost


def _verdict(account: Account, *, complete: bool, interrupted: bool) -> Text:
    if interrupted and not account.messages_published:
        return Text("Interrupted before the first measurement: nothing to account for.", style="bold yellow")
    figures = (
        f"{account.messages_published} messages published, {account.messages_received} of {account.messages_due} "
        f"deliveries received, {account.requests_sent} requests sent, {account.replies_received} answered."
    )
    when = "Interrupted: " if interrupted else ""
    if not complete:
        return Text(f"{when}NOT ALL IS ACCOUNTED FOR: {figures}", style="bold red")
    return Text(f"{when}All is accounted for: {figures}", style="bold yellow" if interrupted else "bold green")


def _table(account: Account, plain: bool, room: int | None) -> Table:
    """Return the figures of each process in a column of its own.

    Args:
        account: the figures.
        plain: leave out what only a terminal shows well.
        room: for how many tags there are lines; ``None`` is any number.
    """
    title = "What each process received, and the way of its requests to the historian"
    table = Table(title=title, title_justify="left")
    table.pad_edge = table.show_edge = False
    if plain:
        table.title_style, table.box = "", None
    else:
        table.box, table.collapse_padding, table.border_style = box.SIMPLE_HEAD, True, "bright_black"
    table.add_column(no_wrap=True)
    for name in ("published", *(reader.name for reader in account.readers)):
        table.add_column(HEADS.get(name, name.replace("_", "\n")), justify="right")
    for name, tags in _rows(account, room):
        published = sum(account.published[tag] for tag in tags)
        table.add_row(name, str(published), *(_received(account, reader, tags) for reader in account.readers))
    totals = [_count(account.total_received(reader), account.due(reader)) for reader in account.readers]
    table.add_row("all", str(account.messages_published), *totals, end_section=True)
    for step, name in enumerate(("requests", "arrived", "answered", "replies")):
        table.add_row(name, "", *(_step(account, reader, step) for reader in account.readers))
    return table


HEADS = {"published": "pub-\nlished", "historian": "histo-\nrian", "supervisor": "super-\nvisor"}


def _rows(account: Account, room: int | None) -> Iterable[tuple[str, list[str]]]:
    """Return the lines of tags: each its own, or the processors with the same readers together where room is short."""
    rows: dict[str, list[str]] = {}
    groups: dict[tuple[Role, ...], list[str]] = {}
    short = room is not None and len(account.published) > room
    for tag in account.published:
        if short and tag.startswith(CPU):
            groups.setdefault(tuple(r for r in account.readers if r.subscribes_to(tag)), []).append(tag)
        else:
            rows[tag] = [tag]
    together = {(tags[0] if len(tags) == 1 else f"{len(tags)} cpus"): tags for tags in groups.values()}
    return {**together, **rows}.items()


def _received(account: Account, reader: Role, tags: Sequence[str]) -> Text:
    counts = [account.received(reader, tag) for tag in tags]
    if None in counts:
        return Text("")
    return _count(sum(count or 0 for count in counts), sum(account.published[tag] for tag in tags))


def _step(account: Account, reader: Role, step: int) -> Text:
    if not reader.asks:
        return Text("")
    steps = account.requests(reader)
    return _count(steps[step], steps[step] if account.answered(reader) else steps[0])


def _count(count: int, due: int) -> Text:
    return Text(str(count), style="" if count == due else "bold red")
