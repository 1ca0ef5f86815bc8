"""The benchmarks: each workload measures, the other end moves messages, and the arithmetic is right.

No duration and no rate is asserted: only that what is promised is there, and that figures follow from what was given.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import zmq

from benchmarks.contender import Contender, Workload
from benchmarks.document import shorten, write
from benchmarks.figures import derive, medians, ratio
from benchmarks.helper import CannotBuild, Helper, compile_helper, find_helper, find_libzmq
from benchmarks.measuring import measure
from benchmarks.report import report
from benchmarks.rounds import Row, figures_by_row, measure_all, plan, summarise
from benchmarks.run import Run
from benchmarks.targets import TARGETS, Target, judge
from benchmarks.workloads import WORKLOADS, find

DOCS = Path(__file__).parents[1] / "docs"

STANDIN = Helper((sys.executable, "-m", "benchmarks.standin"), "there is none")
LIMIT = 30.0

# A contender for each workload module, with as few messages as it has a use for. The module says it once.
MEASURED = [
    ("receive: 3 frames of 100 B", "zmqbridge on asyncio", 20),
    pytest.param("receive: 1 frame of 1 MiB", "zmqbridge on asyncio", 3, marks=pytest.mark.repeats),
    ("subscribe: tag and 100 B", "zmqbridge_twisted, handlers", 20),
    ("send: 1 frame of 100 B", "zmqbridge on asyncio, send_many", 150),
    ("round trip: 100 B, one at a time", "zmqbridge on asyncio", 20),
    ("requests: 100 B, 100 outstanding", "zmqbridge on asyncio", 200),
    ("connections: 1,000 in one loop, 4 active", "zmqbridge on asyncio", 20),
    ("security: 1 frame of 100 B", "CURVE, authenticated, with names", 20),
    pytest.param("security: 1 frame of 100 B", "CURVE", 20, marks=pytest.mark.repeats),
    ("growth: connections", "10 connections", 20),
    pytest.param("growth: tags", "10 tags", 20, marks=pytest.mark.repeats),
    pytest.param("growth: outstanding requests", "10 outstanding", 20, marks=pytest.mark.repeats),
    ("ticker: every 1 ms, flooded", "zmqbridge on trio", 20),
]


@pytest.fixture
def in_c() -> Helper:
    helper = find_helper()
    if helper.missing:
        pytest.skip(helper.missing)
    return helper


# --- the other end ---


@pytest.mark.parametrize("kind", ["in C", "in Python"])
def test_the_helper_sends_and_receives(kind: str) -> None:
    """What the sender sends arrives at the receiver, and both print how long it took, in CPU time too, and memory."""
    helper = helper_of(kind)
    receiver = subprocess.Popen([*helper.command, "receive", "30"], stdout=subprocess.PIPE, text=True)
    assert receiver.stdout is not None
    address = receiver.stdout.readline().strip()
    sent = subprocess.run([*helper.command, "send", address, "30", "3", "10"], capture_output=True, check=True)
    printed, _ = receiver.communicate(timeout=LIMIT)
    for line in (sent.stdout.decode(), printed):
        seconds, cpu_seconds, kibibytes = map(float, line.split())
        assert seconds >= 0
        assert cpu_seconds >= 0
        assert kibibytes > 0


@pytest.mark.parametrize("kind", ["in C", "in Python"])
def test_the_helper_publishes_when_subscribed(kind: str) -> None:
    """The publisher waits for the subscriptions that it is told of; each message is its tag, a zero byte and bytes."""
    helper = helper_of(kind)
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        socket.subscribe("tag")
        socket.subscribe("other")
        publisher = subprocess.Popen(
            [*helper.command, "publish", f"tcp://127.0.0.1:{port}", "5", "10", "tag", "2"], stdout=subprocess.PIPE
        )
        received = [socket.recv() for _ in range(5)]
        publisher.communicate(timeout=LIMIT)
    assert {(message[:4], len(message)) for message in received} == {(b"tag\0", 14)}


@pytest.mark.parametrize("kind", ["in C", "in Python"])
def test_the_helper_echoes(kind: str) -> None:
    """Each message comes back whole."""
    helper = helper_of(kind)
    echo = subprocess.Popen([*helper.command, "echo"], stdout=subprocess.PIPE, text=True)
    try:
        assert echo.stdout is not None
        with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
            socket.connect(echo.stdout.readline().strip())
            socket.send_multipart([b"one", b"", b"three"])
            assert socket.recv_multipart() == [b"one", b"", b"three"]
    finally:
        echo.kill()
        echo.communicate()


def helper_of(kind: str) -> Helper:
    helper = find_helper() if kind == "in C" else STANDIN
    if kind == "in C" and helper.missing:
        pytest.skip(helper.missing)
    return helper


def test_a_missing_compiler_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a compiler there is no helper in C, and the reason names what was looked for."""
    monkeypatch.setenv("CC", "no-such-compiler -O2")
    with pytest.raises(CannotBuild, match="no-such-compiler is not found"):
        compile_helper(tmp_path / "libzmq")


