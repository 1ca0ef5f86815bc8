"""``make mutants`` takes too long for every change; that its mutations can be made at all is told here."""

from __future__ import annotations

import ast

import pytest

from tests.mutations import MUTATIONS, ROOT, Mutation, mutated


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[mutation.rule for mutation in MUTATIONS])
def test_a_rule_can_be_taken_out(mutation: Mutation) -> None:
    """What a mutation takes out stands in the source, which is Python still without it; and its tests exist."""
    source = (ROOT / mutation.path).read_text()
    changed = mutated(mutation, source)
    assert changed != source
    if mutation.path.endswith(".py"):
        ast.parse(changed)
    files = [argument for argument in mutation.tests if argument.startswith("tests/")]
    assert files
    assert all((ROOT / file).exists() for file in files)
