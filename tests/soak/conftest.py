"""Soak cases run longer than the conformance suite's; their loops are given the time."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True)
def patient_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the harnesses run a case for as long as pytest does."""
    for name, module in list(sys.modules.items()):
        if name.startswith("tests.conformance.harnesses.on_"):
            monkeypatch.setattr(module, "CASE_SECONDS", 500.0)
