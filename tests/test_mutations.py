"""``make mutants`` takes too long for every change; that its mutations can be made at all is told here."""

from __future__ import annotations

import ast
import re

import pytest

import zmqbridge.socket
from tests.mutants.all_mutations import MUTATIONS
from tests.mutants.mutation import ROOT, Mutation

NUMBERED = [mutation for mutation in MUTATIONS if mutation.rule.isdecimal()]


def numbers_in(facts: str) -> set[str]:
    """Return the numbers of rules that a docstring refers to, as in ``(2)`` and ``fact 5``."""
    return set(re.findall(r"(?:\(|\bfacts? )(\d)\b", facts))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[mutation.title for mutation in MUTATIONS])
def test_a_rule_can_be_taken_out(mutation: Mutation) -> None:
    """The symbol stands in the source, its change finds one place and makes other Python of it, and the tests exist."""
    for path, text in mutation.changed().items():
        assert text != path.read_text()
    assert mutation.test_files
    assert all((ROOT / file).exists() for file in mutation.test_files)


def test_each_rule_of_the_descriptor_has_mutations() -> None:
    """The numbers of the mutations are those with which the package that owns the socket numbers its facts."""
    facts = zmqbridge.socket.__doc__
    assert facts is not None
    assert {mutation.rule for mutation in NUMBERED} == set(re.findall(r"^(\d)\. ", facts, re.MULTILINE))


@pytest.mark.parametrize("mutation", NUMBERED, ids=[mutation.title for mutation in NUMBERED])
def test_a_file_says_the_rules_that_it_keeps(mutation: Mutation) -> None:
    """Where a file's own docstring refers to rules by their numbers, that of the mutation is among them."""
    for path in mutation.files:
        said = numbers_in(ast.get_docstring(ast.parse(path.read_text())) or "")
        assert not said or mutation.rule in said


def test_a_mutation_has_a_title_of_its_own() -> None:
    """No two mutations have the same rule and words, so each can be chosen."""
    titles = [mutation.title for mutation in MUTATIONS]
    assert len(set(titles)) == len(titles) > 0
