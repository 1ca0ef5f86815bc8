"""The way back from a module's code to the reference, where Sphinx takes one name's way for all.

``sphinx.ext.viewcode`` notes under which package the first name of a module is documented, and leads back from each
other one as if it were there too. Here some are documented as the package's and others as their own module's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from docutils.nodes import document
from sphinx.application import Sphinx

CODE = "_modules/"
AFTER_SPHINX = 900


def mended(body: str, module: str, anchors: Mapping[str, str]) -> str:
    """Lead each way back to the name that is documented: the module's own, or that of a package around it.

    Args:
        body: the page of the module's code.
        module: its name.
        anchors: where each name is documented; a name may lead to another's anchor.
    """
    parts = module.split(".")
    around = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]

    def right(match: re.Match[str]) -> str:
        name = match[1]
        rest = next((name.removeprefix(f"{home}.") for home in around if name.startswith(f"{home}.")), name)
        names = (name, *(f"{home}.{rest}" for home in around))
        return f'#{next((anchors[each] for each in names if each in anchors), name)}"'

    return re.sub(r'#([\w.]+)"', right, body)


def mend(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: document | None) -> None:
    """Mend the page of a module's code."""
    if name.startswith(CODE) and "body" in context:
        module = name.removeprefix(CODE).replace("/", ".")
        objects = app.env.domains.python_domain.objects
        context["body"] = mended(context["body"], module, {full: entry.node_id for full, entry in objects.items()})


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", mend, priority=AFTER_SPHINX)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
