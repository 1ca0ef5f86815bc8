"""The directive ``benchmark-plot``: draws the results of ``make bench`` when the pages are built.

The results are in ``benchmarks.json`` beside the page, so that a picture cannot be of another run than the figures.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from drawing import PLOTS, NothingToDraw
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

RESULTS = "benchmarks.json"


class BenchmarkPlot(SphinxDirective):
    """A plot; its argument is one of :data:`drawing.PLOTS`, and ``:alt:`` says what it shows to who cannot see it."""

    required_arguments = 1
    option_spec: ClassVar = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        draw = PLOTS[directives.choice(self.arguments[0], tuple(PLOTS))]
        name, path = self.env.relfn2path(RESULTS)
        self.env.note_dependency(name)
        document: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        try:
            drawn = "\n".join(draw(document, self.options.get("alt", "")))
        except NothingToDraw as reason:
            raise self.error(f"{RESULTS}: {reason}") from None
        return [nodes.raw("", drawn, format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("benchmark-plot", BenchmarkPlot)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
