"""The pages as they are built: their links lead somewhere, and a screen reader is told what it needs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from release.links import dead
from tests.test_docs import BUILDING, DOCS, build_the_pages

sys.path.insert(0, str(DOCS / "_ext"))
from accessible import with_levels, without_lists
from code_links import mended


@pytest.mark.long
@pytest.mark.repeats
@pytest.mark.timeout(BUILDING + 10)
def test_pages_are_written(tmp_path: Path) -> None:
    """HTML is made of the pages without a warning, each link in it has its file and anchor, each heading its level."""
    build_the_pages("html", tmp_path)
    assert list(dead(tmp_path)) == []
    for page in tmp_path.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r'role="heading"(?! aria-level)', text), page.name
    assert "viewcode-link" in (tmp_path / "api" / "context.html").read_text(encoding="utf-8")


PAGE = '<h1 id="top">A page</h1><a href="{link}">on</a>'


@pytest.mark.parametrize(
    "link", ["#top", "other.html", "other.html#top", "under/third.html", "https://elsewhere.org/none.html#none"]
)
def test_links_that_lead_somewhere(link: str, tmp_path: Path) -> None:
    """A link is right that leads to a file, to an anchor that it has, or out of the folder."""
    write(tmp_path, link)
    assert list(dead(tmp_path)) == []


@pytest.mark.parametrize("link", ["#none", "none.html", "other.html#none", "under/none.html", "../other.html"])
def test_dead_links(link: str, tmp_path: Path) -> None:
    """A link to a file or an anchor that is not there is told, with its page."""
    write(tmp_path, link)
    assert list(dead(tmp_path)) == [f"page.html leads to {link}, which is not there"]


def write(folder: Path, link: str) -> None:
    (folder / "under").mkdir()
    (folder / "page.html").write_text(PAGE.format(link=link), encoding="utf-8")
    for name, back in {"other": "page.html", "under/third": "../page.html#top"}.items():
        (folder / f"{name}.html").write_text(PAGE.format(link=back), encoding="utf-8")


def test_no_page_at_all(tmp_path: Path) -> None:
    """A folder without pages is not taken for one without faults."""
    with pytest.raises(ValueError, match="has no page with a link"):
        list(dead(tmp_path))


def test_levels_of_headings() -> None:
    """A caption that is a heading says of which level."""
    assert with_levels('<p class="caption" role="heading">Use it</p>') == (
        '<p class="caption" role="heading" aria-level="2">Use it</p>'
    )


def test_lines_of_a_signature() -> None:
    """The lines of a signature are no list of definitions; what is one stays it."""
    lines = "<dl>\n<dd><em>one</em>,</dd>\n<dd><em>two</em>,</dd>\n</dl>"
    assert without_lists(lines) == lines.replace("<dl>", '<dl role="none">').replace("<dd>", '<dd role="none">')
    real = "<dl>\n<dt>term</dt>\n<dd>what it is</dd>\n</dl>"
    assert without_lists(real) == real


def test_the_way_back_from_the_code() -> None:
    """The code of a module leads back to the name that is documented, be it a package's or the module's own."""
    names = ("zmqbridge.Publication", "zmqbridge.framing.split", "zmqbridge.framing.Envelope.id")
    anchors = {name: name for name in names} | {"zmqbridge.framing.Tag": "zmqbridge.Tag"}
    for shown, right in {
        "zmqbridge.Publication": "zmqbridge.Publication",
        "zmqbridge.split": "zmqbridge.framing.split",
        "zmqbridge.Envelope.id": "zmqbridge.framing.Envelope.id",
        "zmqbridge.framing.Publication": "zmqbridge.Publication",
        "zmqbridge.framing.Tag": "zmqbridge.Tag",
        "zmqbridge.unknown": "zmqbridge.unknown",
    }.items():
        link = '<a href="../../api/pure.html#{}">[docs]</a>'
        assert mended(link.format(shown), "zmqbridge.framing", anchors) == link.format(right)