def test_an_unusable_library_is_an_error(in_c: Helper) -> None:
    """The helper ends with a status when it is given no libzmq, and so it does for a mode that it lacks."""
    program = in_c.command[0]
    assert subprocess.run([program, "/nowhere", "echo"], capture_output=True, check=False).returncode == 1
    assert subprocess.run([program, find_libzmq(), "dance"], capture_output=True, check=False).returncode == 2


# --- measuring ---


@pytest.mark.parametrize(("title", "contender", "count"), MEASURED)
def test_each_workload_measures(title: str, contender: str, count: int) -> None:
    """A measurement of a workload, in a process of its own, has what is derived from it."""
    workload, ours = find(title, contender)
    measured = measure(workload, ours, count, pure=True, helper=find_helper().command, limit=LIMIT)
    assert "failed" not in measured, measured
    figures = derive(measured)
    assert workload.figure in figures
    assert {"messages_per_second", "cpu_seconds_per_message", "peak_memory_bytes"} <= figures.keys()
    assert all(value >= 0 for value in figures.values())


def test_the_contender_in_c_measures(in_c: Helper) -> None:
    """What stands for libzmq's own benchmark has figures of its own process."""
    workload, contender = find("receive: 1 frame of 100 B", "libzmq in C")
    measured = measure(workload, contender, 20, pure=False, helper=in_c.command, limit=LIMIT)
    assert measured["messages"] == 19
    assert measured["peak_memory_bytes"] > 0


def hang(run: Run) -> None:
    raise AssertionError("it runs in a process of its own")


def test_a_contender_that_hangs_is_ended() -> None:
    """One that is not done by its time limit is ended, and its result says so."""
    workload, contender = find("receive: 1 frame of 100 B", "zmqbridge on asyncio")
    silent = (sys.executable, "-c", "import time; time.sleep(60)")
    assert measure(workload, contender, 2, pure=True, helper=silent, limit=1.5) == {"failed": "not done after 2 s"}


def test_a_contender_that_fails_is_said() -> None:
    """One whose process fails has the last line of what it said as its result."""
    workload, contender = find("receive: 1 frame of 100 B", "libzmq in C")
    broken = (sys.executable, "-c", "pass")
    measured = measure(workload, contender, 2, pure=True, helper=broken, limit=LIMIT)
    assert measured["failed"].startswith("ends with status 1: RuntimeError: ")


