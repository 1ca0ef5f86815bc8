"""Folds the proof under each promise: what stands from the paragraph that begins with "Held" to the section's end.

The facts. A reader wants to know what is promised; who doubts it wants the tests, and the tables.

The design. The page is written as it is read by the tests, one below the other. When it is built, the proof becomes a
``details`` element, which opens without a script, prints, and is found by the browser's search.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx

PAGES = {"guarantees"}
BEGINS = "Held "


def fold(app: Sphinx, doctree: nodes.document) -> None:
    """Fold the proofs of a page of promises."""
    if app.env.docname not in PAGES:
        return
    for section in list(doctree.findall(nodes.section)):
        start = next(
            (
                number
                for number, child in enumerate(section.children)
                if isinstance(child, nodes.paragraph) and child.astext().startswith(BEGINS)
            ),
            None,
        )
        if start is None:
            continue
        section.insert(start, nodes.raw("", '<details class="proof"><summary>The proof</summary>', format="html"))
        section.append(nodes.raw("", "</details>", format="html"))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-read", fold)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
