"""Plots of the benchmarks' results, as SVG to stand in a page.

The facts. A page is light or dark, and its reader may change that while looking at it. A phone is 390 pixels wide, and
a picture shrinks with the page.

The consequence. A picture with colours of its own for text and ground is unreadable on one of the two. One that is
drawn for a wide page has labels of five pixels on a phone.

The design. A plot is as wide as a phone; names stand above their bars, and the curves' below the axes. Text, axes and
grid take the colour of the page's text, the ground is the page's own, and the colours of the bars and curves have the
same contrast to white as to black. What is pure Python is paler, or dashed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from html import escape
from textwrap import wrap
from typing import Any

__all__ = ["PLOTS", "NothingToDraw"]

OURS, OTHERS = "#2f7fc1", "#8a8a8a"
CURVES = {"tags": OURS, "connections": "#cf6a1f", "outstanding requests": "#2e9155"}
PALE = 0.5

WIDTH = 360
TITLE = 44
LINE = 30
FONT = 12
SMALL = 11
LETTERS = 58

Point = tuple[float, float]


class NothingToDraw(Exception):
    """The results have not what the plot shows."""


def receiving(document: dict[str, Any], alt: str) -> Iterator[str]:
    """Yield a bar for each contender, the fastest on top."""
    rows = [
        row
        for workload in document["workloads"]
        if workload["title"] == "receive: 1 frame of 100 B"
        for row in workload["rows"]
        if row["medians"]
    ]
    if not rows:
        raise NothingToDraw("no contender of receiving has been measured")
    rows.sort(key=rate, reverse=True)
    left, right, top = 0, WIDTH - 40, TITLE + 58
    bottom = top + LINE * len(rows) + 6
    step = nice_step(rate(rows[0]))
    scale = (right - left) / rate(rows[0])
    yield from begin(bottom + 20, "Receiving 100-byte messages over TCP,", "in millions a second", alt, document)
    yield from key(TITLE)
    for number in range(int(rate(rows[0]) / step) + 1):
        x = left + number * step * scale
        yield line((x, top - 4), (x, bottom))
        yield text(x, bottom + 14, f"{number * step:g}", SMALL, "middle" if number else "start")
    for number, row in enumerate(rows):
        y = top + LINE * number
        fill = OTHERS if row["extension"] is None else OURS
        pale = row["extension"] is False
        yield text(left, y + 13, row["name"], FONT)
        yield box(left, y + 17, rate(row) * scale, LINE - 19, fill, pale=pale)
        yield text(left + rate(row) * scale + 5, y + 27, f"{rate(row):.2f}", SMALL)
    yield "</svg>"


def growth(document: dict[str, Any], alt: str) -> Iterator[str]:
    """Yield a curve for each thing that grows, and for each variant."""
    curves = list(curves_of(document))
    if not curves:
        raise NothingToDraw("nothing that grows has been measured")
    points = [point for _, _, _, curve in curves for point in curve]
    decades = [
        (math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))))
        for values in zip(*points, strict=True)
    ]
    left, right, top, bottom = 46, WIDTH - 22, TITLE + 10, 300
    across = logarithmic(decades[0], left, right)
    up = logarithmic(decades[1], bottom, top)
    title = "What a message costs zmqbridge on asyncio,", "in nanoseconds of the loop's thread"
    yield from begin(bottom + 40 + 18 * len(curves), *title, alt, document)
    for power in range(decades[0][0], decades[0][1] + 1):
        yield line((across(10**power), top), (across(10**power), bottom))
        yield text(across(10**power), bottom + 16, f"{10**power:,}", SMALL, "middle")
    for power in range(decades[1][0], decades[1][1] + 1):
        yield line((left, up(10**power)), (right, up(10**power)))
        yield text(left - 8, up(10**power) + 4, f"{10**power:,}", SMALL, "end")
    yield text((left + right) / 2, bottom + 34, "how many there are", SMALL, "middle")
    for number, (name, colour, dashed, curve) in enumerate(curves):
        drawn = [(across(x), up(y)) for x, y in curve]
        yield path(drawn, colour, dashed=dashed)
        for point in drawn:
            yield f'<circle cx="{point[0]:.1f}" cy="{point[1]:.1f}" r="3" fill="{colour}"/>'
        y = bottom + 54 + 18 * number
        yield path([(left, y - 4), (left + 30, y - 4)], colour, dashed=dashed)
        yield text(left + 40, y, name, FONT)
    yield "</svg>"


PLOTS = {"receiving": receiving, "growth": growth}


def rate(row: dict[str, Any]) -> float:
    """Return how many million messages a second a row stands for."""
    return float(row["medians"]["messages_per_second"]) / 1e6


def curves_of(document: dict[str, Any]) -> Iterator[tuple[str, str, bool, list[Point]]]:
    """Yield each curve's name, its colour, whether it is dashed, and its points: how many, and nanoseconds."""
    for workload in document["workloads"]:
        if workload["name"] != "growth":
            continue
        for extension in (True, False):
            points = [
                (float(number_of(row["name"])), row["medians"]["loop_seconds_per_message"] * 1e9)
                for row in workload["rows"]
                if row["medians"] and row["extension"] is extension
            ]
            if points:
                name = workload["setting"] + ("" if extension else ", pure Python")
                yield name, CURVES[workload["setting"]], not extension, points


