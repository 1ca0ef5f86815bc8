"""The results as a picture: ``python -m benchmarks.plot JSON SVG``. One panel for receiving, one for growth."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.rounds import row_name
from benchmarks.workloads import RECEIVE

OURS, OURS_PURE, OTHERS = "#1f5fa8", "#8fb8e0", "#8a8a8a"
CURVES = {"tags": "#1f5fa8", "connections": "#b5541c", "outstanding requests": "#2f7d3b"}
INK = "#222222"


def draw(document: dict[str, Any], target: Path) -> None:
    """Draw the results of a run into an SVG file, on white, so that it can be read on any page."""
    matplotlib: Any = import_module("matplotlib")
    library: Any = import_module("matplotlib.figure")
    style = {"svg.hashsalt": "zmqbridge", "font.size": 9, "text.color": INK, "axes.labelcolor": INK}
    with matplotlib.rc_context(style):
        figure = library.Figure(figsize=(13, 7.5), facecolor="white", layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        draw_receiving(left, document)
        draw_growth(right, document)
        figure.text(0.5, -0.02, caption(document), ha="center", va="top", fontsize=8, color="#555555")
        figure.savefig(target, format="svg", bbox_inches="tight", pad_inches=0.15, metadata={"Date": None})


def caption(document: dict[str, Any]) -> str:
    machine, versions = document["machine"], document["versions"]
    return (
        f"{machine['processors']} x {machine['processor']}, {machine['kernel']}, {versions['Python']}, "
        f"pyzmq {versions['pyzmq']}, libzmq {versions['libzmq']}; medians of {document['rounds']} rounds"
    )


def draw_receiving(axes: Any, document: dict[str, Any]) -> None:
    """Draw a bar for each contender, the fastest on top."""
    rows = [
        row
        for workload in document["workloads"]
        if (workload["name"], workload["setting"]) == ("receive", RECEIVE)
        for row in workload["rows"]
        if row["medians"]
    ]
    rows.sort(key=lambda row: row["medians"]["messages_per_second"])
    rates = [row["medians"]["messages_per_second"] / 1e6 for row in rows]
    axes.barh([row["name"] for row in rows], rates, color=[bar_colour(row) for row in rows], height=0.72)
    for height, rate in enumerate(rates):
        axes.annotate(f"{rate:.2f}", (rate, height), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.margins(x=0.1, y=0.01)
    axes.set_xlabel("million messages a second (dark: with the extension, light: pure Python, grey: others)")
    axes.set_title("Receiving 100-byte messages over TCP", loc="left", fontsize=11)
    plain(axes)
    axes.grid(axis="x", color="#dddddd", linewidth=0.7)


def bar_colour(row: dict[str, Any]) -> str:
    return {True: OURS, False: OURS_PURE, None: OTHERS}[row["extension"]]


def draw_growth(axes: Any, document: dict[str, Any]) -> None:
    """Draw what a message costs as things grow, a curve for each and for each variant."""
    drawn = False
    for workload in document["workloads"]:
        if workload["name"] != "growth":
            continue
        for extension, line in ((True, "-"), (False, "--")):
            points = [
                (number_of(row["contender"]), row["medians"]["loop_seconds_per_message"] * 1e9)
                for row in workload["rows"]
                if row["medians"] and row["extension"] is extension
            ]
            if points:
                label = row_name(workload["setting"], pure=not extension)
                colour = CURVES[workload["setting"]]
                axes.plot(*zip(*points, strict=True), line, marker="o", ms=4, color=colour, label=label)
                drawn = True
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("how many there are")
    axes.set_ylabel("nanoseconds of the loop's thread for a message")
    axes.set_title("What a message costs zmqbridge on asyncio", loc="left", fontsize=11)
    plain(axes)
    axes.grid(which="major", color="#dddddd", linewidth=0.7)
    if drawn:
        axes.set_ylim(bottom=100)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2, frameon=False, fontsize=8)


def number_of(contender: str) -> int:
    """Return the number that a contender of growth begins with."""
    return int(contender.partition(" ")[0].replace(",", ""))


def plain(axes: Any) -> None:
    axes.set_facecolor("white")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))