def test_what_fails_is_not_tried_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that has failed twice is not tried again, and the rows beside it go on."""
    tried: list[str] = []

    def fake(workload: Workload, contender: Contender, count: int, **_: Any) -> dict[str, Any]:
        tried.append(contender.name)
        return {"failed": "hangs"} if contender.name == "bad" else measurement(2.0)

    monkeypatch.setattr("benchmarks.rounds.measure", fake)
    rows = rows_of("bad", "good")
    measure_all(rows, 4, 0.5, STANDIN, limit=LIMIT, tell=lambda _: None)
    assert tried == ["bad", "good", "bad", "good", "good", "good"]
    assert rows[0].failures == ["hangs", "hangs", "not tried again", "not tried again"]
    assert rows[1].count == 25
    summary = summarise(rows)[0]["rows"]
    assert (summary[0]["medians"], summary[0]["ratio"]) == ({}, None)
    assert summary[1]["ratio"] == 1


def test_what_is_not_there_is_left_out_and_said() -> None:
    """A peer that is not installed, the extension and the contender in C are left out with the reason."""
    workload = Workload(
        "receive",
        "x",
        (
            Contender("absent", hang, 1, ("no_such_module",)),
            Contender("ours", hang, 1, ours=True),
            Contender("libzmq in C", hang, 1, in_c=True),
        ),
        "ours",
    )
    rows, notes = plan([workload], STANDIN, extension=False, quick=False, seconds=0.5)
    assert [row.name for row in rows] == ["ours, pure Python"]
    said = "\n".join(notes)
    assert "no_such_module is not installed: absent" in said
    assert "there is none: libzmq in C" in said
    assert "the other ends are in Python" in said
    assert "the extension is not built" in said


# --- the arithmetic ---


def measurement(seconds: float) -> dict[str, Any]:
    return {"messages": 100, "seconds": seconds, "cpu_seconds": seconds, "peak_memory_bytes": 1000}


def rows_of(*names: str) -> list[Row]:
    contenders = tuple(Contender(name, hang, 1) for name in names)
    workload = Workload("receive", "1 frame of 100 B", contenders, names[-1])
    return [Row(workload, contender, None, 2) for contender in contenders]


def test_derived_figures() -> None:
    """Rates and costs follow from the messages and the seconds that were counted."""
    measured = {"messages": 200, "seconds": 0.5, "cpu_seconds": 0.25, "loop_seconds": 0.1, "latency_p99_seconds": 3.0}
    assert derive(measured) == {
        "messages_per_second": 400,
        "cpu_seconds_per_message": 0.00125,
        "loop_seconds_per_message": 0.0005,
        "latency_p99_seconds": 3.0,
    }


def test_a_ratio_is_the_median_of_the_rounds_own() -> None:
    """Each round is compared with its own yardstick; a round that one of the two has not is passed over."""
    rounds: list[dict[str, float]] = [{"rate": 10}, {"rate": 90}, {}, {"rate": 40}]
    yardstick: list[dict[str, float]] = [{"rate": 1}, {"rate": 30}, {"rate": 5}, {"rate": 2}]
    assert ratio(rounds, yardstick, "rate") == 10
    assert ratio(rounds[2:3], yardstick[2:3], "rate") is None
    assert ratio([], yardstick, "rate") is None
    assert medians(rounds) == {"rate": 40}


def test_ours_is_compared_with_its_own_variant() -> None:
    """Where the yardstick is zmqbridge itself, what has the extension is compared with what has it."""
    contenders = (Contender("1 tags", hang, 1, ours=True), Contender("10 tags", hang, 1, ours=True))
    workload = Workload("growth", "tags", contenders, "1 tags", "messages_per_second")
    rows = [
        Row(workload, contender, extension, 2, [measurement(seconds)])
        for contender, extension, seconds in zip(
            [contenders[0]] * 2 + [contenders[1]] * 2, [True, False] * 2, [8.0, 4.0, 1.0, 1.0], strict=True
        )
    ]
    assert [row["ratio"] for row in summarise(rows)[0]["rows"]] == [1, 1, 8, 4]


def test_rounds_by_row() -> None:
    """What is judged are the figures of each round, with the reason for one that has none."""
    (row,) = rows_of("ours")
    row.rounds = [measurement(2.0), {"failed": "hangs"}]
    rounds = {("receive: 1 frame of 100 B", "ours"): [derive(measurement(2.0)), {"failed": "hangs"}]}
    assert figures_by_row([row]) == rounds


def judged(target: Target, ours: float | None, pure: float | None, other: float) -> list[tuple[float, Any, Any]]:
    rounds = {"a": ours, "a, pure Python": pure, "b": other}
    rows = {("w", name): [{} if value is None else {"rate": value}] for name, value in rounds.items()}
    return [(each["bound"], each["measured"], each["met"]) for each in judge(rows, [target])]


def test_targets_are_judged() -> None:
    """A bound is met at it and on its right side; what was not measured is neither met nor missed."""
    target = Target("a / b", "w", "a", "b", 2, 4, figure="rate")
    assert judged(target, 40, 19, 10) == [(2, 1.9, False), (4, 4, True)]
    assert judged(target, None, None, 10) == [(2, None, None), (4, None, None)]
    latency = Target("a / b", "w", "a", "b", None, 0.85, figure="rate", at_most=True)
    assert judged(latency, 8, None, 10) == [(0.85, 0.8, True)]
    assert judged(latency, 9, None, 10) == [(0.85, 0.9, False)]


def test_targets_name_what_is_measured() -> None:
    """Each target's workload and contenders exist, and a quick run has them, so that none is silently not measured."""
    names = {workload.title: {each.name for each in workload.contenders} for workload in WORKLOADS}
    quick = {workload.title: set(workload.quick) for workload in WORKLOADS}
    for target in TARGETS:
        named = {target.contender, target.yardstick, target.fast_contender or target.contender}
        assert named <= names[target.workload]
        assert named <= quick[target.workload]
    for workload in WORKLOADS:
        assert set(workload.quick) | {workload.yardstick} <= names[workload.title]


