"""The constraints with which the suite runs on the oldest releases: one for each that a user may install."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lower_bounds import lower_bounds, requirements


def test_each_once() -> None:
    """A package that several extras require is constrained once, its marker left out, in the order of names."""
    assert lower_bounds(["trio>=0.29", "anyio>=4.7; sys_platform == 'win32'", "trio>=0.29"]) == [
        "anyio==4.7",
        "trio==0.29",
    ]


@pytest.mark.parametrize("requirement", ["trio", "trio>0.29", "trio==0.29", "trio>=0.29,<1", "trio; os_name == 'nt'"])
def test_no_lower_bound(requirement: str) -> None:
    """A requirement whose oldest release is not known is an error that names it: its newest would be tested."""
    with pytest.raises(ValueError, match=re.escape(repr(requirement))):
        lower_bounds([requirement])


def test_two_lower_bounds() -> None:
    """Two bounds for one package are an error, for no release is the oldest that both allow."""
    with pytest.raises(ValueError, match=r"'trio>=0.30' has not the lower bound 0.29"):
        lower_bounds(["trio>=0.29", "trio>=0.30"])


def test_what_the_package_requires() -> None:
    """Its dependency and each loop of its extras are among them, and the package itself is not."""
    names = {requirement.partition(">=")[0] for requirement in requirements()}
    assert names == {"pyzmq", "trio", "anyio", "twisted", "uvloop"}


def test_printed() -> None:
    """The script prints a constraint a line, and nothing else."""
    script = Path(__file__).with_name("lower_bounds.py")
    printed = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines() == lower_bounds(requirements())
