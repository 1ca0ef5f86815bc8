"""A page as it is read, from its source: where its links lead, what can be copied from it, and what it says.

That each link has a target is Sphinx's to say; here it is which page that is. A hidden table of contents is no link:
it stands at the edge of every page, and nobody is led by it.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.test_docs import DOCS, PAGES, ROOT

sys.path.insert(0, str(DOCS / "_ext"))
from each_loop import on_loop

__all__ = ["README", "Page", "Program", "name_of"]

README = "README"
ONLINE = re.compile(r"\]\(https://zmqbridge\.readthedocs\.io/en/latest/([\w/-]+)\.html\)")
DOC = re.compile(r":doc:`(?:[^`<]*<)?([^`<>]+)>?`")
REF = re.compile(r":ref:`(?:[^`<]*<)?([^`<>]+)>?`")
CONTENTS = re.compile(r"^\.\. toctree::\n((?:   .*\n|\n)+)", re.M)
PROGRAM = re.compile(r"^\.\. program(-on-each-loop)?:: (\S+)\n", re.M)
COMMANDS = re.compile(r"^\.\. code-block:: sh\n\n((?:   .*\n|\n)+)", re.M)


@dataclass(frozen=True)
class Program:
    """A program of a page: its name, what is copied, and what it prints, if the page says it."""

    name: str
    text: str
    printed: str | None


@functools.cache
def labels() -> dict[str, str]:
    """Return the page of each label."""
    return {
        label: name_of(page)
        for page in PAGES
        for label in re.findall(r"^\.\. _([^:]+):$", page.read_text("utf-8"), re.M)
    }


def name_of(page: Path) -> str:
    """Return what a page is called in links."""
    return page.relative_to(DOCS).with_suffix("").as_posix()


class Page:
    """A page: ``index``, ``tutorial/index``; or ``README``.

    Attributes:
        name: what it is called in links.
        text: its source.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = ROOT / "README.md" if name == README else DOCS / f"{name}.rst"
        self.text = self.path.read_text(encoding="utf-8") + "\n"

    def links(self) -> set[str]:
        """Return the names of the pages that its text leads to."""
        if self.name == README:
            return set(ONLINE.findall(self.text))
        listed = [body for body in CONTENTS.findall(self.text) if ":hidden:" not in body]
        entries = {line.strip() for body in listed for line in body.splitlines() if line.strip() and ":" not in line}
        return {self._beside(entry) for entry in entries | set(DOC.findall(self.text))} | {
            labels()[label] for label in REF.findall(self.text) if label in labels()
        }

    def _beside(self, target: str) -> str:
        folder = os.path.dirname(self.name)
        return os.path.normpath(os.path.join(folder, target))

    def program(self, name: str, loop: str) -> Program:
        """Return the program of this name, in the tab of a loop where it has tabs.

        Raises:
            LookupError: the page shows none.
        """
        for tabs, file in PROGRAM.findall(self.text):
            path = self.path.parent / file
            if path.name == name:
                text = path.read_text(encoding="utf-8")
                printed = path.with_suffix(".txt")
                return Program(
                    name,
                    on_loop(text, loop) if tabs else text,
                    printed.read_text("utf-8") if printed.exists() else None,
                )
        raise LookupError(f"{self.name} shows no {name}")

    def commands(self) -> set[str]:
        """Return what the page says to type: the literals of its text, and the lines of its shell, without comments."""
        lines = [line.strip() for body in COMMANDS.findall(self.text) for line in body.splitlines()]
        return {
            *re.findall(r"``([^`\n]+)``", self.text),
            *(shlex.join(shlex.split(line, comments=True)) for line in lines),
        }

    def promised(self, command: str) -> str:
        """Return what the shell's lines say, as a comment, that a command prints."""
        (comment,) = re.findall(rf"^   {re.escape(command)} +# (.+)$", self.text, re.M)
        return str(comment)