# --- what comes out ---


def test_a_run_writes_its_results(tmp_path: Path) -> None:
    """A run prints tables and targets, and its JSON file has the machine, the versions, and every row's figures."""
    target, text = tmp_path / "results.json", tmp_path / "results.txt"
    options = ["--quick", "--only", "subscribe", "--rounds", "1", "--json", str(target), "--text", str(text)]
    command = [sys.executable, "-m", "benchmarks", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    document = json.loads(target.read_text())
    assert {"machine", "versions", "rounds", "quick", "notes", "workloads", "targets"} <= document.keys()
    assert {"processor", "processors", "load_average", "kernel"} <= document["machine"].keys()
    assert {"Python", "libzmq", "pyzmq", "txZMQ"} <= document["versions"].keys()
    (workload,) = document["workloads"]
    rows = {row["name"]: row for row in workload["rows"]}
    assert {"zmqbridge on asyncio, pure Python", "zmq.asyncio and split"} <= rows.keys()
    for row in rows.values():
        assert not row["failures"]
        assert row["medians"]["messages_per_second"] > 0
    assert rows["zmq.asyncio and split"]["ratio"] == 1
    assert len(document["targets"]) == sum(2 if target.pure else 1 for target in TARGETS)
    assert done.stdout.splitlines() == text.read_text().splitlines() == list(report(document))
    assert "subscribe on asyncio / zmq.asyncio and split" in done.stdout
    assert target.read_text() == write(document)


def test_the_file_has_a_line_for_each_row() -> None:
    """What the file holds is what was given, with ten digits of a figure, and each row and target is one line."""
    row = {"name": "a", "ratio": 1 / 3, "failures": []}
    other = {"name": "b", "ratio": None, "failures": ["hangs"]}
    document: dict[str, Any] = {
        "machine": {"load_average": [0.5, 1.0]},
        "rounds": 7,
        "workloads": [{"title": "t", "rows": [row, other]}],
        "targets": [{"met": True}],
    }
    lines = write(shorten(document)).splitlines()
    row["ratio"] = 0.3333333333
    assert json.loads("".join(lines)) == document
    assert {' "machine": {"load_average": [0.5, 1.0]},', ' "rounds": 7,', '  {"met": true}'} < {*lines}
    assert [line.strip(" ,") for line in lines if "name" in line] == [json.dumps(row), json.dumps(other)]


# --- what the documentation makes of it ---


def test_the_figures_of_the_documentation_are_of_one_run() -> None:
    """The tables of the page of speed are those of the results that its plots are drawn from, a few hundred lines."""
    written = (DOCS / "benchmarks.json").read_text(encoding="utf-8")
    document = json.loads(written)
    assert write(document) == written
    assert len(written.splitlines()) < 500
    assert list(report(document)) == (DOCS / "benchmarks.txt").read_text(encoding="utf-8").splitlines()


def test_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each plot is well-formed SVG that names what it shows, in the colour of the page's text and on its ground."""
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    drawing: Any = import_module("drawing")
    document = json.loads((DOCS / "benchmarks.json").read_text(encoding="utf-8"))
    shown = {
        "receiving": {row["name"] for row in document["workloads"][0]["rows"]},
        "growth": {"tags", "tags, pure Python", "connections", "outstanding requests, pure Python"},
    }
    for name, draw in drawing.PLOTS.items():
        plot = ElementTree.fromstring("".join(draw(document, 'said of "it"')))
        texts = {text.text for text in plot.iter("{http://www.w3.org/2000/svg}text")}
        assert shown[name] < texts
        assert plot.get("aria-label") == 'said of "it"'
        colours = {fill for each in plot.iter() if (fill := each.get("fill"))}
        assert colours <= {"currentColor", "none", drawing.OURS, drawing.OTHERS, *drawing.CURVES.values()}
        with pytest.raises(drawing.NothingToDraw):
            list(draw(document | {"workloads": []}, ""))
