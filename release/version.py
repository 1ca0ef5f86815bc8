"""Compares a tag with the version: ``python -m release.version v0.1.0``. Any other release is stopped here."""

from __future__ import annotations

import re
import sys
from pathlib import Path

__all__ = ["version", "why_not"]

HOME = Path(__file__).parents[1] / "zmqbridge" / "__init__.py"


def version() -> str:
    """Return the version that the package says, without importing it."""
    (found,) = re.findall(r'^__version__ = "(.+)"$', HOME.read_text(encoding="utf-8"), re.MULTILINE)
    return str(found)


def why_not(tag: str, version: str) -> str:
    """Return why a tag does not release a version, or an empty string where it does."""
    if "dev" in version:
        return f"the version is {version!r}, that of work on the next one; set __version__ in zmqbridge/__init__.py"
    if tag != f"v{version}":
        return f"the tag is {tag!r}, and the version {version!r} has the tag {'v' + version!r}"
    return ""


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("say which tag: make release-version TAG=v0.1.0")
    sys.exit(why_not(sys.argv[1], version()) or None)


if __name__ == "__main__":
    main()
