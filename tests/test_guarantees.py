"""The page on guarantees names tests: each of them exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"\b([a-z_/]+)(?:::[A-Z]\w*)?::(test_\w+)")


def test_every_test_that_the_page_names_exists() -> None:
    """Each guarantee is held by tests that are there."""
    named = NAMED.findall((ROOT / "docs/guarantees.rst").read_text(encoding="utf-8"))
    assert len(named) > 50
    missing = []
    for module, name in named:
        path = ROOT / "tests" / f"{module}.py"
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
        functions = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
        if name not in functions:
            missing.append(f"{module}::{name}")
    assert not missing
