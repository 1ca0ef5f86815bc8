"""``make mutants`` takes too long for every change; that its mutations can be made at all is told here."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from tests.mutants.all_mutations import MUTATIONS
from tests.mutants.mutation import ROOT, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[mutation.title for mutation in MUTATIONS])
def test_a_rule_can_be_taken_out(mutation: Mutation) -> None:
    """The symbol stands in the source, its change finds one place and makes other Python of it, and the tests exist."""
    for path, text in mutation.changed().items():
        assert text != path.read_text()
    assert mutation.test_files
    assert all((ROOT / file).exists() for file in mutation.test_files)


@pytest.mark.parametrize("rule", sorted({mutation.rule for mutation in MUTATIONS if mutation.rule.isdecimal()}))
def test_a_number_is_that_of_a_rule(rule: str) -> None:
    """A rule's number is one that the file which owns the socket numbers its facts with."""
    facts = import_module("zmqbridge._socket").__doc__
    assert facts is not None
    assert re.search(rf"^{rule}\. ", facts, re.MULTILINE)


def test_a_mutation_has_a_title_of_its_own() -> None:
    """No two mutations have the same rule and words, so each can be chosen."""
    titles = [mutation.title for mutation in MUTATIONS]
    assert len(set(titles)) == len(titles) > 0
