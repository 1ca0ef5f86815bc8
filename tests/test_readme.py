"""The README: its example runs as printed on every loop, and what it names exists."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import zmqbridge

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S)
(PRINTED,) = re.findall(r"^```text\n(.*?)^```$", README, re.M | re.S)
LAST_LINES = dict(re.findall(r"^\| ([\w ]+) \| `((?:import|from) .*)` \|$", README, re.M))


def test_every_loop_has_its_last_line() -> None:
    """The README says how to run the example on each loop that the library serves."""
    assert set(LAST_LINES) == {"asyncio", "uvloop", "trio", "anyio", "anyio on trio", "Twisted"}


@pytest.mark.parametrize("name", LAST_LINES)
def test_example_runs_as_printed(name: str, tmp_path: Path) -> None:
    """The example with the loop's last line runs without a warning and prints what the README says."""
    program = tmp_path / "example.py"
    program.write_text(EXAMPLE + "\n\n" + LAST_LINES[name] + "\n", encoding="utf-8")
    command = [sys.executable, "-W", "error", str(program)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, PRINTED, "")


def test_make_targets_exist() -> None:
    """Every command 'make X' that the README names is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.M))
    assert {"demo", "test"} <= named <= targets


def test_extras_exist() -> None:
    """Every extra that the README names is one of the package, and it names them all."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = set(tomllib.load(file)["project"]["optional-dependencies"])
    named = {extra for group in re.findall(r"zmqbridge\[([\w,]+)\]", README) for extra in group.split(",")}
    assert named == extras


def test_patterns_are_complete() -> None:
    """The table of patterns names every method of a context that makes a connection, and no other."""
    makers = {
        name for name, value in vars(zmqbridge.Context).items() if "bind" in getattr(value, "__annotations__", {})
    }
    assert set(re.findall(r"`context\.(\w+)\(", README)) == makers


def test_links_lead_somewhere() -> None:
    """Every link of the README to the project's own pages or files has its source in the project."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        urls = tomllib.load(file)["project"]["urls"]
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert links
    for link in links:
        page = re.fullmatch(re.escape(urls["Documentation"]) + r"(.*)\.html", link)
        file_name = re.fullmatch(re.escape(urls["Source"]) + "/blob/main/(.+)", link)
        assert page or file_name, link
        if page:
            assert (ROOT / "docs" / f"{page.group(1)}.rst").exists(), link
        if file_name:
            assert (ROOT / file_name.group(1)).exists(), link