def number_of(name: str) -> int:
    """Return the number that a row of growth begins with."""
    return int(name.partition(" ")[0].replace(",", ""))


def nice_step(highest: float) -> float:
    """Return the distance of the grid's lines, one, two or five times a power of ten, for five of them about."""
    rough = highest / 5
    power: float = 10 ** math.floor(math.log10(rough))
    return next((factor * power for factor in (1, 2, 5) if factor * power >= rough), 10 * power)


def logarithmic(decades: tuple[int, int], begin: float, end: float) -> Any:
    """Return what places a value on an axis from one power of ten to another."""
    first, last = decades
    return lambda value: begin + (math.log10(value) - first) / max(last - first, 1) * (end - begin)


# --- the parts of a plot ---


def begin(height: float, title: str, subtitle: str, alt: str, document: dict[str, Any]) -> Iterator[str]:
    """Yield a plot's beginning: its title, and below where and how it was measured."""
    machine, versions = document["machine"], document["versions"]
    where = wrap(
        f"{machine['processors']} x {machine['processor']}, {machine['kernel']}, {versions['Python']}, "
        f"pyzmq {versions['pyzmq']}, libzmq {versions['libzmq']}; medians of {document['rounds']} rounds",
        LETTERS,
    )
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height + 16 + 15 * len(where):g}" '
        f'role="img" aria-label="{escape(alt)}" '
        f'style="width: 100%; max-width: {WIDTH * 1.5:g}px; height: auto; font-family: inherit">'
    )
    yield text(0, 15, title, FONT + 1, weight="bold")
    yield text(0, 32, subtitle, FONT + 1, weight="bold")
    for number, words in enumerate(where):
        yield text(0, height + 14 + 15 * number, words, SMALL, opacity=0.75)


def key(top: float) -> Iterator[str]:
    """Yield what the bars' colours stand for."""
    for number, (words, fill, pale) in enumerate(
        (
            ("zmqbridge with the extension", OURS, False),
            ("zmqbridge in pure Python", OURS, True),
            ("others", OTHERS, False),
        )
    ):
        yield box(0, top + 17 * number, 12, 10, fill, pale=pale)
        yield text(18, top + 9 + 17 * number, words, FONT)


def text(
    x: float,
    y: float,
    words: str,
    size: float,
    anchor: str = "start",
    *,
    weight: str = "normal",
    opacity: float = 1,
    colour: str = "currentColor",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
        f'fill="{colour}" fill-opacity="{opacity}">{escape(words)}</text>'
    )


def line(start: Point, end: Point) -> str:
    """Return a line of the grid."""
    return (
        f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" '
        'stroke="currentColor" stroke-opacity="0.18"/>'
    )


def box(x: float, y: float, width: float, height: float, fill: str, *, pale: bool) -> str:
    opacity = PALE if pale else 1
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" fill="{fill}" fill-opacity="{opacity}"/>'
    )


def path(points: Iterable[Point], colour: str, *, dashed: bool) -> str:
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashes = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<polyline points="{corners}" fill="none" stroke="{colour}" stroke-width="1.8"{dashes}/>'
