"""The directives ``program`` and ``program-on-each-loop``: a program that is a file, and what it prints.

The argument is the file, beside the page or below it. What it prints is a file of the same name that ends in ``.txt``.
With ``:on:`` the page says where it runs: "the first terminal".
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from each_loop import LOOPS, on_loop
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

INDENT = "   "


def block(language: str, caption: str, body: str) -> str:
    """Return a code block of a page."""
    return f".. code-block:: {language}\n   :caption: {caption}\n\n{indent(body, INDENT)}\n"


class Program(SphinxDirective):
    """A program, with a caption to save it by, and what it prints."""

    required_arguments = 1
    option_spec: ClassVar = {"on": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes("\n".join(self.parts()))

    def parts(self) -> Iterator[str]:
        """Yield the parts of the page."""
        path = self.path(self.arguments[0])
        yield from self.shown(path.read_text(encoding="utf-8"), path.name)
        printed = Path(self.arguments[0]).with_suffix(".txt")
        if path.with_suffix(".txt").exists():
            where = f" in {self.options['on']}" if "on" in self.options else ""
            yield block("text", f"It prints{where}", self.path(str(printed)).read_text(encoding="utf-8"))

    def shown(self, program: str, name: str) -> Iterator[str]:
        """Yield the program itself."""
        yield block("python", name, program)

    def path(self, name: str) -> Path:
        """Return where a file is; a change of it builds the page anew."""
        relative, path = self.env.relfn2path(name)
        self.env.note_dependency(relative)
        return Path(path)


class ProgramOnEachLoop(Program):
    """The same in tabs, one for each loop."""

    def shown(self, program: str, name: str) -> Iterator[str]:
        yield ".. tab-set::\n   :sync-group: loop\n"
        for loop in LOOPS:
            tab = f".. tab-item:: {loop}\n   :sync: {loop.lower()}\n\n"
            yield indent(tab + indent(block("python", name, on_loop(program, loop)), INDENT), INDENT)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("program", Program)
    app.add_directive("program-on-each-loop", ProgramOnEachLoop)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
