"""How Sphinx builds these pages. Nothing here needs the network."""

from __future__ import annotations

import sys
from pathlib import Path

from docutils.nodes import TextElement
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer

import zmqbridge
import zmqbridge_twisted

sys.path.insert(0, str(Path(__file__).with_name("_ext")))

project = "zmqbridge"
author = "the zmqbridge developers"
project_copyright = "the zmqbridge developers"
version = release = zmqbridge.__version__

extensions = [
    "accessible",
    "benchmark_plots",
    "code_links",
    "pattern_pictures",
    "programs",
    "proofs",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build"]
nitpicky = True
# What lies outside this project has no page here to link to.
nitpick_ignore_regex = [
    (r"py:.*", r"(asyncio|collections|contextlib|dataclasses|enum|typing|zmq|trio|twisted|uvloop|anyio)\b.*"),
    (r"py:.*", r"(os|uuid|math)\..*"),
    (r"py:(class|exc|data|obj)", r"[a-z]*(int|float|bool|str|bytes|bytearray|memoryview|list|dict|tuple|set|object)"),
    (r"py:(class|exc)", r"(Type|Value|Timeout|BlockingIO|Connection|Runtime)Error|(Base)?Exception|TracebackType"),
    (r"py:class", r".*\b(Frame|Readable)T"),
    (r"py:(class|exc|obj)", r".*\b(Item|Self|None|Any|Frames|Addresses|Message|BytesLike|Tag|State|Caller)(_co)?"),
    (r"py:(class|obj)", r"types\.TracebackType|Awaitable|Iterable|Iterator|Sequence|Callable|Hashable"),
    # Named in docstrings, but part of no promise.
    (r"py:.*", r"zmqbridge\._.*|(zmqbridge\.connections\.base\.)?Owner"),
    (r"py:class", r"zmqbridge\.presence\.[a-z]+\.\w+"),
    (r"py:.*", r"zmqbridge\.(home|link|socket|waiting|channel|connections\.base)\b.*|Parked"),
]

# The options' signature is the one that runs; what type checkers are told in its place names no option.
_options = ModuleAnalyzer.for_module("zmqbridge.options")
_options.analyze()
_options.overloads.clear()

html_theme = "furo"
html_title = f"zmqbridge {release}"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_js_files = ["pages.js"]
copybutton_exclude = ".linenos, .gp, .go"
html_show_sphinx = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_inherit_docstrings = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = False
napoleon_attr_annotations = False
napoleon_use_rtype = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80


def resolve_public_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: TextElement
) -> TextElement | None:
    """Link a public name to its page whatever module a signature names it by: users import it from the package."""
    name = str(node.get("reftarget", "")).rpartition(".")[2]
    package = next((package for package in (zmqbridge, zmqbridge_twisted) if name in package.__all__), None)
    if node.get("refdomain") != "py" or package is None:
        return None
    domain = env.domains.python_domain
    target = f"{package.__name__}.{name}"
    return domain.resolve_any_xref(env, node["refdoc"], app.builder, target, node, content)[0][1]


def setup(app: Sphinx) -> None:
    app.connect("missing-reference", resolve_public_name)
