"""The directive ``pattern-picture``: draws who binds, where messages queue, and what happens when a queue is full.

The facts. A page is wide or as narrow as a phone, light or dark, and a pattern is a column: who sends, its queues, the
way, the queues at the other end, who receives.

The consequence. A picture that is drawn for a wide page has labels of five pixels on a phone.

The design. The page describes the picture in lines of text, from top to bottom, and each is a row: ``ends`` are boxes,
``queues`` a queue in each column and a note, ``way`` an arrow in each column and a note. The picture is as wide as a
phone and no wider; its text and lines take the colour of the page's text.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from drawing import OURS, text
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

WIDTH = 340
FONT = 12.5
SMALL = 11.5
ROWS = {"ends": 44, "queues": 52, "way": 46}


class PatternPicture(SphinxDirective):
    """A picture of rows; ``:alt:`` says what it shows to who cannot see it."""

    has_content = True
    option_spec: ClassVar = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        try:
            drawn = "\n".join(draw(list(self.content), self.options["alt"]))
        except (KeyError, ValueError) as reason:
            raise self.error(f"this picture cannot be drawn: {reason}") from None
        return [nodes.raw("", drawn, format="html")]


def draw(lines: list[str], alt: str) -> Iterator[str]:
    """Yield the picture that some lines describe."""
    rows = [row_of(line) for line in lines if line.strip()]
    height = sum(ROWS[kind] for kind, _, _ in rows) + 4
    columns = max(len(labels) for kind, labels, _ in rows if kind == "ends")
    places = [WIDTH * (2 * column + 1) / (2 * columns) for column in range(columns)]
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(alt)}" style="width: 100%; max-width: {WIDTH * 1.25:g}px; height: auto; '
        'font-family: inherit; display: block; margin: 0 auto 1.5em">'
    )
    top = 2.0
    for kind, labels, note in rows:
        if kind == "ends":
            yield from ends(labels, note, places, top)
        elif kind == "queues":
            yield from queues(int(labels[0]), note, places, top)
        else:
            yield from way(labels[0], note, places, top)
        top += ROWS[kind]
    yield "</svg>"


def row_of(line: str) -> tuple[str, list[str], str]:
    """Return a row's kind, its labels and its note: ``kind: label, label | note``."""
    kind, colon, rest = line.partition(":")
    if not colon or kind not in ROWS:
        raise ValueError(f"{line!r} is no row; a row is one of {', '.join(ROWS)}, a colon, and its labels")
    labels, _, note = rest.partition("|")
    return kind, [label.strip() for label in labels.split(",")], note.strip()


def ends(labels: list[str], note: str, places: list[float], top: float) -> Iterator[str]:
    """Yield a box for each end, and in it whether it binds."""
    across = places if len(labels) == len(places) else [WIDTH / 2]
    if len(across) != len(labels):
        raise ValueError(f"{len(labels)} ends do not stand in {len(places)} columns")
    width = min(WIDTH / len(labels) - 10, 200)
    for x, label in zip(across, labels, strict=True):
        yield (
            f'<rect x="{x - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" height="38" rx="5" '
            f'fill="{OURS}" fill-opacity="0.18" stroke="{OURS}" stroke-width="1.4"/>'
        )
        yield text(x, top + (17 if note else 24), label, FONT, "middle", weight="bold")
        if note:
            yield text(x, top + 32, note, SMALL, "middle")


def queues(number: int, note: str, places: list[float], top: float) -> Iterator[str]:
    """Yield a queue in each column, three messages long, and below what its high-water mark does."""
    for x in places if number > 1 else [WIDTH / 2]:
        for cell in range(5):
            filled = ' fill-opacity="0.55"' if cell < 3 else ' fill-opacity="0"'
            yield (
                f'<rect x="{x - 30 + cell * 12:.1f}" y="{top + 6:.1f}" width="12" height="16" '
                f'fill="{OURS}"{filled} stroke="currentColor" stroke-width="1"/>'
            )
    yield text(WIDTH / 2, top + 40, note, SMALL, "middle")


def way(direction: str, note: str, places: list[float], top: float) -> Iterator[str]:
    """Yield an arrow in each column, one way or both, and how a message finds its way."""
    for x in places:
        yield (
            f'<line x1="{x:.1f}" y1="{top + 4:.1f}" x2="{x:.1f}" y2="{top + 18:.1f}" '
            'stroke="currentColor" stroke-width="1.4"/>'
        )
        if direction in ("down", "both"):
            yield head(x, top + 22, -6)
        if direction in ("up", "both"):
            yield head(x, top, 6)
    yield text(WIDTH / 2, top + 38, note, SMALL, "middle")


def head(x: float, y: float, back: float) -> str:
    """Return an arrow's head."""
    return f'<path d="M{x - 4:.1f} {y + back:.1f}L{x:.1f} {y:.1f}L{x + 4:.1f} {y + back:.1f}z" fill="currentColor"/>'


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("pattern-picture", PatternPicture)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
