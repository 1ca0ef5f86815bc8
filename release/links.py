"""Follows each link of the built pages to its file and its anchor: ``python -m release.links docs/_build/html``.

Sphinx resolves what pages write as references. This sees what readers click: menus, plots, the index, links to the
code. Nothing outside the folder is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["dead"]


class _Reader(HTMLParser):
    """Notes a page's links and anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name == "id" and value:
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                self.links.append(value)


def dead(folder: Path) -> Iterator[str]:
    """Yield each link within a folder of pages that leads to no file, or to no anchor of it.

    Raises:
        ValueError: there is no link at all.
    """
    pages = {file.resolve(): _Reader(file.read_text(encoding="utf-8")) for file in sorted(folder.rglob("*.html"))}
    if not any(page.links for page in pages.values()):
        raise ValueError(f"{folder} has no page with a link: 'make docs' makes them")
    for file, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            anchor = unquote(parts.fragment)
            if not target.exists() or (anchor and target in pages and anchor not in pages[target].anchors):
                yield f"{file.relative_to(folder.resolve())} leads to {link}, which is not there"


def main() -> None:
    found = list(dead(Path(sys.argv[1])))
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(f"{len(found)} dead links" if found else 0)


if __name__ == "__main__":
    main()
