"""The changelog's fragments: each is of a known kind, and they make what Keep a Changelog asks for."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FRAGMENTS = ROOT / "changelog.d"
CONFIGURED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["towncrier"]
KINDS = {kind["directory"]: kind["name"] for kind in CONFIGURED["type"]}
MARKER = "<!-- towncrier release notes start -->\n"

_NAME = re.compile(rf"(?:\+[a-z0-9-]+|[0-9]+(?:\.[0-9]+)?)\.(?:{'|'.join(KINDS)})\.md")


def is_named_well(name: str) -> bool:
    return bool(_NAME.fullmatch(name))


def test_kinds() -> None:
    """The kinds are those of Keep a Changelog, in its order."""
    assert list(KINDS.values()) == ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]


def test_each_fragment_is_of_a_known_kind() -> None:
    """Each file of the folder has a name that the changelog's tool does not pass over, and says something."""
    fragments = [path for path in FRAGMENTS.iterdir() if path.name != "README.md"]
    assert [path.name for path in fragments if not is_named_well(path.name)] == []
    assert [path.name for path in fragments if not path.read_text(encoding="utf-8").strip()] == []


@pytest.mark.parametrize("name", ["+turn-limit.added.md", "12.fixed.md"])
def test_good_name(name: str) -> None:
    """A fragment is named for its change, or for the number of its issue."""
    assert is_named_well(name)


@pytest.mark.parametrize("name", ["turn-limit.md", "+turn-limit.feature.md", "turn-limit.added.md", "12.fixed.rst"])
def test_bad_name(name: str) -> None:
    """A name without a kind, of another kind, without its plus, or of another format, is noticed."""
    assert not is_named_well(name)


def test_releases_come_behind_the_marker() -> None:
    """The changelog says where a release goes: above all that were, once."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    head, marker, releases = text.partition(MARKER)
    assert marker
    assert MARKER not in releases
    assert "\n## " not in head


def test_what_fragments_make(tmp_path: Path) -> None:
    """A draft has the fragments under the headings of their kinds, in order, and leaves the changelog as it was."""
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path)
    folder = tmp_path / FRAGMENTS.name
    folder.mkdir()
    shutil.copy(FRAGMENTS / "README.md", folder)
    (folder / "12.fixed.md").write_text("A hang is mended.\n", encoding="utf-8")
    (folder / "+turn.added.md").write_text("A limit for a turn.\nIt is 256.\n", encoding="utf-8")
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "9.9", "--date", "2030-01-02"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "## 9.9 - 2030-01-02\n\n"
        "### Added\n\n- A limit for a turn.\n  It is 256.\n\n"
        "### Fixed\n\n- A hang is mended. (#12)"
    )
    assert (tmp_path / "CHANGELOG.md").read_bytes() == (ROOT / "CHANGELOG.md").read_bytes()
