"""What a screen reader and a keyboard need, and Sphinx and the theme leave out.

- The headings in the table of contents have a level.
- A signature of several lines is drawn as a list of definitions that defines nothing: it is no list to a screen reader.

What scrolls sideways is reached by keyboard with ``_static/pages.js``: only the browser knows what does.
"""

from __future__ import annotations

import re
from typing import Any

from docutils.nodes import document
from sphinx.application import Sphinx

AFTER_THE_THEME = 900
TREE = "furo_navigation_tree"
LINES = re.compile(r"<dl>\n(?:<dd>.*</dd>\n)+</dl>")


def with_levels(tree: str) -> str:
    """Say of each caption in the table of contents which level its heading has."""
    return tree.replace('role="heading"', 'role="heading" aria-level="2"')


def without_lists(body: str) -> str:
    """Say of each signature's lines that they are no list."""
    return LINES.sub(lambda match: re.sub("<(dl|dd)>", r'<\1 role="none">', match[0]), body)


def mend(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: document | None) -> None:
    """Mend what a page is made of."""
    context[TREE] = with_levels(context.get(TREE, ""))
    if "body" in context:
        context["body"] = without_lists(context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", mend, priority=AFTER_THE_THEME)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
